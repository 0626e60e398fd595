#include "services/trainwarden/principals.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "gate/decide.hpp"
#include "policy/arn.hpp"
#include "policy/catalogue.hpp"
#include "text/json.hpp"
#include "text/one_or_many.hpp"
#include "text/time.hpp"
#include "training/session.hpp"

namespace services::trainwarden {
namespace {

using identity::Caller;
using text::Json;

constexpr std::string_view service_domain = ".amazonaws.com";
// STS API Reference, AssumeRole, RoleSessionName.
constexpr size_t session_name_min = 2, session_name_max = 64;
constexpr std::string_view unknown_account = "000000000000";

Caller root_of(const std::string& account) {
    Caller root;
    root.principal.kind = policy::PrincipalKind::root;
    root.principal.account = account;
    root.principal.arn = "arn:aws:iam::" + account + ":root";
    root.principal.unique_id = account;
    root.context.set("aws:PrincipalArn", root.principal.arn);
    root.context.set("aws:PrincipalAccount", account);
    root.context.set("aws:PrincipalType", "Account");
    root.context.set("aws:userid", account);
    return root;
}

// A service acts for the account that it asks about; training jobs do it as jobs.
Caller service_called(const std::string& name, const std::string& account, const std::string& region) {
    Caller service;
    service.principal.kind = policy::PrincipalKind::service;
    service.principal.service = name;
    service.context.set("aws:SourceAccount", account);
    if (name == training::service_principal) {
        service.context.set("aws:SourceArn", "arn:aws:sagemaker:" + region + ":" + account + ":training-job/*");
        service.context.set("sts:RoleSessionName", training::service_session_name);
    }
    return service;
}

bool is_service(std::string_view name) {
    return name.size() > service_domain.size() && name.ends_with(service_domain) && !name.starts_with('.') &&
           std::ranges::all_of(name,
                               [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'; });
}

// Of AWS's service principals, those that are not named like the prefix of their service's actions (Service Authorization
// Reference).
constexpr auto named_otherwise =
    std::to_array<std::string_view>({"apidestinations", "codestar-connections", "continuousexport", "datazone", "ecs-tasks",
                                     "edgelambda", "eks-fargate-pods", "eks-nodegroup", "export", "maintenance", "ops", "pipes",
                                     "replication", "replicator", "spot", "spotfleet", "transitgateway", "vpc-flow-logs"});

// Is there such a service? The name's labels are those of a service, of a part of it and of a region: logging.s3, logs.eu-west-1.
bool service_exists(std::string_view name) {
    name.remove_suffix(service_domain.size());
    return std::ranges::any_of(base::split(name, '.'), [](std::string_view label) {
        return std::ranges::find(named_otherwise, label) != named_otherwise.end() ||
               !policy::actions_matching(std::string(label) + ":*").empty();
    });
}

bool is_account(std::string_view text) {
    return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_session_name(std::string_view name) {
    return name.size() >= session_name_min && name.size() <= session_name_max && std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("_+=,.@-").find(c) != std::string_view::npos;
           });
}

// The name of the role in the ARN of a session, if it can be one.
std::optional<std::string_view> role_of_session(const policy::Arn& session) {
    constexpr std::string_view prefix = "assumed-role/";
    if (session.partition != "aws" || session.service != "sts" || !session.region.empty() ||
        !session.resource.starts_with(prefix))
        return std::nullopt;
    const std::string_view rest = session.resource.substr(prefix.size());
    const size_t slash = rest.find('/');
    if (slash == std::string_view::npos || slash == 0 || !is_session_name(rest.substr(slash + 1))) return std::nullopt;
    return rest.substr(0, slash);
}

bool is_session_of(const policy::Arn& session, const Caller& role) {
    // assumed-role/ROLE/SESSION knows the role by its last name alone.
    if (role.principal.kind != policy::PrincipalKind::role_session) return false;
    const auto name = role_of_session(session);
    const std::string& arn = role.principal.role_arn;
    return name && session.account == role.principal.account && arn.substr(arn.rfind('/') + 1) == *name;
}

const policy::PolicyPtr& allows_everything() {
    static const policy::PolicyPtr policy = policy::Policy::parse_stored(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})", policy::PolicyKind::identity);
    return policy;
}

// A principal of another account. What that account's own policies say is not known here: they count as if they allowed everything.
Caller of_other_account(const std::string& account) {
    Caller caller;
    caller.principal.kind = policy::PrincipalKind::user;
    caller.principal.account = account;
    caller.policies.identity.push_back({allows_everything(), "policies of account " + account});
    caller.context.set("aws:PrincipalAccount", account);
    return caller;
}

std::string needs_of(const std::string& account) { return "an identity-based policy of account " + account + " that allows it"; }

// The account as a whole: any of its principals.
Candidate whole_account(const std::string& account) {
    Caller caller = of_other_account(account);
    caller.principal.arn = "arn:aws:iam::" + account + ":root";
    return {std::move(caller), needs_of(account), "account " + account};
}

Candidate foreign_principal(const std::string& name, const policy::Arn& arn) {
    const std::string account(arn.account);
    Caller caller = of_other_account(account);
    policy::Principal& principal = caller.principal;
    principal.arn = name;
    caller.context.set("aws:PrincipalArn", name);
    if (arn.resource.starts_with("role/")) {
        principal.kind = policy::PrincipalKind::role_session;
        principal.role_arn = name;
        principal.arn = "arn:aws:sts::" + account + ":assumed-role/" +
                        std::string(arn.resource.substr(arn.resource.rfind('/') + 1)) + "/session";
        caller.context.set("aws:PrincipalType", "AssumedRole");
    } else if (arn.resource.starts_with("assumed-role/")) {
        principal.kind = policy::PrincipalKind::role_session;
        caller.context.set("aws:PrincipalType", "AssumedRole");
    } else if (arn.resource.starts_with("federated-user/")) {
        principal.kind = policy::PrincipalKind::federated_user;
        caller.policies.session = caller.policies.identity;
        caller.context.set("aws:PrincipalType", "FederatedUser");
    } else {
        principal.user_arn = name;
        caller.context.set("aws:PrincipalType", "User");
    }
    return {std::move(caller), needs_of(account), name};
}

Candidate principal_elsewhere() {
    const std::string account(unknown_account);
    Caller caller = of_other_account(account);
    caller.principal.arn = caller.principal.user_arn = "arn:aws:iam::" + account + ":user/somebody";
    caller.context.set("aws:PrincipalArn", caller.principal.arn);
    caller.context.set("aws:PrincipalType", "User");
    return {std::move(caller), "an identity-based policy of its account that allows it", "any principal of any other account"};
}

std::vector<std::string> strings_of(const Json& one_or_many) {
    if (one_or_many.is_string()) return {one_or_many.as_string()};
    std::vector<std::string> out;
    for (const Json& one : one_or_many.items()) out.push_back(one.as_string());
    return out;
}

// Whom the Allow statements of a resource's policy name, in Principal and in the conditions that say who may come.
struct Named {
    std::set<std::string> principals;  // ARNs and accounts
    std::set<std::string> services;
    std::set<std::string> providers;  // of identities
    bool everyone = false;
};

void add_conditions(const Json& condition, Named& named) {
    for (const auto& [op, keys] : condition.members())
        for (const auto& [key, values] : keys.members()) {
            const std::string lower = base::lower(key);
            for (const std::string& value : strings_of(values)) {
                if (value.find_first_of("*?$") != std::string::npos) continue;
                if (lower == "aws:principalservicename" && is_service(value)) named.services.insert(value);
                if (lower == "aws:principalaccount" || lower == "aws:principalarn") named.principals.insert(value);
            }
        }
}

Named named_by(const policy::AttachedPolicy& attached) {
    Named named;
    const auto document = text::parse_json(attached.policy->text());
    if (!document) return named;  // grants nothing: parse_stored reads it as a deny
    for (const Json& statement : text::one_or_many((*document)["Statement"])) {
        if (statement["Effect"].as_string() != "Allow") continue;
        const Json& principal = statement["Principal"];
        if (principal.is_string() || statement.contains("NotPrincipal")) named.everyone = true;
        for (const std::string& name : strings_of(principal["AWS"])) {
            if (name == "*")
                named.everyone = true;
            else
                named.principals.insert(name);
        }
        for (const std::string& name : strings_of(principal["Service"])) named.services.insert(name);
        for (const std::string& name : strings_of(principal["Federated"])) named.providers.insert(name);
        add_conditions(statement["Condition"], named);
    }
    return named;
}

// Every session of this ARN that lives; if none does, one that is supposed.
void add_sessions(const identity::Directory& directory, const std::string& arn, const std::string& region,
                  std::vector<Candidate>& out) {
    auto sessions = asked_principal(directory, arn, region);
    if (!sessions) return;
    for (Caller& session : sessions->callers) {
        std::string shown = arn;
        if (sessions->callers.size() > 1)
            shown += ", the session of " + text::iso8601(session.token_issue_time.value_or(base::Time{}));
        out.push_back({std::move(session), "", std::move(shown)});
    }
}

// A stored policy names a single session as ROLE-ID:SESSION (SEMANTICS R32).
void add_session_of_id(const identity::Directory& directory, const std::string& name, const std::string& region,
                       std::vector<Candidate>& out) {
    const size_t colon = name.find(':');
    if (colon == std::string::npos) return;
    const auto role =
        std::ranges::find_if(out, [&](const Candidate& one) { return one.caller.principal.role_id == name.substr(0, colon); });
    if (role == out.end()) return;
    const auto session = directory.role_caller(role->caller.principal.role_arn, name.substr(colon + 1));
    if (session) add_sessions(directory, session->principal.arn, region, out);
}

void add_named(const identity::Directory& directory, const std::string& name, const std::string& region,
               std::vector<Candidate>& out) {
    const std::string own = directory.default_account();
    const auto arn = policy::parse_arn(name);
    const std::string account = is_account(name) ? name : arn && is_account(arn->account) ? std::string(arn->account) : own;
    if (account != own) {
        Candidate other = !arn || arn->resource == "root" ? whole_account(account) : foreign_principal(name, *arn);
        const bool known = std::ranges::any_of(out, [&](const Candidate& one) { return one.shown_as == other.shown_as; });
        if (!known) out.push_back(std::move(other));
    } else if (!arn) {
        add_session_of_id(directory, name, region, out);
    } else if (arn->resource.starts_with("assumed-role/")) {  // roles, users and the root are there already
        add_sessions(directory, name, region, out);
    }
}

}  // namespace

base::Result<Caller> find_principal(const identity::Directory& directory, const std::string& name, const std::string& region) {
    if (name == "*") return gate::anonymous_caller();
    if (is_service(name)) {
        if (service_exists(name)) return service_called(name, directory.default_account(), region);
        return base::fail(base::code::NoSuchPrincipal, "there is no service " + name);
    }
    const auto parsed = policy::parse_arn(name);
    if (!parsed)
        return base::fail(base::code::ValidationException,
                          "`" + name +
                              "` names no principal: write the ARN of a role, of a user or of an account's root, a "
                              "service such as sagemaker.amazonaws.com, or `*` for anyone without credentials");
    if (parsed->partition != "aws")
        return base::fail(
            base::code::NoSuchPrincipal,
            "there is no principal " + name + " on this server: its partition is aws, not " + std::string(parsed->partition));
    Caller root = root_of(directory.default_account());
    if (name == root.principal.arn) return root;
    for (Caller& caller : directory.all_callers()) {
        if (caller.principal.arn == name || caller.principal.role_arn == name) return std::move(caller);
        if (is_session_of(*parsed, caller)) {
            std::string session(parsed->resource.substr(parsed->resource.rfind('/') + 1));
            return directory.role_caller(caller.principal.role_arn, session);
        }
    }
    if (is_account(parsed->account) && parsed->account != directory.default_account())
        return base::fail(base::code::NoSuchPrincipal, "there is no principal " + name + " on this server: its account is " +
                                                           directory.default_account() +
                                                           ", and what the policies of others allow is not known here");
    if (parsed->resource.starts_with("group/"))
        return base::fail(base::code::NoSuchPrincipal, name + " is a group; requests are made by its users, with what it allows");
    return base::fail(base::code::NoSuchPrincipal, "there is no principal " + name + " on this server");
}

base::Result<AskedPrincipal> asked_principal(const identity::Directory& directory, const std::string& name,
                                             const std::string& region) {
    AskedPrincipal out;
    out.callers.push_back(TRY(find_principal(directory, name, region)));
    const auto arn = policy::parse_arn(name);
    out.is_session = arn && role_of_session(*arn).has_value();
    if (!out.is_session) return out;
    if (auto live = directory.live_sessions(name); !live.empty()) {
        out.callers = std::move(live);
        out.lives = true;
    }
    return out;
}

std::string which_session(const AskedPrincipal& asked) {
    if (!asked.lives)
        return "No session of this name is known to live: a new one of its role is supposed, without a session policy, session "
               "tags, a source identity or the limits of a training job.";
    const size_t count = asked.callers.size();
    const std::string began = text::iso8601(asked.callers.front().token_issue_time.value_or(base::Time{}));
    if (count == 1)
        return "The session that lives is meant, which began at " + began +
               ": with its session policy, tags, source identity and limits.";
    return std::to_string(count) + " sessions of this name live. The newest is meant, which began at " + began + ".";
}

base::Result<std::vector<std::string>> names_of(identity::Directory& directory, const std::string& name) {
    const auto parsed = policy::parse_arn(name);
    if (!parsed) return std::vector<std::string>{name};
    const bool good =
        parsed->partition == "aws" && parsed->region.empty() && (parsed->service == "iam" || parsed->service == "sts");
    if (!good)
        return base::fail(base::code::ValidationException,
                          "`" + name + "` names no principal: ARNs of principals begin with arn:aws:iam:: or arn:aws:sts::");
    std::vector<std::string> names{name};
    if (parsed->service != "sts") return names;
    const auto role = role_of_session(*parsed);
    if (!role) return names;
    const std::string account(parsed->account);
    const auto found = directory.iam().role(account, std::string(*role));
    names.push_back(found ? (*found)->arn : "arn:aws:iam::" + account + ":role/" + std::string(*role));
    return names;
}

std::vector<Candidate> own_principals(const identity::Directory& directory) {
    std::vector<Candidate> all;
    for (Caller& caller : directory.all_callers()) all.push_back({std::move(caller), "", ""});
    all.push_back({root_of(directory.default_account()), "", ""});
    all.push_back({gate::anonymous_caller(), "", ""});
    return all;
}

void add_named(const identity::Directory& directory, const policy::AttachedPolicy& policy, const std::string& account,
               const std::string& region, std::vector<Candidate>& all) {
    const Named named = named_by(policy);
    for (const std::string& name : named.principals) {
        const bool known = std::ranges::any_of(all, [&](const Candidate& one) {
            return one.shown_as == name || one.shown_as.starts_with(name + ", the session of ");
        });
        if (!known) add_named(directory, name, region, all);
    }
    for (const std::string& name : named.services) {
        const bool known = std::ranges::any_of(all, [&](const Candidate& one) { return one.caller.principal.service == name; });
        if (!known) all.push_back({service_called(name, account, region), "", ""});
    }
    if (!named.everyone) return;
    Candidate elsewhere = principal_elsewhere();
    const bool known = std::ranges::any_of(all, [&](const Candidate& one) { return one.shown_as == elsewhere.shown_as; });
    if (!known) all.push_back(std::move(elsewhere));
}

void add_federated(const policy::AttachedPolicy& policy, std::vector<Candidate>& all) {
    for (const std::string& provider : named_by(policy).providers) {
        const bool known =
            std::ranges::any_of(all, [&](const Candidate& one) { return one.caller.principal.federated_provider == provider; });
        if (known) continue;
        Caller caller = gate::anonymous_caller();
        caller.principal.federated_provider = provider;
        caller.context.set("aws:FederatedProvider", provider);
        all.push_back({std::move(caller), "a token of " + provider, "users of " + provider});
    }
}

std::vector<Candidate> candidates(const identity::Directory& directory, const gate::Access& access, const std::string& region) {
    std::vector<Candidate> all = own_principals(directory);
    if (!access.resource_policy) return all;
    const std::string account = access.resource_account.empty() ? directory.default_account() : access.resource_account;
    add_named(directory, *access.resource_policy, account, region, all);
    return all;
}

}  // namespace services::trainwarden
