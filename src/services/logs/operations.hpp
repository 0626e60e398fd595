// CloudWatch Logs, for reading what training jobs wrote.
#pragma once

#include "gate/gate.hpp"
#include "training/training.hpp"

namespace services::logs {

// `training` outlives the registry.
void add_operations(gate::Registry& registry, const training::Training& training);

}  // namespace services::logs
