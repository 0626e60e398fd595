// What a role or a user did, by the record: each access that was allowed, as a question to the engine, with the policy that its resource has today. For
// what is made of a record: least privilege, Access Analyzer's policy generation.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "audit/log.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "gate/describer.hpp"
#include "policy/attached.hpp"
#include "policy/request.hpp"

namespace gate {

// Of one of them. More of either is not read: `PrincipalRecord::cut_off` says so.
constexpr size_t recorded_requests_max = 100'000;
constexpr size_t recorded_accesses_max = 20'000;  // that differ

// Accesses that no policy tells apart: the same session, action and resource, and the same values of the keys that policies ask for.
struct AllowedAccess {
    policy::Request request;                       // of the newest
    policy::SharedAttachedPolicy resource_policy;  // of the resource, as it is now
    int64_t times = 0;
    std::optional<base::Time> last;  // when it was allowed
};

struct PrincipalRecord {
    std::vector<AllowedAccess> accesses;
    int64_t requests = 0;                   // with an access that was allowed
    std::optional<base::Time> first, last;  // of them
    std::optional<base::Time> begins;       // the oldest request that the log still holds, of anybody
    int64_t unreadable = 0;                 // records that may have been its, and cannot be read
    std::string cut_off;                    // which limit the record is longer than; empty: none
    std::set<std::string> jobs, job_arns;   // training jobs that were created with it, if it is a role: names, ARNs
};

struct RecordedPrincipal {
    std::string arn;
    std::string
        id;  // AROA… or AIDA…: what is read is this principal's, not that of one who had its ARN before, and by whatever name it had
    std::set<std::string> keys;  // in lower case: those that its policies ask for
};

// Errors of the log, or of who describes resources.
[[nodiscard]] base::Result<PrincipalRecord> read_principal_record(const audit::Log& log, const Describer& describer,
                                                                  const RecordedPrincipal& principal,
                                                                  std::optional<base::Time> since,
                                                                  std::optional<base::Time> until);

// A request that was answered and that changed which policies apply, or what they say.
struct PolicyChange {
    std::string time, request_id, action, resource;
    std::string principal;  // ARN
};

// Since then, newest first, of the policies of these: ARNs of roles, managed policies and buckets. At most `most`.
[[nodiscard]] base::Result<std::vector<PolicyChange>> policy_changes(const audit::Log& log,
                                                                     const std::set<std::string>& resources, base::Time since,
                                                                     size_t most);

}  // namespace gate
