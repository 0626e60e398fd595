// Training jobs on this machine: create, describe, list, stop; each job runs on a thread of its own (run.cpp).
//
// Invariants
//   1. A job that was acknowledged is in the store; it reaches a final status even when the server dies under it: at the next
//      start it becomes Failed (`InternalServerError: …`) and what is left of its processes is killed.
//   2. Workers hold no credentials but sessions of the job's role, fetched with a token that dies with the job.
//   3. No byte reaches or leaves a job but through JobData with such a session.
// Knows neither HTTP nor AWS's wire.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "identity/caller.hpp"
#include "store/keys.hpp"
#include "training/job.hpp"
#include "training/job_data.hpp"
#include "training/logs.hpp"
#include "training/session.hpp"

namespace training {

struct NewJob {
    JobId id;
    text::Json request;  // CreateTrainingJob's input
    Tags session_tags;   // of the caller's session, for tag chaining
};

class Running;

class Training {
public:
    struct Parts {
        store::Keys* keys = nullptr;
        AssumeJobRole assume;  // assume_through(directory)
        JobData* data = nullptr;
        const base::Clock* clock = nullptr;
        crypto::Random* random = nullptr;
        std::string folder;               // DATA/training: a folder a job, with its workers' folders and logs
        std::vector<std::string> hidden;  // folders and files of the server that no worker may see
    };

    // Loads the jobs; settles those that an earlier server left in progress.
    [[nodiscard]] static base::Result<std::unique_ptr<Training>> open(Parts parts);
    ~Training();  // shutdown()

    // What workers are told. Until then jobs are refused (`ServiceUnavailable`).
    struct Endpoints {
        std::string aws;          // AWS_ENDPOINT_URL: http://127.0.0.1:4566
        std::string credentials;  // AWS_CONTAINER_CREDENTIALS_FULL_URI
    };
    void serve_at(Endpoints endpoints);

    // Checks the request, the role's trust and the inputs with AWS's messages, stores the job, starts it.
    [[nodiscard]] base::Result<Job> create(NewJob request);
    // Error `ValidationException: Requested resource not found.`
    [[nodiscard]] base::Result<Job> describe(const JobId& id) const;
    // Every job of the account and region, in order of name.
    [[nodiscard]] std::vector<Job> list(const std::string& account, const std::string& region) const;
    [[nodiscard]] base::Result<void> stop(const JobId& id);
    [[nodiscard]] base::Result<Tags> add_tags(const JobId& id, const Tags& tags);
    [[nodiscard]] base::Result<void> delete_tags(const JobId& id, const std::vector<std::string>& keys);

    // The role session behind a worker's token; `AccessDenied` for any other text. At least 45 minutes of it are left.
    struct WorkerCredentials {
        identity::Credentials credentials;
        std::string role_arn;
    };
    [[nodiscard]] base::Result<WorkerCredentials> credentials_for(const std::string& token);

    [[nodiscard]] const Logs& logs() const { return logs_; }

    // Ends every running job (Failed: the server stopped) and waits for it.
    void shutdown();

private:
    explicit Training(Parts parts);
    [[nodiscard]] base::Result<void> load();
    [[nodiscard]] base::Result<void> settle(Job& job);
    [[nodiscard]] base::Result<void> save(const Job& job);
    [[nodiscard]] base::Result<void> check_limits(const std::string& instance_type,
                                                  size_t wanted) const;  // REQUIRES: mutex_ held
    void reap_finished();                                                // REQUIRES: mutex_ held

    friend class Running;
    // For the job's thread: changes the stored job. A store that fails is logged; the job goes on in memory.
    void update(const JobId& id, const std::function<void(Job&)>& change);
    [[nodiscard]] std::string folder_of(const JobId& id) const;

    Parts parts_;
    Logs logs_;
    mutable std::mutex mutex_;  // guards what follows
    Endpoints endpoints_;
    std::map<JobId, Job> jobs_;
    std::map<JobId, std::unique_ptr<Running>> running_;
    std::map<std::string, std::shared_ptr<RoleSession>> sessions_;  // by SHA-256 of the worker's token: a look-up tells no prefix
    bool shutting_down_ = false;
};

}  // namespace training
