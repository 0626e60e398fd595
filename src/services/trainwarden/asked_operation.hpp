// A hypothetical request, decided: the accesses that its operation needs with this input, found out as the gate does, and what its service does
// of its own then (gate/service_acts.hpp). No handler is run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "audit/log.hpp"
#include "base/result.hpp"
#include "gate/decide.hpp"
#include "gate/gate.hpp"
#include "gate/service_acts.hpp"
#include "policy/request.hpp"

namespace services::trainwarden {

// What a service would do of its own for the request, decided.
struct AskedAct {
    std::string service, operation;
    policy::Principal principal;
    std::vector<audit::DecidedAccess> accesses;
    std::optional<gate::FoundByListing> found;
};

struct AskedOperation {
    std::vector<audit::DecidedAccess> accesses;  // none: the operation needs no permission
    std::vector<AskedAct> acts;                  // once those are allowed; the first that is refused is the last
    bool allowed = false;                        // a refused one that is `separate` refuses its part alone
    std::string message;                         // of a request that is refused before anything is decided
    std::string note;                            // of a request that is allowed and would be an error all the same
};

// `name`: SERVICE:Operation, as iam:CreateRole; `input`: a JSON object with the members of AWS's service model. `hypothetical.region`:
// where a request to a service with regions would go. Errors: `ValidationException` for what is not a question; the operation's own,
// which such a request would be answered.
[[nodiscard]] base::Result<AskedOperation> decide_operation(const gate::Registry& registry, const gate::ServiceActs& acts,
                                                            const identity::Caller& caller, const std::string& name,
                                                            const std::string& input,
                                                            const gate::HypotheticalRequest& hypothetical);

}  // namespace services::trainwarden
