// The SageMaker API of training jobs.
#pragma once

#include "gate/gate.hpp"
#include "training/training.hpp"

namespace services::sagemaker {

// `training` outlives the registry.
void add_operations(gate::Registry& registry, training::Training& training);

}  // namespace services::sagemaker
