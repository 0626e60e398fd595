// CreateTrainingJob's input as a job keeps it: by the model's members, and what the model of this program does not know of it.
#pragma once

#include <memory>

#include "model/sagemaker/training_jobs.hpp"
#include "text/json.hpp"
#include "training/job.hpp"

namespace training {

struct StoredRequest {
    model::sagemaker::CreateTrainingJobRequest asked;  // without Tags: a job's own change
    text::Json unknown;                                // model/stored.hpp: what another version of this program wrote
};

[[nodiscard]] StoredRequestPtr keep(model::sagemaker::CreateTrainingJobRequest asked, text::Json unknown = {});
[[nodiscard]] StoredRequestPtr stored_request_from(const text::Json& json);
[[nodiscard]] text::Json to_json(const StoredRequest& request);

}  // namespace training
