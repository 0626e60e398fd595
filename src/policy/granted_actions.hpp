// Which actions a set of identity policies grants, whatever the resource and the circumstances: the other half of "what was
// used".
#pragma once

#include <set>
#include <string>

#include "policy/attached.hpp"

namespace policy {

// Every catalogued action that some Allow statement names, less those that a Deny takes away from everything, always
// (Resource `*`, no Condition). An upper bound: a Condition or a Resource may narrow what remains.
[[nodiscard]] std::set<std::string> granted_actions(const PrincipalPolicies& policies);

}  // namespace policy
