// IAM's API: thin functions between the wire's calls and the identity room's typed operations.
#pragma once

#include <functional>
#include <string>

#include "gate/gate.hpp"
#include "identity/directory.hpp"

namespace services::iam {

// What the policy simulator asks of the rest of the server.
struct SimulatorParts {
    std::string region = "us-east-1";
    // The Access that asking for this action on this resource would be: the resource's account, its resource-based policy and
    // what its service knows of it. An error if there is no such resource.
    std::function<base::Result<gate::Access>(const std::string& action, const std::string& resource)> access_to;
};

void add_operations(gate::Registry& registry, identity::Directory& directory, SimulatorParts simulator);

}  // namespace services::iam
