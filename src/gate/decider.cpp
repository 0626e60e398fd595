#include "gate/decider.hpp"

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/log.hpp"
#include "gate/decide.hpp"
#include "gate/wording.hpp"
#include "policy/arn.hpp"

namespace gate {
namespace {

// A service principal belongs to no account and has no policies: resource policies say what it may do.
identity::Caller service_caller(const std::string& service) {
    identity::Caller caller;
    caller.principal.kind = policy::PrincipalKind::service;
    caller.principal.service = service;
    return caller;
}

// What AssumeRole brings for conditions, for every caller.
policy::Context keys_of(const identity::AssumeRole& request) {
    policy::Context keys;
    keys.set("sts:RoleSessionName", request.session_name);
    if (!request.external_id.empty()) keys.set("sts:ExternalId", request.external_id);
    if (!request.source_identity.empty()) keys.set("sts:SourceIdentity", request.source_identity);
    std::vector<std::string> tag_keys;
    for (const auto& [key, value] : request.tags) {
        keys.set("aws:RequestTag/" + key, value);
        tag_keys.push_back(key);
    }
    if (!tag_keys.empty()) keys.set_list("aws:TagKeys", std::move(tag_keys));
    if (!request.transitive_tag_keys.empty()) keys.set_list("sts:TransitiveTagKeys", request.transitive_tag_keys);
    return keys;
}

// As a caller's request has them. Source: CloudTrail User Guide, "Logging IAM and AWS STS API calls", AssumeRole called by a service.
std::string parameters_of(const identity::AssumeRole& request) {
    std::string out = "{";
    audit::append_member(out, "RoleArn", request.role_arn);
    audit::append_member(out, "RoleSessionName", request.session_name);
    if (!request.source_identity.empty()) audit::append_member(out, "SourceIdentity", request.source_identity);
    audit::append_raw_member(out, "DurationSeconds", std::to_string(request.duration.count()));
    return out + "}";
}

}  // namespace

Decider::Decider(DeciderDependencies dependencies) : dependencies_(std::move(dependencies)) {
    INVARIANT(dependencies_.describer && dependencies_.directory && dependencies_.audit && dependencies_.clock &&
              dependencies_.random);
}

base::Result<void> Decider::act_for(const identity::Caller& caller, const std::vector<Access>& accesses, const Act& act) const {
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
    const HypotheticalRequest circumstances{
        .region = act.region.empty() ? dependencies_.region : act.region, .now = record.time, .said = act.keys};
    for (const Access& access : accesses) record.accesses.push_back(decide_supposed(caller, access, circumstances));
    for (size_t i = 0; i < accesses.size() && record.error_code.empty(); ++i) {
        const auto& [request, decision] = record.accesses[i];
        if (decision.outcome == policy::Outcome::allow) continue;
        record.error_code = policy::denial_code(decision);
        record.error_message = refusal_sentence(accesses[i], request, decision);
    }
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

base::Result<void> Decider::act_for(const identity::Caller& caller, std::string_view action, std::string_view resource,
                                    const policy::Context& request_keys, const Act& act) const {
    const Description described = TRY(dependencies_.describer->describe(resource, action, caller.principal.account));
    return act_for(caller, std::vector<Access>{access_to(action, described, request_keys)}, act);
}

base::Result<identity::AssumedRole> Decider::assume_role(const identity::ServiceCall& service, identity::AssumeRole request,
                                                         const std::string& request_id) const {
    const identity::Caller caller = service_caller(service.service);
    const policy::Context keys = keys_of(request);
    std::vector<Access> accesses;
    const auto need = [&](std::string_view action) -> base::Result<void> {
        const Description role = TRY(dependencies_.describer->describe(request.role_arn, action, service.source_account));
        Access access = access_to(action, role, keys);
        access.refusal_message =
            service.service + " is not authorized to perform: sts:AssumeRole on resource: " + request.role_arn;
        accesses.push_back(std::move(access));
        return {};
    };
    TRY(need("sts:AssumeRole"));
    if (!request.tags.empty()) TRY(need("sts:TagSession"));
    if (!request.source_identity.empty()) TRY(need("sts:SetSourceIdentity"));
    Act act{.request_id = request_id,
            .service = "sts",
            .operation = "AssumeRole",
            .region = service.region,
            .keys = {},
            .parameters = parameters_of(request)};
    if (!service.source_account.empty()) act.keys.set("aws:SourceAccount", service.source_account);
    if (!service.source_arn.empty()) act.keys.set("aws:SourceArn", service.source_arn);
    TRY(act_for(caller, accesses, act));
    request.by_service = true;
    return dependencies_.directory->assume_role(request);
}

}  // namespace gate
