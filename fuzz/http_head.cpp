// Heads of HTTP requests and chunked transfer coding. What is accepted must hold up: a parsed head is without control characters
// and names exactly one length, and a chunked body decodes to the same content however it is cut.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/invariant.hpp"
#include "http/chunked.hpp"
#include "http/head.hpp"

namespace {

// The content, or "error", fed `step` bytes at a time.
std::string decode(std::string_view body, size_t step) {
    http::ChunkedDecoder decoder;
    std::string out;
    while (!body.empty() && decoder.need() != http::ChunkedDecoder::Need::nothing) {
        if (decoder.need() == http::ChunkedDecoder::Need::data) {
            const auto count = std::min<uint64_t>(std::min(step, body.size()), decoder.data_left());
            out += body.substr(0, count);
            decoder.took_data(count);
            body.remove_prefix(count);
        } else {
            const auto took = decoder.take_framing(body.substr(0, step));
            if (!took) return "error";
            body.remove_prefix(*took);
        }
    }
    return out;
}

void check_head(std::string_view text) {
    const auto parsed = http::parse_head(text);
    if (!parsed) {
        INVARIANT(parsed.error().status >= 400 && !parsed.error().message.empty());
        return;
    }
    const auto& head = parsed->head;
    INVARIANT(head.path.starts_with('/') && head.path.find_first_of("\r\n \t?#") == std::string::npos);
    INVARIANT(head.headers.count("Content-Length") + head.headers.count("Transfer-Encoding") <= 1);
    INVARIANT(!parsed->framing.chunked || parsed->framing.length == 0);
    for (const auto& [name, value] : head.headers.fields()) {
        INVARIANT(!name.empty() && name.find_first_of(": \r\n") == std::string::npos);
        INVARIANT(value.find_first_of("\r\n") == std::string::npos);
    }
    // Written out and read again it says the same.
    std::string again = head.method + " " + head.path + (head.query.empty() ? "" : "?" + head.query) + " HTTP/1.1\r\n";
    if (!head.headers.find("Host")) again += "Host: h\r\n";
    for (const auto& [name, value] : head.headers.fields()) again += name + ": " + value + "\r\n";
    const auto twice = http::parse_head(again + "\r\n");
    INVARIANT(twice || head.headers.fields().size() == http::head_fields_max);
    if (twice)
        INVARIANT(twice->head.path == head.path && twice->framing.length == parsed->framing.length &&
                  twice->framing.chunked == parsed->framing.chunked);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto end = http::find_head_end(input);
    if (end) check_head(input.substr(0, *end));
    const auto body = end ? input.substr(*end) : input;
    INVARIANT(decode(body, 1) == decode(body, body.size() + 1));
    return 0;
}
