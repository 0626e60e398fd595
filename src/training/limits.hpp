// How much of everything: what one machine takes on. AWS's service quotas have the same shape.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace training {

// What an operator may set: `serve --limit` (server/quotas.hpp, docs/limits.md).
struct Limits {
    uint64_t volume_gigabytes_max = 1024;              // AWS: `Size of EBS volume for a training job instance`
    uint64_t jobs_bytes_max = uint64_t{1} << 60;       // of the disk, by all jobs together
    uint64_t disk_free_bytes_min = 1ULL << 30;         // below this, the job that has taken most is ended; see disk_free_share
    uint64_t kept_bytes_max = 64ULL << 30;             // what failed jobs left, all together; see kept_share
    uint64_t artifact_bytes_max = 1ULL << 40;          // of the data in one archive, or in one job's single objects
    std::chrono::seconds artifact_time_max{6 * 3600};  // for a job's uploads
    // The same, of a job that was stopped while it trained, or from the end of its MaxRuntimeInSeconds on.
    std::chrono::seconds stopped_upload_max{1800};
    uint64_t input_memory_bytes_max = 128ULL << 20;  // of what FastFile and Pipe channels hold for one worker (input_memory.hpp)
    uint64_t input_files_open_max = 262'144;         // of one worker's FastFile channels
};
constexpr int volume_gigabytes_default = 30;  // of a request that names no size, as the SageMaker SDK's
constexpr uint64_t disk_free_share = 20;      // disk_free_bytes_min is at most one part in so many of the disk
constexpr uint64_t kept_share = 10;           // kept_bytes_max is at most one part in so many of the disk
constexpr uint64_t input_memory_share = 8;    // input_memory_bytes_max is at most one part in so many of the worker's memory
constexpr uint64_t input_memory_bytes_least = 16ULL << 20;  // and never less

// Quotas of a machine without a table of instance types (instances.hpp).
constexpr int instances_per_type_default = 16;  // of one account: `TYPE for training job usage`
constexpr int instances_total_default = 32;     // of all accounts: `Number of instances across all training jobs`
constexpr int instances_per_job_max = 256;      // `Number of instances for a training job`
constexpr size_t channels_max = 20;
constexpr size_t objects_per_channel_max = 1'000'000;
constexpr size_t failure_reason_characters_max = 1024;
constexpr size_t mounted_objects_max = 2'000'000;  // of a job's FastFile and Pipe channels together: their names are kept
constexpr size_t manifest_bytes_max = 16 * 1024 * 1024;
constexpr size_t tags_max = 50;

// What workers leave: models, output, checkpoints.
constexpr size_t artifact_files_max = 1'000'000;           // of one folder
constexpr size_t artifact_names_bytes_max = 128ULL << 20;  // of their paths together
constexpr size_t artifact_depth_max = 500;                 // folders in folders
constexpr uint64_t checkpoint_bytes_max = 512ULL << 30;    // of one file
constexpr uint64_t holes_bytes_max =
    16ULL << 30;                             // that are written as zeros: of one file that becomes an object, of one archive
constexpr size_t sparse_extents_max = 4096;  // of one file in an archive: between them are its holes
constexpr size_t reported_files_max = 8;     // files that a message or a log names one by one
constexpr std::chrono::seconds shutdown_upload_max{15};  // for the last checkpoints when the server stops
constexpr size_t kept_folders_max = 16;                  // of failed jobs whose artifacts could not be uploaded: the newest

// The source archive that a job brings.
constexpr uint64_t source_unpacked_bytes_max = 16ULL << 30;
constexpr size_t source_entries_max = 200'000;

constexpr std::chrono::seconds stop_grace{120};    // between SIGTERM and SIGKILL on StopTrainingJob, as `docker stop -t 120`
constexpr std::chrono::seconds sibling_grace{10};  // for the other workers once one has failed
constexpr std::chrono::seconds proxy_grace{10};    // for the process that speaks for a worker elsewhere, once that was killed
constexpr std::chrono::seconds runtime_default{86'400};
constexpr std::chrono::seconds runtime_longest{28 * 86'400};  // `Longest run time for a training job`
constexpr std::chrono::seconds session_duration{6 * 3600};    // of the role's sessions that jobs hold
constexpr std::chrono::seconds session_renewal{900};          // a session older than this is not handed out any more
constexpr std::chrono::seconds slurm_session_lapse{86'400};   // a Slurm job's session that is not renewed is forgotten

}  // namespace training
