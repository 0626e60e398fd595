// What a service does of its own for a request that was allowed, and what that is decided on: as which principal, which accesses.
//
// Where the service does it, Decider decides and records it. Where somebody asks in advance (`explain --operation`), it is decided alike and
// not recorded. Both take the accesses from the same functions (`role_assumption` here; services/sagemaker/acts.hpp,
// services/trainwarden/slurm.cpp), so that the answer and the request cannot differ.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/log.hpp"
#include "base/result.hpp"
#include "gate/access_rules.hpp"
#include "gate/gate.hpp"
#include "identity/directory.hpp"
#include "model/shape.hpp"

namespace gate {

// What a service does on its own, or for a principal, without a request on the wire.
struct Act {
    std::string request_id;          // of the request that caused it; empty: none did, and the record gets an id of its own
    std::string service, operation;  // as the record names them: sagemaker, CreateTrainingJob
    std::string region;              // where the service acts; empty: the first that is served
    policy::Context keys;            // global keys that only this has: aws:SourceArn, aws:SourceAccount
    std::string parameters = {};     // as audit::Record has them
};

// The resource of an act was found by a listing: its name is for who may make that listing.
struct FoundByListing {
    std::vector<Access> listing;  // what the listing needs
    std::string shown_as;         // to others, instead of the name: the pattern that was listed
};

// An act, and all that it is decided on.
struct ServiceAct {
    identity::Caller caller;
    std::vector<Access> accesses;  // all must be allowed
    Act act;
    std::optional<FoundByListing> found = {};
};

// `region`: where acts that name none take place.
[[nodiscard]] std::vector<audit::DecidedAccess> decide_act(const ServiceAct& act, const std::string& region, base::Time now);

// One action on a resource by its name, of which everything is known that its service knows. Errors of the describer.
[[nodiscard]] base::Result<ServiceAct> act_on(const Describer& describer, const identity::Caller& caller, std::string_view action,
                                              std::string_view resource, const policy::Context& request_keys, Act act);

// A service assumes a role: the role's trust policy decides sts:AssumeRole, and sts:TagSession and sts:SetSourceIdentity where the request
// has tags or a source identity. A role that is not there trusts nobody. Errors of the describer.
[[nodiscard]] base::Result<ServiceAct> role_assumption(const Describer& describer, const identity::ServiceCall& service,
                                                       const identity::AssumeRole& request);

// Which operations make a service act. Complete before the first question.
class ServiceActs {
public:
    // Decides an act. False: it is refused, which ends the request.
    using Decide = std::function<bool(ServiceAct act)>;
    // Has `decide` decide what a hypothetical request would cause, act by act, in order, and ends with the first that is refused, as the
    // request does: what an act is allowed to find out is looked up after it was allowed. `input`: the request's, as
    // RequestExecution::supposed_accesses takes it. Errors: what such a request would be answered after the acts before were allowed.
    using Describe = std::function<base::Result<void>(const RequestOrigin& origin, std::string_view input, const Decide& decide)>;

    void add(const model::Operation& operation, Describe describe);
    // `service`: as requests are signed. nullptr: such requests make no service act.
    [[nodiscard]] const Describe* find(std::string_view service, std::string_view operation) const;

private:
    std::map<std::pair<std::string, std::string>, Describe, std::less<>> acts_;
};

}  // namespace gate
