#include "text/base64.hpp"

#include <array>
#include <cstdint>

namespace text {
namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<int8_t, 256> reverse_of(std::string_view alphabet) {
    std::array<int8_t, 256> reverse{};
    reverse.fill(-1);
    for (size_t i = 0; i < 64; ++i) reverse[static_cast<unsigned char>(alphabet[i])] = static_cast<int8_t>(i);
    return reverse;
}
constinit const auto standard_reverse = reverse_of(standard);
constinit const auto url_safe_reverse = reverse_of(url_safe);

std::string encode(std::string_view bytes, std::string_view alphabet, bool pad) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t at = 0; at < bytes.size(); at += 3) {
        const auto byte = [&](size_t i) { return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u; };
        const uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
        const size_t have = std::min<size_t>(3, bytes.size() - at);
        for (size_t i = 0; i < 4; ++i) {
            if (i <= have)
                out += alphabet[(group >> (18 - 6 * i)) & 63];
            else if (pad)
                out += '=';
        }
    }
    return out;
}

// `digits` has no padding.
std::optional<std::string> decode(std::string_view digits, const std::array<int8_t, 256>& reverse) {
    if (digits.size() % 4 == 1) return std::nullopt;
    std::string out;
    out.reserve(digits.size() / 4 * 3 + 2);
    uint32_t bits = 0;
    int count = 0;
    for (const char c : digits) {
        const int value = reverse[static_cast<unsigned char>(c)];
        if (value < 0) return std::nullopt;
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>(bits >> count & 0xff);
        }
    }
    // Left-over bits must be zero: otherwise two texts would decode to the same bytes.
    if (bits & ((1u << count) - 1)) return std::nullopt;
    return out;
}

}  // namespace

std::string encode_base64(std::string_view bytes) { return encode(bytes, standard, true); }
std::string encode_base64url(std::string_view bytes) { return encode(bytes, url_safe, false); }

std::optional<std::string> decode_base64(std::string_view encoded) {
    if (encoded.size() % 4 != 0) return std::nullopt;
    size_t padding = 0;
    while (padding < 2 && encoded.ends_with('=')) encoded.remove_suffix(1), ++padding;
    return decode(encoded, standard_reverse);
}

std::optional<std::string> decode_base64url(std::string_view encoded) { return decode(encoded, url_safe_reverse); }

}  // namespace text
