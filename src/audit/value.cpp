#include "audit/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "base/utf8.hpp"
#include "crypto/digest.hpp"

namespace audit {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view escape = "\\x";
constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::string_view escaped_dots = "\\xe2\\x80\\xa6";  // the `…` that cut_marker begins with
constexpr size_t dots_bytes = 3;

// Nothing to escape, neither here nor in JSON: almost every value. Sixteen bytes at a time, the last ones with some before them again.
bool is_plain_text(std::string_view text) {
    using Bytes = signed char __attribute__((vector_size(16)));
    // Control characters, and what is not ASCII: negative.
    const auto not_plain = [](Bytes bytes) { return (bytes < 0x20) | (bytes == '"') | (bytes == '\\'); };
    Bytes bytes, found;
    if (text.size() < sizeof bytes) {
        bytes = Bytes{} + static_cast<signed char>(' ');
        std::ranges::copy(text, reinterpret_cast<char*>(&bytes));
        found = not_plain(bytes);
    } else {
        std::memcpy(&bytes, text.data() + text.size() - sizeof bytes, sizeof bytes);
        found = not_plain(bytes);
        for (size_t at = 0; at + sizeof bytes < text.size(); at += sizeof bytes) {
            std::memcpy(&bytes, text.data() + at, sizeof bytes);
            found |= not_plain(bytes);
        }
    }
    uint64_t words[2];
    std::memcpy(words, &found, sizeof words);
    return (words[0] | words[1]) == 0;
}

bool is_ascii(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return (c & 0x80) != 0; });
}

int digit_of(char c) {
    const size_t at = hex_digits.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

bool is_replacement(std::string_view text, size_t at) { return text.substr(at, replacement.size()) == replacement; }

// Both walk together: where the valid text has U+FFFD and the original has not, the original has one byte that is not UTF-8.
std::string escape_bytes(std::string_view bytes) {
    const std::string valid = base::valid_utf8(bytes);
    std::string out;
    out.reserve(bytes.size() + 16);
    size_t at = 0;
    for (size_t i = 0; i < valid.size();) {
        if (is_replacement(valid, i) && !is_replacement(bytes, at)) {
            const auto byte = static_cast<unsigned char>(bytes[at++]);
            out += escape;
            out += hex_digits[byte >> 4];
            out += hex_digits[byte & 15];
            i += replacement.size();
            continue;
        }
        if (bytes.substr(at, cut_marker.size()) == cut_marker) {
            out += escaped_dots;
            i += dots_bytes;
            at += dots_bytes;
            continue;
        }
        const size_t length = is_replacement(valid, i) ? replacement.size() : 1;
        if (valid[i] == '\\') out += '\\';
        out.append(valid, i, length);
        i += length;
        at += length;
    }
    return out;
}

constexpr bool is_plain(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; }

void append_json(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const auto run = static_cast<size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
        out.append(text.substr(0, run));
        text.remove_prefix(run);
        if (text.empty()) break;
        const char c = text.front();
        text.remove_prefix(1);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else {
            out += "\\u00";
            out += hex_digits[static_cast<unsigned char>(c) >> 4];
            out += hex_digits[c & 15];
        }
    }
    out += '"';
}

// UTF-8 without what would read as an escape or a cut.
bool stands_for_itself(std::string_view bytes) {
    if (bytes.find(escape) != std::string_view::npos) return false;
    return is_ascii(bytes) || (bytes.find(cut_marker) == std::string_view::npos && base::valid_utf8(bytes) == bytes);
}

// How much of the text takes at most so many bytes as JSON: whole characters and escapes.
size_t bytes_that_fit(std::string_view text, size_t most) {
    const bool is_escaped = text.find(escape) != std::string_view::npos;
    size_t at = 0, taken = 0;
    while (at < text.size()) {
        size_t length = 1;
        if (is_escaped && text[at] == '\\')
            length = text.substr(at).starts_with(escape) ? escape.size() + 2 : 2;
        else
            while (at + length < text.size() && (text[at + length] & 0xC0) == 0x80) ++length;
        size_t bytes = 0;
        for (const char c : text.substr(at, length))
            bytes += is_plain(c) ? 1 : c == '"' || c == '\\' ? 2 : std::string_view("\\u0000").size();
        if (taken + bytes > most) break;
        taken += bytes;
        at += length;
    }
    return at;
}

void append_comma(std::string& out) {
    if (!out.empty() && out.back() != '{') out += ',';
}

}  // namespace

std::string escaped(std::string_view bytes) {
    if (is_plain_text(bytes)) return std::string(bytes);
    if (stands_for_itself(bytes)) return std::string(bytes);
    return escape_bytes(bytes);
}

bool stands_as_it_is(std::string_view bytes) { return bytes.size() <= value_bytes_max && is_plain_text(bytes); }

std::string unescaped(std::string_view text) {
    if (text.find(escape) == std::string_view::npos) return std::string(text);
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 >= text.size()) {
            out += text[i];
        } else if (text[i + 1] == '\\') {
            out += '\\';
            ++i;
        } else if (text[i + 1] == 'x' && i + 3 < text.size() && digit_of(text[i + 2]) >= 0 && digit_of(text[i + 3]) >= 0) {
            out += static_cast<char>(digit_of(text[i + 2]) * 16 + digit_of(text[i + 3]));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string cut_text(std::string_view whole) {
    return std::string(cut_marker) + std::to_string(whole.size()) + " bytes, sha256 " + crypto::hex(crypto::sha256(whole)) + "]";
}

std::string capped(std::string_view bytes, size_t most) {
    if (bytes.size() <= most && is_plain_text(bytes)) return std::string(bytes);
    size_t keep = std::min(bytes.size(), most);
    for (int i = 0; i < 3 && keep > 0 && keep < bytes.size() && (bytes[keep] & 0xC0) == 0x80; ++i) --keep;
    std::string text = escaped(bytes.substr(0, keep));
    const size_t fits = bytes_that_fit(text, most);
    if (fits == text.size() && keep == bytes.size()) return text;
    text.resize(fits);
    return text + cut_text(bytes);
}

void append_own(std::string& out, std::string_view text) { append_json(out, text); }

void append_quoted(std::string& out, std::string_view bytes, size_t most) {
    if (bytes.size() <= most && is_plain_text(bytes)) {
        out += '"';
        out += bytes;
        out += '"';
        return;
    }
    append_json(out, capped(bytes, most));
}

void append_member(std::string& out, std::string_view name, std::string_view value, size_t most) {
    append_comma(out);
    append_quoted(out, name);
    out += ':';
    append_quoted(out, value, most);
}

void append_number(std::string& out, int64_t number) {
    if (number >= 0 && number < 10) {
        out += static_cast<char>('0' + number);
        return;
    }
    std::array<char, 20> digits{};
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

void append_member_name(std::string& out, std::string_view name) {
    append_comma(out);
    append_quoted(out, name);
    out += ':';
}

void append_raw_member(std::string& out, std::string_view name, std::string_view json) {
    append_comma(out);
    append_json(out, name);
    out += ':';
    out += json;
}

}  // namespace audit
