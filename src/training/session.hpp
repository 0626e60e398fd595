// The role as a job holds it: sessions of `assumed-role/ROLE/SageMaker`, renewed long before they expire.
//
// Sessions last an hour and are handed out for at most 15 minutes after they were made, so whoever gets one has at least 45
// minutes: AWS's SDKs refresh when less than 15 are left. A role that is deleted or stops to trust the service gives no
// further sessions.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "identity/caller.hpp"
#include "identity/directory.hpp"
#include "training/job.hpp"

namespace training {

constexpr const char* service_principal = "sagemaker.amazonaws.com";

// Makes a session of the role for the job, if the role's trust policy lets the service have one.
using AssumeJobRole =
    std::function<base::Result<identity::Credentials>(const JobId& job, const std::string& role_arn, const Tags& tags)>;

// As `sagemaker.amazonaws.com`, session name `SageMaker`, with aws:SourceAccount and aws:SourceArn for the trust policy's
// conditions.
[[nodiscard]] AssumeJobRole assume_through(identity::Directory& directory);

class RoleSession {
public:
    RoleSession(const AssumeJobRole& assume, const base::Clock& clock, const JobId& job, std::string role_arn, Tags tags)
        : assume_(assume), clock_(clock), job_(job), role_arn_(std::move(role_arn)), tags_(std::move(tags)) {}

    // Errors of the directory: the trust policy's AccessDenied, NoSuchEntity.
    [[nodiscard]] base::Result<identity::Credentials> current();
    [[nodiscard]] const std::string& role_arn() const { return role_arn_; }

private:
    const AssumeJobRole& assume_;
    const base::Clock& clock_;
    JobId job_;
    std::string role_arn_;
    Tags tags_;
    std::mutex mutex_;  // guards what follows
    std::optional<identity::Credentials> credentials_;
    base::Time made_;
};

}  // namespace training
