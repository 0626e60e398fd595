#include "training/run.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <filesystem>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "training/channel.hpp"
#include "training/checkpoints.hpp"
#include "training/image_code.hpp"
#include "training/limits.hpp"
#include "training/openat_beneath.hpp"
#include "training/source.hpp"
#include "training/transfer.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

// Within the worker's own memory: a small instance's channels hold less.
Inputs::Host input_limits(const WorkerPlace& place, const Limits& limits) {
    const uint64_t share = std::max(place.memory_bytes / input_memory_share, input_memory_bytes_least);
    return {place.folder, std::min(limits.input_memory_bytes_max, share), limits.input_files_open_max};
}

// Reasons travel to clients, who have no business with the server's folders.
std::string without_path(std::string reason, const std::string& folder) {
    for (size_t at; !folder.empty() && (at = reason.find(folder)) != std::string::npos;)
        reason.replace(at, folder.size(), "the job's folder");
    return reason;
}

constexpr std::pair<Ended::How, std::string_view> how_names[] = {
    {Ended::How::finished, "finished"},
    {Ended::How::failed, "failed"},
    {Ended::How::stopped, "stopped"},
    {Ended::How::runtime_exceeded, "runtime_exceeded"},
};

// For the record: an upload that the server's end interrupts begins again with it.
text::Json ended_json(const Ended& ended) {
    std::string how;
    for (const auto& [value, name] : how_names) {
        if (value == ended.how) how = name;
    }
    return text::Json::object({{"How", how},
                               {"Host", static_cast<int64_t>(ended.host)},
                               {"ExitCode", ended.exit_code},
                               {"LastLine", ended.last_line},
                               {"OutOfMemory", ended.out_of_memory},
                               {"VolumeFull", ended.volume_full}});
}

// Of a job that was told to stop before its workers had ended there is nothing else to say.
Ended ended_from(const text::Json& json, size_t hosts) {
    Ended ended{Ended::How::stopped, 0, 0, ""};
    for (const auto& [value, name] : how_names) {
        if (name == json["How"].as_string()) ended.how = value;
    }
    ended.host = std::min(static_cast<size_t>(json["Host"].as_int()), hosts - 1);
    ended.exit_code = static_cast<int>(json["ExitCode"].as_int());
    ended.last_line = json["LastLine"].as_string();
    ended.out_of_memory = json["OutOfMemory"].as_bool();
    ended.volume_full = json["VolumeFull"].as_bool();
    return ended;
}

}  // namespace

Running::Running(Training& training, Job job, Plan plan, std::shared_ptr<RoleSession> session)
    : training_(training), job_(std::move(job)), plan_(std::move(plan)), session_(std::move(session)) {
    folder_ = training_.folder_of(job_.id);
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    const auto hosts = static_cast<unsigned>(plan_.hosts.size());
    for (size_t index = 0; index < plan_.hosts.size(); ++index) {
        WorkerPlace place;
        place.index = index;
        place.folder = folder_ + "/" + plan_.hosts[index];
        place.aws_endpoint = training_.endpoints_.aws;
        place.credentials_uri = training_.endpoints_.credentials;
        // Where all hosts are this machine, what they count on together is not more than it has.
        const InstanceType type = training_.dependencies_.instances.find(group_of(plan_, index).instance_type);
        place.cpus = training_.dependencies_.isolation.elsewhere ? type.cores : std::min(type.cores, std::max(1U, cores / hosts));
        place.memory_bytes = type.memory_bytes;
        place.gpus = type.gpus;
        workers_.push_back(place.folder);
        places_.push_back(std::move(place));
    }
    volumes_ = std::make_unique<JobVolumes>(*training_.disk_use_, folder_, workers_, plan_.volume_gigabytes,
                                            training_.isolation_mounts());
    wake_ = os::Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    INVARIANT(wake_.is_open());
}

Running::~Running() { join(); }

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
    StopReason none = StopReason::none;
    // What fails or is interrupted does not hide the request to stop.
    if (reason != StopReason::input_failed && reason != StopReason::disk_full && reason != StopReason::interrupted) {
        stop_ = reason;
    } else if (!stop_.compare_exchange_strong(none, reason)) {
        return;
    }
    cancelled_ = true;
    if (reason == StopReason::shutdown) end_uploads_within(shutdown_upload_max);
    // To stop a job that is uploading is to stop the upload: it gets as long as workers do.
    if (reason == StopReason::requested && uploading_) end_uploads_within(stop_grace);
    uint64_t one = 1;
    ssize_t ignored = ::write(wake_.number(), &one, sizeof one);
    (void)ignored;  // Only a full counter can refuse, and then the thread is awake already.
}

base::Result<void> Running::enter(std::string secondary, std::string message) {
    return training_.change(
        job_.id, [&](Job& job) { job.enter(std::move(secondary), std::move(message), training_.dependencies_.clock->now()); });
}

void Running::life() {
    std::error_code error;  // A failure shows when the folder is written to.
    fs::create_directories(folder_, error);
    std::optional<Outcome> outcome;
    try {
        if (!job_.ended.is_null() || job_.status == Status::stopping) {
            const auto found = volumes_->find();
            outcome = found ? conclude(ended_from(job_.ended, plan_.hosts.size()))
                            : without_artifacts({Status::failed, "Failed", "Training job failed", ""},
                                                "Artifact upload failed:" + found.error().message);
        } else {
            do outcome = attempt();
            while (outcome && retry(*outcome));
        }
    } catch (const std::exception& thrown) {  // It ends this job, not the server with all the others.
        base::log_error("training job " + job_.id.name + ": " + thrown.what());
        outcome = conclude(
            base::fail(base::code::InternalError, "The job could not be run on this machine; the server's log says why."));
    }
    if (!outcome) return;
    // Once a job is final nothing of it is left but its record, its logs and what it uploaded; what could not be uploaded stays
    // until the job is deleted, or its space is needed.
    bool kept = false;
    if (outcome->keep_folder) {
        inputs_.reset();
        confinement_.reset();
        kept = training_.keep_volumes(job_.id, std::move(volumes_));
        base::log_error("training job " + job_.id.name + ": artifacts were not uploaded; " +
                        (kept ? "they stay in " + folder_ + " until the job is deleted, or their space is needed"
                              : "they are lost: there is no room to keep them"));
        outcome->failure_reason += kept
                                       ? ". What the workers wrote stays on the server until the job is deleted, or its space is "
                                         "needed; its log says where."
                                       : ". The server has no room to keep what the workers wrote.";
    } else {
        clean_up();
    }
    session_->end();
    (void)training_.change(job_.id, [&](Job& job) {
        job.failure_reason = clipped(without_path(outcome->failure_reason, folder_), failure_reason_characters_max);
        job.finish(outcome->status, outcome->secondary, outcome->message, training_.dependencies_.clock->now());
    });
}

bool Running::waited_too_long() const {
    return plan_.wait_max && training_.dependencies_.clock->now() - job_.creation_time >= *plan_.wait_max;
}

bool Running::pends_too_long(base::Time since) const {
    return plan_.pending_max && training_.dependencies_.clock->now() - since >= *plan_.pending_max;
}

bool Running::begin_again(const base::Result<Ended>& trained) {
    const bool cut = trained ? trained->how == Ended::How::interrupted : trained.error().code == base::code::Cancelled;
    if (!cut || waited_too_long()) return false;
    cancelled_ = false;
    StopReason interrupted = StopReason::interrupted;
    if (!stop_.compare_exchange_strong(interrupted, StopReason::none)) {
        cancelled_ = true;  // A stop was requested meanwhile.
        return false;
    }
    bool begins = false;
    auto stored = training_.change(job_.id, [&](Job& job) {
        if (job.status != Status::in_progress) return;
        job.interrupt(training_.dependencies_.random->uuid(), training_.dependencies_.clock->now());
        job_ = job;
        begins = true;
    });
    return begins && stored;
}

std::optional<Running::Outcome> Running::attempt() {
    base::Result<Ended> trained;
    do {
        trained = prepare_and_train();
    } while (begin_again(trained));
    if (trained && trained->how != Ended::How::shutdown) {
        (void)training_.change(job_.id, [&](Job& job) { job.ended = ended_json(*trained); });
    }
    return conclude(trained);
}

bool Running::retry(const Outcome& outcome) {
    if (!outcome.is_server_fault || cancelled_) return false;
    bool begins = false;
    auto stored = training_.change(job_.id, [&](Job& job) {
        if (job.retries >= plan_.retries_max || job.status != Status::in_progress) return;
        job.retry(training_.dependencies_.random->uuid(), training_.dependencies_.clock->now());
        job_ = job;
        begins = true;
    });
    if (begins) base::log_warn("training job " + job_.id.name + " is retried after " + outcome.failure_reason);
    return begins && stored;
}

base::Result<Ended> Running::prepare_and_train() {
    clean_up();  // what an attempt before has left
    if (auto ready = prepare(); !ready) {
        volumes_->end_watch();
        const auto full = volumes_->failure();
        if (!full) return base::fail(std::move(ready).error());
        if (full->code != base::code::ClientError) return base::fail(*full);
        return base::fail(base::code::ClientError,
                          "Data download failed:Insufficient disk space. Please use a larger volume (VolumeSizeInGB).");
    }
    // From here on the workers may run: a retry that is not in the store must not.
    TRY(enter("Training", "Training image download completed. Training in progress."));
    const auto started = std::chrono::steady_clock::now();
    auto trained = train();
    take_back_credentials();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
    (void)training_.change(job_.id, [&](Job& job) { job.runtime_used += took; });
    return trained;
}

base::Result<void> Running::prepare() {
    confinement_ = confine(training_.dependencies_.isolation);
    const base::Time asked = training_.dependencies_.clock->now();
    const Attempt attempt{.job = job_,
                          .given_up = [this, asked] { return cancelled_ || waited_too_long() || pends_too_long(asked); },
                          .pending =
                              [this](const std::string& why) {
                                  (void)training_.change(job_.id, [&](Job& job) {
                                      if (job.status == Status::in_progress)
                                          job.enter("Pending", why, training_.dependencies_.clock->now());
                                  });
                              }};
    const auto begun = confinement_->begin(plan_, places_, attempt);
    if (!begun && begun.error().code == base::code::Cancelled && !cancelled_ && pends_too_long(asked))
        return base::fail(base::code::PendingTooLong, "Training job exceeded MaxPendingTimeInSeconds provided");
    TRY(begun);
    (void)training_.change(job_.id, [&](Job& job) {
        base::Time now = training_.dependencies_.clock->now();
        if (!job.training_start_time) job.training_start_time = now;
        job.workers.clear();
        job.enter("Downloading", "Downloading input data", now);
    });
    TRY(volumes_->make());
    volumes_->watch([this] { stop(StopReason::disk_full); });
    for (const auto& place : places_) {
        TRY(make_folders(plan_, place));
        TRY(copy_image_code(plan_, place, [this] { return cancelled_.load(); }));
    }
    TRY(pin_code());
    Transfer transfer(*training_.dependencies_.data, *session_, [this] { return cancelled_.load(); });
    std::vector<Inputs::Host> hosts;
    for (const auto& place : places_) hosts.push_back(input_limits(place, training_.dependencies_.limits));
    inputs_ = std::make_unique<Inputs>(*training_.dependencies_.data, *session_, hosts, plan_.channels,
                                       [this] { stop(StopReason::input_failed); });
    for (const auto& channel : plan_.channels) TRY(inputs_->open(channel, transfer));
    if (plan_.submit_directory) {
        PinnedSource source = *job_.source;
        TRY(transfer.download_source(*plan_.submit_directory, source, workers_));
        if (source.sha256 != job_.source->sha256)
            TRY(training_.change(job_.id, [&](Job& job) { job_.source = job.source = std::move(source); }));
    }
    if (plan_.checkpoints) TRY(transfer.restore_checkpoints(plan_.checkpoints->destination, workers_));
    if (cancelled_) return base::fail(base::code::Cancelled, "the job was stopped");
    return {};
}

// The code is what it was when the job was created (source.hpp).
base::Result<void> Running::pin_code() {
    if (!job_.source) {  // an earlier version of this program created the job
        PinnedSource found = TRY(pin_source(*training_.dependencies_.data, *session_, plan_));
        TRY(training_.change(job_.id, [&](Job& job) { job_.source = job.source = std::move(found); }));
    }
    for (auto& channel : plan_.channels) {
        if (auto pinned = job_.source->channels.find(channel.name); pinned != job_.source->channels.end())
            channel.pin = pinned->second;
    }
    return {};
}

// Which objects of a sharded or listed channel are this host's.
base::Result<std::vector<Share>> Running::shares_of(size_t host) {
    std::vector<Share> shares;
    for (const auto& channel : plan_.channels) {
        if (!needs_share(channel) || !has_channel(channel, host)) continue;
        const auto hosts = hosts_of(channel, plan_.hosts.size());
        const auto seat = static_cast<size_t>(std::ranges::find(hosts, host) - hosts.begin());
        Share share{channel.name, {}};
        const auto objects = TRY(objects_of(*training_.dependencies_.data, *session_, channel, false));
        for (size_t place : share_of(channel, objects.size(), seat, hosts.size()))
            share.objects.push_back(objects[place].where.bucket + "/" + objects[place].where.key);
        std::sort(share.objects.begin(), share.objects.end());
        shares.push_back(std::move(share));
    }
    return shares;
}

base::Result<void> Running::hand_out_credentials() {
    for (auto& place : places_) {
        auto lease = worker_lease(job_, plan_, place.index, TRY(shares_of(place.index)));
        place.token = training_.dependencies_.random->hex(48);
        tokens_.push_back(place.token);
        training_.hand_out(place.token, training_.open_session(job_, std::move(lease)));
    }
    return {};
}

// The workers have ended: other holders of their credentials must not go on.
void Running::take_back_credentials() {
    for (const auto& token : tokens_) training_.take_back(token);
    tokens_.clear();
}

base::Result<void> Running::start_workers(Workers& workers, JobMonitor& monitor) {
    std::string stamp = std::to_string(training_.dependencies_.clock->now().time_since_epoch().count());
    const auto script_launcher = script_launcher_of(plan_);
    const Launcher launcher = script_launcher ? script_launcher->launcher : Launcher::script;
    failures_.clear();
    for (const auto& place : places_) {
        const std::string& host = plan_.hosts[place.index];
        std::string stream = host + "-" + stamp;
        auto log = TRY(training_.dependencies_.logs->start({job_.id.account, job_.id.region}, std::string(log_group_name),
                                                           job_.id.name + "/" + stream));
        for (const auto& remark : confinement_->remarks(place))
            log.write("[trainwarden] " + remark + "\n", training_.dependencies_.clock->now());
        if (place.index == 0) {
            for (const auto& note : plan_.notes) log.write("[trainwarden] " + note + "\n", training_.dependencies_.clock->now());
            if (std::error_code error; fs::exists(place.folder + "/ml/code/requirements.txt", error)) {
                log.write(
                    "[trainwarden] requirements.txt is not installed: the image host/python3 has the packages of this machine\n",
                    training_.dependencies_.clock->now());
            }
        }
        for (const auto& name : too_long_variables(job_, plan_, place)) {
            log.write("[trainwarden] " + name +
                          " would be longer than an environment variable may be and is not set: read /opt/ml/input/config\n",
                      training_.dependencies_.clock->now());
        }
        FailureText& failure = failures_.emplace_back(launcher);
        log.watch([&monitor, &failure](std::string_view line, base::Time now) {
            monitor.line(line, now);
            failure.line(line);
        });
        auto launched = TRY(confinement_->launch(place, host, command(plan_, place), environment(job_, plan_, place),
                                                 working_directory(plan_, place)));
        const int process = launched.process;
        // The processor time of a process that speaks for a worker elsewhere is not the worker's.
        if (!launched.is_proxy) monitor.watch(place.index, process);
        workers.add(std::move(launched), std::move(log));
        (void)training_.change(job_.id, [&](Job& job) { job.workers.push_back({host, job_.id.name + "/" + stream, process}); });
    }
    return {};
}

namespace {

// Tells the checkpoints how their writers end.
class CheckpointWatcher final : public EndWatcher {
public:
    explicit CheckpointWatcher(CheckpointSync& checkpoints) : checkpoints_(checkpoints) {}
    void before_end(size_t host) override { checkpoints_.before_end(host); }
    void ended(size_t host, int exit_code) override { checkpoints_.ended(host, exit_code); }

private:
    CheckpointSync& checkpoints_;
};

}  // namespace

base::Result<Ended> Running::train() {
    std::optional<CheckpointSync> checkpoints;
    std::optional<CheckpointWatcher> watcher;
    uploads_end_ = no_end;  // of an attempt before
    if (plan_.checkpoints) {
        checkpoints.emplace(*training_.dependencies_.data, *session_, plan_.checkpoints->destination, workers_,
                            [this] { return uploads_are_over(); });
        watcher.emplace(*checkpoints);
    }
    JobMonitor monitor(
        *training_.dependencies_.clock, plan_, [this](size_t host) { return inputs_->bytes_read(host); },
        [this](const std::vector<MetricPoint>& points) {
            if (training_.dependencies_.publish) training_.dependencies_.publish(job_.id, points);
        });
    TRY(hand_out_credentials());
    Workers workers(*training_.dependencies_.clock, wake_.number(), stop_);
    if (watcher) workers.watch_ends(&*watcher);
    TRY(start_workers(workers, monitor));
    // MaxRuntimeInSeconds is for all attempts together, MaxWaitTimeInSeconds for what is between them, too.
    using std::chrono::seconds;
    auto left = plan_.runtime_max - std::chrono::duration_cast<seconds>(job_.runtime_used);
    if (plan_.wait_max) {
        const auto waited = training_.dependencies_.clock->now() - job_.creation_time;
        left = std::min(left, std::chrono::ceil<seconds>(*plan_.wait_max - waited));
    }
    Ended ended = workers.wait(std::max(left, seconds{0}));
    if (ended.how == Ended::How::failed) {
        if (auto said = failures_[ended.host].best(); !said.empty()) ended.last_line = std::move(said);
    }
    ended.out_of_memory = ended.how == Ended::How::failed && confinement_->memory_was_exhausted(ended.host);
    ended.volume_full = ended.how == Ended::How::failed && volumes_->was_filled(ended.host, ended.last_line);
    std::optional<std::string> taken_away;
    if (ended.how == Ended::How::failed && !ended.out_of_memory) taken_away = confinement_->taken_away(ended.host);
    confinement_->settle();
    // Processes that left their group are still of this run.
    if (!end_processes_of_run(job_.run_id))
        base::log_error("processes of the training job " + job_.id.name + " cannot be killed");
    auto metrics = monitor.finish();
    (void)training_.change(job_.id, [&](Job& job) { job.final_metrics = std::move(metrics); });
    auto broken = inputs_->failure();
    inputs_.reset();
    volumes_->end_watch();
    if (!broken) broken = volumes_->failure();
    if (broken && ended.how != Ended::How::shutdown) return base::fail(std::move(*broken));
    // Also when the server stops: a retry goes on from what the workers wrote last.
    if (checkpoints) {
        begin_uploads(ended.how);
        auto synced = checkpoints->finish(ended.out_of_memory || taken_away.has_value());
        uploading_ = false;
        for (const auto& line : checkpoints->remarks()) remark(line);
        if (!synced && ended.how == Ended::How::finished) {
            return base::fail(base::code::ClientError, "Artifact upload failed:Unable to upload checkpoints (" +
                                                           synced.error().code + ": " + synced.error().message + ")");
        }
    }
    if (taken_away) return base::fail(base::code::InternalError, *taken_away);
    return ended;
}

void Running::clean_up() {
    inputs_.reset();
    confinement_.reset();
    volumes_->remove();
    for (const auto& worker : workers_) {
        if (auto removed = remove_folder(worker); !removed)
            base::log_warn("the folder of a finished worker remains: " + removed.error().message);
    }
    std::error_code others;  // Not empty: something else is there, which is not ours to remove.
    fs::remove(folder_, others);
}

}  // namespace training
