// The role as a job holds it: sessions of `assumed-role/ROLE/SageMaker`, renewed long before they expire, and dead the moment the
// job lets go of them.
//
// Sessions last six hours, as those of an EC2 instance's role, and are handed out for at most 15 minutes after they were made.
// Shorter ones would not be safer (they die by their lease) but hurt: AWS's SDKs ask again and again when less than 15 minutes
// are left, and stretch what instance metadata gave them past its expiry. A role that is deleted or stops to trust the service
// gives no further sessions. Every session lives by a lease (identity/lease.hpp): end() closes it, and a caller that still has the
// credentials gets ExpiredToken on the next request.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "identity/caller.hpp"
#include "identity/directory.hpp"
#include "identity/lease.hpp"
#include "identity/service_call.hpp"
#include "training/job.hpp"

namespace training {

constexpr const char* service_principal = "sagemaker.amazonaws.com";
constexpr const char* service_session_name = "SageMaker";  // of the sessions that it assumes roles as

// What a session of a job's role is asked for with.
struct SessionTerms {
    Tags tags;                    // session tag chaining
    std::string source_identity;  // carried on from the job's creator
    std::string lease;            // the lease's id
    std::string request_id;       // of the request that the sessions are for: decisions about them are recorded under it
};

// Makes a session of the role for the job, as `sagemaker.amazonaws.com`, if the role's trust policy lets the service have one: the gate
// decides, and records it. aws:SourceAccount and aws:SourceArn say for which job.
using AssumeJobRole =
    std::function<base::Result<identity::Credentials>(const JobId& job, const std::string& role_arn, const SessionTerms& terms)>;

// The request of such a session: its name is `SageMaker`.
[[nodiscard]] identity::AssumeRole job_role_request(const std::string& role_arn, const SessionTerms& terms);

// SageMaker, acting for the job.
[[nodiscard]] identity::ServiceCall job_service_call(const JobId& job);

class RoleSession {
public:
    struct Dependencies {
        const AssumeJobRole* assume = nullptr;
        const base::Clock* clock = nullptr;
        identity::Leases* leases = nullptr;
    };
    // Opens the lease under `terms.lease`, which was not used before.
    RoleSession(Dependencies dependencies, JobId job, std::string role_arn, SessionTerms terms, identity::LeasePtr lease);
    ~RoleSession() { end(); }
    RoleSession(const RoleSession&) = delete;
    RoleSession& operator=(const RoleSession&) = delete;

    // Errors of the directory: the trust policy's AccessDenied, NoSuchEntity. `ExpiredToken` after end().
    [[nodiscard]] base::Result<identity::Credentials> current();
    // Would current() ask for the role anew?
    [[nodiscard]] bool assumes_now();
    [[nodiscard]] const std::string& role_arn() const { return role_arn_; }
    [[nodiscard]] const JobId& job() const { return job_; }
    // For good; any thread, any number of times.
    void end();

private:
    Dependencies dependencies_;
    JobId job_;
    std::string role_arn_;
    SessionTerms terms_;
    base::Mutex mutex_;
    std::optional<identity::Credentials> credentials_ GUARDED_BY(mutex_);
    base::Time made_ GUARDED_BY(mutex_);
    [[nodiscard]] bool is_due(base::Time now) const REQUIRES(mutex_);
    bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace training
