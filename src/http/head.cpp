#include "http/head.hpp"

#include <array>
#include <charconv>

#include "base/strings.hpp"

namespace http {

namespace {

constexpr std::array<bool, 256> token_characters = [] {
    std::array<bool, 256> out{};
    for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
        out[static_cast<unsigned char>(c)] = true;
    return out;
}();

bool is_token(std::string_view text) {
    for (const char c : text)
        if (!token_characters[static_cast<unsigned char>(c)]) return false;
    return !text.empty();
}

bool is_target(std::string_view text) {
    if (!text.starts_with('/')) return false;
    for (const char c : text)
        if (c <= 0x20 || c == 0x7f || c == '#' || static_cast<unsigned char>(c) >= 0x80) return false;
    return true;
}

bool is_value(std::string_view text) {
    for (const char c : text)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
    return true;
}

std::unexpected<HeadError> refuse(std::string message, int status = 400) {
    return std::unexpected(HeadError{status, std::move(message)});
}

// The text up to the next CRLF, which is taken too.
std::optional<std::string_view> take_line(std::string_view& rest) {
    const auto end = rest.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    return line;
}

std::expected<std::string_view, HeadError> parse_request_line(std::string_view line, RequestHead& head) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return refuse("the request line is malformed");
    const auto method = line.substr(0, first);
    const auto target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        if (version.starts_with("HTTP/")) return refuse("only HTTP/1.1 and HTTP/1.0 are spoken here", 505);
        return refuse("the request line is malformed");
    }
    if (!is_token(method) || method.size() > 32) return refuse("the method is malformed");
    if (!is_target(target)) return refuse("the request target is malformed");
    head.method = method;
    const auto question = target.find('?');
    head.path = target.substr(0, question);
    if (question != std::string_view::npos) head.query = target.substr(question + 1);
    return version;
}

std::expected<void, HeadError> parse_fields(std::string_view rest, Headers& headers) {
    while (true) {
        const auto line = take_line(rest);
        if (!line) return refuse("a header line does not end");
        if (line->empty()) return {};
        if (headers.fields().size() == head_fields_max) return refuse("there are too many headers", 431);
        const auto colon = line->find(':');
        if (colon == std::string_view::npos) return refuse("a header line has no colon");
        const auto name = line->substr(0, colon);
        if (!is_token(name)) return refuse("a header name is malformed");
        const auto value = base::trim(line->substr(colon + 1));
        if (!is_value(line->substr(colon + 1))) return refuse("a header value holds a control character");
        headers.add(std::string(name), std::string(value));
    }
}

std::expected<Framing, HeadError> find_framing(const Headers& headers, bool is_http_1_0) {
    Framing out;
    const auto lengths = headers.count("Content-Length");
    const auto codings = headers.count("Transfer-Encoding");
    if (lengths > 1) return refuse("there is more than one Content-Length");
    if (codings > 1 || (codings == 1 && lengths == 1)) return refuse("the length of the body is ambiguous");
    if (codings == 1) {
        if (is_http_1_0) return refuse("HTTP/1.0 has no transfer codings");
        if (!base::equals_ignoring_case(headers.get("Transfer-Encoding"), "chunked"))
            return refuse("the only transfer coding spoken here is chunked", 501);
        out.chunked = true;
    }
    if (lengths == 1) {
        const auto text = headers.get("Content-Length");
        const auto got = std::from_chars(text.data(), text.data() + text.size(), out.length);
        if (text.empty() || got.ec != std::errc() || got.ptr != text.data() + text.size() || out.length > INT64_MAX)
            return refuse("the Content-Length is malformed");
    }
    if (const auto* expect = headers.find("Expect")) {
        // Any other expectation is ignored, as S3 does (RFC 9110 10.1.1 lets a server answer 417).
        out.expects_continue = !is_http_1_0 && base::equals_ignoring_case(*expect, "100-continue");
    }
    if (const auto hosts = headers.count("Host"); hosts > 1 || (hosts == 0 && !is_http_1_0))
        return refuse("there must be exactly one Host header");
    out.keep_alive = !is_http_1_0;
    for (const auto& [name, value] : headers.fields()) {
        if (!base::equals_ignoring_case(name, "Connection")) continue;
        for (const auto option : base::split(value, ','))
            if (base::equals_ignoring_case(base::trim(option), "close")) out.keep_alive = false;
    }
    return out;
}

}  // namespace

std::optional<size_t> find_head_end(std::string_view received, size_t searched_before) {
    const auto end = received.find("\r\n\r\n", searched_before > 3 ? searched_before - 3 : 0);
    if (end == std::string_view::npos) return std::nullopt;
    return end + 4;
}

std::expected<ParsedHead, HeadError> parse_head(std::string_view text) {
    ParsedHead out;
    const auto line = take_line(text);
    if (!line) return refuse("the request line does not end");
    const auto version = parse_request_line(*line, out.head);
    if (!version) return std::unexpected(version.error());
    if (auto fields = parse_fields(text, out.head.headers); !fields) return std::unexpected(fields.error());
    auto framing = find_framing(out.head.headers, *version == "HTTP/1.0");
    if (!framing) return std::unexpected(framing.error());
    out.framing = *framing;
    return out;
}

std::string_view reason_of(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 416:
            return "Range Not Satisfiable";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Status";
    }
}

std::string write_head(int status, const Headers& headers) {
    std::string out;
    out.reserve(512);
    out += "HTTP/1.1 ";
    out += std::to_string(status);
    out += ' ';
    out += reason_of(status);
    out += "\r\n";
    for (const auto& [name, value] : headers.fields()) {
        if (!is_token(name)) continue;
        out += name;
        out += ": ";
        for (const char c : value) out += (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f ? ' ' : c;
        out += "\r\n";
    }
    return out;
}

}  // namespace http
