// What each SageMaker call needs: actions, resources, condition keys.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "gate/operation.hpp"
#include "model/sagemaker/tags.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "model/trainwarden/operations.hpp"
#include "training/request.hpp"
#include "training/training.hpp"

namespace services::sagemaker {

namespace m = model::sagemaker;
using base::Result;

struct SageMaker {
    training::Training& training;
};

// Where ListTrainingJobs looks.
struct Region {
    std::string name;
};

// What CheckTrainingJob asks about.
struct AskedJob {
    training::JobId id;
    m::CreateTrainingJobRequest request;
};

[[nodiscard]] Result<gate::Needs<training::JobId>> create_needs(const SageMaker&, const gate::Asking& asking,
                                                                const m::CreateTrainingJobRequest& in);
// CheckTrainingJob brings CreateTrainingJob's input as text, which is validated and decided on like any other.
[[nodiscard]] Result<gate::Needs<AskedJob>> check_needs(const SageMaker&, const gate::Asking& asking,
                                                        const model::trainwarden::CheckTrainingJobRequest& in);
// Describe, Stop, Delete: the job with the tags it has.
[[nodiscard]] Result<gate::Needs<training::JobId>> job_needs(const SageMaker&, const gate::Asking& asking,
                                                             std::string_view operation_name, const std::string& name);
[[nodiscard]] Result<gate::Needs<training::JobId>> update_needs(const SageMaker&, const gate::Asking& asking,
                                                                const m::UpdateTrainingJobRequest& in);
[[nodiscard]] Result<gate::Needs<Region>> list_needs(const SageMaker&, const gate::Asking& asking,
                                                     const m::ListTrainingJobsRequest& in);
// AddTags, ListTags and DeleteTags bring an ARN, which names a region and an account of its own: only one of the request's is
// taken, so that what is decided on is what is used. Other resources do not exist here.
[[nodiscard]] Result<gate::Needs<training::JobId>> tagging_needs(const SageMaker&, const gate::Asking& asking,
                                                                 std::string_view operation_name, const std::string& resource,
                                                                 std::span<const m::Tag> tags, std::vector<std::string> keys);

}  // namespace services::sagemaker
