// CloudWatch Logs: what training jobs wrote, and what programs write.
#pragma once

#include "base/clock.hpp"
#include "gate/gate.hpp"
#include "logs/store.hpp"

namespace services::logs {

// Both outlive the registry.
void add_operations(gate::Registry& registry, ::logs::Store& store, const base::Clock& clock);

}  // namespace services::logs
