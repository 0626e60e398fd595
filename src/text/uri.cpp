#include "text/uri.hpp"

#include <cstdint>

namespace text {
namespace {

bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

}  // namespace

std::string encode_uri(std::string_view bytes, bool keep_slash) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(bytes.size());
    for (const char c : bytes) {
        if (is_unreserved(c) || (keep_slash && c == '/')) {
            out += c;
        } else {
            const auto byte = static_cast<uint8_t>(c);
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    return out;
}

std::optional<std::string> decode_uri(std::string_view encoded, bool plus_is_space) {
    std::string out;
    out.reserve(encoded.size());
    for (size_t at = 0; at < encoded.size(); ++at) {
        if (encoded[at] == '%') {
            if (at + 2 >= encoded.size()) return std::nullopt;
            const int high = hex_digit(encoded[at + 1]);
            const int low = hex_digit(encoded[at + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high << 4 | low);
            at += 2;
        } else {
            out += plus_is_space && encoded[at] == '+' ? ' ' : encoded[at];
        }
    }
    return out;
}

std::optional<QueryParameters> parse_query(std::string_view query, bool plus_is_space) {
    QueryParameters out;
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto part = query.substr(0, end);
        query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
        if (part.empty()) continue;
        const auto equals = part.find('=');
        auto name = decode_uri(part.substr(0, equals), plus_is_space);
        auto value = equals == std::string_view::npos ? std::optional<std::string>("")
                                                      : decode_uri(part.substr(equals + 1), plus_is_space);
        if (!name || !value) return std::nullopt;
        out.emplace_back(std::move(*name), std::move(*value));
    }
    return out;
}

}  // namespace text
