// Filter patterns for log events.
//
// Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters, filter log events, and
// Live Tail".
//
//     ERROR "a phrase" -not ?either ?or       terms: case matters; `?` terms count only when there are no plain ones
//     %ERR[OA]R%                              a regular expression, alone or as a term
//     { $.loss > 2 && $.phase = "val*" }      JSON events: = != < <= > >=, IS NULL | TRUE | FALSE, EXISTS, NOT EXISTS, && || ( )
//     [host, ..., code = 4*, size > 1000]     space-delimited events; "…" and […] are one field each
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "text/json.hpp"

namespace services::logs {

// What a term or a value is compared with: text with wildcards, or a regular expression.
class Matcher {
public:
    enum class Kind : uint8_t { part, exact, wildcard, regex };
    [[nodiscard]] static base::Result<Matcher> make(Kind kind, std::string text);
    [[nodiscard]] bool matches(std::string_view value) const;
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] Kind kind() const { return kind_; }

private:
    struct Regex;
    Kind kind_ = Kind::part;
    std::string text_;
    std::shared_ptr<const Regex> regex_;
};

// Conditions on named values: those of a JSON event, or of the fields of a line.
struct Condition {
    enum class Kind : uint8_t { all, any, compare, exists, absent, is_null, is_true, is_false } kind = Kind::compare;
    std::vector<Condition> inside;   // all, any
    std::vector<std::string> place;  // the others: names, or places in lists, from the event down
    std::string comparison;          // compare: = != < <= > >=
    Matcher operand;
    bool quoted = false;  // the operand is a string even if it looks like a number
    [[nodiscard]] bool holds(const text::Json& event) const;
};

class Filter {
public:
    // Error `InvalidParameterException`.
    [[nodiscard]] static base::Result<Filter> parse(std::string_view pattern);
    [[nodiscard]] bool matches(std::string_view message) const;

private:
    enum class Kind : uint8_t { terms, json, fields } kind_ = Kind::terms;
    std::vector<Matcher> all_, none_, any_;
    std::vector<Condition> conditions_;  // json: one; fields: any number
    std::vector<std::string> fields_;    // names in order …
    std::optional<size_t> ellipsis_;     // … and before which of them others may stand
};

}  // namespace services::logs
