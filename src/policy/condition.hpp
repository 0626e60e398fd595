// Condition operators: compiled once with their values typed, evaluated per request.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context keys";
// SEMANTICS R50-R63. Operators AND, keys AND, values OR; a negated operator is NOR over its values.
//
//   operator = [ "ForAllValues:" | "ForAnyValue:" ] name [ "IfExists" ]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "policy/glob.hpp"
#include "policy/request.hpp"
#include "policy/value.hpp"

namespace policy {

enum class Comparison : uint8_t {
    string_equals,
    string_equals_ignore_case,
    string_like,
    numeric_equals,
    numeric_less,
    numeric_less_equals,
    numeric_greater,
    numeric_greater_equals,
    date_equals,
    date_less,
    date_less_equals,
    date_greater,
    date_greater_equals,
    boolean,
    binary_equals,
    ip_address,
    arn_like,
    null,
};

enum class SetPrefix : uint8_t { none, any_value, all_values };

struct Operator {
    Comparison comparison = Comparison::string_equals;
    bool negated = false;
    bool if_exists = false;
    SetPrefix set = SetPrefix::none;
};

// Any case. nullopt for what is no operator (R73), NullIfExists included (R60).
[[nodiscard]] std::optional<Operator> parse_operator(std::string_view name);

using ConditionValue = std::variant<Pattern, Decimal, base::Time, Network, std::string, bool>;

struct Condition {
    Operator op;
    std::string name;  // the operator as written, for explanations
    std::string key;   // lower case
    std::vector<ConditionValue> values;
};

// nullopt if the text is not a value of the operator's type, or holds a malformed variable.
[[nodiscard]] std::optional<ConditionValue> compile_value(Comparison comparison, std::string_view text, bool variables);

[[nodiscard]] bool holds(const Condition& condition, const Context& context);

}  // namespace policy
