// A policy as a document again, from what it was compiled to: one spelling for everything that means the same. Parsing it gives
// an equal policy. What no decision looks at is gone: Id, the case of actions and keys, which of two equal operators it was.
#pragma once

#include <string>

#include "policy/policy.hpp"

namespace policy {

[[nodiscard]] std::string print(const Policy& policy);

}  // namespace policy
