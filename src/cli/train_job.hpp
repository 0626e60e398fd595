// What the commands of `trainwarden train` have in common: one job of a server, described and followed.
#pragma once

#include <string>

#include "base/result.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "wire/client.hpp"

namespace cli {

using JobDescription = model::sagemaker::DescribeTrainingJobResponse;

[[nodiscard]] base::Result<wire::Client> connect_to_jobs();
[[nodiscard]] std::unexpected<base::Error> train_usage(std::string message, std::string note);  // InvalidArgument
[[nodiscard]] base::Result<JobDescription> describe_job(wire::Client& client, const std::string& name);
// Prints log lines and changes of state until the job is done; its last description.
[[nodiscard]] base::Result<JobDescription> follow_job(wire::Client& client, const std::string& name, bool tell_states,
                                                      bool raw = false);
// Of a job that has ended: 0 and a last line, or the error that says how.
[[nodiscard]] base::Result<int> exit_status_of(const JobDescription& job);

}  // namespace cli
