// The role session of a job that a user submits to Slurm directly: `sbatch --comment=role=ARN`. The machine's Slurm prolog opens a
// session for the job, renews it, and its epilog closes it (docs/slurm.md).
//
// To the role's trust policy it is a training job of the name `slurm-ID`: service sagemaker.amazonaws.com, aws:SourceAccount,
// aws:SourceArn. Unlike a training job's sessions these outlive the server: the job runs on machines that go on without it. So
// what is open is in the store, and the next server holds the same leases again.
//
// Any thread. Storage: `training/slurm/ACCOUNT/SESSION` → JSON.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "store/key_value_store.hpp"
#include "training/session.hpp"

namespace training {

struct SlurmJob {
    std::string account, region;
    std::string id;    // Slurm's, a number
    std::string user;  // the IAM user who gave it to Slurm
    std::string role_arn;
    std::string request_id;  // of the request that opened its session
};

// The training job that it is to policies: of the name `slurm-ID`.
[[nodiscard]] JobId job_id_of(const SlurmJob& job);
// What its role is asked for with. `lease`: the session's id.
[[nodiscard]] SessionTerms session_terms_of(const SlurmJob& job, const std::string& lease);

class SlurmSessions {
public:
    struct Dependencies {
        store::KeyValueStore* keys = nullptr;
        AssumeJobRole assume;
        identity::Leases* leases = nullptr;  // of the directory behind `assume`
        const base::Clock* clock = nullptr;
        crypto::Random* random = nullptr;
    };
    // Holds again what an earlier server held.
    [[nodiscard]] static base::Result<std::unique_ptr<SlurmSessions>> open(Dependencies dependencies);

    struct Opened {
        std::string id;  // unguessable: who has it may renew and close
        identity::Credentials credentials;
    };
    // The caller has authorized it. Errors of the directory: the trust policy's AccessDenied, NoSuchEntity.
    [[nodiscard]] base::Result<Opened> open_session(const SlurmJob& job);
    // Credentials with more than five hours left. Errors: `NoSuchSession`, the directory's.
    [[nodiscard]] base::Result<identity::Credentials> renew(const std::string& account, const std::string& id);
    // The job whose role a renewal would ask for anew now; none: it would hand out what is held. Errors: `NoSuchSession`.
    [[nodiscard]] base::Result<std::optional<SlurmJob>> job_to_renew(const std::string& account, const std::string& id);
    // The job has ended: its credentials are refused from now on. Closing what is not open is not an error.
    [[nodiscard]] base::Result<void> close(const std::string& account, const std::string& id);

private:
    explicit SlurmSessions(Dependencies dependencies) : dependencies_(std::move(dependencies)) {}
    struct Held {
        SlurmJob job;
        std::unique_ptr<RoleSession> session;
        base::Time renewed;
    };
    [[nodiscard]] std::unique_ptr<RoleSession> hold(const SlurmJob& job, const std::string& id);
    [[nodiscard]] base::Result<Held*> find(const std::string& account, const std::string& id) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> close_lapsed() REQUIRES(mutex_);
    // For a request: if what it was decided on is still so (base::DecisionScope).
    [[nodiscard]] base::Result<void> commit(const store::Batch& batch) REQUIRES(mutex_);

    Dependencies dependencies_;
    base::Mutex mutex_;
    std::map<std::string, Held> held_ GUARDED_BY(mutex_);  // by ACCOUNT/SESSION
};

}  // namespace training
