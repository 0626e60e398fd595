// The account that a deployment goes to, read over the wire with the deployment's own credentials: a server of ours, or AWS.
#pragma once

#include <string>
#include <vector>

#include "proof/account.hpp"
#include "wire/client.hpp"

namespace cli {

// Users, groups, roles and managed policies (iam:GetAccountAuthorizationDetails), every bucket's policy and public access block. Never fails: what
// could not be read stands in AccountPolicies::unread, by name, with the answer.
[[nodiscard]] proof::AccountPolicies read_account(const wire::ClientOptions& options);

// Managed policies by ARN, into the account: those that a plan attaches and that nothing uses yet.
void read_policies(const wire::ClientOptions& options, const std::vector<std::string>& arns, proof::AccountPolicies& account);

}  // namespace cli
