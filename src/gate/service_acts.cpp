#include "gate/service_acts.hpp"

#include "audit/value.hpp"
#include "base/invariant.hpp"
#include "gate/decide.hpp"

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

std::vector<audit::DecidedAccess> decide_act(const ServiceAct& act, const std::string& region, base::Time now) {
    const HypotheticalRequest circumstances{
        .region = act.act.region.empty() ? region : act.act.region, .now = now, .said = act.act.keys};
    std::vector<audit::DecidedAccess> decided;
    for (const Access& access : act.accesses) decided.push_back(decide_supposed(act.caller, access, circumstances));
    return decided;
}

base::Result<ServiceAct> act_on(const Describer& describer, const identity::Caller& caller, std::string_view action,
                                std::string_view resource, const policy::Context& request_keys, Act act) {
    const Description described = TRY(describer.describe(resource, action, caller.principal.account));
    return ServiceAct{.caller = caller, .accesses = {access_to(action, described, request_keys)}, .act = std::move(act)};
}

base::Result<ServiceAct> role_assumption(const Describer& describer, const identity::ServiceCall& service,
                                         const identity::AssumeRole& request) {
    ServiceAct out{.caller = service_caller(service.service),
                   .accesses = {},
                   .act = {.request_id = {},
                           .service = "sts",
                           .operation = "AssumeRole",
                           .region = service.region,
                           .keys = {},
                           .parameters = parameters_of(request)}};
    const policy::Context keys = keys_of(request);
    const auto need = [&](std::string_view action) -> base::Result<void> {
        const Description role = TRY(describer.describe(request.role_arn, action, service.source_account));
        Access access = access_to(action, role, keys);
        access.refusal_message =
            service.service + " is not authorized to perform: sts:AssumeRole on resource: " + request.role_arn;
        out.accesses.push_back(std::move(access));
        return {};
    };
    TRY(need("sts:AssumeRole"));
    if (!request.tags.empty()) TRY(need("sts:TagSession"));
    if (!request.source_identity.empty()) TRY(need("sts:SetSourceIdentity"));
    if (!service.source_account.empty()) out.act.keys.set("aws:SourceAccount", service.source_account);
    if (!service.source_arn.empty()) out.act.keys.set("aws:SourceArn", service.source_arn);
    return out;
}

void ServiceActs::add(const model::Operation& operation, Describe describe) {
    const bool added =
        acts_.emplace(std::pair(std::string(operation.service->signing_name), std::string(operation.name)), std::move(describe))
            .second;
    INVARIANT(added);
}

const ServiceActs::Describe* ServiceActs::find(std::string_view service, std::string_view operation) const {
    const auto found = acts_.find(std::pair(std::string(service), std::string(operation)));
    return found == acts_.end() ? nullptr : &found->second;
}

}  // namespace gate
