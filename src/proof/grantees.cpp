#include "proof/grantees.hpp"

#include "policy/compile.hpp"
#include "proof/account.hpp"
#include "proof/grant_worlds.hpp"
#include "proof/subjects.hpp"
#include "text/json.hpp"

namespace proof {

using policy::PolicyKind;
using policy::PolicyPtr;
using policy::PrincipalKind;
using text::Json;

namespace {

Grantee without_credentials() { return {.subject = anonymous_subject(), .policies = {}}; }

// Any service that no policy names as a principal; conditions may.
Grantee unnamed_service() {
    Grantee out;
    out.subject.principal.kind = PrincipalKind::service;
    out.subject.principal.service = "unnamed.amazonaws.com";
    out.subject.known.set("aws:PrincipalIsAWSService", "true");
    out.subject.open = {{"aws:principalservicename", "?*"}, {"aws:principalservicenameslist", "?*"}};
    return out;
}

// By the id that a policy names: a user's, a role's for its sessions, or one session's.
Grantee with_id(std::string_view id, const std::string& account) {
    const bool is_session = id.starts_with("AROA");
    Grantee out = anyone_of(account, is_session);
    policy::Principal& principal = out.subject.principal;
    principal.unique_id = std::string(id);
    if (is_session) {
        principal.role_id = std::string(id.substr(0, id.find(':')));
        if (!id.contains(':')) principal.unique_id += ":unnamed";
    }
    return out;
}

// Who has one of these ARNs is asked about for itself.
PolicyPtr denied_to(const Json& arns) {
    Json statement = Json::object({{"Effect", "Deny"}, {"Action", "*"}, {"Resource", "*"}});
    statement.set("Condition", Json::object({{"ArnEquals", Json::object({{"aws:PrincipalArn", arns}})}}));
    const Json document = Json::object({{"Version", "2012-10-17"}, {"Statement", Json::array({statement})}});
    return policy::Policy::parse_stored(document.dump(), PolicyKind::identity);
}

}  // namespace

Grantee anyone_of(const std::string& account, bool is_session) {
    Grantee out;
    policy::Principal& principal = out.subject.principal;
    principal.kind = is_session ? PrincipalKind::role_session : PrincipalKind::user;
    principal.account = account;
    principal.unique_id = is_session ? "AROAUNNAMED:unnamed" : "AIDAUNNAMED";
    if (is_session) {
        principal.arn = "arn:aws:sts::" + account + ":assumed-role/unnamed/unnamed";
        principal.role_arn = "arn:aws:iam::" + account + ":role/unnamed";
        principal.role_id = "AROAUNNAMED";
    } else {
        principal.arn = principal.user_arn = "arn:aws:iam::" + account + ":user/unnamed";
    }
    out.subject.is_any = true;
    out.subject.absent = {"aws:principalservicename"};  // and …nameslist
    out.subject.known.set("aws:PrincipalAccount", account);
    out.subject.known.set("aws:PrincipalIsAWSService", "false");
    out.subject.open = {{"aws:principalarn", "arn:aws:*::" + account + ":?*"}};
    out.policies.identity.push_back({allows_everything(), "policies of account " + account});
    return out;
}

std::vector<Grantee> grantees_of(std::span<const PolicyPtr> policies, const std::set<std::string>& accounts,
                                 const std::string& owner) {
    AccountPolicies nothing;
    nothing.id = owner;
    std::set<std::string> asked = accounts;
    asked.insert(owner);
    const std::string unnamed = unnamed_account(asked);
    asked.insert(unnamed);
    asked.erase(owner);
    std::vector<Grantee> out{without_credentials(), unnamed_service()};
    Json named = Json::array();
    for (Actor& actor : outsiders(nothing, policies)) {
        if (actor.kind == Actor::Kind::unnamed_account || actor.kind == Actor::Kind::anonymous) continue;
        if (actor.kind == Actor::Kind::named_account) {
            if (actor.name.ends_with(":root")) continue;  // an account: see below
            actor.subject.is_any = true;
            named.push(actor.name);
        }
        out.push_back({std::move(actor.subject), std::move(actor.policies)});
    }
    for (const PolicyPtr& policy : policies)
        for (const policy::PrincipalEntry& entry : policy->compiled().all_principals())
            if (entry.kind == policy::PrincipalEntry::Kind::unique_id)
                out.push_back(with_id(policy->compiled().text(entry.text), unnamed));
    for (const bool is_session : {false, true}) {
        // In the owner's account, what the resource's policy does not grant by itself is the account's own business.
        Grantee own = anyone_of(owner, is_session);
        own.policies = {};
        out.push_back(std::move(own));
    }
    const PolicyPtr none_of_these = named.size() == 0 ? nullptr : denied_to(named);
    for (const std::string& account : asked) {
        for (const bool is_session : {false, true}) {
            Grantee& grantee = out.emplace_back(anyone_of(account, is_session));
            if (none_of_these) grantee.policies.identity.push_back({none_of_these, "policies of those that are named"});
        }
    }
    return out;
}

std::vector<Grantee> public_grantees(const std::set<std::string>& accounts, const std::string& owner) {
    std::set<std::string> named = accounts;
    named.insert(owner);
    const std::string account = unnamed_account(named);
    std::vector<Grantee> out{without_credentials()};
    for (const bool is_session : {false, true}) {
        Grantee& grantee = out.emplace_back(anyone_of(account, is_session));
        grantee.subject.absent.insert(grantee.subject.absent.end(), {"aws:principalorgid", "aws:principalorgpaths"});
    }
    return out;
}

}  // namespace proof
