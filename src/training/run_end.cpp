// How a job ends: what its workers left is uploaded, and its record says what became of it.
#include <algorithm>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "training/limits.hpp"
#include "training/openat_beneath.hpp"
#include "training/run.hpp"
#include "training/transfer.hpp"

namespace training {
namespace {

int64_t steady_now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string clipped(std::string reason, size_t bytes_max) {
    // Whole UTF-8 characters only.
    if (reason.size() <= bytes_max) return reason;
    size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0) == 0x80) --end;
    reason.resize(end);
    return reason;
}

// MaxRuntimeInSeconds ends uploads as it ends workers: with time for what there is.
std::chrono::seconds Running::upload_time(Ended::How how) const {
    const Limits& limits = training_.dependencies_.limits;
    if (how != Ended::How::finished) return limits.stopped_upload_max;
    const auto job = training_.describe(job_.id);
    const auto used = job ? std::chrono::duration_cast<std::chrono::seconds>(job->runtime_used) : std::chrono::seconds{0};
    const auto left = std::max(plan_.runtime_max - used, std::chrono::seconds{0});
    return std::min(limits.artifact_time_max, left + limits.stopped_upload_max);
}

void Running::begin_uploads(Ended::How how) {
    uploads_end_ = steady_now() + std::chrono::nanoseconds(upload_time(how)).count();
    uploading_ = true;
}

bool Running::uploads_are_over() const { return steady_now() >= std::min(uploads_end_.load(), uploads_cut_.load()); }

void Running::end_uploads_within(std::chrono::seconds time) {
    const int64_t end = steady_now() + std::chrono::nanoseconds(time).count();
    int64_t before = uploads_cut_.load();
    while (end < before && !uploads_cut_.compare_exchange_weak(before, end)) {
    }
}

base::Result<std::vector<std::string>> Running::upload(bool with_model) {
    Transfer transfer(
        *training_.dependencies_.data, *session_, [this] { return stop_ == StopReason::shutdown || uploads_are_over(); },
        training_.dependencies_.limits.artifact_bytes_max);
    std::vector<std::string> missing;
    for (const auto& [folder, name] : {std::pair("model", "model"), std::pair("output/data", "output")}) {
        if (!with_model && folder == std::string_view("model")) continue;
        auto uploaded = TRY(transfer.upload_folder(workers_, folder, {plan_.output.bucket, plan_.output.key + "/output/" + name},
                                                   plan_.compress_output));
        for (const auto& line : uploaded.remarks) remark(line);
        for (auto& what : uploaded.missing) {
            remark("not uploaded: " + what);
            missing.push_back(std::move(what));
        }
    }
    return missing;
}

void Running::remark(const std::string& text) {
    const auto job = training_.describe(job_.id);
    if (!job || job->workers.empty()) return base::log_warn("training job " + job_.id.name + ": " + text);
    const base::Time now = training_.dependencies_.clock->now();
    auto log = training_.dependencies_.logs->start({job_.id.account, job_.id.region}, std::string(log_group_name),
                                                   job->workers.front().log_stream);
    if (!log) return base::log_warn("training job " + job_.id.name + ": " + text);
    log->write("[trainwarden] " + text + "\n", now);
    log->close(now);
}

std::string Running::algorithm_error(const Ended& ended) const {
    if (ended.out_of_memory) {
        return "ClientError: Please use an instance type with more memory, or reduce the size of training data processed on an "
               "instance.";
    }
    std::string told = valid_utf8(read_beneath(workers_[ended.host], "ml/output/failure", failure_reason_characters_max));
    // Under mpirun the first host's launcher fails, and the script that did may be on another.
    for (size_t host = 0; host < workers_.size() && told.empty(); ++host)
        told = valid_utf8(read_beneath(workers_[host], "ml/output/failure", failure_reason_characters_max));
    if (told.empty() && plan_.command.empty()) {
        // What the SageMaker toolkit writes for a script that fails. Of the workers under mpirun the first has the command.
        const auto script_launcher = script_launcher_of(plan_);
        const bool led = script_launcher && script_launcher->launcher == Launcher::mpi && script_launcher->takes_part(ended.host);
        const auto words = shown_command(command(plan_, places_[led ? script_launcher->hosts.front() : ended.host]));
        told = "ExecuteUserScriptError:\nExitCode " + std::to_string(ended.exit_code) + "\nErrorMessage \"" + ended.last_line +
               "\"\nCommand \"" + base::join(words, " ") + "\"";
    }
    std::string end = ", exit code: " + std::to_string(ended.exit_code);
    if (ended.volume_full) {
        // Behind what the script said, which may be as long as a reason may be.
        end += ". The ML storage volume of " + plan_.hosts[ended.host] + " is full (VolumeSizeInGB is " +
               std::to_string(plan_.volume_gigabytes) + "). Please use a larger volume.";
        told = clipped(std::move(told), failure_reason_characters_max - end.size() - std::string_view("AlgorithmError: ").size());
    }
    return "AlgorithmError: " + told + end;
}

std::optional<Running::Outcome> Running::conclude(const base::Result<Ended>& trained) {
    auto failed = [](std::string reason) { return Outcome{Status::failed, "Failed", "Training job failed", std::move(reason)}; };
    if (stop_ == StopReason::shutdown) return at_shutdown(trained);
    bool cancelled = !trained && trained.error().code == base::code::Cancelled;
    if (!trained && trained.error().code == base::code::PendingTooLong)
        return Outcome{Status::stopped, "Stopped", trained.error().message, ""};
    if (!trained && !cancelled) {
        const std::string& code = trained.error().code;
        // CapacityError is AWS's own, for instances that are not to be had.
        const char* whose = code == base::code::InternalError   ? "InternalServerError: "
                            : code == base::code::CapacityError ? "CapacityError: "
                                                                : "ClientError: ";
        Outcome outcome = failed(whose + trained.error().message);
        outcome.is_server_fault = code == base::code::InternalError;
        return outcome;
    }
    const bool late = waited_too_long() &&
                      (cancelled || trained->how == Ended::How::interrupted || trained->how == Ended::How::runtime_exceeded);
    const Outcome waited{Status::stopped, "MaxWaitTimeExceeded", "Training job exceeded MaxWaitTimeInSeconds provided", ""};
    if (cancelled) return late ? waited : Outcome{Status::stopped, "Stopped", "Training job stopped", ""};
    bool wants_model = trained->how != Ended::How::failed;
    std::string reason = wants_model ? "" : algorithm_error(*trained);
    (void)enter("Uploading", wants_model ? "Uploading generated training model" : "Uploading generated training output");
    begin_uploads(trained->how);
    auto uploaded = upload(wants_model);
    uploading_ = false;
    if (!uploaded && stop_ == StopReason::shutdown) return std::nullopt;
    if (!wants_model) {
        Outcome outcome = failed(std::move(reason));
        if (!uploaded) remark(uploaded.error().message);
        return outcome;
    }
    if (!uploaded && uploaded.error().code == base::code::Cancelled) {
        if (stop_ == StopReason::requested)
            return Outcome{Status::stopped, "Stopped", "Training job stopped before its artifacts were uploaded", ""};
        return without_artifacts(failed(""), "Artifact upload failed:it took longer than " +
                                                 std::to_string(upload_time(trained->how).count()) + " seconds");
    }
    if (!uploaded) return without_artifacts(failed(""), uploaded.error().message);
    if (!uploaded->empty()) {
        return without_artifacts(failed(""), "Artifact upload failed:" + base::join(*uploaded, "; ") +
                                                 ". Everything else is under s3://" + plan_.output.bucket + "/" +
                                                 plan_.output.key + "/output/");
    }
    if (late) return waited;
    switch (trained->how) {
        case Ended::How::finished:
            return Outcome{Status::completed, "Completed", "Training job completed", ""};
        case Ended::How::runtime_exceeded:
            return Outcome{Status::stopped, "MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds provided",
                           ""};
        default:
            return Outcome{Status::stopped, "Stopped", "Training job stopped", ""};
    }
}

// The model must not be lost with the job: it stays in the job's folder for the server's operator.
Running::Outcome Running::without_artifacts(Outcome outcome, const std::string& why) {
    outcome.failure_reason = "ClientError: " + why;
    outcome.keep_folder = true;
    return outcome;
}

// The server stops. Only a job whose workers were cut short and must not run again ends with it.
std::optional<Running::Outcome> Running::at_shutdown(const base::Result<Ended>& trained) {
    if (!trained || trained->how != Ended::How::shutdown) return std::nullopt;
    bool over = false;
    (void)training_.change(job_.id, [&](Job& job) {
        if (job.status != Status::in_progress) return;
        // To managed spot training the end of the server is an interruption like any other.
        over = !plan_.spot && job.retries >= plan_.retries_max;
        if (plan_.spot) {
            job.interrupt(training_.dependencies_.random->uuid(), training_.dependencies_.clock->now());
        } else if (!over) {
            job.retry(training_.dependencies_.random->uuid(), training_.dependencies_.clock->now());
        }
    });
    if (!over) return std::nullopt;
    return Outcome{Status::failed, "Failed", "Training job failed", std::string(server_stopped)};
}

}  // namespace training
