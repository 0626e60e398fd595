#include "lint/document.hpp"

#include "text/json.hpp"

namespace lint {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, uint32_t point) {
    const auto add = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (point < 0x80) return add(point);
    if (point < 0x800) {
        add(0xC0 | (point >> 6));
    } else if (point < 0x10000) {
        add(0xE0 | (point >> 12));
        add(0x80 | ((point >> 6) & 0x3F));
    } else {
        add(0xF0 | (point >> 18));
        add(0x80 | ((point >> 12) & 0x3F));
        add(0x80 | ((point >> 6) & 0x3F));
    }
    add(0x80 | (point & 0x3F));
}

// The length of the UTF-8 sequence that begins here; 0 if there is none.
size_t utf8_length(std::string_view text) {
    const auto byte = [&](size_t at) -> uint32_t { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0; };
    const auto follows = [&](size_t at) { return (byte(at) & 0xC0) == 0x80; };
    const uint32_t first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first < 0xE0) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first < 0xF0) {
        const uint32_t point = ((first & 0xF) << 12) | ((byte(1) & 0x3F) << 6);
        if (!follows(1) || !follows(2) || point < 0x800 || (point >= 0xD800 && point < 0xE000)) return 0;
        return 3;
    }
    if (first >= 0xF0 && first < 0xF5) {
        const uint32_t point = ((first & 7) << 18) | ((byte(1) & 0x3F) << 12);
        return follows(1) && follows(2) && follows(3) && point >= 0x10000 && point < 0x110000 ? 4 : 0;
    }
    return 0;
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    std::expected<Node, SyntaxError> document() {
        Node out;
        skip_space();
        if (!value(out, 0)) return std::unexpected(error_);
        skip_space();
        if (at_ < text_.size()) {
            wrong("there is more behind the end of the document");
            return std::unexpected(error_);
        }
        return out;
    }

private:
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    [[nodiscard]] bool ended() const { return at_ >= text_.size(); }
    void skip_space() {
        while (!ended() && is_space(peek())) ++at_;
    }
    bool wrong(std::string what) {
        error_ = {at_, ended() ? "the document ends here, unfinished" : std::move(what)};
        return false;
    }

    bool value(Node& out, int depth) {
        if (depth >= text::json_depth_max)
            return wrong("nested too deeply: " + std::to_string(text::json_depth_max) + " levels are the most");
        out.range.begin = at_;
        const bool read = [&] {
            switch (peek()) {
                case '{':
                    return object(out, depth);
                case '[':
                    return array(out, depth);
                case '"':
                    out.type = Node::Type::string;
                    return string(out.text);
                case 't':
                    out.flag = true;
                    [[fallthrough]];
                case 'f':
                    out.type = Node::Type::boolean;
                    return word(out.flag ? "true" : "false");
                case 'n':
                    return word("null");
                default:
                    return number(out);
            }
        }();
        out.range.end = at_;
        return read;
    }

    bool word(std::string_view expected) {
        if (text_.substr(at_, expected.size()) != expected) return wrong("a value belongs here");
        at_ += expected.size();
        return true;
    }

    bool digits() {
        if (!is_digit(peek())) return wrong("a digit belongs here");
        while (is_digit(peek())) ++at_;
        return true;
    }

    bool number(Node& out) {
        const size_t begin = at_;
        if (peek() == '-') ++at_;
        if (!is_digit(peek())) return wrong("a value belongs here");
        if (peek() == '0') {
            ++at_;
        } else if (!digits()) {
            return false;
        }
        if (is_digit(peek())) return wrong("a number does not begin with 0");
        if (peek() == '.') {
            ++at_;
            if (!digits()) return false;
        }
        if (peek() == 'e' || peek() == 'E') {
            ++at_;
            if (peek() == '+' || peek() == '-') ++at_;
            if (!digits()) return false;
        }
        out.type = Node::Type::number;
        out.text = text_.substr(begin, at_ - begin);
        return true;
    }

    bool hex(uint32_t& out) {
        out = 0;
        for (int i = 0; i < 4; ++i) {
            const char c = peek();
            const bool low = c >= 'a' && c <= 'f', high = c >= 'A' && c <= 'F';
            if (!is_digit(c) && !low && !high) return wrong("four hexadecimal digits belong here");
            out = out * 16 + static_cast<uint32_t>(is_digit(c) ? c - '0' : low ? c - 'a' + 10 : c - 'A' + 10);
            ++at_;
        }
        return true;
    }

    bool escape(std::string& out) {
        ++at_;  // the backslash
        constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
        const auto which = ended() ? std::string_view::npos : names.find(peek());
        if (which != std::string_view::npos) {
            out.push_back(meanings[which]);
            ++at_;
            return true;
        }
        if (peek() != 'u') return wrong("there is no such escape");
        ++at_;
        uint32_t point = 0, low = 0;
        if (!hex(point)) return false;
        if (point >= 0xD800 && point < 0xDC00) {
            if (text_.substr(at_, 2) != "\\u") return wrong("the second half of a surrogate pair belongs here");
            at_ += 2;
            if (!hex(low)) return false;
            if (low < 0xDC00 || low >= 0xE000) return wrong("the second half of a surrogate pair belongs before this");
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        } else if (point >= 0xDC00 && point < 0xE000) {
            return wrong("half a surrogate pair stands before this");
        }
        append_utf8(out, point);
        return true;
    }

    bool string(std::string& out) {
        ++at_;  // the quote
        while (!ended() && peek() != '"') {
            if (peek() == '\\') {
                if (!escape(out)) return false;
                continue;
            }
            if (static_cast<unsigned char>(peek()) < 0x20)
                return wrong("a string holds no control characters: write them as escapes");
            const size_t length = utf8_length(text_.substr(at_));
            if (length == 0) return wrong("the document is not UTF-8");
            out.append(text_, at_, length);
            at_ += length;
        }
        if (ended()) return wrong("");
        ++at_;
        return true;
    }

    bool object(Node& out, int depth) {
        out.type = Node::Type::object;
        ++at_;
        skip_space();
        if (peek() == '}') return ++at_, true;
        while (true) {
            skip_space();
            if (peek() != '"') return wrong("the name of a member belongs here, in double quotes");
            Member& member = out.members.emplace_back();
            member.name_range.begin = at_;
            if (!string(member.name)) return false;
            member.name_range.end = at_;
            skip_space();
            if (peek() != ':') return wrong("a colon belongs here");
            ++at_;
            skip_space();
            if (!value(member.value, depth + 1)) return false;
            skip_space();
            if (peek() == '}') return ++at_, true;
            if (peek() != ',') return wrong("a comma or `}` belongs here");
            ++at_;
        }
    }

    bool array(Node& out, int depth) {
        out.type = Node::Type::array;
        ++at_;
        skip_space();
        if (peek() == ']') return ++at_, true;
        while (true) {
            skip_space();
            if (!value(out.items.emplace_back(), depth + 1)) return false;
            skip_space();
            if (peek() == ']') return ++at_, true;
            if (peek() != ',') return wrong("a comma or `]` belongs here");
            ++at_;
        }
    }

    std::string_view text_;
    size_t at_ = 0;
    SyntaxError error_;
};

}  // namespace

const Member* Node::find(std::string_view name) const {
    for (const Member& member : members)
        if (member.name == name) return &member;
    return nullptr;
}

std::string_view name_of(Node::Type type) {
    switch (type) {
        case Node::Type::null:
            return "null";
        case Node::Type::boolean:
            return "boolean";
        case Node::Type::number:
            return "number";
        case Node::Type::string:
            return "string";
        case Node::Type::array:
            return "array";
        case Node::Type::object:
            return "object";
    }
    return "";
}

std::expected<Node, SyntaxError> read_document(std::string_view document) { return Reader(document).document(); }

}  // namespace lint
