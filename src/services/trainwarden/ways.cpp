#include "services/trainwarden/ways.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/strings.hpp"
#include "gate/decide.hpp"
#include "identity/directory.hpp"
#include "policy/catalogue.hpp"
#include "policy/explain.hpp"
#include "policy/glob.hpp"
#include "policy/statement_span.hpp"
#include "services/trainwarden/explained.hpp"
#include "text/json.hpp"
#include "text/one_or_many.hpp"

namespace services::trainwarden {
namespace {

namespace m = model::trainwarden;
using text::Json;

Json document_of(const proof::StatementOf& statement) {
    auto document = text::parse_json(policy::statement_text(*statement.policy->policy, statement.statement));
    return document ? std::move(*document) : Json();
}

m::Statement shown(const proof::StatementOf& statement, const policy::Request& request) {
    const policy::StatementRef ref = proof::reference_to(statement);
    m::Statement out{.policy_type = std::string(policy::policy_type(ref.layer, request)),
                     .policy_name = ref.policy_name,
                     .statement_index = static_cast<int32_t>(ref.statement),
                     .effect = ref.info.effect == policy::Effect::allow ? m::Effect::allow : m::Effect::deny,
                     .description = policy::describe(ref)};
    if (!ref.policy_version.empty()) out.policy_version = ref.policy_version;
    if (!ref.info.sid.empty()) out.sid = ref.info.sid;
    if (ref.info.position.line != 0) {
        out.line = static_cast<int32_t>(ref.info.position.line);
        out.column = static_cast<int32_t>(ref.info.position.column);
    }
    return out;
}

m::Statement shown_with_resources(const proof::StatementOf& statement, const policy::Request& request) {
    m::Statement out = shown(statement, request);
    auto [patterns, all_but] = proof::resources_of(statement);
    if (!patterns.empty()) (all_but ? out.not_resources : out.resources) = std::move(patterns);
    return out;
}

m::Statement shown_with_condition(const proof::StatementOf& statement, const policy::Request& request) {
    m::Statement out = shown_with_resources(statement, request);
    const Json document = document_of(statement);
    if (!document.contains("Condition")) return out;
    out.condition = document["Condition"].dump();
    std::set<std::string> keys;
    for (const auto& [op, of_op] : document["Condition"].members())
        for (const auto& [key, values] : of_op.members()) keys.insert(key);
    out.keys = std::vector<std::string>(keys.begin(), keys.end());
    return out;
}

// What policies ask of a session that it brings itself.
struct Asking {
    bool tags = false, source_identity = false, id = false;

    void add(const policy::Policy& policy) {
        const std::string lower = base::lower(policy.text());
        tags = tags || lower.contains("aws:principaltag/");
        source_identity = source_identity || lower.contains("aws:sourceidentity");
        id = id || lower.contains("aws:userid");
    }
};

// Does some Allow of the trust policy name the action (in lower case)? Not sure is yes.
bool allows(const policy::Policy& trust, std::string_view action) {
    const auto document = text::parse_json(trust.text());
    if (!document) return false;
    for (const Json& statement : text::one_or_many((*document)["Statement"])) {
        if (statement["Effect"].as_string() != "Allow") continue;
        if (statement.contains("NotAction")) return true;
        for (const Json& one : text::one_or_many(statement["Action"]))
            if (policy::glob_matches(base::lower(one.as_string()), action)) return true;
    }
    return false;
}

// What the administrators of another account may give to who asks: names, tags, an organization. Who stands for a whole account is of any kind.
void open_keys_of_other_account(proof::Subject& subject) {
    const policy::Principal& principal = subject.principal;
    if (principal.arn.ends_with(":root") || principal.arn.ends_with(":user/somebody")) {
        subject.known.erase("aws:PrincipalType");
        subject.known.erase("aws:PrincipalArn");
        subject.open.push_back({.key = "aws:principaltype", .pattern = "?*"});
        subject.open.push_back({.key = "aws:principalarn", .pattern = "arn:aws:iam::" + principal.account + ":?*"});
    }
    subject.open.push_back({.key = "aws:userid", .pattern = "A?*"});
    for (const char* key : {"aws:principaltag/", "aws:username", "aws:sourceidentity"})
        subject.open.push_back({.key = key, .pattern = "?*", .is_optional = true});
    for (const char* key : {"aws:principalorgid", "aws:principalorgpaths"})
        subject.open.push_back({.key = key, .pattern = "o-?*", .is_optional = true});
}

bool is_own(const proof::StatementOf& statement) { return statement.layer == policy::Layer::identity; }

m::Witness shown_witness(const proof::WayIn& way, const policy::Context& of_principal) {
    m::Witness out{.action = way.witness.action, .resource = way.witness.resource, .context = {}};
    if (!way.witness.resource_account.empty()) out.resource_account = way.witness.resource_account;
    for (const auto& entry : way.witness.context.entries())
        if (of_principal.find(entry.key) == nullptr) out.context.emplace_back(entry.key, entry.values);
    return out;
}

}  // namespace

std::vector<proof::Asker> askers_of(const std::vector<Candidate>& candidates) {
    std::vector<proof::Asker> out;
    out.reserve(candidates.size());
    for (const Candidate& one : candidates) {
        proof::Asker asker{.subject = {.principal = one.caller.principal, .known = one.caller.context},
                           .policies = &one.caller.policies};
        // Which job a service acts for is found out.
        if (one.caller.principal.kind == policy::PrincipalKind::service) asker.subject.known.erase("aws:SourceArn");
        asker.subject.open = one.brings;
        if (!one.needs.empty() && one.caller.principal.federated_provider.empty()) open_keys_of_other_account(asker.subject);
        out.push_back(std::move(asker));
    }
    return out;
}

std::vector<Candidate> population(const Dependencies& parts, const Targets& targets) {
    std::vector<Candidate> out = own_principals(*parts.directory);
    for (const proof::Target& target : targets.all) {
        if (target.policy == nullptr) continue;
        add_named(*parts.directory, *target.policy, target.account, parts.region, out);
        if (target.policy->policy->kind() == policy::PolicyKind::trust) add_federated(*target.policy, out);
    }
    const size_t count = out.size();
    for (size_t i = 0; i < count; ++i)
        for (Candidate& session : sessions_of_role(parts, targets, out[i], i)) out.push_back(std::move(session));
    return out;
}

std::vector<Candidate> sessions_of_role(const Dependencies& parts, const Targets& targets, const Candidate& role, size_t of) {
    const policy::Principal& principal = role.caller.principal;
    const bool is_role = principal.kind == policy::PrincipalKind::role_session && role.shown_as.empty() && role.needs.empty() &&
                         !role.caller.token_issue_time;
    if (!is_role) return {};
    Asking asking;
    for (const auto& one : role.caller.policies.identity) asking.add(*one.policy);
    if (role.caller.policies.boundary) asking.add(*role.caller.policies.boundary->policy);
    for (const proof::Target& target : targets.all)
        if (target.policy != nullptr) asking.add(*target.policy->policy);
    if (!asking.tags && !asking.source_identity && !asking.id) return {};
    const auto trust = parts.directory->trust_policy(principal.role_arn);
    if (!trust) return {};
    Candidate session = role;
    session.of = of;
    session.shown_as = "sessions of " + principal.role_arn + " with a name, tags or a source identity of their own";
    std::vector<std::string> open;
    if (asking.tags && allows(*trust->policy, "sts:tagsession")) {
        session.brings.push_back({.key = "aws:principaltag/", .pattern = "?*", .is_optional = true});
        for (const auto& entry : role.caller.context.entries())
            if (entry.key.starts_with("aws:principaltag/")) open.push_back(entry.key);
    }
    if (asking.source_identity && allows(*trust->policy, "sts:setsourceidentity"))
        session.brings.push_back({.key = "aws:sourceidentity", .pattern = "??*", .is_optional = true});
    if (asking.id) {
        session.brings.push_back({.key = "aws:userid", .pattern = principal.role_id + ":??*", .is_optional = false});
        open.emplace_back("aws:userid");
    }
    if (session.brings.empty()) return {};
    for (const std::string& key : open) session.caller.context.erase(key);
    return {std::move(session)};
}

std::vector<std::string> shortened(const std::vector<std::string>& actions) {
    std::map<std::string, std::vector<std::string>> by_service;
    for (const std::string& action : actions) by_service[action.substr(0, action.find(':'))].push_back(action);
    std::vector<std::string> out;
    size_t whole = 0;
    for (auto& [service, names] : by_service) {
        std::ranges::sort(names);
        if (const auto all = policy::actions_matching(service + ":*"); all.size() > 1 && names.size() == all.size()) {
            out.push_back(service + ":*");
            whole += all.size();
        } else {
            out.insert(out.end(), names.begin(), names.end());
        }
    }
    if (whole > 0 && whole == policy::actions_matching("*").size()) return {"*"};
    return out;
}

m::WayIn shown(const proof::WayIn& way, const proof::Target& target, const Candidate& candidate) {
    m::WayIn out{.actions = shortened(way.actions),
                 .resources = way.resources,
                 .statements = {},
                 .conditions = {},
                 .except = {},
                 .witness = shown_witness(way, candidate.caller.context)};
    policy::Context known = candidate.caller.context;
    known.merge(target.known);
    if (candidate.caller.principal.kind == policy::PrincipalKind::service) known.erase("aws:SourceArn");
    std::set<std::vector<std::string>> seen;
    for (const proof::StatementOf& one : way.allowed_by) {
        if (is_own(one) && !candidate.needs.empty()) continue;
        out.statements.push_back(shown_with_resources(one, way.witness));
        for (proof::StatementCondition& condition : proof::conditions_of(one, known)) {
            std::vector<std::string> text{condition.op, condition.key};
            text.insert(text.end(), condition.values.begin(), condition.values.end());
            if (seen.insert(std::move(text)).second)
                out.conditions.push_back({.key = condition.key, .operator_ = condition.op, .values = condition.values});
        }
    }
    for (const proof::StatementOf& one : way.denied_by) out.except.push_back(shown_with_condition(one, way.witness));
    return out;
}

m::WayIn shown_request(const proof::WayIn& way, const policy::Context& known) {
    m::WayIn out{.actions = way.actions,
                 .resources = {way.witness.resource},
                 .statements = {},
                 .conditions = {},
                 .except = {},
                 .witness = shown_witness(way, known)};
    for (const proof::StatementOf& one : way.allowed_by) {
        out.statements.push_back(shown_with_resources(one, way.witness));
        for (const proof::StatementCondition& condition : proof::conditions_of(one, known))
            out.conditions.push_back({.key = condition.key, .operator_ = condition.op, .values = condition.values});
    }
    return out;
}

bool is_confirmed(const proof::WayIn& way, const proof::Target& target, const identity::Caller& caller) {
    gate::Access access{.action = way.witness.action,
                        .resource = way.witness.resource,
                        .resource_account = way.witness.resource_account,
                        .context = {},
                        .refusal_message = "",
                        .restrict_public = target.restricts_public,
                        .resource_policy_is_public = target.policy_is_public,
                        .region = ""};
    if (target.policy != nullptr) access.resource_policy = *target.policy;
    identity::Caller asking = caller;
    asking.context = {};  // the witness holds all of it
    asking.lease = nullptr;
    return gate::decide_each(asking, {access}, way.witness.context).front().decision.outcome == policy::Outcome::allow;
}

m::Principal shown_principal(const Candidate& candidate) {
    m::Principal out = shown(candidate.caller.principal);
    if (!candidate.shown_as.empty()) out.name = candidate.shown_as;
    return out;
}

}  // namespace services::trainwarden
