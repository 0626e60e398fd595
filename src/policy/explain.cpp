#include "policy/explain.hpp"

#include <algorithm>

#include "policy/passed_resource.hpp"
#include "policy/question.hpp"
#include "text/json.hpp"

namespace policy {

namespace {

using text::Json;

constexpr size_t statements_named_max = 3;  // in one sentence

bool grants(const StatementRef& ref) { return ref.layer == Layer::identity || ref.layer == Layer::resource; }

std::string caller_name(const Principal& principal) {
    if (principal.kind == PrincipalKind::service) return principal.service;
    if (principal.kind == PrincipalKind::anonymous)
        return principal.federated_provider.empty() ? "anonymous"
                                                    : "a user that " + principal.federated_provider + " vouches for";
    return principal.arn;
}

// Whom a policy should name: the role, not one session of it.
std::string subject(const Principal& principal) {
    return principal.role_arn.empty() ? caller_name(principal) : principal.role_arn;
}

bool same_account(const Request& request) {
    return request.resource_account.empty() || request.resource_account == request.principal.account;
}

std::string listed(const std::vector<std::string>& parts) {
    std::string out;
    for (size_t i = 0; i < parts.size(); ++i) out += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return out;
}

// The statements, or the first few of them.
std::string listed(const std::vector<const StatementRef*>& refs) {
    std::vector<std::string> parts;
    for (size_t i = 0; i < refs.size() && i < statements_named_max; ++i) parts.push_back(describe(*refs[i]));
    if (refs.size() > statements_named_max) parts.push_back(std::to_string(refs.size() - statements_named_max) + " more");
    return listed(parts);
}

std::vector<const StatementRef*> those(const std::vector<StatementRef>& refs, bool (*wanted)(const StatementRef&)) {
    std::vector<const StatementRef*> out;
    for (const auto& ref : refs)
        if (wanted(ref)) out.push_back(&ref);
    return out;
}

std::vector<Layer> layers_of(const std::vector<const StatementRef*>& refs) {
    std::vector<Layer> out;
    for (const auto* ref : refs)
        if (std::ranges::find(out, ref->layer) == out.end()) out.push_back(ref->layer);
    return out;
}

std::string why_allowed(const Decision& decision) {
    const auto granting = those(decision.because, grants);
    std::string out;
    if (decision.layer == Layer::always)
        out = "every caller may do this";
    else if (granting.empty())
        out = "the caller is the root user of its account";
    else
        out = listed(granting) + (granting.size() == 1 ? " allows it" : " allow it");
    std::vector<std::string> within;
    for (const Layer layer : layers_of(those(decision.because, [](const StatementRef& ref) { return !grants(ref); })))
        within.push_back("the " + std::string(describe(layer)));
    if (!within.empty()) out += ", and " + listed(within) + (within.size() == 1 ? " does too" : " do too");
    return out;
}

std::string why_denied(const Decision& decision) {
    const auto denying = those(decision.because, [](const StatementRef&) { return true; });
    return listed(denying) + (denying.size() == 1 ? " denies it" : " deny it") + ", and a deny wins over every allow";
}

// Of a recorded request the context may be gone: then the rule that depends on it was the one.
ServiceRule rule_of(const Request& request, const Decision& decision) {
    if (decision.rule != ServiceRule::none) return decision.rule;
    const Question question(request);
    if (question.forbidden_by != ServiceRule::none) return question.forbidden_by;
    return policy::forbidding_rule(request.principal.kind, question.action, request.resource, nullptr);
}

// One layer that had to allow and did not.
std::string not_allowed_by(Layer layer, const Request& request, const Decision& decision) {
    const auto& caller = request.principal;
    switch (layer) {
        case Layer::identity:
            return "no identity-based policy of " + subject(caller) + " allows it";
        case Layer::boundary:
            return "its permissions boundary does not allow it";
        case Layer::session:
            return caller.kind == PrincipalKind::federated_user ? "no session policy of the federated session allows it"
                                                                : "the policy of its session does not allow it";
        case Layer::service_control:
            return "not every level of the organization above account " + caller.account +
                   " has a service control policy that allows it";
        case Layer::resource_control:
            return "not every level of the organization above the resource's account has a resource control policy that allows "
                   "it";
        case Layer::resource:
            return "no " + std::string(policy_type(layer, request)) + " allows it to " + subject(caller);
        case Layer::vpc_endpoint:
            return "the policy of the VPC endpoint does not allow it";
        case Layer::service_rule:
            return std::string(describe(rule_of(request, decision)));
        case Layer::account_root:
        case Layer::always:
            break;
    }
    return "nothing allows it";
}

std::string why_not_allowed(const Request& request, const Decision& decision) {
    std::vector<std::string> missing;
    for (const Layer layer : decision.missing) missing.push_back(not_allowed_by(layer, request, decision));
    if (missing.empty()) missing.push_back(not_allowed_by(decision.layer, request, decision));
    const auto granting = those(decision.granted, grants);
    if (granting.empty()) return listed(missing);
    std::string out = listed(granting);
    // What a resource's policy grants to an account, the account's own policies must grant too (R6).
    const bool delegated = same_account(request) && layers_of(granting) == std::vector{Layer::resource} &&
                           std::ranges::find(decision.missing, Layer::identity) != decision.missing.end();
    const bool one = granting.size() == 1;
    out += delegated ? (one ? " leaves " : " leave ") : (one ? " allows " : " allow ");
    out += request.action + " to " + (delegated ? "the account's own policies" : subject(request.principal));
    return out + ", but " + listed(missing);
}

// "its condition on `aws:SourceIp`"
std::string conditions_of(const Conditioned& statement) {
    std::vector<std::string> keys;
    for (const std::string& key : statement.keys) keys.push_back("`" + key + "`");
    return (keys.size() == 1 ? "its condition on " : "its conditions on ") + listed(keys);
}

// What the request brought for a key that a condition asks about.
std::string brought(const Request& request, const std::string& key) {
    const auto* entry = request.context.find(key);
    if (entry == nullptr || entry->values.empty()) return "the request has no `" + key + "`";
    const std::string more = entry->values.size() > 1 ? " and " + std::to_string(entry->values.size() - 1) + " more" : "";
    return "the request's `" + key + "` is " + text::quote_json(entry->values.front()) + more;
}

std::string why_nearly(const Decision& decision) {
    std::vector<std::string> parts;
    for (const Conditioned& one : decision.conditioned)
        parts.push_back(describe(one.statement) + " would allow it but for " + conditions_of(one));
    return parts.empty() ? "" : "; " + listed(parts);
}

// A condition is a guard: the remedy keeps it, and says what it asks.
std::string remedy(const Conditioned& one, const Request& request) {
    std::string values;
    // What was recorded long ago is read without its context.
    if (!request.context.entries().empty()) {
        std::vector<std::string> parts;
        for (const std::string& key : one.keys) parts.push_back(brought(request, key));
        values = " (" + listed(parts) + ")";
    }
    const bool denies = one.statement.info.effect == Effect::deny;
    return std::string(denies ? "make a request that does not fit " : "make a request that meets ") + "the Condition of " +
           describe(one.statement) + values + ": " + one.condition;
}

std::string statement_to_paste(const Request& request, bool with_principal, bool with_resource) {
    Json statement = Json::object({{"Effect", "Allow"}});
    const auto& caller = request.principal;
    if (with_principal) {
        const bool service = caller.kind == PrincipalKind::service;
        const std::string name = caller.kind == PrincipalKind::anonymous ? "*" : subject(caller);
        statement.set("Principal", Json::object({{service ? "Service" : "AWS", name}}));
    }
    statement.set("Action", request.action);
    if (with_resource) statement.set("Resource", request.resource);
    return statement.dump();
}

// What has to change for a layer that did not allow.
std::string remedy(Layer layer, const Request& request) {
    const auto& caller = request.principal;
    switch (layer) {
        case Layer::identity:
            return "allow it in a policy of " + subject(caller) + ": " + statement_to_paste(request, false, true);
        case Layer::boundary:
            return "allow it in the permissions boundary of " + subject(caller) +
                   ", which caps what its policies grant: " + statement_to_paste(request, false, true);
        case Layer::session:
            return "make a session without a session policy, or with one that holds " + statement_to_paste(request, false, true);
        case Layer::service_control:
            return "allow it in a service control policy at every level of the organization above account " + caller.account +
                   ": " + statement_to_paste(request, false, true);
        case Layer::resource_control:
            return "attach RCPFullAWSAccess at every level of the organization above the resource's account";
        case Layer::resource:
            if (policy_type(layer, request) != describe(layer))  // a trust policy has no Resource element
                return "allow it in the trust policy of " + request.resource + ": " + statement_to_paste(request, true, false);
            if (caller.kind == PrincipalKind::anonymous && !names_resource(request.action))
                return "sign it with credentials: no policy of a resource can allow what is not about a resource";
            return (caller.kind == PrincipalKind::anonymous ? "allow everyone" : "allow it") +
                   std::string(" in the resource-based policy of ") + request.resource + ": " +
                   statement_to_paste(request, true, true);
        case Layer::vpc_endpoint:
            return "allow it in the policy of the VPC endpoint: " + statement_to_paste(request, true, true);
        case Layer::service_rule:  // no policy helps
        case Layer::account_root:
        case Layer::always:
            break;
    }
    return "";
}

std::string remedy_of_deny(const StatementRef& ref, const Request& request, const Decision& decision) {
    for (const Conditioned& one : decision.conditioned)
        if (one.statement.layer == ref.layer && one.statement.policy_name == ref.policy_name &&
            one.statement.statement == ref.statement)
            return remedy(one, request);
    return "remove " + describe(ref) + ", or narrow it by Action, Resource or Condition";
}

}  // namespace

std::string describe(const StatementRef& ref) {
    std::string out =
        ref.info.sid.empty() ? "statement " + std::to_string(ref.statement + 1) : "statement `" + ref.info.sid + "`";
    out += " of " + ref.policy_name;
    if (!ref.policy_version.empty()) out += " (" + ref.policy_version + ")";
    if (ref.info.position.line != 0) out += ", line " + std::to_string(ref.info.position.line);
    return out;
}

Explanation explanation_of(const Request& request, const Decision& decision) {
    Explanation out;
    switch (decision.outcome) {
        case Outcome::allow:
            out.reason = why_allowed(decision);
            break;
        case Outcome::explicit_deny:
            out.reason = why_denied(decision);
            for (const auto& ref : decision.because) out.remedies.push_back(remedy_of_deny(ref, request, decision));
            break;
        case Outcome::implicit_deny:
            out.reason = why_not_allowed(request, decision) + why_nearly(decision);
            for (const Layer layer : decision.missing) {
                if (layer == Layer::service_rule) continue;  // no policy helps
                const size_t before = out.remedies.size();
                for (const Conditioned& one : decision.conditioned)
                    if (one.statement.layer == layer) out.remedies.push_back(remedy(one, request));
                if (out.remedies.size() == before) out.remedies.push_back(remedy(layer, request));
            }
            break;
    }
    return out;
}

std::string explain(const Request& request, const Decision& decision) {
    const auto explanation = explanation_of(request, decision);
    std::string out = caller_name(request.principal) + " asks for " + request.action + " on " + request.resource + "\n";
    out += (decision.outcome == Outcome::allow ? "allowed: " : "denied: ") + explanation.reason + "\n";
    const auto lines = [&](const std::vector<StatementRef>& refs, std::string_view verb) {
        for (const auto& ref : refs)
            out +=
                "  " + std::string(verb) + " by " + describe(ref) + " (" + std::string(policy_type(ref.layer, request)) + ")\n";
    };
    lines(decision.because, decision.outcome == Outcome::allow ? "allowed" : "denied");
    lines(decision.granted, "allowed");
    for (const Layer layer : decision.missing) out += "  missing in " + std::string(policy_type(layer, request)) + "\n";
    for (const auto& line : explanation.remedies) out += "  remedy: " + line + "\n";
    return out;
}

}  // namespace policy
