// What a training script finds around itself: the /opt/ml folder and the environment.
//
// Sources: SageMaker Developer Guide, "How Amazon SageMaker Provides Training Information" (/opt/ml/input/config/*.json),
// "Environment variables used by Amazon SageMaker training"; sagemaker-training-toolkit, ENVIRONMENT_VARIABLES.md (SM_*). On AWS
// the toolkit inside the image sets SM_*; the image `host/python3` is this machine, so the launcher does.
//
// Pure but for `make_folders`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "training/plan.hpp"

namespace training {

// Where container credentials are, at whatever address.
constexpr std::string_view credentials_path = "/v2/credentials";

using Environment = std::vector<std::pair<std::string, std::string>>;

// A worker's own folder on disk (WORKER = DATA/training/…/<job>/algo-N) and what the worker sees.
struct WorkerPlace {
    size_t index = 0;
    std::string folder;  // WORKER: holds ml/, home/, tmp/, hosts
    std::string base;    // /opt/ml, or WORKER/ml when there is no private mount; this and what follows: Confinement::begin
    std::string home;    // what HOME says
    std::string token;   // AWS_CONTAINER_AUTHORIZATION_TOKEN, which a sandboxed worker does not need
    std::string aws_endpoint, credentials_uri;
    bool sandboxed = false;      // credentials come from the standard addresses inside the worker's own network
    bool reaches_server = true;  // false: EnableNetworkIsolation
    std::string network_interface = "lo";
    std::string master_address = "127.0.0.1";
    int master_port = 0;
    unsigned cpus = 1, gpus = 0;
    uint64_t memory_bytes = 0;  // its limit; 0: none of its own
    // What the image says of itself.
    Environment image_environment;
    std::vector<std::string> image_entry_point;
    std::string image_directory;
    std::string image_root;                   // its folder; empty: this machine's /usr
    std::string python = "/usr/bin/python3";  // what runs scripts; of an image the first on its PATH
};

[[nodiscard]] std::string hyperparameters_json(const Plan& plan);
[[nodiscard]] std::string input_data_config_json(const Plan& plan, size_t host);
[[nodiscard]] std::string resource_config_json(const Plan& plan, const WorkerPlace& place);

// The whole environment: nothing is inherited. The job's own variables override all but the identity of the job and its
// credentials.
[[nodiscard]] Environment environment(const Job& job, const Plan& plan, const WorkerPlace& place);

// Those that the toolkit would set and no program could be started with: longer than 128 KiB. Their contents are in input/config.
[[nodiscard]] std::vector<std::string> too_long_variables(const Job& job, const Plan& plan, const WorkerPlace& place);

// The command line of a host: the job's entry point as it is; or the image's own with `train`; or script mode's interpreter,
// program and hyperparameters, under the launcher that the hyperparameters ask for (script_launcher.hpp).
[[nodiscard]] std::vector<std::string> command(const Plan& plan, const WorkerPlace& place);

// Where it starts, as the worker sees it.
[[nodiscard]] std::string working_directory(const Plan& plan, const WorkerPlace& place);

// Makes the folders and writes the files of input/config.
[[nodiscard]] base::Result<void> make_folders(const Plan& plan, const WorkerPlace& place);

}  // namespace training
