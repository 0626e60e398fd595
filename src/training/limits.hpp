// How much of everything: what one machine takes on. AWS's service quotas have the same shape.
#pragma once

#include <chrono>
#include <cstddef>

namespace training {

// Quotas of a machine without a table of instance types (instances.hpp).
constexpr int instances_per_type_default = 16;  // of one account: `TYPE for training job usage`
constexpr int instances_total_default = 32;     // of all accounts: `Number of instances across all training jobs`
constexpr int instances_per_job_max = 256;      // `Number of instances for a training job`
constexpr size_t channels_max = 20;
constexpr size_t objects_per_channel_max = 1'000'000;
constexpr size_t failure_reason_characters_max = 1024;
constexpr size_t manifest_bytes_max = 16 * 1024 * 1024;
constexpr size_t tags_max = 50;

constexpr std::chrono::seconds stop_grace{120};    // between SIGTERM and SIGKILL on StopTrainingJob, as `docker stop -t 120`
constexpr std::chrono::seconds sibling_grace{10};  // for the other workers once one has failed
constexpr std::chrono::seconds proxy_grace{10};    // for the process that speaks for a worker elsewhere, once that was killed
constexpr std::chrono::seconds runtime_default{86'400};
constexpr std::chrono::seconds runtime_longest{28 * 86'400};  // `Longest run time for a training job`
constexpr std::chrono::seconds session_duration{6 * 3600};    // of the role's sessions that jobs hold
constexpr std::chrono::seconds session_renewal{900};          // a session older than this is not handed out any more
constexpr std::chrono::seconds slurm_session_lapse{86'400};   // a Slurm job's session that nobody renews is forgotten

}  // namespace training
