// For tests: CreateTrainingJob's input from its JSON, where members may be missing or break their constraints.
#pragma once

#include <doctest/doctest.h>

#include "model/sagemaker/training_jobs.hpp"
#include "model/stored.hpp"

namespace training {

inline model::sagemaker::CreateTrainingJobRequest asked(const text::Json& json) {
    model::sagemaker::CreateTrainingJobRequest request;
    const text::Json rest = model::read_stored(*model::sagemaker::CreateTrainingJob::operation.input, json, &request);
    REQUIRE_MESSAGE(rest.is_null(), rest.dump());
    return request;
}

}  // namespace training
