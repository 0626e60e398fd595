// How records write numbers and texts: seven bits a byte, the lowest first, the eighth says that more follow; a text behind its length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace objects {

inline void put_number(std::string& out, uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
}
inline void put_text(std::string& out, std::string_view text) {
    put_number(out, text.size());
    out += text;
}

// Taken away from the front. nullopt: there is none.
[[nodiscard]] inline std::optional<uint64_t> take_number(std::string_view& left) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !left.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(left.front());
        left.remove_prefix(1);
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    return std::nullopt;
}
[[nodiscard]] inline std::optional<std::string_view> take_text(std::string_view& left) {
    const auto size = take_number(left);
    if (!size || *size > left.size()) return std::nullopt;
    const auto text = left.substr(0, *size);
    left.remove_prefix(*size);
    return text;
}

}  // namespace objects
