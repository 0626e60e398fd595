#include "training/python_json_reader.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace training {
namespace {

using text::Json;

}  // namespace

void append_utf8(std::string& out, uint32_t point) {
    auto more = [&](int shift) { out += static_cast<char>(0x80 | (point >> shift & 0x3F)); };
    if (point < 0x80) {
        out += static_cast<char>(point);
    } else if (point < 0x800) {
        out += static_cast<char>(0xC0 | point >> 6);
        more(0);
    } else if (point < 0x10000) {
        out += static_cast<char>(0xE0 | point >> 12);
        more(6);
        more(0);
    } else {
        out += static_cast<char>(0xF0 | point >> 18);
        more(12);
        more(6);
        more(0);
    }
}

namespace {

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    std::optional<Json> document() {
        skip_space();
        auto found = value(0);
        skip_space();
        return at_ == text_.size() ? std::move(found) : std::nullopt;
    }

private:
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    [[nodiscard]] bool is_digit() const { return peek() >= '0' && peek() <= '9'; }
    bool take(std::string_view word) {
        if (!text_.substr(at_).starts_with(word)) return false;
        at_ += word.size();
        return true;
    }
    void skip_space() {
        while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
    }

    std::optional<Json> value(int depth) {
        if (depth > python_json_depth_max) return std::nullopt;
        if (take("\"")) {
            auto content = string();
            return content ? std::optional(Json(std::move(*content))) : std::nullopt;
        }
        if (take("[")) return array(depth);
        if (take("{")) return object(depth);
        if (take("null")) return Json();
        if (take("true")) return Json(true);
        if (take("false")) return Json(false);
        for (std::string_view name : {"NaN", "Infinity", "-Infinity"}) {
            if (take(name)) return Json::number(std::string(name));
        }
        return number();
    }

    std::optional<Json> array(int depth) {
        Json list = Json::array();
        skip_space();
        if (take("]")) return list;
        for (;;) {
            skip_space();
            auto item = value(depth + 1);
            if (!item) return std::nullopt;
            list.push(std::move(*item));
            skip_space();
            if (take("]")) return list;
            if (!take(",")) return std::nullopt;
        }
    }

    std::optional<Json> object(int depth) {
        Json members = Json::object();
        skip_space();
        if (take("}")) return members;
        for (;;) {
            skip_space();
            if (!take("\"")) return std::nullopt;
            auto key = string();
            skip_space();
            if (!key || !take(":")) return std::nullopt;
            skip_space();
            auto item = value(depth + 1);
            if (!item) return std::nullopt;
            members.set(*key, std::move(*item));
            skip_space();
            if (take("}")) return members;
            if (!take(",")) return std::nullopt;
        }
    }

    std::optional<uint32_t> four_digits() {
        uint32_t unit = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char c = peek();
            const int digit = c >= '0' && c <= '9'   ? c - '0'
                              : c >= 'a' && c <= 'f' ? c - 'a' + 10
                              : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                     : -1;
            if (digit < 0) return std::nullopt;
            unit = unit << 4 | static_cast<uint32_t>(digit);
        }
        return unit;
    }

    // After the quote.
    std::optional<std::string> string() {
        std::string out;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '"') return out;
            if (static_cast<unsigned char>(c) < 0x20) return std::nullopt;
            if (c != '\\') {
                out += c;
                continue;
            }
            if (at_ == text_.size()) return std::nullopt;
            constexpr std::string_view names = "\"\\/bfnrt";
            constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
            const char name = text_[at_++];
            if (const size_t which = names.find(name); which != std::string_view::npos) {
                out += meanings[which];
                continue;
            }
            if (name != 'u') return std::nullopt;
            auto point = four_digits();
            if (!point) return std::nullopt;
            if (*point >= 0xD800 && *point < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
                const size_t before = at_;
                at_ += 2;
                const auto low = four_digits();
                if (low && *low >= 0xDC00 && *low < 0xE000) {
                    point = 0x10000 + ((*point - 0xD800) << 10) + (*low - 0xDC00);
                } else {
                    at_ = before;
                }
            }
            append_utf8(out, *point);
        }
        return std::nullopt;
    }

    std::optional<Json> number() {
        const size_t begin = at_;
        take("-");
        if (!is_digit()) return std::nullopt;
        if (!take("0")) {
            while (is_digit()) ++at_;
        }
        // What does not go on as a fraction or an exponent ends before it: the document is refused for what follows.
        auto part = [&](size_t from) {
            const size_t before = std::exchange(at_, from);
            if (!is_digit()) at_ = before;
            while (is_digit()) ++at_;
        };
        if (peek() == '.') part(at_ + 1);
        if (peek() == 'e' || peek() == 'E') {
            const char sign = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
            part(at_ + (sign == '+' || sign == '-' ? 2 : 1));
        }
        return Json::number(std::string(text_.substr(begin, at_ - begin)));
    }

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace

std::optional<Json> read_python_json(std::string_view document) { return Reader(document).document(); }

}  // namespace training
