// What a training script finds around itself: the /opt/ml folder and the environment.
//
// Sources: SageMaker Developer Guide, "How Amazon SageMaker Provides Training Information" (/opt/ml/input/config/*.json),
// "Environment variables used by Amazon SageMaker training"; sagemaker-training-toolkit, ENVIRONMENT_VARIABLES.md (SM_*). On AWS
// the toolkit inside the image sets SM_*; the image `host/python3` is this machine, so the launcher does.
//
// Pure but for `make_folders`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "training/plan.hpp"

namespace training {

using Environment = std::vector<std::pair<std::string, std::string>>;

// A worker's own folder on disk (WORKER = DATA/training/…/<job>/algo-N) and what the worker sees.
struct WorkerPlace {
    size_t index = 0;
    std::string folder;  // WORKER: holds ml/, home/, tmp/, hosts
    std::string base;    // /opt/ml, or WORKER/ml when there is no private mount
    std::string home;    // what HOME says
    std::string token;   // AWS_CONTAINER_AUTHORIZATION_TOKEN
    std::string aws_endpoint, credentials_uri;
    int master_port = 0;
    unsigned cpus = 1;
};

[[nodiscard]] std::string hyperparameters_json(const Plan& plan);
[[nodiscard]] std::string input_data_config_json(const Plan& plan);
[[nodiscard]] std::string resource_config_json(const Plan& plan, size_t index);

// The whole environment: nothing is inherited. The job's own variables override all but the identity of the job and its
// credentials.
[[nodiscard]] Environment environment(const Job& job, const Plan& plan, const WorkerPlace& place);

// The command line: the entry point as it is, or script mode's interpreter, program and hyperparameters.
[[nodiscard]] std::vector<std::string> command(const Plan& plan);

// Makes the folders and writes the files of input/config.
[[nodiscard]] base::Result<void> make_folders(const Plan& plan, const WorkerPlace& place);

}  // namespace training
