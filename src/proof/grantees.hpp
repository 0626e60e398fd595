// Whom policy documents could tell apart: those that a question about a document's grants is asked as.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "policy/attached.hpp"
#include "proof/encode.hpp"

namespace proof {

struct Grantee {
    Subject subject;
    policy::PrincipalPolicies policies;
};

// Any user (or the root user), or any role's session, of the account: with the names, tags and organization that it likes. Its own policies allow it
// everything.
[[nodiscard]] Grantee anyone_of(const std::string& account, bool is_session);

// Of resource policies: whom one of them could treat in a way of their own. All others are as the principals of an account that none names. `owner`: of the
// resource. `accounts`: that the policies name anywhere.
[[nodiscard]] std::vector<Grantee> grantees_of(std::span<const policy::PolicyPtr> policies, const std::set<std::string>& accounts,
                                               const std::string& owner);

// The public: a caller without credentials, and a user and a role's session of an account that none of `accounts` is, and of no organization.
[[nodiscard]] std::vector<Grantee> public_grantees(const std::set<std::string>& accounts, const std::string& owner);

}  // namespace proof
