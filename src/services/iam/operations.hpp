// IAM's API: thin functions between the wire's calls and the identity room's typed operations.
#pragma once

#include "gate/gate.hpp"
#include "identity/directory.hpp"

namespace services::iam {

void add_operations(gate::Registry& registry, identity::Directory& directory);

}  // namespace services::iam
