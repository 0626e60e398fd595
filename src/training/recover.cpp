// What becomes of the jobs that were in progress when the server stopped or was killed.
//
//     it was in                the next server goes on
//     Starting, Downloading    from the beginning: no worker of this attempt has run
//     Training                 from the beginning, as a retry, if its RetryStrategy has one left, or after an
//                              interruption, if it is managed spot training; else the job is Failed
//     Uploading                with the upload: what the workers wrote is still in their folders
//     Stopping                 with the upload of what there is; then it is Stopped
//
// Workers are not left running for the next server to adopt. All that a worker has but its CPU is the server's: the data behind
// its mounts and pipes, its credentials, the gate that its requests pass, the reader of its output, the limits on it. A worker
// without a server is one that cannot be stopped, whose role cannot be revoked and whose runtime is not measured. So workers end
// with their server (launch.hpp), and the job goes on as AWS documents for a failure of its own: a retry, from the last
// checkpoint. A retry counts against RetryStrategy before it starts, so user code runs once more at most, whatever happens in
// between.
#include <algorithm>

#include "base/log.hpp"
#include "sandbox/volume.hpp"
#include "training/fastfile.hpp"
#include "training/launch.hpp"
#include "training/openat_beneath.hpp"
#include "training/plan.hpp"
#include "training/run.hpp"
#include "training/scope.hpp"
#include "training/stored_request.hpp"
#include "training/training.hpp"

namespace training {
namespace {

// The last sign of life of a job's workers: their last line.
base::Time last_written(const logs::Store& store, const JobId& job, base::Time otherwise) {
    base::Time last = otherwise;
    auto streams = store.streams({job.account, job.region}, std::string(log_group_name), job.name + "/");
    if (!streams) return last;  // No group: no worker has written anything.
    for (const auto& stream : *streams)
        last = std::max(last, base::Time(std::chrono::milliseconds(stream.last_event.value_or(0))));
    return last;
}

}  // namespace

base::Result<void> Training::recover(Job& job) {
    if (!end_processes_of_run(job.run_id)) base::log_error("processes of the training job " + job.id.name + " cannot be killed");
    for (auto& worker : job.workers) worker.process = 0;
    unmount_below(folder_of(job.id));
    const bool was_training = job.status == Status::in_progress && job.secondary_status == "Training" && job.ended.is_null();
    if (!was_training) {
        base::log_info("training job " + job.id.name + " goes on: the server stopped while it was " + job.secondary_status);
        return {};
    }
    const base::Time started = job.transitions.back().start;
    job.runtime_used += last_written(*dependencies_.logs, job.id, started) - started;
    if (job.asked().enable_managed_spot_training.value_or(false)) {
        job.interrupt(dependencies_.random->uuid(), dependencies_.clock->now());
        base::log_warn("training job " + job.id.name + " was interrupted: the server stopped while it was training");
        return save(job);
    }
    if (const auto& strategy = job.asked().retry_strategy; strategy && job.retries < strategy->maximum_retry_attempts) {
        job.retry(dependencies_.random->uuid(), dependencies_.clock->now());
        base::log_warn("training job " + job.id.name + " is retried: the server stopped while it was training");
        return save(job);
    }
    job.failure_reason = std::string(server_stopped);
    job.finish(Status::failed, "Failed", "Training job failed", dependencies_.clock->now());
    for (const auto& worker : job.workers) {
        if (auto removed = remove_folder(folder_of(job.id) + "/" + worker.host); !removed)
            base::log_warn("the folder of a worker of " + job.id.name + " remains: " + removed.error().message);
        sandbox::remove_volume(folder_of(job.id) + "/" + worker.host);
    }
    base::log_warn("training job " + job.id.name + " was training when the server stopped and has no retry left: it is Failed");
    return save(job);
}

void Training::resume(Job job) {
    auto planned = plan(job.id, job.asked());
    if (!planned) {
        // What it was accepted by has changed: another version of this program, another table of instance types.
        Job& failed = jobs_.at(job.id);
        failed.failure_reason =
            "InternalServerError: The job cannot go on after a restart of the server: " + planned.error().message;
        failed.finish(Status::failed, "Failed", "Training job failed", dependencies_.clock->now());
        if (auto saved = save(failed); !saved)
            base::log_error("training job " + job.id.name + " could not be stored: " + saved.error().describe());
        return;
    }
    const JobId id = job.id;
    auto session = open_session(job, mover_lease());
    auto running = std::make_unique<Running>(*this, std::move(job), std::move(*planned), std::move(session));
    running->start();
    running_[id] = std::move(running);
}

}  // namespace training
