// IAM's API: thin functions between the wire's calls and the identity room's typed operations.
#pragma once

#include <string>

#include "audit/log.hpp"
#include "crypto/random.hpp"
#include "gate/gate.hpp"
#include "identity/directory.hpp"
#include "store/key_value_store.hpp"

namespace services::iam {

// What the policy simulator asks of the rest of the server.
struct SimulatorDependencies {
    std::string region = "us-east-1";
    const gate::Describer* describer = nullptr;
};

// What reports about last access are made of, and where they are kept.
struct ReportDependencies {
    const audit::Log* record = nullptr;
    store::KeyValueStore* keys = nullptr;
    crypto::Random* random = nullptr;
};

void add_operations(gate::Registry& registry, identity::Directory& directory, SimulatorDependencies simulator,
                    const ReportDependencies& reports = {});

}  // namespace services::iam
