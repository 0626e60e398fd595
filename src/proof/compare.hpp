// Policies beside policies: does one allow nothing that another refuses? And who but its owner may use a resource?
#pragma once

#include "proof/prove.hpp"

namespace proof {

// Identity policies, each as the only policy of a user of one account, about its resources in one region. What one says of a principal's own keys
// (`${aws:username}`) is open. grants.hpp asks the same for every account and region that documents tell apart.
//
// Something that the first allows and the second does not. No: the second allows all that the first does.
[[nodiscard]] Answer find_more(const policy::PolicyPtr& first, const policy::PolicyPtr& second, const Limits& limits = {});
// Something that both allow. No: they are disjoint.
[[nodiscard]] Answer find_common(const policy::PolicyPtr& first, const policy::PolicyPtr& second, const Limits& limits = {});
// Something that one allows and the other does not. No: they are equivalent.
[[nodiscard]] Answer find_difference(const policy::PolicyPtr& first, const policy::PolicyPtr& second, const Limits& limits = {});

// What the policies of one principal allow, today's and a plan's.
struct Difference {
    Answer gained, lost;  // yes: a request that only the new ones allow, or only the old ones
};
[[nodiscard]] Difference compare(const Subject& subject, const View& before, const View& after, const Limits& limits = {});

// Something that a principal of another account may do to resources with this policy: a caller without credentials, or a user or a role's session whose own account, which the policy does
// not name, allows everything and names and tags it as it likes. It is in no organization, and no service. `known`: circumstances that are settled;
// whatever else such a principal could bring about counts.
[[nodiscard]] Answer is_public(const policy::PolicyPtr& resource_policy, const std::string& account,
                               const policy::Context& known = {}, const Limits& limits = {});

}  // namespace proof
