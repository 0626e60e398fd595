// Trainwarden's own API (models/trainwarden.service-2.json): what was decided and why, what would be, who can, what was used.
// Every answer comes from the audit log or from the function that the gate itself decides with.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "audit/log.hpp"
#include "base/clock.hpp"
#include "gate/gate.hpp"
#include "gate/service_acts.hpp"
#include "identity/directory.hpp"

namespace training {
class Training;
}

namespace services::trainwarden {

// All outlive the registry.
struct Dependencies {
    identity::Directory* directory = nullptr;
    const audit::Log* audit = nullptr;
    const base::Clock* clock = nullptr;
    std::string region = "us-east-1";
    const gate::Describer* describer = nullptr;
    const gate::ServiceActs* acts = nullptr;       // of every service; filled by now or later
    const gate::Registry* registry = nullptr;      // set by add_operations
    std::vector<std::string> regions = {};         // that are served; empty: `region` alone
    const training::Training* training = nullptr;  // nullptr: no jobs are known
};

void add_operations(gate::Registry& registry, Dependencies parts);

}  // namespace services::trainwarden
