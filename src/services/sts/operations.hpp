// AWS Security Token Service: AssumeRole, GetCallerIdentity, GetSessionToken, GetAccessKeyInfo.
#pragma once

#include "gate/gate.hpp"
#include "identity/directory.hpp"

namespace services::sts {

// `directory` outlives the registry.
void add_operations(gate::Registry& registry, identity::Directory& directory);

}  // namespace services::sts
