// What a CreateTrainingJob request must be beyond its service model: members that need or exclude each other, limits that depend
// on others. Pure. What is right but cannot be done on this machine is plan.hpp's to refuse.
//
// Sources: SageMaker API Reference, CreateTrainingJob and its data types; the sentences that AWS answers, where they are public.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "training/job.hpp"

namespace training {

struct NewJob {
    JobId id;
    model::sagemaker::CreateTrainingJobRequest request;
    Tags session_tags;            // of the caller's session, for tag chaining
    std::string source_identity;  // of the caller's session
    std::string request_id;       // that asks for it
};

// The variable of a job's Environment that says how much of its role the workers get, and the condition key that guards it.
constexpr std::string_view scope_variable = "TRAINWARDEN_SCOPE";
constexpr std::string_view scope_condition_key = "trainwarden:TrainingScope";

// "job" (the default) or "role"; whatever else the request says is returned as it is, for check_request to refuse.
[[nodiscard]] std::string scope_of(const model::sagemaker::CreateTrainingJobRequest& request);

// Errors: `ValidationException`, `ResourceLimitExceeded`.
[[nodiscard]] base::Result<void> check_request(const model::sagemaker::CreateTrainingJobRequest& request);

// The same for UpdateTrainingJob's members.
[[nodiscard]] base::Result<void> check_update(const model::sagemaker::UpdateTrainingJobRequest& request);

[[nodiscard]] Tags tags_of(std::span<const model::sagemaker::Tag> tags);

// The role of a job is an IAM role, of the job's own account.
[[nodiscard]] base::Result<void> check_role_arn(const std::string& role, std::string_view account);

// For CreateTrainingJob and AddTags: no key twice, none of AWS's own.
[[nodiscard]] base::Result<void> check_tags(const Tags& tags);

}  // namespace training
