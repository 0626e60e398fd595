// CloudWatch metrics: what jobs and programs measured.
#pragma once

#include "base/clock.hpp"
#include "gate/gate.hpp"
#include "metrics/store.hpp"

namespace services::monitoring {

// Both outlive the registry.
void add_operations(gate::Registry& registry, metrics::Store& store, const base::Clock& clock);

}  // namespace services::monitoring
