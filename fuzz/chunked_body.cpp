// aws-chunked payloads, signed and unsigned, with trailers: the content does not depend on how the bytes arrive, an error is
// final, and a signed body that the fuzzer made up never gives out a byte. The first byte chooses the mode.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/invariant.hpp"
#include "dripping_body.hpp"
#include "text/time.hpp"
#include "wire/payload.hpp"

namespace {

const std::vector<std::string> served_regions{"us-east-1"};

struct Outcome {
    std::string code, content;
};

Outcome read(const http::RequestHead& head, const wire::Verified& verified, std::string_view body, size_t step) {
    Dripping source(body, step);
    const auto reader = wire::PayloadReader::open(head, source, &verified);
    if (!reader) return {reader.error().code, ""};
    Outcome out;
    std::array<char, 512> buffer;
    while (true) {
        const auto got = (*reader)->read(buffer);
        if (!got) {
            INVARIANT(!(*reader)->read(buffer));
            out.code = got.error().code;
            return out;
        }
        if (*got == 0) return out;
        out.content.append(buffer.data(), *got);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    constexpr std::array modes = {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                                  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "UNSIGNED-PAYLOAD"};
    const auto* mode = modes[data[0] % modes.size()];
    const bool is_signed = std::string_view(mode).starts_with("STREAMING-AWS4");
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    static const auto now = *text::parse_amz_date("20260131T120000Z");
    http::RequestHead head{.method = "PUT", .path = "/b/k", .query = "", .headers = {}};
    head.headers.add("Host", "h");
    head.headers.add("x-amz-decoded-content-length", "5");
    if (data[0] & 0x80) head.headers.add("x-amz-trailer", "x-amz-checksum-crc32");
    if (data[0] & 0x40) head.headers.add("x-amz-checksum-crc32", "NhCmhg==");
    wire::sign(head, {"AKID", "secret", ""}, "us-east-1", "s3", now, mode);
    const auto signature = wire::read_signature(head);
    INVARIANT(signature && signature->has_value());
    const auto verified =
        wire::verify(**signature, head, {.secret_access_key = "secret", .service = "s3", .now = now, .regions = served_regions});
    INVARIANT(verified);

    const auto whole = read(head, *verified, body, body.size() + 1);
    const auto dripped = read(head, *verified, body, 1);
    // Of several things wrong, which one is seen first may depend on how the bytes arrive.
    INVARIANT(whole.code.empty() == dripped.code.empty());
    if (whole.code.empty()) INVARIANT(whole.content == dripped.content);
    if (is_signed) INVARIANT(!whole.code.empty() && whole.content.empty());
    if (whole.code.empty() && std::string_view(mode).starts_with("STREAMING-")) INVARIANT(whole.content.size() == 5);
    return 0;
}
