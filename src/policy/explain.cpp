#include "policy/explain.hpp"

namespace policy {

namespace {

std::string caller_name(const Principal& principal) {
    if (principal.kind == PrincipalKind::service) return principal.service;
    if (principal.kind == PrincipalKind::anonymous)
        return principal.federated_provider.empty() ? "anonymous"
                                                    : "a user that " + principal.federated_provider + " vouches for";
    return principal.arn;
}

std::string statement_line(const StatementRef& ref) {
    std::string out = ref.info.effect == Effect::deny ? "  denied by " : "  allowed by ";
    out += ref.info.sid.empty() ? "statement " + std::to_string(ref.statement + 1) : "statement `" + ref.info.sid + "`";
    out += " of " + std::string(describe(ref.layer)) + " `" + ref.policy_name + "`";
    if (ref.info.position.line) out += ", line " + std::to_string(ref.info.position.line);
    return out + "\n";
}

// What has to change for a layer that did not allow.
std::string remedy(Layer layer, const Request& request) {
    const auto what = request.action + " on " + request.resource;
    switch (layer) {
        case Layer::identity:
            return "attach a policy that allows " + what + " to " + caller_name(request.principal);
        case Layer::boundary:
            return "add " + what + " to the permissions boundary: it caps what identity-based policies grant";
        case Layer::session:
            return "pass a session policy that allows " + what + " when the session is made, or none";
        case Layer::service_control:
            return "every level of the organization above the caller's account must allow " + what;
        case Layer::resource_control:
            return "every level of the organization above the resource's account must allow " + what;
        case Layer::resource:
            return "the resource's own policy must allow " + what + " for " + caller_name(request.principal);
        case Layer::vpc_endpoint:
            return "the policy of the VPC endpoint that the request came through must allow " + what;
        case Layer::account_root:
        case Layer::always:
            break;
    }
    return "";
}

}  // namespace

std::string explain(const Request& request, const Decision& decision) {
    std::string out = caller_name(request.principal) + " asks for " + request.action + " on " + request.resource + "\n";
    switch (decision.outcome) {
        case Outcome::allow:
            out += "allowed";
            break;
        case Outcome::explicit_deny:
            out += "denied: an explicit deny wins over every allow";
            break;
        case Outcome::implicit_deny:
            out += "denied: nothing denies it, but not everything that must allow it does";
            break;
    }
    if (decision.outcome == Outcome::allow && decision.layer == Layer::account_root)
        out += ": the caller is the root user of its account";
    if (decision.outcome == Outcome::allow && decision.layer == Layer::always) out += ": this action needs no permission";
    out += "\n";
    for (const auto& ref : decision.because) out += statement_line(ref);
    for (const auto layer : decision.missing)
        out += "  no " + std::string(describe(layer)) + " allows it: " + remedy(layer, request) + "\n";
    return out;
}

}  // namespace policy
