#include "services/logs/pattern_reader.hpp"

#include "base/error_codes.hpp"

namespace services::logs {
namespace {

constexpr int depth_max = 32;

bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// What ends a bare value in a condition.
bool ends_value(char c) { return c == ' ' || c == ')' || c == '}' || c == ']' || c == ',' || c == '&' || c == '|'; }

}  // namespace

std::unexpected<base::Error> PatternReader::invalid(const std::string& what) const {
    return base::fail(base::code::InvalidParameterException,
                      "Invalid filter pattern: " + what + " at character " + std::to_string(at_ + 1));
}

void PatternReader::spaces() {
    while (at_ < pattern_.size() && pattern_[at_] == ' ') ++at_;
}

bool PatternReader::at_end() {
    spaces();
    return at_ == pattern_.size();
}

bool PatternReader::skip(std::string_view word) {
    spaces();
    if (!pattern_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
}

base::Result<std::string> PatternReader::until(char close) {
    std::string out;
    for (; at_ < pattern_.size() && pattern_[at_] != close; ++at_) {
        // In a regular expression the backslash is its own, but before the end mark.
        if (pattern_[at_] == '\\' && at_ + 1 < pattern_.size() && (close != '%' || pattern_[at_ + 1] == '%')) ++at_;
        out += pattern_[at_];
    }
    if (at_ == pattern_.size())
        return invalid(close == '%' ? "a regular expression does not end" : "a quoted phrase does not end");
    ++at_;
    return out;
}

base::Result<Matcher> PatternReader::term() {
    using Kind = Matcher::Kind;
    if (skip("\"")) return Matcher::make(Kind::part, TRY(until('"')));
    if (skip("%")) return Matcher::make(Kind::regex, TRY(until('%')));
    std::string word;
    while (at_ < pattern_.size() && pattern_[at_] != ' ') word += pattern_[at_++];
    return Matcher::make(Kind::part, std::move(word));
}

base::Result<std::string> PatternReader::name() {
    spaces();
    std::string out;
    while (at_ < pattern_.size() && is_name(pattern_[at_])) out += pattern_[at_++];
    if (out.empty()) return invalid("a name is missing");
    return out;
}

// $.a.b[0]['c d']
base::Result<std::vector<std::string>> PatternReader::selector() {
    if (!skip("$")) return invalid("a selector starts with $");
    std::vector<std::string> place;
    for (;;) {
        char c = at_ < pattern_.size() ? pattern_[at_] : ' ';
        if (c == '.') {
            ++at_;
            // `$.['name']` is another way to write `$['name']`.
            if (at_ < pattern_.size() && pattern_[at_] == '[') continue;
            place.push_back(TRY(name()));
        } else if (c == '[') {
            ++at_;
            bool quoted = at_ < pattern_.size() && (pattern_[at_] == '\'' || pattern_[at_] == '"');
            if (quoted) {
                char close = pattern_[at_++];
                place.push_back(TRY(until(close)));
            } else {
                place.push_back(TRY(name()));
            }
            if (!skip("]")) return invalid("] is missing");
        } else {
            break;
        }
    }
    if (place.empty()) return invalid("a selector names a property");
    return place;
}

base::Result<Condition> PatternReader::comparison(std::vector<std::string> place) {
    using Kind = Matcher::Kind;
    Condition condition;
    condition.place = std::move(place);
    if (skip("NOT EXISTS")) {
        condition.kind = Condition::Kind::absent;
        return condition;
    }
    if (skip("EXISTS")) {
        condition.kind = Condition::Kind::exists;
        return condition;
    }
    if (skip("IS ")) {
        for (auto [word, kind] : {std::pair("NULL", Condition::Kind::is_null), std::pair("TRUE", Condition::Kind::is_true),
                                  std::pair("FALSE", Condition::Kind::is_false)}) {
            if (!skip(word)) continue;
            condition.kind = kind;
            return condition;
        }
        return invalid("IS takes NULL, TRUE or FALSE");
    }
    for (const char* sign : {"!=", "<=", ">=", "=", "<", ">"}) {
        if (condition.comparison.empty() && skip(sign)) condition.comparison = sign;
    }
    if (condition.comparison.empty()) return invalid("a comparison is missing");
    bool equality = condition.comparison == "=" || condition.comparison == "!=";
    if (skip("%")) {
        std::string regex = TRY(until('%'));
        condition.operand = TRY(Matcher::make(Kind::regex, std::move(regex)));
        if (!equality) return invalid("a regular expression is compared with = or !=");
        return condition;
    }
    std::string value;
    condition.quoted = skip("\"");
    if (condition.quoted) {
        value = TRY(until('"'));
    } else {
        while (at_ < pattern_.size() && !ends_value(pattern_[at_])) value += pattern_[at_++];
        if (value.empty()) return invalid("a value is missing");
    }
    Kind kind = value.find('*') == std::string::npos ? Kind::exact : Kind::wildcard;
    condition.operand = TRY(Matcher::make(kind, std::move(value)));
    if (!equality &&
        (condition.quoted || kind == Kind::wildcard || condition.operand.text().find_first_of("0123456789") == std::string::npos))
        return invalid("only numbers are more or less");
    return condition;
}

base::Result<Condition> PatternReader::one(const ReadPlace& place, int depth) {
    if (depth > depth_max) return invalid("too many parentheses");
    if (skip("(")) {
        auto inside = TRY(any_of(place, depth + 1));
        if (!skip(")")) return invalid(") is missing");
        return inside;
    }
    return comparison(TRY(place()));
}

base::Result<Condition> PatternReader::all_of(const ReadPlace& place, int depth) {
    Condition all{.kind = Condition::Kind::all};
    do all.inside.push_back(TRY(one(place, depth)));
    while (skip("&&"));
    return all;
}

base::Result<Condition> PatternReader::any_of(const ReadPlace& place, int depth) {
    Condition any{.kind = Condition::Kind::any};
    do any.inside.push_back(TRY(all_of(place, depth)));
    while (skip("||"));
    return any;
}

base::Result<Condition> PatternReader::json_pattern() {
    (void)skip("{");
    auto condition = TRY(any_of([this] { return selector(); }, 0));
    if (!skip("}") || !at_end()) return invalid("} is missing");
    return condition;
}

base::Result<PatternReader::Fields> PatternReader::fields_pattern() {
    Fields fields;
    (void)skip("[");
    do {
        if (skip("...")) {
            if (fields.ellipsis) return invalid("a second ...");
            fields.ellipsis = fields.names.size();
            continue;
        }
        size_t start = at_;
        (void)skip("(");
        std::string field = TRY(name());
        fields.names.push_back(field);
        spaces();
        if (at_ < pattern_.size() && (pattern_[at_] == ',' || pattern_[at_] == ']')) continue;
        // Conditions: from its beginning again.
        at_ = start;
        fields.conditions.push_back(
            TRY(any_of([this]() -> base::Result<std::vector<std::string>> { return std::vector<std::string>{TRY(name())}; }, 0)));
    } while (skip(","));
    if (!skip("]") || !at_end()) return invalid("] is missing");
    return fields;
}

}  // namespace services::logs
