// A Decision in plain words: several lines for a person, from the same data that decided.
#pragma once

#include <string>

#include "policy/evaluate.hpp"

namespace policy {

// The question, the outcome, then a line for each statement that settled it (policy, Sid or index, line) and, for an
// implicit deny, a line for each layer that had to allow and did not, with what would help.
[[nodiscard]] std::string explain(const Request& request, const Decision& decision);

}  // namespace policy
