// IAM's API: thin functions between the wire's calls and the identity room's typed operations.
#pragma once

#include <string>

#include "gate/gate.hpp"
#include "identity/directory.hpp"

namespace services::iam {

// What the policy simulator asks of the rest of the server.
struct SimulatorDependencies {
    std::string region = "us-east-1";
    const gate::Describer* describer = nullptr;
};

void add_operations(gate::Registry& registry, identity::Directory& directory, SimulatorDependencies simulator);

}  // namespace services::iam
