// Jobs as the SageMaker API shows them.
#pragma once

#include "base/result.hpp"
#include "text/json.hpp"
#include "training/training.hpp"

namespace services::sagemaker {

[[nodiscard]] text::Json describe(const training::Job& job);

// ListTrainingJobs: filters, order, one page. Error `ValidationException` for a token that is not ours.
[[nodiscard]] base::Result<text::Json> list(std::vector<training::Job> jobs, const text::Json& input);

[[nodiscard]] text::Json tags_json(const training::Tags& tags);

}  // namespace services::sagemaker
