#include "services/logs/filter.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "services/logs/pattern_reader.hpp"

namespace services::logs {
namespace {

using text::Json;

std::optional<double> number_in(std::string_view text) {
    double value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

bool fits_wildcards(std::string_view pattern, std::string_view text) {
    size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

const Json* at_place(const Json& event, const std::vector<std::string>& place) {
    const Json* at = &event;
    for (const auto& step : place) {
        if (at->is_array()) {
            auto index = number_in(step);
            if (!index || *index < 0 || *index >= static_cast<double>(at->size())) return nullptr;
            at = &at->items()[static_cast<size_t>(*index)];
        } else {
            at = at->find(step);
        }
        if (at == nullptr) return nullptr;
    }
    return at;
}

bool compare(const Condition& condition, const Json& value) {
    auto wanted = condition.quoted ? std::nullopt : number_in(condition.operand.text());
    bool equality = condition.comparison == "=" || condition.comparison == "!=";
    if (value.is_number() && wanted && (condition.operand.kind() == Matcher::Kind::exact || !equality)) {
        double number = value.as_double();
        if (condition.comparison == "=") return number == *wanted;
        if (condition.comparison == "!=") return number != *wanted;
        if (condition.comparison == "<") return number < *wanted;
        if (condition.comparison == "<=") return number <= *wanted;
        if (condition.comparison == ">") return number > *wanted;
        return number >= *wanted;
    }
    if (!equality || value.is_array() || value.is_object() || value.is_null()) return false;
    std::string text = value.is_bool() ? (value.as_bool() ? "true" : "false") : value.as_string();
    return condition.operand.matches(text) == (condition.comparison == "=");
}

// The fields of a line: words, "quoted ones" and [bracketed ones].
std::vector<std::string> fields_of(std::string_view line) {
    std::vector<std::string> fields;
    size_t at = 0;
    while (at < line.size()) {
        if (line[at] == ' ') {
            ++at;
            continue;
        }
        char close = line[at] == '"' ? '"' : line[at] == '[' ? ']' : ' ';
        size_t start = close == ' ' ? at : at + 1;
        size_t end = line.find(close, start);
        if (end == std::string_view::npos) {
            if (close != ' ') start = at;
            end = line.size();
        }
        fields.emplace_back(line.substr(start, end - start));
        at = end + 1;
    }
    return fields;
}

Json field_value(std::string text) { return number_in(text) ? Json::number(std::move(text)) : Json(std::move(text)); }

}  // namespace

struct Matcher::Regex {
    explicit Regex(const std::string& pattern) : compiled(pattern, re2::RE2::Quiet) {}
    re2::RE2 compiled;
};

base::Result<Matcher> Matcher::make(Kind kind, std::string text) {
    Matcher matcher;
    matcher.kind_ = kind;
    if (kind == Kind::regex) {
        // Neither groups nor what AWS does not list.
        if (text.find_first_of("()!") != std::string::npos)
            return base::fail(base::code::InvalidParameterException,
                              "Invalid filter pattern: unsupported characters in a regular expression");
        matcher.regex_ = std::make_shared<const Regex>(text);
        if (!matcher.regex_->compiled.ok()) {
            return base::fail(base::code::InvalidParameterException,
                              "Invalid filter pattern: the regular expression %" + text + "% is not one");
        }
    }
    matcher.text_ = std::move(text);
    return matcher;
}

bool Matcher::matches(std::string_view value) const {
    switch (kind_) {
        case Kind::part:
            return value.find(text_) != std::string_view::npos;
        case Kind::exact:
            return value == text_;
        case Kind::wildcard:
            return fits_wildcards(text_, value);
        case Kind::regex:
            return re2::RE2::PartialMatch(re2::StringPiece(value.data(), value.size()), regex_->compiled);
    }
    return false;
}

bool Condition::holds(const Json& event) const {
    auto one = [&](const Condition& condition) { return condition.holds(event); };
    if (kind == Kind::all) return std::all_of(inside.begin(), inside.end(), one);
    if (kind == Kind::any) return std::any_of(inside.begin(), inside.end(), one);
    const Json* value = at_place(event, place);
    if (kind == Kind::absent) return value == nullptr;
    if (value == nullptr) return false;
    switch (kind) {
        case Kind::exists:
            return true;
        case Kind::is_null:
            return value->is_null();
        case Kind::is_true:
            return value->is_bool() && value->as_bool();
        case Kind::is_false:
            return value->is_bool() && !value->as_bool();
        default:
            return compare(*this, *value);
    }
}

base::Result<Filter> Filter::parse(std::string_view pattern) {
    Filter filter;
    pattern = base::trim(pattern);
    PatternReader reader(pattern);
    if (pattern.starts_with('{')) {
        filter.kind_ = Kind::json;
        filter.conditions_.push_back(TRY(reader.json_pattern()));
        return filter;
    }
    if (pattern.starts_with('[')) {
        filter.kind_ = Kind::fields;
        auto fields = TRY(reader.fields_pattern());
        filter.fields_ = std::move(fields.names);
        filter.ellipsis_ = fields.ellipsis;
        filter.conditions_ = std::move(fields.conditions);
        return filter;
    }
    while (!reader.at_end()) {
        std::vector<Matcher>* into = &filter.all_;
        if (reader.skip("-")) {
            into = &filter.none_;
        } else if (reader.skip("?")) {
            into = &filter.any_;
        }
        auto term = TRY(reader.term());
        if (!term.text().empty()) into->push_back(std::move(term));
    }
    return filter;
}

bool Filter::matches(std::string_view message) const {
    if (kind_ == Kind::json) {
        auto event = text::parse_json(message);
        return event && event->is_object() && conditions_.front().holds(*event);
    }
    if (kind_ == Kind::fields) {
        auto values = fields_of(message);
        if (ellipsis_ ? values.size() < fields_.size() : values.size() != fields_.size()) return false;
        Json event = Json::object();
        for (size_t i = 0; i < fields_.size(); ++i) {
            size_t place = ellipsis_ && i >= *ellipsis_ ? values.size() - fields_.size() + i : i;
            event.set(fields_[i], field_value(values[place]));
        }
        return std::all_of(conditions_.begin(), conditions_.end(), [&](const auto& condition) { return condition.holds(event); });
    }
    auto appears = [&](const Matcher& term) { return term.matches(message); };
    if (std::any_of(none_.begin(), none_.end(), appears)) return false;
    if (!all_.empty()) return std::all_of(all_.begin(), all_.end(), appears);
    return any_.empty() || std::any_of(any_.begin(), any_.end(), appears);
}

}  // namespace services::logs
