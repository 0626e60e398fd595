// The workers of running jobs: what each does now, as CloudWatch, the logs and the audit log tell it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/terminal.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "text/json.hpp"
#include "wire/client.hpp"

namespace cli {

struct WorkerRow {
    std::string job, host, state;
    std::optional<double> cpu_percent, memory_percent, input_bytes_per_second;
    std::string last_line;
};

struct JobRow {
    std::string name, step;
    model::sagemaker::TrainingJobStatus status = model::sagemaker::TrainingJobStatus::unknown;
    std::optional<int64_t> refusals;  // of the job's role since the job was made; nullopt: the asker may not know
    std::string last_refusal;
    std::vector<WorkerRow> workers;
    std::vector<std::pair<std::string, double>> metrics;  // the newest value of each of the job's own
};

// One job, or (empty) all that are in progress. What the asker may not see is absent, never an error.
[[nodiscard]] base::Result<std::vector<JobRow>> look_at_workers(wire::Client& client, const std::string& job);

[[nodiscard]] text::Json to_json(const std::vector<JobRow>& jobs);
// A table of workers, and a line for each job's metrics and refusals; no more than `width` columns.
[[nodiscard]] Text show(const std::vector<JobRow>& jobs, size_t width);

}  // namespace cli
