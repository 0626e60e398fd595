// IAM Access Analyzer: checks of policy documents, and analyzers of this server's account.
#pragma once

#include "audit/log.hpp"
#include "crypto/random.hpp"
#include "gate/gate.hpp"
#include "identity/directory.hpp"
#include "objects/storage.hpp"
#include "store/key_value_store.hpp"

namespace services::access_analyzer {

// All outlive the registry.
struct Dependencies {
    identity::Directory* directory = nullptr;
    const objects::Storage* storage = nullptr;
    const audit::Log* record = nullptr;
    store::KeyValueStore* keys = nullptr;
    crypto::Random* random = nullptr;
};

void add_operations(gate::Registry& registry, const Dependencies& parts);

}  // namespace services::access_analyzer
