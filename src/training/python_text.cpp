#include "training/python_text.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cwctype>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.hpp"
#include "base/utf8.hpp"
#include "text/utf8_locale.hpp"
#include "training/python_json_reader.hpp"

namespace training {
namespace {

using text::Json;
using Type = text::Json::Type;

// repr() of a float: the shortest digits that are the same number, with an exponent from 1e16 and below 1e-4.
std::string float_repr(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    std::string text(buffer, end);
    const size_t e = text.find('e');
    const int exponent = std::atoi(text.c_str() + e + 1);
    if (exponent < -4 || exponent >= 16) return text;
    std::string fixed(400, '\0');
    const auto fixed_end = std::to_chars(fixed.data(), fixed.data() + fixed.size(), value, std::chars_format::fixed).ptr;
    fixed.resize(static_cast<size_t>(fixed_end - fixed.data()));
    return fixed.find('.') == std::string::npos ? fixed + ".0" : fixed;
}

std::string number_text(const std::string& json) {
    if (json == "NaN" || json.ends_with("Infinity")) return float_repr(std::strtod(json.c_str(), nullptr));
    if (json.find_first_of(".eE") == std::string::npos) return json == "-0" ? "0" : json;
    return float_repr(std::strtod(json.c_str(), nullptr));
}

std::vector<std::pair<std::string, const Json*>> sorted_members(const Json& object) {
    std::vector<std::pair<std::string, const Json*>> members;
    for (const auto& [key, value] : object.members()) members.emplace_back(key, &value);
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return members;
}

// The next code point of valid UTF-8.
uint32_t next_code_point(const std::string& text, size_t& at) {
    const auto first = static_cast<unsigned char>(text[at++]);
    if (first < 0x80) return first;
    int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    uint32_t point = first & (0x3F >> more);
    for (; more > 0 && at < text.size(); --more) point = point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3F);
    return point;
}

std::string hexadecimal(uint32_t value, int width) {
    std::string digits;
    for (int i = width - 1; i >= 0; --i) digits += "0123456789abcdef"[value >> (4 * i) & 15];
    return digits;
}

// str.isprintable(): no control or format character, no separator but the space, nothing private or unassigned.
bool is_printable(uint32_t point, std::string_view utf8) {
    if (point < 0x7F) return point >= 0x20;
    if (point < 0xA1) return false;
    static const re2::RE2 printable("[\\pL\\pM\\pN\\pP\\pS]");
    return re2::RE2::FullMatch(re2::StringPiece(utf8.data(), utf8.size()), printable);
}

std::string string_repr(const std::string& text) {
    const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
    std::string out(1, quote);
    for (size_t at = 0; at < text.size();) {
        const size_t start = at;
        const uint32_t point = next_code_point(text, at);
        if (point == static_cast<unsigned char>(quote) || point == '\\') {
            out += {'\\', static_cast<char>(point)};
        } else if (point == '\n') {
            out += "\\n";
        } else if (point == '\r') {
            out += "\\r";
        } else if (point == '\t') {
            out += "\\t";
        } else if (is_printable(point, std::string_view(text).substr(start, at - start))) {
            out += text.substr(start, at - start);
        } else if (point < 0x100) {
            out += "\\x" + hexadecimal(point, 2);
        } else {
            out += point < 0x10000 ? "\\u" + hexadecimal(point, 4) : "\\U" + hexadecimal(point, 8);
        }
    }
    return out + quote;
}

std::string json_string(const std::string& text) {
    std::string out = "\"";
    for (size_t at = 0; at < text.size();) {
        const uint32_t point = next_code_point(text, at);
        switch (point) {
            case '"':
            case '\\':
                out += {'\\', static_cast<char>(point)};
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            case '\b':
                out += "\\b";
                break;
            case '\f':
                out += "\\f";
                break;
            default:
                if (point >= 0x20 && point < 0x7F) {
                    out += static_cast<char>(point);
                } else if (point < 0x10000) {
                    out += "\\u" + hexadecimal(point, 4);
                } else {
                    out += "\\u" + hexadecimal(0xD800 + ((point - 0x10000) >> 10), 4) + "\\u" +
                           hexadecimal(0xDC00 + ((point - 0x10000) & 0x3FF), 4);
                }
        }
    }
    return out + "\"";
}

}  // namespace

std::string python_repr(const Json& value) {
    std::vector<std::string> parts;
    switch (value.type()) {
        case Type::null:
            return "None";
        case Type::boolean:
            return value.as_bool() ? "True" : "False";
        case Type::number:
            return number_text(value.as_string());
        case Type::string:
            return string_repr(value.as_string());
        case Type::array:
            for (const auto& item : value.items()) parts.push_back(python_repr(item));
            return "[" + base::join(parts, ", ") + "]";
        case Type::object:
            for (const auto& [key, item] : value.members()) parts.push_back(string_repr(key) + ": " + python_repr(item));
            return "{" + base::join(parts, ", ") + "}";
    }
    return "";
}

std::string python_str(const Json& value) { return value.is_string() ? value.as_string() : python_repr(value); }

std::string python_json(const Json& value) {
    std::vector<std::string> parts;
    switch (value.type()) {
        case Type::null:
            return "null";
        case Type::boolean:
            return value.as_bool() ? "true" : "false";
        case Type::number: {
            const std::string number = number_text(value.as_string());
            return number == "nan" ? "NaN" : number == "inf" ? "Infinity" : number == "-inf" ? "-Infinity" : number;
        }
        case Type::string:
            return json_string(value.as_string());
        case Type::array:
            for (const auto& item : value.items()) parts.push_back(python_json(item));
            return "[" + base::join(parts, ",") + "]";
        case Type::object:
            for (const auto& [key, item] : sorted_members(value)) parts.push_back(json_string(key) + ":" + python_json(*item));
            return "{" + base::join(parts, ",") + "}";
    }
    return "";
}

std::string python_upper(std::string_view name) {
    const text::Utf8Locale locale;
    std::string out;
    const std::string text = base::valid_utf8(name);
    for (size_t at = 0; at < text.size();) {
        const size_t start = at;
        const uint32_t point = next_code_point(text, at);
        if (point == 0xDF) {
            out += "SS";
            continue;
        }
        const auto capital = static_cast<uint32_t>(std::towupper(static_cast<std::wint_t>(point)));
        if (capital == point) {
            out += text.substr(start, at - start);
        } else {
            append_utf8(out, capital);
        }
    }
    return out;
}

std::string python_argument(const Json& value) {
    if (value.is_null()) return "";
    if (!value.is_object()) return python_str(value);
    std::vector<std::string> parts;
    for (const auto& [key, item] : sorted_members(value)) parts.push_back(key + "=" + python_str(*item));
    return base::join(parts, ",");
}

std::string python_variable(const Json& value) {
    if (value.is_null()) return "";
    return value.is_string() ? value.as_string() : python_json(value);
}

}  // namespace training
