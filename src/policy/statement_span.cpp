#include "policy/statement_span.hpp"

namespace policy {

namespace {

// Walks a document that is known to be JSON.
class Walker {
public:
    explicit Walker(std::string_view document) : text_(document) {}

    std::vector<StatementSpan> spans() {
        std::vector<StatementSpan> out;
        if (next() != '{') return out;
        step();
        while (next() == '"') {
            const std::string name = string();
            next();
            step();  // the colon
            if (name == "Statement") return statements();
            skip_value();
            if (next() != ',') break;
            step();
        }
        return out;
    }

private:
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    // One character on.
    void step() {
        if (at_ >= text_.size()) return;
        const char c = text_[at_++];
        if (c == '\n' || (c == '\r' && peek() != '\n')) {
            ++here_.line;
            here_.column = 1;
        } else if (c != '\r') {
            while ((static_cast<unsigned char>(peek()) & 0xC0) == 0x80) ++at_;  // the rest of a character
            ++here_.column;
        }
    }

    // The next character that is not white space.
    char next() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') step();
        return peek();
    }

    std::string string() {
        const size_t begin = at_;
        step();
        while (at_ < text_.size() && peek() != '"') {
            if (peek() == '\\') step();
            step();
        }
        step();
        const auto parsed = text::parse_json(text_.substr(begin, at_ - begin));
        return parsed ? parsed->as_string() : "";
    }

    void skip_value() {
        next();
        size_t depth = 0;
        while (at_ < text_.size()) {
            const char c = peek();
            if (c == '"') {
                string();
            } else if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
                return;  // what follows a number or a word
            } else {
                if (c == '{' || c == '[') ++depth;
                if (c == '}' || c == ']') --depth;
                step();
            }
            if (depth == 0 && (c == '"' || c == '}' || c == ']')) return;
        }
    }

    std::vector<StatementSpan> statements() {
        std::vector<StatementSpan> out;
        if (next() == '{') {
            text::Position start = here_;
            ++start.column;
            skip_value();
            out.push_back({start, here_});
            return out;
        }
        if (peek() != '[') return out;
        do {
            step();  // the bracket, then the commas
            const text::Position start = out.empty() ? here_ : out.back().end;
            if (next() != '{') break;
            skip_value();
            out.push_back({start, here_});
        } while (next() == ',');
        return out;
    }

    std::string_view text_;
    size_t at_ = 0;
    text::Position here_{1, 1};
};

}  // namespace

std::vector<StatementSpan> statement_spans(std::string_view document) {
    if (!text::parse_json(document)) return {};
    return Walker(document).spans();
}

std::string_view statement_text(const Policy& policy, size_t statement) {
    const std::string_view text = policy.text();
    const text::Position where = policy.statement(statement).position;
    if (where.line == 0) return {};
    size_t begin = 0;
    for (uint32_t line = 1; line < where.line; ++line) {
        begin = text.find('\n', begin);
        if (begin == std::string_view::npos) return {};
        ++begin;
    }
    begin += where.column - 1;
    // To the brace that closes it; those in strings are none.
    size_t depth = 0;
    bool in_string = false;
    for (size_t at = begin; at < text.size(); ++at) {
        const char c = text[at];
        if (in_string) {
            if (c == '\\') ++at;
            in_string = c != '"';
            continue;
        }
        in_string = c == '"';
        if (c == '{' || c == '[') ++depth;
        if ((c == '}' || c == ']') && --depth == 0) return text.substr(begin, at + 1 - begin);
        if (depth == 0) return {};
    }
    return {};
}

}  // namespace policy
