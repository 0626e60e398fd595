// Jobs as the SageMaker API shows them.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "training/training.hpp"

namespace services::sagemaker {

[[nodiscard]] model::sagemaker::DescribeTrainingJobResponse describe(const training::Job& job);

// ListTrainingJobs: filters, order, one page. Error `ValidationException` for a token that is not ours.
[[nodiscard]] base::Result<model::sagemaker::ListTrainingJobsResponse> list(std::vector<training::Job> jobs,
                                                                            const model::sagemaker::ListTrainingJobsRequest& in);

[[nodiscard]] std::vector<model::sagemaker::Tag> shown(const training::Tags& tags);

}  // namespace services::sagemaker
