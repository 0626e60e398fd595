#include "training/training.hpp"

#include <algorithm>
#include <filesystem>

#include "base/decision.hpp"
#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "crypto/digest.hpp"
#include "store/reserve.hpp"
#include "training/fastfile.hpp"
#include "training/launch.hpp"
#include "training/limits.hpp"
#include "training/openat_beneath.hpp"
#include "training/plan.hpp"
#include "training/request.hpp"
#include "training/run.hpp"
#include "training/scope.hpp"
#include "training/script_launcher.hpp"
#include "training/session.hpp"
#include "training/source.hpp"
#include "training/stored_request.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

constexpr const char* job_prefix = "training/job/";

std::string key_of(const JobId& id) { return job_prefix + id.account + "/" + id.region + "/" + id.name; }

// What decisions about a job are made on: its tags, and that it is not another one of the same name. What its instances are never
// changes.
std::string decided_on(const Job& job) {
    std::string out = std::to_string(job.creation_time.time_since_epoch().count());
    for (const auto& [key, value] : job.tags)
        for (const auto* text : {&key, &value}) ((out += ' ') += std::to_string(text->size()) + ":") += *text;
    return out;
}

// REQUIRES: the mutex of `jobs` held, until the job has been changed if it is.
template <class Jobs>
auto look_up(Jobs& jobs, const JobId& id) {
    const auto found = jobs.find(id);
    base::DecisionScope::note("training job", id.arn(),
                              [&] { return found == jobs.end() ? std::string() : decided_on(found->second); });
    return found;
}

std::unexpected<base::Error> not_found() { return base::fail(base::code::ValidationException, "Requested resource not found."); }

}  // namespace

Training::Training(Dependencies dependencies) : dependencies_(std::move(dependencies)) {
    INVARIANT(dependencies_.keys && dependencies_.leases && dependencies_.data && dependencies_.logs && dependencies_.clock &&
              dependencies_.random);
}

Training::~Training() { shutdown(); }

base::Result<std::unique_ptr<Training>> Training::open(Dependencies dependencies) {
    std::error_code error;
    fs::create_directories(dependencies.folder, error);
    if (error)
        return base::fail(base::code::InternalError, "cannot make the folder " + dependencies.folder + ": " + error.message());
    fs::permissions(dependencies.folder, fs::perms::owner_all, error);
    std::unique_ptr<Training> training(new Training(std::move(dependencies)));
    training->disk_use_ = std::make_unique<DiskUse>(training->dependencies_.folder, training->dependencies_.limits);
    training->disk_use_->remove_kept_by([made = training.get()] { return made->remove_oldest_kept(); });
    TRY(training->load());
    training->disk_use_->make_room();
    return training;
}

base::Result<void> Training::load() {
    const base::Lock lock(mutex_);
    // Volumes and FastFile channels of a server that was killed.
    unmount_below(dependencies_.folder);
    for (const auto& entry : TRY(dependencies_.keys->scan({.prefix = job_prefix}))) {
        auto stored = TRY(text::parse_json(entry.value));
        Job job = TRY(job_from_json(stored));
        if (!is_final(job.status)) TRY(recover(job));
        if (job.folder_kept) find_kept(job);
        jobs_[job.id] = std::move(job);
    }
    return {};
}

base::Result<void> Training::save(const Job& job) {
    store::Batch batch;
    batch.put(key_of(job.id), to_json(job).dump());
    const store::MayUseReserve ends_work;  // a job that cannot be stopped on a full disk would go on filling it
    TRY(base::DecisionScope::check());
    TRY(dependencies_.keys->commit(batch));
    base::DecisionScope::acted();
    version_.fetch_add(1, std::memory_order_release);
    return {};
}

std::string Training::folder_of(const JobId& id) const {
    return dependencies_.folder + "/" + id.account + "/" + id.region + "/" + id.name;
}

void Training::serve_at(Endpoints endpoints) {
    base::Lock lock(mutex_);
    endpoints_ = std::move(endpoints);
    for (const auto& [id, job] : jobs_) {
        if (!is_final(job.status) && !running_.contains(id)) resume(job);
    }
}

base::Result<void> Training::change(const JobId& id, const std::function<void(Job&)>& change) {
    base::Lock lock(mutex_);
    Job& job = jobs_.at(id);
    change(job);
    if (is_final(job.status)) {
        for (auto& worker : job.workers) worker.process = 0;
    }
    auto saved = save(job);
    if (!saved) base::log_error("training job " + job.id.name + " could not be stored: " + saved.error().describe());
    return saved;
}

Training::Census Training::census() const {
    const base::Lock lock(mutex_);
    Census out;
    for (const auto& [id, job] : jobs_) {
        ++out.jobs[job.status];
        if (is_final(job.status)) continue;
        for (const Worker& worker : job.workers) out.workers += worker.process != 0 ? 1 : 0;
    }
    return out;
}

bool Training::keep_volumes(const JobId& id, std::unique_ptr<JobVolumes> volumes) {
    volumes->keep();
    {
        const base::Lock lock(mutex_);
        kept_volumes_[id] = std::move(volumes);
        jobs_.at(id).folder_kept = true;  // saved with the job's end, which comes next
    }
    disk_use_->make_room();
    const base::Lock lock(mutex_);
    return kept_volumes_.contains(id);
}

bool Training::remove_oldest_kept() {
    const base::Lock lock(mutex_);
    const auto ended = [&](const JobId& id) REQUIRES(mutex_) {
        const Job& job = jobs_.at(id);
        return is_final(job.status) ? job.training_end_time.value_or(base::Time{}) : base::Time::max();  // it ends just now
    };
    const JobId* oldest = nullptr;
    for (const auto& [id, volumes] : kept_volumes_)
        if (oldest == nullptr || ended(id) < ended(*oldest)) oldest = &id;
    if (oldest == nullptr) return false;
    const JobId id = *oldest;
    Job& job = jobs_.at(id);
    job.folder_kept = false;
    if (is_final(job.status))
        if (auto saved = save(job); !saved)
            base::log_error("training job " + id.name + " could not be stored: " + saved.error().describe());
    remove_kept(id);
    base::log_warn("what the failed training job " + id.name +
                   " had left on this server is removed, so that there is room for others (docs/limits.md, kept-bytes)");
    return true;
}

void Training::remove_kept(const JobId& id) {
    if (const auto kept = kept_volumes_.extract(id)) kept.mapped()->remove();
    if (auto removed = remove_folder(folder_of(id)); !removed) base::log_warn(removed.error().message);
}

void Training::find_kept(const Job& job) {
    std::vector<std::string> workers;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder_of(job.id), error)) {
        if (entry.is_directory()) workers.push_back(entry.path().string());
    }
    auto volumes =
        std::make_unique<JobVolumes>(*disk_use_, folder_of(job.id), std::move(workers), of_any_size, isolation_mounts());
    if (auto found = volumes->find(); !found)
        base::log_warn("what the training job " + job.id.name + " has left cannot be looked at: " + found.error().describe());
    volumes->keep();
    kept_volumes_[job.id] = std::move(volumes);
}

void Training::hand_out(const std::string& token, std::shared_ptr<RoleSession> session) {
    base::Lock lock(mutex_);
    sessions_[crypto::sha256(token)] = std::move(session);
}

void Training::take_back(const std::string& token) {
    base::Lock lock(mutex_);
    auto found = sessions_.find(crypto::sha256(token));
    if (found == sessions_.end()) return;
    found->second->end();
    sessions_.erase(found);
}

std::shared_ptr<RoleSession> Training::open_session(const Job& job, identity::LeasePtr lease) {
    SessionTerms terms{job.session_tags, job.source_identity, dependencies_.random->uuid(), job.request_id};
    return std::make_shared<RoleSession>(
        RoleSession::Dependencies{&dependencies_.assume, dependencies_.clock, dependencies_.leases}, job.id, job.role_arn(),
        std::move(terms), std::move(lease));
}

void Training::reap_finished() {
    std::erase_if(running_, [](const auto& entry) { return entry.second->done(); });
}

base::Result<void> Training::check_limits(const JobId& id, const Plan& plan) const {
    std::map<std::string, int64_t> in_use;  // of this account, by type
    int64_t of_all = 0;
    for (const auto& [other, running] : running_) {
        of_all += static_cast<int64_t>(running->plan().hosts.size());
        if (other.account != id.account || other.region != id.region || running->plan().spot != plan.spot) continue;
        for (const auto& [name, count] : instances_of(running->plan())) in_use[name] += count;
    }
    if (plan.volume_gigabytes > dependencies_.limits.volume_gigabytes_max) {
        return base::fail(limit_exceeded("Size of EBS volume for a training job instance",
                                         static_cast<int64_t>(dependencies_.limits.volume_gigabytes_max), 0,
                                         static_cast<int64_t>(plan.volume_gigabytes), "GBs"));
    }
    for (const auto& [name, wanted] : instances_of(plan)) {
        const InstanceType type = dependencies_.instances.find(name);
        const int quota = plan.spot ? type.spot_count : type.count;
        if (in_use[name] + wanted > quota) {
            auto refusal = limit_exceeded(quota_name(name, plan.spot), quota, in_use[name], wanted);
            if (quota == 0) refusal.message += " " + dependencies_.instances.why_none(name);
            return base::fail(std::move(refusal));
        }
    }
    const auto wanted = static_cast<int64_t>(plan.hosts.size());
    if (of_all + wanted > dependencies_.instances.total()) {
        return base::fail(
            limit_exceeded("Number of instances across all training jobs", dependencies_.instances.total(), of_all, wanted));
    }
    return {};
}

base::Result<void> Training::check_isolation(const Plan& planned) const {
    const Isolation& isolation = dependencies_.isolation;
    if (isolation.refusal) return base::fail(*isolation.refusal);
    auto needs = [](const std::string& what) {
        return base::fail(base::code::ValidationException,
                          what + " needs a sandbox, and this server runs its workers as plain processes.");
    };
    if (isolation.elsewhere || isolation.sandboxes != nullptr) {
        sandbox::Images& images = isolation.elsewhere ? *isolation.images : isolation.sandboxes->images();
        if (auto found = images.check(planned.image); !found)
            return base::fail(base::code::ValidationException, found.error().message);
        return {};
    }
    if (planned.network_isolation) return needs("EnableNetworkIsolation");
    if (!sandbox::is_host_image(planned.image)) return needs("The training image " + planned.image);
    if (TRY(script_launcher_of(planned)).launcher == Launcher::mpi && planned.hosts.size() > 1)
        return needs("MPI on several instances");
    return {};
}

namespace {

std::unexpected<base::Error> name_in_use(const JobId& id) {
    return base::fail(base::code::ResourceInUse,
                      "Training job names must be unique within an AWS account and region, and a training job with this name "
                      "already exists (" +
                          id.arn() + ")");
}

std::unexpected<base::Error> rejected(std::string code, const Job& job) {
    return base::fail(std::move(code),
                      "The request was rejected because the training job is in status " + std::string(name(job.status)) + ".");
}

}  // namespace

struct Training::Admitted {
    Job job;
    Plan plan;
    std::shared_ptr<RoleSession> session;
};

base::Result<Training::Admitted> Training::admit(NewJob request) {
    const JobId& id = request.id;
    Plan planned = TRY(plan(id, request.request));
    TRY(check_isolation(planned));
    {
        base::Lock lock(mutex_);
        if (jobs_.contains(id)) return name_in_use(id);
    }
    Job job;
    job.id = id;
    job.tags = tags_of(model::items(request.request.tags));
    job.request = keep(std::move(request.request));
    if (planned.tag_chaining) job.session_tags = std::move(request.session_tags);
    job.source_identity = std::move(request.source_identity);
    job.request_id = std::move(request.request_id);
    job.run_id = dependencies_.random->uuid();
    auto session = open_session(job, mover_lease());
    TRY(check_role(job, planned, *session));
    return Admitted{std::move(job), std::move(planned), std::move(session)};
}

base::Result<void> Training::check(NewJob request) {
    const JobId id = request.id;
    const Admitted admitted = TRY(admit(std::move(request)));
    base::Lock lock(mutex_);
    reap_finished();
    return check_limits(id, admitted.plan);
}

base::Result<Job> Training::create(NewJob request) {
    const JobId id = request.id;
    auto [job, planned, session] = TRY(admit(std::move(request)));
    auto pinned = pin_source(*dependencies_.data, *session, planned);
    if (!pinned) return base::fail(base::code::ValidationException, "The job's code cannot be read. " + pinned.error().message);
    job.source = std::move(*pinned);

    base::Lock lock(mutex_);
    if (shutting_down_ || endpoints_.aws.empty())
        return base::fail(base::code::ServiceUnavailable, "the server is starting or stopping: try again");
    reap_finished();
    TRY(check_limits(id, planned));
    job.creation_time = dependencies_.clock->now();
    job.enter("Starting", "Starting the training job", job.creation_time);
    store::Batch batch;
    batch.expect(key_of(id), std::nullopt).put(key_of(id), to_json(job).dump());
    TRY(base::DecisionScope::check());
    if (auto stored = dependencies_.keys->commit(batch); !stored) {
        if (stored.error().code != base::code::Conflict) return base::fail(std::move(stored).error());
        return name_in_use(id);
    }
    base::DecisionScope::acted();
    jobs_[id] = job;
    version_.fetch_add(1, std::memory_order_release);
    auto running = std::make_unique<Running>(*this, job, std::move(planned), std::move(session));
    running->start();
    running_[id] = std::move(running);
    return job;
}

base::Result<Job> Training::describe(const JobId& id) const {
    base::Lock lock(mutex_);
    const auto found = look_up(jobs_, id);
    if (found == jobs_.end()) return not_found();
    return found->second;
}

std::vector<Job> Training::list(const std::string& account, const std::string& region) const {
    base::Lock lock(mutex_);
    std::vector<Job> found;
    for (auto entry = jobs_.lower_bound({account, region, ""}); entry != jobs_.end(); ++entry) {
        if (entry->first.account != account || entry->first.region != region) break;
        found.push_back(entry->second);
    }
    return found;
}

std::vector<JobId> Training::ids(const std::string& account) const {
    base::Lock lock(mutex_);
    std::vector<JobId> found;
    for (auto entry = jobs_.lower_bound({account, "", ""}); entry != jobs_.end() && entry->first.account == account; ++entry)
        found.push_back(entry->first);
    return found;
}

base::Result<void> Training::stop(const JobId& id) {
    base::Lock lock(mutex_);
    const auto found = look_up(jobs_, id);
    if (found == jobs_.end()) return not_found();
    Job& job = found->second;
    if (is_final(job.status)) return rejected("ValidationException", job);
    if (job.status == Status::stopping) {
        // Asked again: what it still uploads ends soon, too.
        TRY(base::DecisionScope::check());
        if (auto running = running_.find(id); running != running_.end()) running->second->stop(StopReason::requested);
        return {};
    }
    Job stopping = job;
    stopping.status = Status::stopping;
    stopping.enter("Stopping", "Stopping the training job", dependencies_.clock->now());
    TRY(save(stopping));
    job = std::move(stopping);
    if (auto running = running_.find(id); running != running_.end()) running->second->stop(StopReason::requested);
    return {};
}

base::Result<void> Training::interrupt(const JobId& id) {
    base::Lock lock(mutex_);
    const auto found = look_up(jobs_, id);
    if (found == jobs_.end()) return not_found();
    const Job& job = found->second;
    if (!job.asked().enable_managed_spot_training.value_or(false)) {
        return base::fail(base::code::ValidationException,
                          "The request was rejected because the training job does not use managed spot training.");
    }
    if (job.status != Status::in_progress) return rejected("ValidationException", job);
    auto running = running_.find(id);
    if (job.secondary_status == "Uploading" || running == running_.end()) {
        return base::fail(
            base::code::ValidationException,
            "The request was rejected because the training job is in secondary status " + job.secondary_status + ".");
    }
    TRY(base::DecisionScope::check());
    running->second->stop(StopReason::interrupted);
    base::DecisionScope::acted();
    return {};
}

namespace {

namespace m = model::sagemaker;

template <class T>
bool take(const std::optional<T>& change, std::optional<T>& member) {
    if (change) member = change;
    return change.has_value();
}

void merge(const m::ProfilerConfigForUpdate& changes, std::optional<m::ProfilerConfig>& config) {
    m::ProfilerConfig merged = config.value_or(m::ProfilerConfig{});
    bool any = take(changes.s3_output_path, merged.s3_output_path);
    any |= take(changes.profiling_interval_in_milliseconds, merged.profiling_interval_in_milliseconds);
    any |= take(changes.profiling_parameters, merged.profiling_parameters);
    any |= take(changes.disable_profiler, merged.disable_profiler);
    if (any) config = std::move(merged);
}

}  // namespace

base::Result<Job> Training::update(const JobId& id, const m::UpdateTrainingJobRequest& changes) {
    TRY(check_update(changes));
    base::Lock lock(mutex_);
    const auto found = look_up(jobs_, id);
    if (found == jobs_.end()) return not_found();
    if (changes.resource_config) {
        return base::fail(base::code::ValidationException,
                          "The training job " + id.name + " has no warm pool: KeepAlivePeriodInSeconds cannot be updated.");
    }
    if (changes.remote_debug_config && changes.remote_debug_config->enable_remote_debug.value_or(false)) {
        return base::fail(base::code::ValidationException,
                          "RemoteDebugConfig.EnableRemoteDebug is not supported by this server. Leave it out.");
    }
    if (found->second.status != Status::in_progress) return rejected("ValidationException", found->second);
    Job changed = found->second;
    StoredRequest request = *changed.request;
    // What another version of this program wrote of a member goes with the member's old value.
    if (changes.profiler_config) {
        merge(*changes.profiler_config, request.asked.profiler_config);
        request.unknown.erase("ProfilerConfig");
    }
    if (changes.remote_debug_config && changes.remote_debug_config->enable_remote_debug) {
        request.asked.remote_debug_config.emplace().enable_remote_debug = changes.remote_debug_config->enable_remote_debug;
        request.unknown.erase("RemoteDebugConfig");
    }
    if (take(changes.profiler_rule_configurations, request.asked.profiler_rule_configurations))
        request.unknown.erase("ProfilerRuleConfigurations");
    changed.request = keep(std::move(request.asked), std::move(request.unknown));
    changed.last_modified_time = dependencies_.clock->now();
    TRY(save(changed));
    found->second = changed;
    return changed;
}

base::Result<void> Training::remove(const JobId& id) {
    base::Lock lock(mutex_);
    const auto found = look_up(jobs_, id);
    if (found == jobs_.end()) return not_found();
    if (!is_final(found->second.status)) return rejected("ResourceInUse", found->second);
    if (shutting_down_) return base::fail(base::code::ServiceUnavailable, "the server is stopping: try again");
    store::Batch batch;
    batch.erase(key_of(id));
    TRY(base::DecisionScope::check());
    TRY(dependencies_.keys->commit(batch));
    base::DecisionScope::acted();
    // Its thread has written the last word and takes the lock no more.
    running_.erase(id);
    const bool folder_kept = found->second.folder_kept;
    jobs_.erase(found);
    version_.fetch_add(1, std::memory_order_release);
    if (folder_kept) remove_kept(id);
    return {};
}

base::Result<Tags> Training::add_tags(const JobId& id, const Tags& tags) {
    base::Lock lock(mutex_);
    const auto found = look_up(jobs_, id);
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
    if (changed.tags.size() > tags_max)
        return base::fail(base::code::ValidationException, "A resource can have at most 50 tags.");
    TRY(save(changed));
    found->second = changed;
    return changed.tags;
}

base::Result<void> Training::delete_tags(const JobId& id, const std::vector<std::string>& keys) {
    base::Lock lock(mutex_);
    const auto found = look_up(jobs_, id);
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
        base::Lock lock(mutex_);
        auto found = sessions_.find(crypto::sha256(token));
        if (found == sessions_.end())
            return base::fail(base::code::AccessDenied, "the authorization token belongs to no running training job");
        session = found->second;
    }
    return WorkerCredentials{TRY(session->current()), session->role_arn()};
}

std::string Training::region_for(const std::string& token) {
    base::Lock lock(mutex_);
    auto found = sessions_.find(crypto::sha256(token));
    return found == sessions_.end() ? std::string() : found->second->job().region;
}

void Training::shutdown() {
    std::map<JobId, std::unique_ptr<Running>> running;
    {
        const base::Lock lock(mutex_);
        shutting_down_ = true;
        // Out of reach of a concurrent deletion of the job. Nothing is added any more.
        running.swap(running_);
    }
    for (auto& [id, job] : running) job->stop(StopReason::shutdown);
    // Joined without the lock: each job's thread takes it to settle.
    for (auto& [id, job] : running) job->join();
}

}  // namespace training
