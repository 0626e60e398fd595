// What to do about permissions that are not used: for each policy of a user or role, the policy that is left of it without them. Pure.
//
// Source: IAM Access Analyzer API Reference, GetFindingRecommendation, UnusedPermissionsRecommendedStep.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "policy/policy.hpp"

namespace services::access_analyzer {

struct HeldPolicy {
    std::string id;  // as IAM's recommendations name it: the ARN of a managed policy, the name of an inline one
    policy::PolicyPtr policy;
    std::optional<base::Time> updated;  // of a managed one
};

struct NarrowingStep {
    enum class Kind : uint8_t { create, detach };
    Kind kind = Kind::detach;
    std::string policy;    // HeldPolicy::id
    std::string document;  // create: what takes its place
    std::optional<base::Time> updated;
};

// In lower case: is the action used?
using IsUsed = std::function<bool(const std::string&)>;

// Of policies that grant nothing that is unused, none. One of which nothing is used goes; another is made anew without what is unused, and then goes. An
// Allow keeps its Resource and its Condition, a Deny is kept as it is. Error `InternalFailure`: what was made would grant something new.
[[nodiscard]] base::Result<std::vector<NarrowingStep>> narrowing_steps(const std::vector<HeldPolicy>& policies,
                                                                       const IsUsed& is_used);

}  // namespace services::access_analyzer
