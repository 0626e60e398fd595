// A hypothetical request, decided: the accesses that its operation needs with this input, found out as the gate does, and
// no handler run.
#pragma once

#include <string>
#include <vector>

#include "audit/log.hpp"
#include "base/result.hpp"
#include "gate/decide.hpp"
#include "gate/gate.hpp"

namespace services::trainwarden {

struct AskedOperation {
    std::vector<audit::DecidedAccess> accesses;  // none: the operation needs no permission
    bool allowed = false;                        // a refused one that is `separate` refuses its part alone
    std::string message;                         // of a request that is refused before anything is decided
};

// `name`: SERVICE:Operation, as iam:CreateRole; `input`: a JSON object with the members of AWS's service model. `hypothetical.region`:
// where a request to a service with regions would go. Errors: `ValidationException` for what is not a question; the operation's own,
// which such a request would be answered.
[[nodiscard]] base::Result<AskedOperation> decide_operation(const gate::Registry& registry, const identity::Caller& caller,
                                                            const std::string& name, const std::string& input,
                                                            const gate::HypotheticalRequest& hypothetical);

}  // namespace services::trainwarden
