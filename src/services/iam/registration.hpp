// How the simulator's operations are declared, on documents; all others are rows (request.hpp).
#pragma once

#include <functional>
#include <string>

#include "gate/gate.hpp"
#include "identity/directory.hpp"
#include "services/iam/operations.hpp"

namespace services::iam {

using Handler = std::function<base::Result<text::Json>(const gate::Permit&, const text::Json& input)>;
// The ARN of what a request is about; `*` for actions without a resource.
using Subject = std::function<std::string(const identity::Caller&, const text::Json& input)>;

class Registration {
public:
    Registration(gate::Registry& registry, identity::Directory& directory) : registry_(registry), directory_(directory) {}

    // One access: `iam:NAME` on the subject.
    void add(const std::string& name, Subject subject, Handler handle);

    [[nodiscard]] identity::Iam& iam() const { return directory_.iam(); }
    [[nodiscard]] identity::Directory& directory() const { return directory_; }

private:
    gate::Registry& registry_;
    identity::Directory& directory_;
};

void add_simulation_operations(Registration& registration, SimulatorParts simulator);

}  // namespace services::iam
