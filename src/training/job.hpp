// One training job, as it is stored and described.
//
// The status of a job only moves forward; the secondary status says where in its life it is:
//
// A retry (RetryStrategy) goes back to Starting, and so does an interruption (managed spot training) by way of Interrupted. Until
// the workers have ended nothing but a retry starts them again.
//
//     InProgress  Starting ─→ Downloading ─→ Training ─→ Uploading ─→ Completed
//                     │            │            │            │
//     Stopping        └────────────┴── Stopping ┴────────────┴─→ Stopped | MaxRuntimeExceeded
//                     └────────────┴────────────┴────────────┴─→ Failed
//
// Source: SageMaker API Reference, DescribeTrainingJob (SecondaryStatus, SecondaryStatusTransitions).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "text/json.hpp"

namespace model::sagemaker {
struct CreateTrainingJobRequest;
}

namespace training {

enum class Status : uint8_t { in_progress, stopping, completed, failed, stopped };
[[nodiscard]] std::string_view name(Status status);  // InProgress, Stopping, …
[[nodiscard]] bool is_final(Status status);

struct Transition {
    std::string status;
    std::string message;
    base::Time start;
    std::optional<base::Time> end;
};

// One host of the job: a process on this machine.
struct Worker {
    std::string host;        // algo-1
    std::string log_stream;  // <job>/algo-1-<epoch-ms>; empty until it is launched
    int process = 0;         // its process id and process group; 0: not running
};

// The last value of a metric that the log showed.
struct FinalMetric {
    std::string name;
    double value = 0;
    base::Time time;
};

// The code that the job was created with (source.hpp): every attempt runs it or none.
struct PinnedSource {
    std::string etag;  // of the source archive, as S3 writes it; empty: the job has none
    uint64_t size = 0;
    std::string sha256;                           // hexadecimal; empty until it is known
    std::map<std::string, std::string> channels;  // digests of the channels that carry code, by name
};

using Tags = std::vector<std::pair<std::string, std::string>>;

struct JobId {
    std::string account, region, name;
    auto operator<=>(const JobId&) const = default;
    [[nodiscard]] std::string arn() const;  // arn:aws:sagemaker:REGION:ACCOUNT:training-job/NAME
};

// The job that such an ARN names; nullopt for anything else.
[[nodiscard]] std::optional<JobId> parse_job_arn(std::string_view arn);

struct StoredRequest;  // stored_request.hpp
// Never changed: copies of a job share it.
using StoredRequestPtr = std::shared_ptr<const StoredRequest>;

struct Job {
    JobId id;
    StoredRequestPtr request;
    Tags tags;
    std::string run_id;           // marks every process of this run (environment TRAINING_JOB_RUN_ID)
    Tags session_tags;            // session tag chaining: the creator's session tags
    std::string source_identity;  // of the creator's session, if it had one: the job's sessions carry it on
    std::string request_id;       // that asked for it: what is decided for the job later is recorded under it

    int retries = 0;                            // of RetryStrategy's, used so far
    std::chrono::milliseconds runtime_used{0};  // of MaxRuntimeInSeconds, by attempts that have ended
    text::Json ended;                           // how the workers ended, once they have: an upload can begin again
    std::optional<PinnedSource> source;         // nothing: of a job that an earlier version created
    // Its artifacts could not be uploaded: the workers' folders stay until it is deleted, or their space is needed.
    bool folder_kept = false;

    Status status = Status::in_progress;
    std::string secondary_status = "Starting";
    std::string failure_reason;
    std::vector<Transition> transitions;
    std::vector<Worker> workers;
    std::vector<FinalMetric> final_metrics;
    base::Time creation_time;
    base::Time last_modified_time;
    std::optional<base::Time> training_start_time;
    std::optional<base::Time> training_end_time;

    // CreateTrainingJob's input, for Describe to echo; its Tags are in `tags`. REQUIRES: `request`.
    [[nodiscard]] const model::sagemaker::CreateTrainingJobRequest& asked() const;
    [[nodiscard]] std::string role_arn() const;
    [[nodiscard]] std::string model_artifacts() const;  // <S3OutputPath>/<job>/output/model.tar.gz, or …/model/
    // Closes the open transition and opens the next. A final status also sets the primary one.
    void enter(std::string secondary, std::string message, base::Time now);
    void finish(Status final_status, std::string secondary, std::string message, base::Time now);
    // Managed spot training: Interrupted, and back to Starting. Costs no retry.
    void interrupt(std::string new_run_id, base::Time now);
    // Begins the next attempt: one more retry is used, back to Starting.
    void retry(std::string new_run_id, base::Time now);
};

// FailureReason of a job that the server's end has cut short.
constexpr std::string_view server_stopped =
    "InternalServerError: The server stopped while the job was training. Its workers were ended; create the job again, or give "
    "it a "
    "RetryStrategy.";

[[nodiscard]] text::Json to_json(const Job& job);
[[nodiscard]] base::Result<Job> job_from_json(const text::Json& json);

}  // namespace training
