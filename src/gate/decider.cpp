#include "gate/decider.hpp"

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/log.hpp"
#include "gate/decide.hpp"
#include "gate/observer.hpp"
#include "gate/wording.hpp"
#include "policy/arn.hpp"
#include "store/reserve.hpp"

namespace gate {

Decider::Decider(DeciderDependencies dependencies) : dependencies_(std::move(dependencies)) {
    INVARIANT(dependencies_.describer && dependencies_.directory && dependencies_.audit && dependencies_.clock &&
              dependencies_.random);
}

base::Result<void> Decider::act_for(const ServiceAct& service_act) const {
    const identity::Caller& caller = service_act.caller;
    const std::vector<Access>& accesses = service_act.accesses;
    const Act& act = service_act.act;
    if (accesses.empty()) return base::fail(base::code::InternalFailure, "nothing was asked for");
    audit::Record record;
    record.time = dependencies_.clock->now();
    record.request_id = act.request_id.empty() ? dependencies_.random->uuid() : act.request_id;
    record.service = act.service;
    record.operation = act.operation;
    record.principal = caller.principal;
    record.session_name = caller.session_name;
    record.access_key_id = caller.access_key_id;
    record.parameters = act.parameters;
    record.accesses = decide_act(service_act, dependencies_.region, record.time);
    for (size_t i = 0; i < accesses.size() && record.error_code.empty(); ++i) {
        const auto& [request, decision] = record.accesses[i];
        if (dependencies_.observer != nullptr) dependencies_.observer->decided(decision.outcome, decision.layer);
        if (decision.outcome == policy::Outcome::allow) continue;
        record.error_code = policy::denial_code(decision);
        record.error_message = refusal_sentence(accesses[i], request, decision);
    }
    // Jobs that run keep their credentials on a full disk; what would begin one was refused before.
    const store::MayUseReserve of_what_runs(store::ReserveUse::administration);
    if (auto written = dependencies_.audit->append(record); !written) {
        base::log_error("what " + act.service + " does for request " + record.request_id +
                        " was stopped: " + written.error().describe());
        if (written.error().code == base::code::InsufficientStorage) return written;
        if (written.error().code == base::code::AuditFull)
            return base::fail(base::code::ServiceUnavailable, "the audit log has no room for more records");
        return base::fail(base::code::InternalFailure, "the decision could not be recorded");
    }
    if (!record.error_code.empty()) return base::fail(record.error_code, record.error_message);
    return {};
}

base::Result<identity::AssumedRole> Decider::assume_role(const identity::ServiceCall& service, identity::AssumeRole request,
                                                         const std::string& request_id) const {
    ServiceAct assumption = TRY(role_assumption(*dependencies_.describer, service, request));
    assumption.act.request_id = request_id;
    TRY(act_for(assumption));
    request.by_service = true;
    return dependencies_.directory->assume_role(request);
}

}  // namespace gate
