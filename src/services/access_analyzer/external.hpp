// External access: what the policies of an account's buckets and roles let principals do that are not of the account. Proved (proof/ways.hpp): every
// finding's actions are allowed to its principal, and what has no finding is allowed to none. Pure.
//
// Source: IAM User Guide, "IAM Access Analyzer resource types for external access", "Findings for external and unused access".
#pragma once

#include <cstddef>

#include "proof/account.hpp"
#include "services/access_analyzer/computed.hpp"

namespace services::access_analyzer {

struct ExternalLimits {
    size_t resources_max = 20'000;
    size_t principals_max = 256;     // that one policy names
    size_t actions_shown_max = 200;  // of one finding
    size_t questions_max = 200'000;  // that are put to the proof engine, of all resources
    size_t findings_max = 50'000;
};

// Of all buckets and roles, or of the one whose ARN is `only`.
//
// A service is external to a bucket if it may act on it for another account; a role is assumed by a service only for who may pass it the role, which is
// this account's.
[[nodiscard]] Computed external_access(const proof::AccountPolicies& account, const std::string& region,
                                       const std::string& only = {}, const ExternalLimits& limits = {});

}  // namespace services::access_analyzer
