// What services refuse whatever policies say (SEMANTICS R78). These rules stand here, where everything is decided, and not in
// handlers: explanations, `who-can` and IAM's simulator ask the same function.
#pragma once

#include <string>

#include "policy/evaluate.hpp"

namespace gate {

// Turns a decision that a rule forbids into a refusal by that rule. A policy's explicit deny stays what refuses.
void apply_rules(const policy::Request& request, policy::Decision& decision);

}  // namespace gate
