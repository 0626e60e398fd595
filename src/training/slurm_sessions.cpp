#include "training/slurm_sessions.hpp"

#include "base/decision.hpp"
#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "text/json.hpp"
#include "training/limits.hpp"
#include "training/scope.hpp"

namespace training {
namespace {

using text::Json;

constexpr std::string_view prefix = "training/slurm/";

std::string key_of(const std::string& account, const std::string& id) { return std::string(prefix) + account + "/" + id; }

std::string record_of(const SlurmJob& job, base::Time renewed) {
    return Json::object({{"Region", job.region},
                         {"Job", job.id},
                         {"User", job.user},
                         {"RoleArn", job.role_arn},
                         {"RequestId", job.request_id},
                         {"Renewed", static_cast<int64_t>(
                                         std::chrono::duration_cast<std::chrono::seconds>(renewed.time_since_epoch()).count())}})
        .dump();
}

}  // namespace

JobId job_id_of(const SlurmJob& job) { return {job.account, job.region, "slurm-" + job.id}; }

SessionTerms session_terms_of(const SlurmJob& job, const std::string& lease) {
    return {.tags = {}, .source_identity = {}, .lease = lease, .request_id = job.request_id};
}

base::Result<std::unique_ptr<SlurmSessions>> SlurmSessions::open(Dependencies dependencies) {
    std::unique_ptr<SlurmSessions> sessions(new SlurmSessions(std::move(dependencies)));
    const base::Lock lock(sessions->mutex_);
    for (const auto& [key, value] : TRY(sessions->dependencies_.keys->scan({.prefix = std::string(prefix)}))) {
        const Json record = TRY(text::parse_json(value));
        const std::string place = key.substr(prefix.size());
        const size_t slash = place.find('/');
        SlurmJob job{place.substr(0, slash),     record["Region"].as_string(),  record["Job"].as_string(),
                     record["User"].as_string(), record["RoleArn"].as_string(), record["RequestId"].as_string()};
        sessions->held_[place] = {job, sessions->hold(job, place.substr(slash + 1)),
                                  base::Time(std::chrono::seconds(record["Renewed"].as_int()))};
    }
    TRY(sessions->close_lapsed());
    return sessions;
}

std::unique_ptr<RoleSession> SlurmSessions::hold(const SlurmJob& job, const std::string& id) {
    return std::make_unique<RoleSession>(
        RoleSession::Dependencies{&dependencies_.assume, dependencies_.clock, dependencies_.leases}, job_id_of(job), job.role_arn,
        session_terms_of(job, id), mover_lease());
}

// A machine that died ran no epilog. What it held has expired by now; this forgets it.
base::Result<void> SlurmSessions::close_lapsed() {
    for (auto held = held_.begin(); held != held_.end();) {
        if (dependencies_.clock->now() - held->second.renewed < slurm_session_lapse) {
            ++held;
            continue;
        }
        store::Batch batch;
        batch.erase(std::string(prefix) + held->first);
        TRY(dependencies_.keys->commit(batch));
        held = held_.erase(held);
    }
    return {};
}

base::Result<void> SlurmSessions::commit(const store::Batch& batch) {
    TRY(base::DecisionScope::check());
    TRY(dependencies_.keys->commit(batch));
    base::DecisionScope::acted();
    return {};
}

base::Result<SlurmSessions::Opened> SlurmSessions::open_session(const SlurmJob& job) {
    Opened opened;
    opened.id = dependencies_.random->hex(48);
    auto session = hold(job, opened.id);
    opened.credentials = TRY(session->current());
    const base::Time now = dependencies_.clock->now();
    base::Lock lock(mutex_);
    store::Batch batch;
    batch.put(key_of(job.account, opened.id), record_of(job, now));
    TRY(commit(batch));
    held_[job.account + "/" + opened.id] = {job, std::move(session), now};
    if (auto closed = close_lapsed(); !closed) base::log_warn("lapsed Slurm sessions stay: " + closed.error().describe());
    return opened;
}

base::Result<SlurmSessions::Held*> SlurmSessions::find(const std::string& account, const std::string& id) {
    const auto held = held_.find(account + "/" + id);
    if (held == held_.end())
        return base::fail(base::code::NoSuchSession, "there is no such session of a Slurm job: its job has ended");
    return &held->second;
}

base::Result<std::optional<SlurmJob>> SlurmSessions::job_to_renew(const std::string& account, const std::string& id) {
    base::Lock lock(mutex_);
    const Held& held = *TRY(find(account, id));
    if (!held.session->assumes_now()) return std::nullopt;
    return held.job;
}

base::Result<identity::Credentials> SlurmSessions::renew(const std::string& account, const std::string& id) {
    base::Lock lock(mutex_);
    Held& held = *TRY(find(account, id));
    auto credentials = TRY(held.session->current());
    held.renewed = dependencies_.clock->now();
    store::Batch batch;
    batch.put(key_of(account, id), record_of(held.job, held.renewed));
    TRY(commit(batch));
    return credentials;
}

base::Result<void> SlurmSessions::close(const std::string& account, const std::string& id) {
    base::Lock lock(mutex_);
    const auto held = held_.find(account + "/" + id);
    if (held == held_.end()) return {};
    store::Batch batch;
    batch.erase(key_of(account, id));
    TRY(commit(batch));
    held_.erase(held);  // and with it the lease
    return {};
}

}  // namespace training
