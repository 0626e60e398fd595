// The one decider: every decision that has an effect is made here or by the gate with what is here, and recorded.
//
//   requests on the wire             Gate::decide, access by access
//   what services do on their own    act_for: a job's role before the job starts, the role that a Slurm user passes, …
//   a service that assumes a role    assume_role: decided by the role's trust policy, at creation and at every renewal
//
// Questions about what would be decided (`trainwarden explain`, `who-can`, IAM's simulator) are asked in the same way (decide.hpp), and
// not recorded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "audit/log.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "gate/describer.hpp"
#include "gate/gate.hpp"
#include "gate/service_acts.hpp"
#include "identity/directory.hpp"

namespace gate {

struct DeciderDependencies {
    const Describer* describer = nullptr;  // complete before the first decision
    identity::Directory* directory = nullptr;
    audit::Log* audit = nullptr;
    const base::Clock* clock = nullptr;
    crypto::Random* random = nullptr;
    std::string region;  // the first that is served
    Observer* observer = nullptr;
};

// Any thread.
class Decider {
public:
    explicit Decider(DeciderDependencies dependencies);

    // Decides accesses of a caller that is not on the wire: what its own request would get, and the same record. All must be allowed.
    // Error: AccessDenied (policy::denial_code) with AWS's sentence; `InternalFailure` if it could not be recorded.
    [[nodiscard]] base::Result<void> act_for(const ServiceAct& act) const;

    // A service assumes a role (role_assumption). Error `AccessDenied`, also for a role that is not there; the directory's.
    [[nodiscard]] base::Result<identity::AssumedRole> assume_role(const identity::ServiceCall& service,
                                                                  identity::AssumeRole request,
                                                                  const std::string& request_id) const;

private:
    DeciderDependencies dependencies_;
};

}  // namespace gate
