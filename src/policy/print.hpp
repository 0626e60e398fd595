// A policy as a document again, from what it was compiled to: one spelling for everything that means the same. Parsing it gives
// an equal policy. What no decision looks at is gone: Id, the case of actions and keys, which of two equal operators it was.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/compile.hpp"
#include "policy/policy.hpp"

namespace policy {

[[nodiscard]] std::string print(const Policy& policy);

// A part of a policy, as Version 2012-10-17 writes it.
struct PrintedCondition {
    std::string op;                   // ForAnyValue:StringLikeIfExists
    std::string key;                  // as AWS spells it, if AWS has it: aws:SourceIp
    std::vector<std::string> values;  // of a number or a network: in one spelling
    auto operator<=>(const PrintedCondition&) const = default;
};
[[nodiscard]] PrintedCondition print(const CompiledPolicy& policy, const Condition& condition);
// An operator's name, of any case, as IAM's documentation spells it: `forallvalues:stringlikeifexists` is ForAllValues:StringLikeIfExists. What is none
// comes back as it is.
[[nodiscard]] std::string operator_as_documented(std::string_view name);
[[nodiscard]] std::vector<std::string> print_resources(const CompiledPolicy& policy, const CompiledStatement& statement);

}  // namespace policy
