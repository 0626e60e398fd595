#include "gate/decide.hpp"

namespace gate {
namespace {

// Stands in for a public bucket policy where RestrictPublicBuckets makes it count for nobody (R79).
const policy::PolicyPtr& allows_nobody() {
    static const policy::PolicyPtr policy = policy::Policy::parse_stored(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:NoSuchAction","Resource":"*"}]})",
        policy::PolicyKind::resource);
    return policy;
}

}  // namespace

identity::Caller anonymous_caller() {
    identity::Caller caller;
    caller.context.set("aws:PrincipalType", "Anonymous");
    caller.context.set("aws:userid", "anonymous");
    return caller;
}

std::vector<audit::DecidedAccess> decide_each(const identity::Caller& caller, const std::vector<Access>& accesses,
                                              const policy::Context& globals) {
    std::vector<audit::DecidedAccess> decided;
    decided.reserve(accesses.size());
    policy::PolicySet policies = caller.policies;
    for (const Access& access : accesses) {
        policy::Request request;
        request.principal = caller.principal;
        request.action = access.action;
        request.resource = access.resource;
        request.resource_account = access.resource_account.empty() ? caller.principal.account : access.resource_account;
        request.context = access.context;
        request.context.merge(caller.context);
        request.context.merge(globals);
        if (!request.resource_account.empty()) request.context.set("aws:ResourceAccount", request.resource_account);
        policies.resource = access.resource_policy;
        const bool outsider =
            caller.principal.account != request.resource_account && caller.principal.kind != policy::PrincipalKind::service;
        if (access.restrict_public && policies.resource && outsider) policies.resource->policy = allows_nobody();
        policy::Decision decision = policy::evaluate(request, policies);
        decided.push_back({std::move(request), std::move(decision)});
    }
    return decided;
}

}  // namespace gate
