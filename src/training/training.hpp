// Training jobs on this machine: create, describe, list, stop, update, delete; each job runs on a thread of its own (run.cpp).
//
// Invariants
//   1. A job that was acknowledged is in the store and reaches a final status, however often the server stops or dies under it:
//      the next start goes on where the record says (recover.cpp). No job is lost.
//   2. Its workers are started once, and once more for each retry of its RetryStrategy; a retry is in the store before it begins,
//      and whatever is left of the attempt before is killed first. No job is doubled.
//   3. Workers hold no credentials but sessions of the job's role, cut to what the job names (scope.hpp), fetched with a token
//   that
//      dies with the job; the sessions die with it, too.
//   4. No byte reaches or leaves a job but through JobData with such a session.
// Knows neither HTTP nor AWS's wire.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "identity/caller.hpp"
#include "store/key_value_store.hpp"
#include "training/confinement.hpp"
#include "training/instances.hpp"
#include "training/job.hpp"
#include "training/job_data.hpp"
#include "training/limits.hpp"
#include "training/logs.hpp"
#include "training/monitor.hpp"
#include "training/session.hpp"
#include "training/volumes.hpp"

namespace model::sagemaker {
struct UpdateTrainingJobRequest;
}

namespace training {

struct NewJob;  // request.hpp
class Running;
struct Plan;

class Training {
public:
    struct Dependencies {
        store::KeyValueStore* keys = nullptr;
        AssumeJobRole assume;
        identity::Leases* leases = nullptr;  // of the directory behind `assume`
        JobData* data = nullptr;
        logs::Store* logs = nullptr;
        const base::Clock* clock = nullptr;
        crypto::Random* random = nullptr;
        std::string folder;   // DATA/jobs: a folder a job, with its workers' folders
        Isolation isolation;  // what workers run in
        // Takes what jobs measure; may be empty. Called from many threads.
        std::function<void(const JobId&, const std::vector<MetricPoint>&)> publish;
        InstanceTypes instances = InstanceTypes::of(this_machine());
        Limits limits;
        // May this session do `action` on `resource`? Asked for the request of that id. Error: the refusal in AWS's words. Empty: nobody
        // asks at create time.
        std::function<base::Result<void>(const identity::Credentials&, const std::string& action, const std::string& resource,
                                         const std::string& request_id)>
            may;
        // The same of listing what is below the prefix, for a job of that region.
        std::function<base::Result<void>(const identity::Credentials&, const S3Uri& prefix, const std::string& region,
                                         const std::string& request_id)>
            may_list;
        // S3 tells it to everybody who names the bucket. Empty: nobody asks.
        std::function<bool(const std::string& bucket)> bucket_exists;
    };

    // Loads the jobs; ends what an earlier server left of those in progress.
    [[nodiscard]] static base::Result<std::unique_ptr<Training>> open(Dependencies dependencies);
    ~Training();  // shutdown()

    // What workers are told. Until then jobs are refused (`ServiceUnavailable`).
    struct Endpoints {
        std::string aws;          // AWS_ENDPOINT_URL: http://127.0.0.1:4566
        std::string credentials;  // AWS_CONTAINER_CREDENTIALS_FULL_URI
    };
    // Goes on with the jobs that an earlier server left in progress.
    void serve_at(Endpoints endpoints);

    // Checks the request, the role's trust and the inputs with AWS's messages, stores the job with what its code is (source.hpp),
    // starts it.
    [[nodiscard]] base::Result<Job> create(NewJob request);
    // The same checks, but for the code, which need not be there yet; makes nothing.
    [[nodiscard]] base::Result<void> check(NewJob request);
    // Error `ValidationException: Requested resource not found.`
    [[nodiscard]] base::Result<Job> describe(const JobId& id) const;
    // Every job of the account and region, in order of name.
    [[nodiscard]] std::vector<Job> list(const std::string& account, const std::string& region) const;
    // Of every job of the account.
    [[nodiscard]] std::vector<JobId> ids(const std::string& account) const;
    // Of every account and region.
    struct Census {
        std::map<Status, uint64_t> jobs;  // by what has become of them
        uint64_t workers = 0;             // that are running
    };
    [[nodiscard]] Census census() const;
    // Another one after every change of a job, once it can be seen and before the call that made it returns.
    [[nodiscard]] uint64_t version() const { return version_.load(std::memory_order_acquire); }
    [[nodiscard]] base::Result<void> stop(const JobId& id);
    // Takes the instances of a managed spot training job away: SIGTERM, SIGKILL after 120 seconds; then it begins again, from
    // its checkpoints. Errors `ValidationException`: no such job, it is not a spot job, it is not (or no longer) training.
    [[nodiscard]] base::Result<void> interrupt(const JobId& id);
    // Errors `ValidationException`: not found, not in progress, nothing here that it could change.
    [[nodiscard]] base::Result<Job> update(const JobId& id, const model::sagemaker::UpdateTrainingJobRequest& changes);
    // Forgets a finished job; its name may be used again, its logs stay. Errors: not found; `ResourceInUse` until it has ended.
    [[nodiscard]] base::Result<void> remove(const JobId& id);
    [[nodiscard]] base::Result<Tags> add_tags(const JobId& id, const Tags& tags);
    [[nodiscard]] base::Result<void> delete_tags(const JobId& id, const std::vector<std::string>& keys);

    // The role session behind a worker's token; `AccessDenied` for any other text. More than five hours of it are left.
    struct WorkerCredentials {
        identity::Credentials credentials;
        std::string role_arn;
    };
    [[nodiscard]] base::Result<WorkerCredentials> credentials_for(const std::string& token);
    // Where the job of that worker is; empty for any other text.
    [[nodiscard]] std::string region_for(const std::string& token);

    // Ends the workers of every running job and waits for them. A job that cannot be gone on with is Failed, the others go on at
    // the next start.
    void shutdown();

private:
    explicit Training(Dependencies dependencies);
    [[nodiscard]] base::Result<void> load();
    // recover.cpp
    [[nodiscard]] base::Result<void> recover(Job& job);
    void resume(Job job) REQUIRES(mutex_);

    // What create() and check() have in common.
    struct Admitted;
    [[nodiscard]] base::Result<Admitted> admit(NewJob request);
    [[nodiscard]] base::Result<void> save(const Job& job);
    // Can this machine keep such a job to itself?
    [[nodiscard]] base::Result<void> check_isolation(const Plan& planned) const;
    [[nodiscard]] base::Result<void> check_role(const Job& job, const Plan& plan, RoleSession& session);
    [[nodiscard]] base::Result<void> check_limits(const JobId& id, const Plan& plan) const REQUIRES(mutex_);
    void reap_finished() REQUIRES(mutex_);
    [[nodiscard]] std::shared_ptr<RoleSession> open_session(const Job& job, identity::LeasePtr lease);

    friend class Running;
    // For the job's thread: changes the stored job. A store that fails is logged; the change stays in memory.
    base::Result<void> change(const JobId& id, const std::function<void(Job&)>& change);
    // A worker's token, good until it is taken back.
    void hand_out(const std::string& token, std::shared_ptr<RoleSession> session);
    void take_back(const std::string& token);
    // What is mounted there stays so until the job is deleted, its space is needed (the oldest goes first) or the server ends. False: there
    // is no room for it at all.
    [[nodiscard]] bool keep_volumes(const JobId& id, std::unique_ptr<JobVolumes> volumes);
    bool remove_oldest_kept();
    void remove_kept(const JobId& id) REQUIRES(mutex_);
    void find_kept(const Job& job) REQUIRES(mutex_);
    [[nodiscard]] bool isolation_mounts() const { return dependencies_.isolation.volumes && !dependencies_.isolation.elsewhere; }
    [[nodiscard]] std::string folder_of(const JobId& id) const;

    Dependencies dependencies_;
    std::unique_ptr<DiskUse> disk_use_;
    mutable base::Mutex mutex_;
    Endpoints endpoints_ GUARDED_BY(mutex_);
    std::map<JobId, Job> jobs_ GUARDED_BY(mutex_);
    std::atomic<uint64_t> version_ = 1;  // moves with `jobs_`, under its mutex
    std::map<JobId, std::unique_ptr<JobVolumes>> kept_volumes_ GUARDED_BY(mutex_);
    std::map<JobId, std::unique_ptr<Running>> running_ GUARDED_BY(mutex_);
    std::map<std::string, std::shared_ptr<RoleSession>> sessions_
        GUARDED_BY(mutex_);  // by SHA-256 of the worker's token: a look-up tells no prefix
    bool shutting_down_ GUARDED_BY(mutex_) = false;
};

}  // namespace training
