// Every kind of value crosses the wire and comes back, and the marks are Pulumi's own.
#include "deploy/rpc/struct.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "deploy/rpc/signatures.hpp"

using deploy::rpc::read_struct;
using deploy::rpc::Understands;
using deploy::rpc::write_struct;
using provider::Property;

namespace {

google::protobuf::Struct parse(const std::string& json) {
    google::protobuf::Struct message;
    REQUIRE(google::protobuf::util::JsonStringToMessage(json, &message).ok());
    return message;
}

Property round_trip(const Property& value, Understands caller) {
    google::protobuf::Struct message;
    write_struct(value, caller, message);
    auto back = read_struct(message);
    REQUIRE(back);
    return *back;
}

}  // namespace

TEST_CASE("every kind of value comes back as it went") {
    const Property value(Property::Object{
        {"null", Property()},
        {"flag", Property(true)},
        {"number", Property(3.5)},
        {"text", Property("words")},
        {"list", Property(Property::Array{Property(1), Property::unknown(), Property("x")})},
        {"nested", Property(Property::Object{{"a", Property(Property::Object{{"b", Property(false)}})}})},
        {"unknown", Property::unknown()},
        {"secret", Property::secret(Property(Property::Object{{"pass", Property("word")}}))},
        {"asset", Property::asset({{"text", Property("hello")}, {"hash", Property("ab")}})},
        {"archive", Property::archive({{"path", Property("./dir")}})},
        {"reference", Property::reference("urn:pulumi:dev::p::aws:s3/bucket:Bucket::b", Property("b-1"))},
        {"pending", Property::reference("urn:pulumi:dev::p::aws:s3/bucket:Bucket::c", Property::unknown())},
        {"component", Property::reference("urn:pulumi:dev::p::my:Component::d", Property())},
    });
    CHECK(round_trip(value, {.secrets = true, .references = true}) == value);
}

TEST_CASE("a caller that does not understand secrets or references gets plain values") {
    const Property value(Property::Object{{"secret", Property::secret(Property("word"))},
                                          {"reference", Property::reference("urn:x", Property("b-1"))},
                                          {"component", Property::reference("urn:y", Property())}});
    const Property plain = round_trip(value, {});
    CHECK(plain["secret"] == Property("word"));
    CHECK(plain["reference"] == Property("b-1"));
    CHECK(plain["component"] == Property("urn:y"));
}

TEST_CASE("output values become their value, unknown without one, secret if they say so") {
    const std::string mark = R"("4dabf18193072939515e22adb298388d":"d0e6a833031e9bbcd3f4e8bde6ca49a4")";
    auto read = read_struct(parse("{\"a\":{" + mark + R"(,"value":"v","dependencies":["urn:x"]},"b":{)" + mark + R"(},"c":{)" +
                                  mark + R"(,"value":"s","secret":true}})"));
    REQUIRE(read);
    CHECK((*read)["a"] == Property("v"));
    CHECK((*read)["b"] == Property::unknown());
    CHECK((*read)["c"] == Property::secret(Property("s")));
}

TEST_CASE("all seven marks of the unknown are read, ours is the one for strings") {
    for (const char* mark :
         {"04da6b54-80e4-46f7-96ec-b56ff0331ba9", "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
          "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", "030794c1-ac77-496b-92df-f27374a8bd58", "e48ece36-62e2-4504-bad9-02848725956a",
          "dd056dcd-154b-4c76-9bd3-c8f88648b5ff"}) {
        auto read = read_struct(parse(std::string(R"({"v":")") + mark + "\"}"));
        REQUIRE(read);
        CHECK((*read)["v"] == Property::unknown());
    }
    google::protobuf::Struct message;
    write_struct(Property(Property::Object{{"v", Property::unknown()}}), {}, message);
    CHECK(message.fields().at("v").string_value() == deploy::rpc::unknown_string);
}

TEST_CASE("marked values that break their promise are errors") {
    const std::string key = R"("4dabf18193072939515e22adb298388d":)";
    for (const std::string& body : {key + R"("1b47061264138c4ac30d75fd1eb44270")",  // a secret without a value
                                    key + R"("5cf8f73096256a8f31e491e813e4eb8e")",  // a reference without a urn
                                    key + R"("no such signature")"}) {
        CAPTURE(body);
        CHECK_FALSE(read_struct(parse("{\"v\":{" + body + "}}")));
    }
}

TEST_CASE("values that nest without end are refused") {
    google::protobuf::Struct message;
    google::protobuf::Value* at = &(*message.mutable_fields())["v"];
    for (int i = 0; i < 200; ++i) at = at->mutable_list_value()->add_values();
    at->set_bool_value(true);
    CHECK_FALSE(read_struct(message));
}
