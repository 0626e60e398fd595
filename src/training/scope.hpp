// What a worker may do with its role: the role's permissions, cut to what its job names.
//
//     read      its channels, of a sharded or listed one its own objects only; the archive of its source
//     list      its channels' and checkpoints' prefixes
//     write     S3OutputPath/JOB/, the checkpoint prefix (which it may read, too), where debugger, profiler and TensorBoard write
//     report    its own log streams; metrics in /aws/sagemaker/TrainingJobs
//
// Nothing else: not the bucket beside, not another role, not another worker's shard. The cut is a session policy like any other,
// in AWS's language, so refusals and `trainwarden explain` speak of it; but it hangs on the session's lease (identity/lease.hpp),
// not in its token, so it has no size to fit in. A job with Environment TRAINWARDEN_SCOPE=role is not cut, if its creator's
// policies let `trainwarden:TrainingScope` be `role`.
//
// Which objects are a worker's own no pattern can say (every n-th key of a listing). The statement asks for the condition key
// `trainwarden:Share`, the channels whose share of this worker an object belongs to, which the lease finds by a search in the
// sorted listing.
//
// As with any session policy, what a resource policy grants to the session's own ARN, or to `*`, stays granted.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "identity/lease.hpp"
#include "training/job.hpp"
#include "training/plan.hpp"

namespace training {

constexpr std::string_view share_condition_key = "trainwarden:Share";

// The objects of a channel that are one worker's.
struct Share {
    std::string channel;
    std::vector<std::string> objects;  // BUCKET/KEY, sorted
};

// Does the channel need a Share to say what a worker may read? Otherwise every object below its prefix.
[[nodiscard]] inline bool needs_share(const Channel& channel) { return channel.manifest || channel.sharded; }

// The session policy of one of the job's workers, in IAM's JSON.
[[nodiscard]] std::string scope_policy(const Job& job, const Plan& plan, size_t host);

// The terms of one worker's sessions.
[[nodiscard]] identity::LeasePtr worker_lease(const Job& job, const Plan& plan, size_t host, std::vector<Share> shares);

// The terms of the data mover's sessions: the whole role. It does what the job says and nothing else, outside of any worker.
[[nodiscard]] identity::LeasePtr mover_lease();

}  // namespace training
