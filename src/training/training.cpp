#include "training/training.hpp"

#include <algorithm>
#include <filesystem>

#include "base/log.hpp"
#include "crypto/digest.hpp"
#include "training/launch.hpp"
#include "training/limits.hpp"
#include "training/plan.hpp"
#include "training/run.hpp"
#include "training/session.hpp"
#include "training/transfer.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

constexpr const char* job_prefix = "training/job/";

std::string key_of(const JobId& id) { return job_prefix + id.account + "/" + id.region + "/" + id.name; }

std::unexpected<base::Error> not_found() { return base::fail("ValidationException", "Requested resource not found."); }

}  // namespace

Training::Training(Parts parts) : parts_(std::move(parts)), logs_(parts_.folder) {}

Training::~Training() { shutdown(); }

base::Result<std::unique_ptr<Training>> Training::open(Parts parts) {
    std::error_code error;
    fs::create_directories(parts.folder, error);
    if (error) return base::fail("InternalError", "cannot make the folder " + parts.folder + ": " + error.message());
    fs::permissions(parts.folder, fs::perms::owner_all, error);
    std::unique_ptr<Training> training(new Training(std::move(parts)));
    TRY(training->load());
    return training;
}

base::Result<void> Training::load() {
    for (const auto& entry : TRY(parts_.keys->scan({.prefix = job_prefix}))) {
        auto stored = TRY(text::parse_json(entry.value));
        Job job = TRY(job_from_json(stored));
        if (!is_final(job.status)) TRY(settle(job));
        jobs_[job.id] = std::move(job);
    }
    return {};
}

// An earlier server was killed while the job ran. Its workers die with their supervisor (PR_SET_PDEATHSIG); what they started may
// not.
base::Result<void> Training::settle(Job& job) {
    if (!end_processes_of_run(job.run_id)) base::log_error("processes of the training job " + job.id.name + " cannot be killed");
    std::string during = job.secondary_status;
    job.failure_reason = "InternalServerError: The server stopped while the job was in progress (" + during +
                         "). Its workers were ended; create the job again.";
    job.finish(Status::failed, "Failed", "Training job failed", parts_.clock->now());
    for (auto& worker : job.workers) {
        worker.process = 0;
        std::error_code error;
        fs::remove_all(folder_of(job.id) + "/" + worker.host, error);
    }
    base::log_warn("training job " + job.id.name + " was in progress when the server stopped: it is Failed now");
    return save(job);
}

base::Result<void> Training::save(const Job& job) {
    store::Batch batch;
    batch.put(key_of(job.id), to_json(job).dump());
    return parts_.keys->commit(batch);
}

std::string Training::folder_of(const JobId& id) const {
    return parts_.folder + "/" + id.account + "/" + id.region + "/" + id.name;
}

void Training::serve_at(Endpoints endpoints) {
    std::lock_guard lock(mutex_);
    endpoints_ = std::move(endpoints);
}

void Training::update(const JobId& id, const std::function<void(Job&)>& change) {
    std::lock_guard lock(mutex_);
    Job& job = jobs_[id];
    change(job);
    if (is_final(job.status)) {
        for (auto& worker : job.workers) worker.process = 0;
        // The job's credentials end with it.
        auto running = running_.find(id);
        if (running != running_.end()) {
            for (const auto& token : running->second->tokens()) sessions_.erase(crypto::sha256(token));
        }
    }
    if (auto saved = save(job); !saved)
        base::log_error("training job " + id.name + " could not be stored: " + saved.error().describe());
}

void Training::reap_finished() {
    std::erase_if(running_, [](const auto& entry) { return entry.second->done(); });
}

base::Result<void> Training::check_limits(const std::string& instance_type, size_t wanted) const {
    size_t in_use = 0;
    for (const auto& [id, running] : running_) in_use += running->instances();
    if (in_use + wanted <= instances_total_max) return {};
    return base::fail(limit_exceeded(instance_type, instances_total_max, static_cast<int>(in_use), static_cast<int>(wanted)));
}

base::Result<Job> Training::create(NewJob request) {
    const JobId& id = request.id;
    Plan planned = TRY(plan(id, request.request));
    {
        std::lock_guard lock(mutex_);
        if (jobs_.contains(id)) {
            return base::fail(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a training job with this name "
                "already exists (" +
                    id.arn() + ")");
        }
    }
    Job job;
    job.id = id;
    for (const auto& tag : request.request["Tags"].items())
        job.tags.emplace_back(tag["Key"].as_string(), tag["Value"].as_string());
    job.request = std::move(request.request);
    job.request.erase("Tags");
    if (planned.tag_chaining) job.session_tags = std::move(request.session_tags);
    job.run_id = parts_.random->uuid();

    auto session = std::make_shared<RoleSession>(parts_.assume, *parts_.clock, id, job.role_arn(), job.session_tags);
    if (auto assumed = session->current(); !assumed) {
        auto refusal = base::fail("ValidationException", "Could not assume role " + job.role_arn() +
                                                             ". Please ensure that the role exists and allows principal "
                                                             "'sagemaker.amazonaws.com' to assume the role.");
        refusal.error().notes = {assumed.error().describe()};
        return refusal;
    }
    std::atomic<bool> never{false};
    Transfer transfer(*parts_.data, *session, parts_.folder, never);
    for (const auto& channel : planned.channels) TRY(transfer.check_channel(channel, id.region));

    std::lock_guard lock(mutex_);
    if (shutting_down_ || endpoints_.aws.empty())
        return base::fail("ServiceUnavailable", "the server is starting or stopping: try again");
    reap_finished();
    TRY(check_limits(planned.instance_type, planned.hosts.size()));
    job.creation_time = parts_.clock->now();
    job.enter("Starting", "Starting the training job", job.creation_time);
    store::Batch batch;
    batch.expect(key_of(id), std::nullopt).put(key_of(id), to_json(job).dump());
    if (auto stored = parts_.keys->commit(batch); !stored) {
        if (stored.error().code != "Conflict") return base::fail(std::move(stored).error());
        return base::fail("ResourceInUse",
                          "Training job names must be unique within an AWS account and region, and a training job with this name "
                          "already exists (" +
                              id.arn() + ")");
    }
    jobs_[id] = job;
    std::vector<std::string> tokens;
    for (size_t host = 0; host < planned.hosts.size(); ++host) {
        tokens.push_back(parts_.random->hex(48));
        sessions_[crypto::sha256(tokens.back())] = session;
    }
    auto running = std::make_unique<Running>(*this, job, std::move(planned), std::move(session), std::move(tokens));
    running->start();
    running_[id] = std::move(running);
    return job;
}

base::Result<Job> Training::describe(const JobId& id) const {
    std::lock_guard lock(mutex_);
    auto found = jobs_.find(id);
    if (found == jobs_.end()) return not_found();
    return found->second;
}

std::vector<Job> Training::list(const std::string& account, const std::string& region) const {
    std::lock_guard lock(mutex_);
    std::vector<Job> found;
    for (auto entry = jobs_.lower_bound({account, region, ""}); entry != jobs_.end(); ++entry) {
        if (entry->first.account != account || entry->first.region != region) break;
        found.push_back(entry->second);
    }
    return found;
}

base::Result<void> Training::stop(const JobId& id) {
    std::lock_guard lock(mutex_);
    auto found = jobs_.find(id);
    if (found == jobs_.end()) return not_found();
    Job& job = found->second;
    if (is_final(job.status)) {
        return base::fail("ValidationException", "The request was rejected because the training job is in status " +
                                                     std::string(name(job.status)) + ".");
    }
    if (job.status == Status::stopping) return {};
    Job stopping = job;
    stopping.status = Status::stopping;
    stopping.enter("Stopping", "Stopping the training job", parts_.clock->now());
    TRY(save(stopping));
    job = std::move(stopping);
    if (auto running = running_.find(id); running != running_.end()) running->second->stop(StopReason::requested);
    return {};
}

base::Result<Tags> Training::add_tags(const JobId& id, const Tags& tags) {
    std::lock_guard lock(mutex_);
    auto found = jobs_.find(id);
    if (found == jobs_.end()) return not_found();
    Job changed = found->second;
    for (const auto& [key, value] : tags) {
        auto same = std::find_if(changed.tags.begin(), changed.tags.end(), [&](const auto& tag) { return tag.first == key; });
        if (same == changed.tags.end()) {
            changed.tags.emplace_back(key, value);
        } else {
            same->second = value;
        }
    }
    if (changed.tags.size() > tags_max) return base::fail("ValidationException", "A resource can have at most 50 tags.");
    TRY(save(changed));
    found->second = changed;
    return changed.tags;
}

base::Result<void> Training::delete_tags(const JobId& id, const std::vector<std::string>& keys) {
    std::lock_guard lock(mutex_);
    auto found = jobs_.find(id);
    if (found == jobs_.end()) return not_found();
    Job changed = found->second;
    std::erase_if(changed.tags, [&](const auto& tag) { return std::find(keys.begin(), keys.end(), tag.first) != keys.end(); });
    TRY(save(changed));
    found->second = std::move(changed);
    return {};
}

base::Result<Training::WorkerCredentials> Training::credentials_for(const std::string& token) {
    std::shared_ptr<RoleSession> session;
    {
        std::lock_guard lock(mutex_);
        auto found = sessions_.find(crypto::sha256(token));
        if (found == sessions_.end())
            return base::fail("AccessDenied", "the authorization token belongs to no running training job");
        session = found->second;
    }
    return WorkerCredentials{TRY(session->current()), session->role_arn()};
}

void Training::shutdown() {
    std::map<JobId, std::unique_ptr<Running>> running;
    {
        std::lock_guard lock(mutex_);
        shutting_down_ = true;
        for (auto& [id, job] : running_) job->stop(StopReason::shutdown);
    }
    // Joined without the lock: each job's thread takes it to settle. Nothing is added any more.
    for (auto& [id, job] : running_) job->join();
    std::lock_guard lock(mutex_);
    running_.clear();
}

}  // namespace training
