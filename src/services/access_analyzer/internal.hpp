// Internal access: which users and roles of the account may do what to the buckets that an analyzer names. Proved (proof/reach.hpp). Pure.
//
// Source: IAM User Guide, "Findings for internal access"; IAM Access Analyzer API Reference, InternalAccessAnalysisRuleCriteria.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "proof/account.hpp"
#include "services/access_analyzer/computed.hpp"

namespace services::access_analyzer {

struct InternalLimits {
    size_t buckets_max = 100;
    size_t principals_max = 5'000;
    size_t actions_shown_max = 200;  // of one entry of a finding
    size_t findings_max = 50'000;
    size_t questions_max = 200'000;  // that are put to the proof engine, in all
};

// `buckets`: ARNs; those that are not there are left out.
[[nodiscard]] Computed internal_access(const proof::AccountPolicies& account, const std::set<std::string>& buckets,
                                       const std::string& region, const InternalLimits& limits = {});

}  // namespace services::access_analyzer
