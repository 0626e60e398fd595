// CBOR, byte by byte: the examples of RFC 8949, appendix A, and what is not CBOR at all.
#include "wire/cbor.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "text/json.hpp"
#include "wire/model.hpp"
#include "wire/scalar.hpp"

namespace {

std::string bytes(std::string_view hex) {
    std::string out;
    for (size_t at = 0; at < hex.size(); at += 2)
        out += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    return out;
}

std::string word(std::string_view content) {
    std::string out;
    wire::put_cbor_text(content, out);
    return out;
}

wire::CborHead head_of(std::string_view hex) {
    const auto content = bytes(hex);
    auto head = wire::CborReader(content, 10).take_head();
    REQUIRE(head);
    return *head;
}

base::Result<text::Json> decode(std::string_view operation, const std::string& body) {
    const auto* service = wire::find_service("monitoring");
    return wire::decode_cbor_input(*service, *service->find(operation), body);
}

std::string listed(const std::string& body) {
    const auto input = decode("ListMetrics", body);
    return input ? input->dump() : input.error().code;
}

}  // namespace

TEST_CASE("numbers of every width") {
    CHECK(head_of("17").argument == 23);
    CHECK(head_of("1818").argument == 24);
    CHECK(head_of("1903e8").argument == 1000);
    CHECK(head_of("1a000f4240").argument == 1000000);
    CHECK(head_of("1bffffffffffffffff").argument == UINT64_MAX);
    CHECK(head_of("f90000").float_value() == 0.0);
    CHECK(std::signbit(head_of("f98000").float_value()));
    CHECK(head_of("f93c00").float_value() == 1.0);
    CHECK(head_of("f93e00").float_value() == 1.5);
    CHECK(head_of("f97bff").float_value() == 65504.0);
    CHECK(head_of("f90001").float_value() == 5.960464477539063e-8);
    CHECK(head_of("f90400").float_value() == 0.00006103515625);
    CHECK(head_of("f9c400").float_value() == -4.0);
    CHECK(head_of("fa47c35000").float_value() == 100000.0);
    CHECK(head_of("fb3ff199999999999a").float_value() == 1.1);
    CHECK(std::isinf(head_of("f97c00").float_value()));
    CHECK(std::isnan(head_of("f97e00").float_value()));
    for (const auto& [value, hex] : std::vector<std::pair<uint64_t, std::string>>{{0, "00"},
                                                                                  {23, "17"},
                                                                                  {24, "1818"},
                                                                                  {255, "18ff"},
                                                                                  {256, "190100"},
                                                                                  {65536, "1a00010000"},
                                                                                  {uint64_t{1} << 32, "1b0000000100000000"}}) {
        std::string out;
        wire::put_cbor_head(wire::CborMajor::unsigned_integer, value, out);
        CHECK(out == bytes(hex));
    }
}

TEST_CASE("structures, lists and text of known and of unknown length") {
    const std::string pair = word("Namespace") + word("n");
    CHECK(listed(bytes("a1") + pair) == R"({"Namespace":"n"})");
    CHECK(listed(bytes("bf") + pair + bytes("ff")) == R"({"Namespace":"n"})");
    CHECK(listed(bytes("a1") + word("Namespace") + bytes("7f616e616eff")) == R"({"Namespace":"nn"})");
    CHECK(listed(bytes("a1") + word("Dimensions") + bytes("9fa1") + word("Name") + word("d") + bytes("ff")) ==
          R"({"Dimensions":[{"Name":"d"}]})");
    CHECK(listed("") == "{}");
    CHECK(listed(bytes("a1") + word("Namespace") + bytes("f6")) == "{}");
    CHECK(listed(bytes("a1") + word("Namespace") + bytes("f7")) == "{}");
    // Unknown members are passed over, whatever they hold.
    for (const auto* hex :
         {"00", "20", "f4", "fb3ff199999999999a", "4101", "5f4101ff", "8301a10203c11a00000000", "9fbfff80ff", "d9010000"})
        CHECK(listed(bytes("a2") + word("Else") + bytes(hex) + pair) == R"({"Namespace":"n"})");
}

TEST_CASE("what is no CBOR, or not this operation's, is refused") {
    const std::string name = word("Namespace");
    for (const auto& body : {
             bytes("a1"),                       // ends too early
             bytes("a1") + name,                // no value
             bytes("bf") + name + word("n"),    // no end
             bytes("bf") + name + bytes("ff"),  // an end in the middle of a pair
             bytes("a0a0"),                     // more behind its end
             bytes("f6"),
             bytes("01"),
             bytes("80"),
             bytes("ff"),                       // no structure
             bytes("a1") + name + bytes("1c"),  // a reserved encoding
             bytes("a1") + name + bytes("1f"),  // a number of no length
             bytes("a1") + name + bytes("f0"),
             bytes("a1") + name + bytes("f8ff"),  // simple values that mean nothing
             bytes("a1") + name + bytes("01"),
             bytes("a1") + name + bytes("416e"),  // not text
             bytes("a1") + name + bytes("61ff"),
             bytes("a1") + name + bytes("62c080"),
             bytes("a1") + name + bytes("63eda080"),
             bytes("a1") + name + bytes("64f4908080"),
             bytes("a1") + name + bytes("61c3"),  // not UTF-8
             bytes("a1") + name + bytes("7f416eff"),
             bytes("a1") + name + bytes("7f7f616effff"),         // pieces of another type
             bytes("a1") + name + bytes("7bffffffffffffffff"),   // longer than there is
             bytes("a14161") + word("n"),                        // a key that is not text
             bytes("a2") + name + word("a") + name + word("b"),  // twice
             bytes("a1") + word("Dimensions") + bytes("81f6"),   // null in a list
             bytes("9bffffffffffffffff"),
         }) {
        CAPTURE(body);
        CHECK(listed(body) == "SerializationException");
    }
    std::string deep = bytes("a1") + word("Else");
    CHECK(listed(deep + std::string(60, '\x81') + '\0') == "{}");
    CHECK(listed(deep + std::string(1'000'000, '\x81')) == "SerializationException");
    CHECK(listed(deep + std::string(1'000'000, '\xc1')) == "SerializationException");
    // Many small items are counted, not held.
    CHECK(listed(deep + bytes("9a000f4240") + std::string(1'000'000, '\0')) == "SerializationException");
}

TEST_CASE("values come as their shapes want them") {
    const auto datum = [](const std::string& member, const std::string& hex) {
        const auto input =
            decode("PutMetricData", bytes("a2") + word("Namespace") + word("n") + word("MetricData") + bytes("81a2") +
                                        word("MetricName") + word("m") + word(member) + bytes(hex));
        return input ? (*input)["MetricData"].items()[0][member].dump() : input.error().code;
    };
    CHECK(datum("Value", "fb3ff199999999999a") == "1.1");
    CHECK(datum("Value", "05") == "5");
    CHECK(datum("Value", "24") == "-5");
    CHECK(datum("Value", "f97e00") == "SerializationException");
    CHECK(datum("Value", "f5") == "SerializationException");
    CHECK(datum("Timestamp", "c11a514b67b0") == R"("2013-03-21T20:04:00Z")");
    CHECK(datum("Timestamp", "c1fb41d452d9ec200000") == R"("2013-03-21T20:04:00.500Z")");
    CHECK(datum("Timestamp", "1a514b67b0") == "SerializationException");  // not tagged
    CHECK(datum("Timestamp", "c01a514b67b0") == "SerializationException");
    CHECK(datum("Timestamp", "c1fbfff0000000000000") == "SerializationException");
    CHECK(datum("StorageResolution", "183c") == "60");
    CHECK(datum("StorageResolution", "f95380") == "60");  // 60.0
    CHECK(datum("StorageResolution", "f93e00") == "SerializationException");
    CHECK(datum("StorageResolution", "1b7fffffffffffffff") == "SerializationException");
    CHECK(datum("StorageResolution", "1bffffffffffffffff") == "SerializationException");
}

TEST_CASE("answers are one map of what is there") {
    const auto* service = wire::find_service("monitoring");
    const auto* operation = service->find("GetMetricStatistics");
    const auto output = text::Json::object(
        {{"Label", "m"},
         {"Datapoints",
          text::Json::array({text::Json::object({{"Timestamp", "2013-03-21T20:04:00Z"}, {"Sum", 1.5}, {"Unit", "None"}})})}});
    CHECK(wire::encode_cbor_output(*operation, output) ==
          bytes("a2") + word("Label") + word("m") + word("Datapoints") + bytes("81a3") + word("Timestamp") +
              bytes("c11a514b67b0") + word("Sum") + bytes("fb3ff8000000000000") + word("Unit") + word("None"));
    CHECK(wire::encode_cbor_output(*operation, {}) == bytes("a0"));
    CHECK(wire::encode_cbor_output(*service->find("PutMetricData"), {}).empty());
}

TEST_CASE("a request of RPC v2 is told by its header and its path") {
    const auto path = [](std::string_view text) {
        const auto found = wire::read_rpc_path(text);
        return found ? std::string(found->service) + " " + std::string(found->operation) : std::string("none");
    };
    CHECK(path("/service/GraniteServiceVersion20100801/operation/ListMetrics") == "GraniteServiceVersion20100801 ListMetrics");
    CHECK(path("/a/b/service/S/operation/O") == "S O");
    for (const auto* none : {"/", "/service/S", "/service/S/operation/", "/service//operation/O", "/service/operation/O",
                             "/service/S/operation/O/x", "/service/S/T/operation/O", "/operation/O/service/S"})
        CHECK(path(none) == "none");
    http::RequestHead head{
        .method = "POST", .path = "/service/GraniteServiceVersion20100801/operation/ListMetrics", .query = "", .headers = {}};
    CHECK_FALSE(wire::says_cbor(head));
    head.headers.add("smithy-protocol", "rpc-v2-cbor");
    const auto& service = *wire::find_service("monitoring");
    CHECK(wire::protocol_of(service, head) == wire::Protocol::cbor);
    CHECK(wire::protocol_of(*wire::find_service("sagemaker"), head) == wire::Protocol::json);
    head.method = "GET";
    CHECK(wire::protocol_of(service, head) == wire::Protocol::query);
}
