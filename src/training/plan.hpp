// What a CreateTrainingJob request means on this machine: hosts, channels, command, limits. Pure.
//
// Sources: SageMaker API Reference, CreateTrainingJob; SageMaker Developer Guide, "How Amazon SageMaker Provides Training
// Information"; the SageMaker Training Toolkit's script mode (`sagemaker_program`, `sagemaker_submit_directory`).
//
// What this machine cannot do is refused by name with a ValidationException. What has no effect here but harms nothing
// (debugger hooks, experiments, …) is recorded and echoed; `notes` says so in the job's log.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "text/json.hpp"
#include "training/job.hpp"
#include "training/job_data.hpp"

namespace model::sagemaker {
struct CreateTrainingJobRequest;
}

namespace training {

// How a channel reaches its workers: copied before they start, mounted and read on demand, or streamed through a named pipe.
enum class InputMode : uint8_t { file, fast_file, pipe };

struct Channel {
    std::string name;
    S3Uri source;               // a prefix, or the manifest
    bool manifest = false;      // S3DataType ManifestFile
    bool sharded = false;       // ShardedByS3Key: each host gets every n-th object
    std::vector<size_t> hosts;  // InstanceGroupNames: only these, of Plan::hosts, in order, get the channel; empty: all
    std::string content_type;
    InputMode mode = InputMode::file;
    // Pipes only, as in AWS.
    bool augmented = false;               // S3DataType AugmentedManifestFile: JSON lines …
    std::vector<std::string> attributes;  // … of which these, in this order
    bool gzip = false;                    // CompressionType: unpacked on the way
    bool recordio = false;                // RecordWrapperType: each object one record
    std::optional<uint64_t> shuffle_seed;
    std::string pin;  // what the channel must be (source.hpp); empty: whatever is there
};

// Found in the log: the value is the regular expression's first group.
struct MetricDefinition {
    std::string name, regex;
};

struct Checkpoints {
    S3Uri destination;
    std::string local_path;  // inside /opt/ml
};

// Hosts of one instance type. A job without InstanceGroups is one group, `homogeneousCluster`.
struct InstanceGroup {
    std::string name, instance_type;
    size_t first = 0, count = 0;  // of Plan::hosts
};

struct Plan {
    std::vector<InstanceGroup> groups;  // in the order of the request; every host is in one
    std::vector<std::string> hosts;     // algo-1 … algo-N, group by group
    std::vector<Channel> channels;
    std::vector<MetricDefinition> metrics;
    std::vector<std::string> command;  // ContainerEntrypoint and ContainerArguments; empty: the image's entry point, script mode
    std::vector<std::string> arguments;     // ContainerArguments for the image's own entry point; `train` if there are none
    std::string program;                    // script mode: the file to run …
    std::optional<S3Uri> submit_directory;  // … in this sourcedir.tar.gz …
    std::string source_sha256;              // … whose SHA-256 is this; empty: not given
    std::vector<std::pair<std::string, std::string>> hyperparameters;  // as sent, sorted by key
    std::vector<std::pair<std::string, std::string>> environment;
    S3Uri output;  // <S3OutputPath>/<job>
    bool compress_output = true;
    std::optional<Checkpoints> checkpoints;
    uint64_t volume_gigabytes = 1;  // VolumeSizeInGB, of each instance
    std::chrono::seconds runtime_max;
    bool tag_chaining = false;
    bool network_isolation = false;                   // EnableNetworkIsolation: no way out but to the siblings, no credentials
    std::string image;                                // TrainingImage: host/… or one of the server's images
    bool spot = false;                                // managed spot training: another quota, and it may be interrupted
    std::optional<std::chrono::seconds> wait_max;     // MaxWaitTimeInSeconds, from creation on; only with spot
    std::optional<std::chrono::seconds> pending_max;  // MaxPendingTimeInSeconds: how long an attempt waits for machines
    bool whole_role = false;  // Environment TRAINWARDEN_SCOPE=role: workers are not cut to what the job names (scope.hpp)
    int retries_max = 0;      // RetryStrategy
    std::vector<std::string> notes;
};

[[nodiscard]] const InstanceGroup& group_of(const Plan& plan, size_t host);
[[nodiscard]] std::vector<std::string> hosts_of(const Plan& plan, const InstanceGroup& group);
// Which of a job's `count` hosts get the channel. ShardedByS3Key shards among these.
[[nodiscard]] std::vector<size_t> hosts_of(const Channel& channel, size_t count);
[[nodiscard]] bool has_channel(const Channel& channel, size_t host);
// How many instances of each type.
[[nodiscard]] std::map<std::string, int64_t> instances_of(const Plan& plan);

// Errors: `ValidationException`, `ResourceLimitExceeded` (more instances than one job may have).
[[nodiscard]] base::Result<Plan> plan(const JobId& id, const model::sagemaker::CreateTrainingJobRequest& request);

// Where under the channel's folder an object lands: below the prefix if that names a folder, else below the prefix's last folder.
// Error `ClientError` for keys that would leave the folder.
[[nodiscard]] base::Result<std::string> local_name(const std::string& prefix, const std::string& key);

// A hyperparameter's value: the SDKs send each as JSON, people send plain text; both mean the same.
[[nodiscard]] text::Json decode_hyperparameter(const std::string& value);

// Is it SageMaker's, not the script's?
[[nodiscard]] bool is_sagemakers_own(const std::string& hyperparameter);

// Script mode's command line: `--key value` for every hyperparameter that is not SageMaker's own, sorted by key;
// one-letter keys get one dash. Values as the toolkit writes them (python_text.hpp).
[[nodiscard]] std::vector<std::string> user_arguments(const std::vector<std::pair<std::string, std::string>>& hyperparameters);

}  // namespace training
