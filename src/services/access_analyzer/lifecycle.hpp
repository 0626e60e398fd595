// What becomes of an analyzer's findings when the account is looked at again: new ones are active, or archived by a rule; what is gone is resolved, and
// comes back as the same finding. Pure.
//
// Source: IAM User Guide, "Archive rules", "Resolving findings"; resolved findings are deleted after 90 days.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "services/access_analyzer/computed.hpp"
#include "services/access_analyzer/filter.hpp"

namespace services::access_analyzer {

constexpr std::chrono::days resolved_kept_for{90};
constexpr size_t findings_max = 50'000;  // of one analyzer

struct LookedAt {
    std::string analyzer;  // its ARN
    std::string account;
    base::Time now;
    std::vector<Filter> rules;  // that archive
    std::string only;           // the resource that was looked at; empty: all
};

struct FindingChanges {
    std::vector<FindingRecord> put;
    std::vector<std::string> erase;  // ids
};

// The same for the same analyzer and key, always.
[[nodiscard]] std::string finding_id(const std::string& analyzer, const std::string& key);

// Findings of resources that are among `computed.open` are not resolved. Beyond findings_max, none is added.
[[nodiscard]] FindingChanges changes_of(const std::vector<FindingRecord>& before, const Computed& computed, const LookedAt& how);

}  // namespace services::access_analyzer
