// Condition operators: compiled once with their values typed, evaluated per request.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context keys";
// SEMANTICS R50-R63. Operators AND, keys AND, values OR; a negated operator is NOR over its values.
//
//   operator = [ "ForAllValues:" | "ForAnyValue:" ] name [ "IfExists" ]
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/context_view.hpp"
#include "policy/glob.hpp"
#include "policy/table.hpp"
#include "policy/typed_values.hpp"
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

// Any case. nullopt for what is not an operator (R73), NullIfExists included (R60).
[[nodiscard]] std::optional<Operator> parse_operator(std::string_view name);

// One value that a condition compares with, of the operator's type. Ranges and indexes are into the policy's tables.
union ConditionValue {
    Pattern pattern{};  // strings, ARNs, Bool
    struct {
        Text digits;
        int32_t point;
        bool negative;
    } decimal;
    int64_t millis;    // dates: since the epoch
    uint32_t network;  // which of the networks
    Text encoded;      // binary: base64, of which each byte string has one
    bool flag;         // Null
};

struct Condition {
    Operator op;
    uint64_t key_hash = 0;
    Text key;     // lower case
    Text values;  // a range of the policy's condition values
};

// What conditions are made of, while a policy is compiled and when it decides.
struct ConditionTables {
    PatternTables patterns;
    Rows<ConditionValue> values;
    Rows<Network> networks;
};
struct ConditionPool {
    PatternPool patterns;
    std::vector<ConditionValue> values;
    std::vector<Network> networks;
    [[nodiscard]] ConditionTables tables() const { return {patterns.tables(), values, networks}; }
};

// Adds one value; false if the text is not one of the operator's type, or holds a malformed variable.
[[nodiscard]] bool add_value(ConditionPool& pool, Comparison comparison, std::string_view text, bool variables);

// Are its condition values patterns (which may have variables)?
[[nodiscard]] bool compares_patterns(Comparison comparison);

// `typed`: of this decision, and of this context alone.
[[nodiscard]] bool holds(const Condition& condition, const ConditionTables& tables, const ContextView& context,
                         TypedValues& typed);

// Does it ask about an ambiguous key, or compare with one (R81)? Then `holds` means nothing.
[[nodiscard]] bool names_ambiguous(const Condition& condition, const ConditionTables& tables, const ContextView& context);

}  // namespace policy
