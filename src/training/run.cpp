#include "training/run.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <filesystem>

#include "base/invariant.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "training/beneath.hpp"
#include "training/limits.hpp"
#include "training/transfer.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

std::string clipped(std::string reason) {
    // Whole UTF-8 characters only.
    if (reason.size() <= failure_reason_characters_max) return reason;
    size_t end = failure_reason_characters_max;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0) == 0x80) --end;
    reason.resize(end);
    return reason;
}

}  // namespace

Running::Running(Training& training, Job job, Plan plan, std::shared_ptr<RoleSession> session, std::vector<std::string> tokens)
    : training_(training),
      job_(std::move(job)),
      plan_(std::move(plan)),
      session_(std::move(session)),
      tokens_(std::move(tokens)) {
    INVARIANT(tokens_.size() == plan_.hosts.size());
    folder_ = training_.folder_of(job_.id);
    private_mounts_ = private_mounts_available();
    unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    int port = free_port();
    for (size_t index = 0; index < plan_.hosts.size(); ++index) {
        WorkerPlace place;
        place.index = index;
        place.folder = folder_ + "/" + plan_.hosts[index];
        std::string home = home_of_server();
        place.base = private_mounts_ ? "/opt/ml" : place.folder + "/ml";
        place.home = private_mounts_ ? (home == "/" ? "/tmp" : home) : place.folder + "/home";
        place.token = tokens_[index];
        place.aws_endpoint = training_.endpoints_.aws;
        place.credentials_uri = training_.endpoints_.credentials;
        place.master_port = port;
        place.cpus = std::max(1U, cores / static_cast<unsigned>(plan_.hosts.size()));
        workers_.push_back(place.folder);
        places_.push_back(std::move(place));
    }
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    INVARIANT(wake_ >= 0);
}

Running::~Running() {
    join();
    ::close(wake_);
}

void Running::join() {
    if (thread_.joinable()) thread_.join();
}

void Running::start() {
    thread_ = std::thread([this] {
        life();
        done_ = true;
    });
}

void Running::stop(StopReason reason) {
    stop_ = reason;
    cancelled_ = true;
    if (reason == StopReason::shutdown) never_ = true;
    uint64_t one = 1;
    ssize_t ignored = ::write(wake_, &one, sizeof one);
    (void)ignored;  // Only a full counter can refuse, and then the thread is awake already.
}

void Running::enter(std::string secondary, std::string message) {
    training_.update(job_.id,
                     [&](Job& job) { job.enter(std::move(secondary), std::move(message), training_.parts_.clock->now()); });
}

void Running::life() {
    training_.update(job_.id, [&](Job& job) {
        job.training_start_time = training_.parts_.clock->now();
        job.enter("Downloading", "Downloading input data", *job.training_start_time);
    });
    Outcome outcome;
    try {
        base::Result<Ended> trained;
        if (auto prepared = prepare(); !prepared) {
            trained = base::fail(std::move(prepared).error());
        } else {
            enter("Training", "Training image download completed. Training in progress.");
            trained = train();
        }
        outcome = conclude(trained);
    } catch (const std::exception& error) {  // It ends this job, not the server with all the others.
        base::log_error("training job " + job_.id.name + ": " + error.what());
        outcome = conclude(base::fail("InternalError", "The job could not be run on this machine; the server's log says why."));
    }
    // Once a job is final nothing of it is left but its record, its logs and what it uploaded.
    clean_up();
    training_.update(job_.id, [&](Job& job) {
        job.failure_reason = clipped(outcome.failure_reason);
        job.finish(outcome.status, outcome.secondary, outcome.message, training_.parts_.clock->now());
    });
}

base::Result<void> Running::prepare() {
    for (const auto& place : places_) TRY(make_folders(plan_, place));
    Transfer transfer(*training_.parts_.data, *session_, folder_, cancelled_);
    for (const auto& channel : plan_.channels) TRY(transfer.download_channel(channel, workers_));
    if (plan_.submit_directory) TRY(transfer.download_source(*plan_.submit_directory, workers_));
    if (plan_.checkpoints) TRY(transfer.restore_checkpoints(plan_.checkpoints->destination, workers_));
    if (cancelled_) return base::fail("Cancelled", "the job was stopped");
    return {};
}

base::Result<void> Running::start_workers(Workers& workers) {
    std::error_code error;
    fs::create_directories(folder_ + "/logs", error);
    std::string stamp = std::to_string(training_.parts_.clock->now().time_since_epoch().count());
    for (const auto& place : places_) {
        const std::string& host = plan_.hosts[place.index];
        std::string stream = host + "-" + stamp;
        LaunchRequest request;
        request.command = command(plan_);
        request.environment = environment(job_, plan_, place);
        request.worker_folder = place.folder;
        request.working_directory = plan_.command.empty() ? place.base + "/code" : place.base;
        request.host_name = host;
        request.hidden = training_.parts_.hidden;
        request.private_mounts = private_mounts_;
        auto log = TRY(LogWriter::open(training_.logs_.file_of(job_.id, stream)));
        if (!private_mounts_) {
            log.write("[trainwarden] this machine permits no private mounts: /opt/ml is " + place.base +
                          " (see SM_MODEL_DIR, SM_CHANNEL_*)\n",
                      training_.parts_.clock->now());
        }
        if (place.index == 0) {
            for (const auto& note : plan_.notes) log.write("[trainwarden] " + note + "\n", training_.parts_.clock->now());
            if (fs::exists(place.folder + "/ml/code/requirements.txt", error)) {
                log.write(
                    "[trainwarden] requirements.txt is not installed: the image host/python3 has the packages of this machine\n",
                    training_.parts_.clock->now());
            }
        }
        int process = TRY(workers.start(request, std::move(log)));
        training_.update(job_.id, [&](Job& job) { job.workers.push_back({host, job_.id.name + "/" + stream, process}); });
    }
    return {};
}

base::Result<Ended> Running::train() {
    std::optional<CheckpointSync> checkpoints;
    if (plan_.checkpoints) checkpoints.emplace(*training_.parts_.data, *session_, plan_.checkpoints->destination, workers_);
    Workers workers(*training_.parts_.clock, wake_, stop_);
    TRY(start_workers(workers));
    Ended ended = workers.wait(plan_.runtime_max);
    // Whoever left its process group is still of this run.
    if (!end_processes_of_run(job_.run_id))
        base::log_error("processes of the training job " + job_.id.name + " cannot be killed");
    if (checkpoints && ended.how != Ended::How::shutdown) {
        if (auto synced = checkpoints->finish(); !synced && ended.how == Ended::How::finished) {
            return base::fail("ClientError", "Artifact upload failed:Unable to upload checkpoints (" + synced.error().code +
                                                 ": " + synced.error().message + ")");
        }
    }
    return ended;
}

base::Result<void> Running::upload(bool with_model) {
    Transfer transfer(*training_.parts_.data, *session_, folder_, never_);
    auto at = [&](const char* name) { return S3Uri{plan_.output.bucket, plan_.output.key + "/output/" + name}; };
    std::vector<std::string> remarks;
    if (with_model) remarks = TRY(transfer.upload_folder(workers_, "model", at("model"), plan_.compress_output));
    auto more = TRY(transfer.upload_folder(workers_, "output/data", at("output"), plan_.compress_output));
    remarks.insert(remarks.end(), more.begin(), more.end());
    for (const auto& remark : remarks) base::log_warn("training job " + job_.id.name + ": " + remark);
    return {};
}

std::string Running::algorithm_error(const Ended& ended) const {
    std::string told = valid_utf8(read_beneath(workers_[ended.host], "ml/output/failure", failure_reason_characters_max));
    if (told.empty() && plan_.command.empty()) {
        // What the SageMaker toolkit writes for a script that fails.
        told = "ExecuteUserScriptError:\nExitCode " + std::to_string(ended.exit_code) + "\nErrorMessage \"" + ended.last_line +
               "\"\nCommand \"" + base::join(command(plan_), " ") + "\"";
    }
    return "AlgorithmError: " + told + ", exit code: " + std::to_string(ended.exit_code);
}

Running::Outcome Running::conclude(const base::Result<Ended>& trained) {
    auto failed = [](std::string reason) { return Outcome{Status::failed, "Failed", "Training job failed", std::move(reason)}; };
    if (stop_ == StopReason::shutdown) {
        return failed(
            "InternalServerError: The server stopped while the job was in progress. Its workers were ended; create the job "
            "again.");
    }
    bool cancelled = !trained && trained.error().code == "Cancelled";
    if (!trained && !cancelled) {
        bool ours = trained.error().code == "InternalError";
        return failed((ours ? "InternalServerError: " : "ClientError: ") + trained.error().message);
    }
    if (cancelled) return {Status::stopped, "Stopped", "Training job stopped", ""};
    bool wants_model = trained->how != Ended::How::failed;
    std::string reason = wants_model ? "" : algorithm_error(*trained);
    enter("Uploading", wants_model ? "Uploading generated training model" : "Uploading generated training output");
    auto uploaded = upload(wants_model);
    if (!wants_model) {
        if (!uploaded) base::log_warn("training job " + job_.id.name + ": " + uploaded.error().message);
        return failed(std::move(reason));
    }
    if (!uploaded) return failed("ClientError: " + uploaded.error().message);
    switch (trained->how) {
        case Ended::How::finished:
            return {Status::completed, "Completed", "Training job completed", ""};
        case Ended::How::runtime_exceeded:
            return {Status::stopped, "MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds provided", ""};
        default:
            return {Status::stopped, "Stopped", "Training job stopped", ""};
    }
}

void Running::clean_up() {
    for (const auto& worker : workers_) {
        std::error_code error;
        fs::remove_all(worker, error);
        if (error) base::log_warn("the folder of a finished worker remains: " + worker + ": " + error.message());
    }
}

}  // namespace training
