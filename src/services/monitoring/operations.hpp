// CloudWatch metrics: what jobs and programs measured.
#pragma once

#include "base/clock.hpp"
#include "cloudwatch/store.hpp"
#include "gate/gate.hpp"

namespace services::monitoring {

// Both outlive the registry.
void add_operations(gate::Registry& registry, cloudwatch::Store& store, const base::Clock& clock);

}  // namespace services::monitoring
