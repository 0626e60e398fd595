#include "cli/train_job.hpp"

#include <chrono>
#include <cstdio>
#include <thread>

#include "base/error_codes.hpp"
#include "cli/terminal.hpp"
#include "cli/train_log.hpp"
#include "cli/train_remedy.hpp"
#include "model/words.hpp"

namespace cli {

namespace m = model::sagemaker;

namespace {

constexpr auto poll_interval = std::chrono::milliseconds(400);

bool is_final(m::TrainingJobStatus status) {
    return status == m::TrainingJobStatus::completed || status == m::TrainingJobStatus::failed ||
           status == m::TrainingJobStatus::stopped;
}

}  // namespace

base::Result<wire::Client> connect_to_jobs() {
    wire::ClientOptions options = TRY(wire::options_from_environment());
    // These commands work with AWS, too, where a job costs money: who has forgotten to name a server has to see it.
    if (options.endpoint.empty())
        print_warning("no Trainwarden server is named: this goes to AWS (" + options.region +
                      "); for a server: eval \"$(trainwarden env)\"");
    return wire::Client(std::move(options));
}

std::unexpected<base::Error> train_usage(std::string message, std::string note) {
    base::Error error(base::code::InvalidArgument, std::move(message));
    error.notes.push_back(std::move(note));
    return base::fail(std::move(error));
}

base::Result<JobDescription> describe_job(wire::Client& client, const std::string& name) {
    auto found = client.call<m::DescribeTrainingJob>({.training_job_name = name});
    if (!found) return base::fail(of_job(std::move(found).error(), name));
    return found;
}

base::Result<JobDescription> follow_job(wire::Client& client, const std::string& name, bool tell_states, bool raw) {
    TrainLog log(client, name, raw);
    size_t told = 0;
    for (;;) {
        JobDescription job = TRY(describe_job(client, name));
        TRY(log.print_new());  // after describe: a job that was final then has written all
        const auto transitions = model::items(job.secondary_status_transitions);
        for (; tell_states && told < transitions.size(); ++told) {
            const auto& step = transitions[told];
            const std::string line =
                std::string(model::word_of(step.status)) + ": " + std::string(model::text(step.status_message));
            print(paint(Style::dim, line, stderr) + "\n", stderr);
        }
        if (is_final(job.training_job_status)) return job;
        std::this_thread::sleep_for(poll_interval);
    }
}

base::Result<int> exit_status_of(const JobDescription& job) {
    const std::string& name = job.training_job_name;
    if (job.training_job_status == m::TrainingJobStatus::completed) {
        const std::string told = name + " completed: " + job.model_artifacts.s3_model_artifacts;
        print(paint(Style::green, told, stderr) + "\n", stderr);
        return 0;
    }
    if (job.training_job_status == m::TrainingJobStatus::failed)
        return base::fail(base::code::TrainingJobFailed, name + " failed: " + std::string(model::text(job.failure_reason)));
    return base::fail(base::code::TrainingJobStopped, name + " ended as " + std::string(model::word_of(job.training_job_status)) +
                                                          " (" + std::string(model::word_of(job.secondary_status)) + ")");
}

}  // namespace cli
