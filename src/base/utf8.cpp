#include "base/utf8.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace base {
namespace {

struct Character {
    char32_t point = 0;
    size_t bytes = 0;  // 0: the first byte begins no character
};

// The first character of a text that is not empty. Overlong forms, surrogates and values past U+10FFFF are none.
Character first_character(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const size_t length = lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
    if (length == 0 || length > text.size()) return {};
    char32_t point = lead & (0x7Fu >> length);
    for (size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {};
        point = point << 6 | (byte(i) & 0x3Fu);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    if (overlong || (point >= 0xD800 && point < 0xE000) || point > 0x10FFFF) return {};
    return {point, length};
}

struct Range {
    char32_t first, last;
};

// Source: Unicode, general categories Cc, Cf, Zl and Zp, less those that writing needs (U+200C and U+200D join letters, U+00AD
// hyphenates, U+0600–U+0605 and U+06DD are Arabic number signs).
constexpr std::array<Range, 14> unprintable = {{{0x00, 0x1F},
                                                {0x7F, 0x9F},
                                                {0x61C, 0x61C},
                                                {0x180E, 0x180E},
                                                {0x200B, 0x200B},
                                                {0x200E, 0x200F},
                                                {0x2028, 0x202E},
                                                {0x2060, 0x206F},
                                                {0xFEFF, 0xFEFF},
                                                {0xFFF0, 0xFFFB},
                                                {0xFFFE, 0xFFFF},
                                                {0x1BCA0, 0x1BCA3},
                                                {0x1D173, 0x1D17A},
                                                {0xE0000, 0xE0FFF}}};

bool is_printable(char32_t point) {
    return std::ranges::none_of(unprintable, [&](const Range& range) { return point >= range.first && point <= range.last; });
}

std::string hexadecimal(uint32_t value, int digits) {
    constexpr std::string_view alphabet = "0123456789abcdef";
    std::string out;
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += alphabet[value >> shift & 0xF];
    return out;
}

std::string spelt_out(char32_t point) {
    if (point == '\n') return "\\n";
    if (point == '\r') return "\\r";
    if (point == '\t') return "\\t";
    if (point < 0x80) return "\\x" + hexadecimal(point, 2);
    return point < 0x10000 ? "\\u" + hexadecimal(point, 4) : "\\U" + hexadecimal(point, 8);
}

std::string in_json(char32_t point) {
    if (point < 0x10000) return "\\u" + hexadecimal(point, 4);
    const uint32_t above = point - 0x10000;
    return "\\u" + hexadecimal(0xD800 + (above >> 10), 4) + "\\u" + hexadecimal(0xDC00 + (above & 0x3FF), 4);
}

constexpr bool is_plain(char c) { return c >= 0x20 && c < 0x7F; }

// `good` writes a character and `bad` a byte that is none; runs of ASCII without controls are copied.
template <class Good, class Bad>
std::string rewritten(std::string_view text, Good good, Bad bad) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto run = static_cast<size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
        out.append(text.substr(0, run));
        text.remove_prefix(run);
        if (text.empty()) break;
        const Character character = first_character(text);
        if (character.bytes == 0)
            bad(out, static_cast<unsigned char>(text[0]));
        else
            good(out, character.point, text.substr(0, character.bytes));
        text.remove_prefix(std::max<size_t>(character.bytes, 1));
    }
    return out;
}

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

std::string valid_utf8(std::string_view bytes) {
    return rewritten(
        bytes, [](std::string& out, char32_t, std::string_view spelling) { out += spelling; },
        [](std::string& out, unsigned) { out += replacement; });
}

std::string printable(std::string_view text, Keep keep) {
    return rewritten(
        text,
        [keep](std::string& out, char32_t point, std::string_view spelling) {
            if (is_printable(point) || (keep == Keep::lines && (point == '\n' || point == '\t')))
                out += spelling;
            else
                out += spelt_out(point);
        },
        [](std::string& out, unsigned byte) { out += "\\x" + hexadecimal(byte, 2); });
}

std::string printable_json(std::string_view document) {
    return rewritten(
        document,
        [](std::string& out, char32_t point, std::string_view spelling) {
            out +=
                is_printable(point) || point == '\n' || point == '\t' || point == '\r' ? std::string(spelling) : in_json(point);
        },
        [](std::string& out, unsigned) { out += replacement; });
}

}  // namespace base
