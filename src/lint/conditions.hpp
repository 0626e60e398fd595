// The Condition element: operators, keys and values.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "lint/statement.hpp"
#include "policy/condition.hpp"
#include "policy/vocabulary.hpp"

namespace lint {

// One condition: an operator, a key, and what it is compared with.
struct ConditionItem {
    const Statement* statement = nullptr;
    const Member* op_member = nullptr;
    const Member* key_member = nullptr;
    policy::Operator op;
    std::optional<policy::KnownKey> known;  // nullopt: a key that AWS's reference does not have
    Place place, key_place;                 // of the values; of the key
    struct Value {
        const Node* node = nullptr;
        std::string_view text;  // as the engine reads it: `true` for a JSON true
        Place place;
    };
    std::vector<Value> values;  // strings, numbers and booleans

    [[nodiscard]] std::string_view key() const { return key_member->name; }
    [[nodiscard]] bool is_key(std::string_view name) const;  // any case
};

// Those whose operator there is; reports nothing.
// Does AWS's reference have the key, as it is or up to a part that is the customer's? Any case.
[[nodiscard]] bool is_known_key(std::string_view key);

[[nodiscard]] std::vector<ConditionItem> conditions_of(const Statement& statement);

void check_conditions(const Document& document, Collector& out);

// What check_conditions consists of, beside operators and keys.
void check_values(const ConditionItem& item, const Document& document, Collector& out);  // condition_values.cpp
void check_wildcards(const ConditionItem& item, Collector& out);                         // condition_values.cpp
void check_tag_support(const Statement& statement, const std::vector<ConditionItem>& items,
                       Collector& out);                                                     // condition_rules.cpp
void check_key_rules(const ConditionItem& item, const Document& document, Collector& out);  // condition_rules.cpp

}  // namespace lint
