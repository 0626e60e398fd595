// AWS CloudTrail: LookupEvents, over the record of this server.
#pragma once

#include "audit/log.hpp"
#include "gate/gate.hpp"

namespace services::cloudtrail {

// `log` outlives the registry.
void add_operations(gate::Registry& registry, const audit::Log& log);

}  // namespace services::cloudtrail
