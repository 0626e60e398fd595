// What would be decided: for `trainwarden explain`, `who-can` and IAM's simulator. The engine is asked as the gate asks it
// (access_question.hpp), and always says why. Nothing is recorded: what has an effect is decided by the gate and by Decider.
#pragma once

#include <vector>

#include "audit/log.hpp"
#include "gate/gate.hpp"
#include "identity/prepared.hpp"

namespace gate {

// `globals` come first: nothing that an access brings replaces a global condition key.
[[nodiscard]] std::vector<audit::DecidedAccess> decide_each(const identity::Caller& caller, const std::vector<Access>& accesses,
                                                            const policy::Context& globals);

// The circumstances of a hypothetical request.
struct HypotheticalRequest {
    std::string region;
    base::Time now;
    policy::Context said;  // what the asker supposes: counts as if the request had it, global keys included
};

// Where a request for this access would be served: IAM's own in us-east-1, the others where the resource is, else where the asker
// is. (iam:PassRole is not a request: it is decided with the one that passes the role.)
[[nodiscard]] std::string supposed_region(const Access& access, const std::string& asker);

// The global keys that such a request would have: the server's, a new session's if the caller is a role, and over them what is
// said. If only one of aws:CurrentTime and aws:EpochTime is said, the other follows.
[[nodiscard]] policy::Context supposed_context(const identity::Caller& caller, const HypotheticalRequest& hypothetical);

// decide_each for one access of a hypothetical request; S3's are signed in a header, with Version 4.
[[nodiscard]] audit::DecidedAccess decide_supposed(const identity::Caller& caller, const Access& access,
                                                   const HypotheticalRequest& hypothetical);

// Who asks without credentials.
[[nodiscard]] const identity::PreparedPtr& anonymous_principal();
[[nodiscard]] inline const identity::Caller& anonymous_caller() { return anonymous_principal()->caller; }

}  // namespace gate
