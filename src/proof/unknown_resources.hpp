// Resources whose own policies are not known: keys (KMS), roles of other accounts, whatever an identity policy alone is asked about. What such a policy
// may let in, it is supposed to.
#pragma once

#include <string>

#include "policy/attached.hpp"

namespace proof {

// It leaves it to the policies of this account: a key policy, or a role's trust policy, that names the account.
[[nodiscard]] policy::AttachedPolicy policy_leaving_to(const std::string& account, const std::string& actions = "*");

// It lets everybody in.
[[nodiscard]] const policy::AttachedPolicy& policy_open_to_all();

// Decided on the policies of keys alone unless those leave it to the account (R36): a pattern.
inline constexpr const char* key_actions = "kms:*";

}  // namespace proof
