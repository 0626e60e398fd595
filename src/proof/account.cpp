#include "proof/account.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/compile.hpp"
#include "policy/principal.hpp"
#include "policy/print.hpp"
#include "policy/rewrite.hpp"
#include "proof/actions.hpp"
#include "proof/subjects.hpp"
#include "text/uri.hpp"

namespace proof {

namespace {

using policy::Policy;
using policy::PolicyKind;
using policy::PolicyPtr;
using policy::PrincipalKind;
using text::Json;

// A JSON document begins with `{` or white space, an encoded one with %7B or %0A: no text is both.
std::string decoded(const std::string& document) {
    if (!document.starts_with('%')) return document;
    return text::decode_uri(document).value_or(document);
}

PolicyPtr read_policy(const Json& document, PolicyKind kind) { return Policy::parse_stored(decoded(document.as_string()), kind); }

void read_holder(const Json& detail, std::string_view name_member, std::string_view inline_member, PolicyHolder& out) {
    out.name = detail[name_member].as_string();
    out.path = detail["Path"].as_string_or("/");
    out.arn = detail["Arn"].as_string();
    for (const Json& one : detail[inline_member].items())
        out.inline_policies[one["PolicyName"].as_string()] = read_policy(one["PolicyDocument"], PolicyKind::identity);
    for (const Json& one : detail["AttachedManagedPolicies"].items()) out.attached.insert(one["PolicyArn"].as_string());
    out.boundary = detail["PermissionsBoundary"]["PermissionsBoundaryArn"].as_string();
    for (const Json& tag : detail["Tags"].items()) out.tags[tag["Key"].as_string()] = tag["Value"].as_string();
}

policy::AttachedPolicy managed(const AccountPolicies& account, const std::string& arn) {
    // A boundary that cannot be read, which is said in `unread`, is one that lets nothing through.
    static const PolicyPtr denies_everything = Policy::parse_stored("", PolicyKind::identity);
    const auto found = account.policies.find(arn);
    if (found == account.policies.end()) return {denies_everything, arn};
    return {found->second.policy, arn, found->second.version};
}

void add_policies(const AccountPolicies& account, const PolicyHolder& holder, const char* kind,
                  std::vector<policy::AttachedPolicy>& out) {
    for (const auto& [name, policy] : holder.inline_policies)
        out.push_back({policy, "inline policy " + name + " of " + kind + " " + holder.name});
    for (const auto& arn : holder.attached)
        if (account.policies.contains(arn)) out.push_back(managed(account, arn));
}

void set_keys(Actor& actor, std::string_view type, const std::string& principal_arn) {
    policy::Context& known = actor.subject.known;
    known.set("aws:PrincipalArn", principal_arn);
    known.set("aws:PrincipalAccount", actor.subject.principal.account);
    known.set("aws:PrincipalType", std::string(type));
    known.set("aws:PrincipalIsAWSService", "false");
    if (!actor.subject.principal.unique_id.empty()) known.set("aws:userid", actor.subject.principal.unique_id);
}

void set_tags(Actor& actor, const PolicyHolder& holder) {
    for (const auto& [key, value] : holder.tags) actor.subject.known.set("aws:PrincipalTag/" + key, value);
}

Actor anonymous() {
    return {.kind = Actor::Kind::anonymous,
            .shown = "anyone without credentials",
            .name = "*",
            .subject = anonymous_subject(),
            .policies = {}};
}

// Of another account, whose own policies are not known: everything, it is supposed.
Actor of_account(Actor::Kind kind, std::string shown, std::string name, Subject subject) {
    Actor out{.kind = kind, .shown = std::move(shown), .name = std::move(name), .subject = std::move(subject), .policies = {}};
    out.policies.identity.push_back({allows_everything(), "policies of account " + out.subject.principal.account});
    return out;
}

// Its users, and its roles' sessions.
void add_account(Actor::Kind kind, const std::string& shown, const AccountPolicies& account, const std::string& id,
                 std::vector<Actor>& out) {
    const std::string name = "arn:" + account.partition + ":iam::" + id + ":root";
    out.push_back(of_account(kind, shown, name, any_user_of({.account = id, .partition = account.partition})));
    out.push_back(of_account(kind, shown, name, any_session_of({.account = id, .partition = account.partition})));
}

// What was open of it is known.
void settle(Actor& actor, const std::string& key, const std::string& value) {
    actor.subject.known.set(key, value);
    std::erase_if(actor.subject.open, [&](const OpenKey& open) { return open.key == base::lower(key); });
}

std::string last_part(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

Actor principal_named(const std::string& name, const policy::Arn& arn) {
    const std::string account(arn.account), partition(arn.partition);
    const bool is_session = arn.resource.starts_with("assumed-role/");
    const bool is_role = arn.resource.starts_with("role/");
    Actor out = of_account(Actor::Kind::named_account, name, name,
                           is_session || is_role ? any_session_of({.account = account, .partition = partition, .arn = name})
                                                 : any_user_of({.account = account, .partition = partition, .arn = name}));
    auto& principal = out.subject.principal;
    principal.arn = name;
    if (is_role) {
        principal.role_arn = name;
        principal.arn = "arn:" + partition + ":sts::" + account + ":assumed-role/" + last_part(arn.resource) + "/session";
    } else if (is_session) {
        // The path of its role is not known.
        const std::string_view role = arn.resource.substr(0, arn.resource.rfind('/')).substr(arn.resource.find('/') + 1);
        principal.role_arn = "arn:" + partition + ":iam::" + account + ":role/" + std::string(role);
        settle(out, "aws:PrincipalArn", principal.role_arn);
        return out;
    } else if (arn.resource.starts_with("federated-user/")) {
        principal.kind = PrincipalKind::federated_user;
        principal.user_arn.clear();
        out.policies.session = out.policies.identity;
        out.subject.known.set("aws:PrincipalType", "FederatedUser");
    } else {
        principal.user_arn = name;
        settle(out, "aws:username", last_part(arn.resource));
    }
    settle(out, "aws:PrincipalArn", name);
    return out;
}

Actor service(const std::string& name) {
    Actor out{.kind = Actor::Kind::service, .shown = name, .name = name, .subject = {}, .policies = {}};
    out.subject.principal.kind = PrincipalKind::service;
    out.subject.principal.service = name;
    out.subject.known.set("aws:PrincipalIsAWSService", "true");
    out.subject.known.set("aws:PrincipalServiceName", name);
    out.subject.known.set_list("aws:PrincipalServiceNamesList", {name});
    return out;
}

Actor vouched_for(const std::string& provider) {
    Actor out{.kind = Actor::Kind::federated, .shown = "", .name = "", .subject = {}, .policies = {}};
    out.shown = "identities of " + provider;
    out.name = provider;
    out.subject.principal.federated_provider = provider;
    return out;
}

bool lets_sessions_be_tagged(const Role& role) {
    if (role.trust == nullptr) return false;
    const auto& compiled = role.trust->compiled();
    return std::ranges::any_of(compiled.statements(), [&](const policy::CompiledStatement& statement) {
        return statement.effect == policy::Effect::allow &&
               names_action(compiled, statement, "sts:tagsession") != statement.not_action;
    });
}

// One session of a role, by its name.
std::optional<Actor> session_named(const AccountPolicies& account, std::string_view role_name, std::string_view session) {
    const auto role = account.roles.find(base::lower(role_name));
    if (role == account.roles.end() || session.empty() || session == "*") return std::nullopt;
    Actor out = actor_of(account, role->second);
    auto& principal = out.subject.principal;
    principal.arn =
        "arn:" + account.partition + ":sts::" + account.id + ":assumed-role/" + role->second.name + "/" + std::string(session);
    principal.unique_id = role->second.id + ":" + std::string(session);
    out.shown = "session " + std::string(session) + " of role " + role->second.name;
    out.name = principal.arn;
    std::erase_if(out.subject.open, [](const OpenKey& open) { return open.key == "aws:userid"; });
    out.subject.known.set("aws:userid", principal.unique_id);
    return out;
}

struct NamedOutside {
    std::set<std::string> services, accounts, arns, providers;
    std::set<std::pair<std::string, std::string>> sessions;  // of the account's roles: role, session
};

void add_named(const AccountPolicies& account, const policy::CompiledPolicy& compiled, NamedOutside& named) {
    using Kind = policy::PrincipalEntry::Kind;
    for (const auto& entry : compiled.all_principals()) {
        const std::string text(compiled.text(entry.text));
        if (entry.kind == Kind::service) named.services.insert(text);
        if (entry.kind == Kind::federated) named.providers.insert(text);
        if (entry.kind == Kind::account && text != account.id) named.accounts.insert(text);
        if (entry.kind == Kind::unique_id && text.contains(':')) {
            for (const auto& [name, role] : account.roles)
                if (text.starts_with(role.id + ":")) named.sessions.emplace(name, text.substr(role.id.size() + 1));
        }
        if (entry.kind != Kind::arn) continue;
        const auto arn = policy::parse_arn(text);
        if (!arn || arn->account.empty()) continue;
        if (arn->account != account.id) {
            named.arns.insert(text);
        } else if (constexpr std::string_view prefix = "assumed-role/"; arn->resource.starts_with(prefix)) {
            const auto rest = arn->resource.substr(prefix.size());
            if (const size_t slash = rest.find('/'); slash != std::string_view::npos)
                named.sessions.emplace(rest.substr(0, slash), rest.substr(slash + 1));
        }
    }
}

// Accounts whose numbers stand in conditions on who asks: aws:PrincipalAccount, aws:PrincipalArn, aws:SourceAccount, …
void add_accounts_of_conditions(const AccountPolicies& account, const policy::CompiledPolicy& compiled, NamedOutside& named) {
    constexpr size_t digits = 12;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    for (const auto& statement : compiled.statements())
        for (const auto& condition : compiled.conditions(statement))
            for (const std::string& value : policy::print(compiled, condition).values)
                for (size_t at = 0; at < value.size();) {
                    size_t end = at;
                    while (end < value.size() && is_digit(value[end])) ++end;
                    if (end - at == digits && value.substr(at, digits) != account.id)
                        named.accounts.insert(value.substr(at, digits));
                    at = end + 1;
                }
}

// An account that is neither this one nor named.
std::string unnamed_account(const AccountPolicies& account, const NamedOutside& named) {
    for (int number = 999'999'999;; --number) {
        std::string out = "999" + std::to_string(number);
        const bool in_arn = std::ranges::any_of(named.arns, [&](const std::string& arn) { return arn.contains(out); });
        if (out != account.id && !named.accounts.contains(out) && !in_arn) return out;
    }
}

}  // namespace

std::string AccountPolicies::iam_arn(std::string_view kind, std::string_view path, std::string_view name) const {
    return "arn:" + partition + ":iam::" + id + ":" + std::string(kind) + std::string(path.empty() ? "/" : path) +
           std::string(name);
}

std::string AccountPolicies::bucket_arn(std::string_view bucket) const {
    return "arn:" + partition + ":s3:::" + std::string(bucket);
}

std::vector<std::string> AccountPolicies::parts_of_bucket(std::string_view bucket) const {
    return {bucket_arn(bucket), bucket_arn(bucket) + "/*"};
}

void add_authorization_details(AccountPolicies& account, const Json& page) {
    for (const Json& detail : page["UserDetailList"].items()) {
        User user;
        read_holder(detail, "UserName", "UserPolicyList", user);
        user.id = detail["UserId"].as_string();
        for (const Json& group : detail["GroupList"].items()) user.groups.insert(base::lower(group.as_string()));
        account.users[base::lower(user.name)] = std::move(user);
    }
    for (const Json& detail : page["GroupDetailList"].items()) {
        Group group;
        read_holder(detail, "GroupName", "GroupPolicyList", group);
        group.id = detail["GroupId"].as_string();
        account.groups[base::lower(group.name)] = std::move(group);
    }
    for (const Json& detail : page["RoleDetailList"].items()) {
        Role role;
        read_holder(detail, "RoleName", "RolePolicyList", role);
        role.id = detail["RoleId"].as_string();
        role.trust = read_policy(detail["AssumeRolePolicyDocument"], PolicyKind::trust);
        account.roles[base::lower(role.name)] = std::move(role);
    }
    for (const Json& detail : page["Policies"].items())
        for (const Json& version : detail["PolicyVersionList"].items())
            if (version["IsDefaultVersion"].as_bool()) add_managed_policy(account, detail, version);
}

void add_managed_policy(AccountPolicies& account, const Json& policy, const Json& version) {
    const std::string& arn = policy["Arn"].as_string();
    account.policies[arn] = {arn, version["VersionId"].as_string(), read_policy(version["Document"], PolicyKind::identity)};
}

std::vector<std::string> unknown_policies(const AccountPolicies& account) {
    std::set<std::string> out;
    const auto add = [&](const std::string& arn) {
        if (!arn.empty() && !account.policies.contains(arn)) out.insert(arn);
    };
    const auto add_all = [&](const auto& holders) {
        for (const auto& [key, holder] : holders) {
            for (const std::string& arn : holder.attached) add(arn);
            add(holder.boundary);
        }
    };
    add_all(account.users);
    add_all(account.groups);
    add_all(account.roles);
    return {out.begin(), out.end()};
}

void rename_principal(AccountPolicies& account, const std::string& from, const std::string& to) {
    const auto rename = [&](PolicyPtr& policy) {
        if (policy == nullptr) return;
        const auto named = policy->named_principals();
        if (std::ranges::find(named, from) == named.end()) return;
        policy = Policy::parse_stored(policy::replace_principals(policy->text(), {{from, to}}), policy->kind());
    };
    for (auto& [name, bucket] : account.buckets) rename(bucket.policy);
    for (auto& [name, role] : account.roles) rename(role.trust);
}

Actor actor_of(const AccountPolicies& account, const User& user) {
    Actor out{.kind = Actor::Kind::principal, .shown = "user " + user.name, .name = user.arn, .subject = {}, .policies = {}};
    auto& principal = out.subject.principal;
    principal.kind = PrincipalKind::user;
    principal.account = account.id;
    principal.arn = principal.user_arn = user.arn;
    principal.unique_id = user.id;
    set_keys(out, "User", user.arn);
    out.subject.known.set("aws:username", user.name);
    set_tags(out, user);
    add_policies(account, user, "user", out.policies.identity);
    for (const std::string& name : user.groups)
        if (const auto group = account.groups.find(name); group != account.groups.end())
            add_policies(account, group->second, "group", out.policies.identity);
    if (!user.boundary.empty()) out.policies.boundary = managed(account, user.boundary);
    return out;
}

Actor actor_of(const AccountPolicies& account, const Role& role) {
    Actor out{.kind = Actor::Kind::principal, .shown = "role " + role.name, .name = role.arn, .subject = {}, .policies = {}};
    auto& principal = out.subject.principal;
    principal.kind = PrincipalKind::role_session;
    principal.account = account.id;
    principal.arn = "arn:" + account.partition + ":sts::" + account.id + ":assumed-role/" + role.name + "/session";
    principal.role_arn = role.arn;
    principal.role_id = role.id;
    principal.unique_id = role.id + ":session";
    out.subject.open = {{"aws:userid", role.id + ":?*"}, {"aws:sourceidentity", "?*", true}};
    // A session's own tags stand over the role's of the same key, and are as its caller likes. None is taken away.
    const bool is_tagged = lets_sessions_be_tagged(role);
    if (is_tagged) out.subject.open.push_back({"aws:principaltag/", "?*", true});
    for (const auto& [key, value] : role.tags)
        if (is_tagged) out.subject.open.push_back({"aws:principaltag/" + base::lower(key), "*", false});
    principal.service_linked_role = role.path.starts_with("/aws-service-role/");
    set_keys(out, "AssumedRole", role.arn);
    out.subject.known.erase("aws:userid");  // open
    if (!is_tagged) set_tags(out, role);
    add_policies(account, role, "role", out.policies.identity);
    if (!role.boundary.empty()) out.policies.boundary = managed(account, role.boundary);
    return out;
}

Actor root_of(const AccountPolicies& account) {
    Actor out{.kind = Actor::Kind::principal,
              .shown = "the root user",
              .name = "arn:" + account.partition + ":iam::" + account.id + ":root",
              .subject = {},
              .policies = {}};
    auto& principal = out.subject.principal;
    principal.kind = PrincipalKind::root;
    principal.account = principal.unique_id = account.id;
    principal.arn = out.name;
    set_keys(out, "Account", principal.arn);
    return out;
}

std::vector<Actor> outsiders(const AccountPolicies& account, std::span<const PolicyPtr> resource_policies) {
    NamedOutside named;
    for (const PolicyPtr& policy : resource_policies)
        if (policy != nullptr) {
            add_named(account, policy->compiled(), named);
            add_accounts_of_conditions(account, policy->compiled(), named);
        }
    std::vector<Actor> out;
    out.push_back(anonymous());
    add_account(Actor::Kind::unnamed_account, "any principal of any other account", account, unnamed_account(account, named),
                out);
    for (const std::string& name : named.services) out.push_back(service(name));
    for (const std::string& id : named.accounts) add_account(Actor::Kind::named_account, "account " + id, account, id, out);
    for (const std::string& name : named.arns)
        if (const auto arn = policy::parse_arn(name)) out.push_back(principal_named(name, *arn));
    for (const std::string& provider : named.providers) out.push_back(vouched_for(provider));
    for (const auto& [role, session] : named.sessions)
        if (auto one = session_named(account, role, session)) out.push_back(std::move(*one));
    return out;
}

std::vector<Actor> actors_of_pattern(const AccountPolicies& account, const std::string& pattern) {
    const auto arn = policy::parse_arn(pattern);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!arn || arn->account == account.id || arn->account.empty() || !std::ranges::all_of(arn->account, is_digit)) return {};
    const bool has_wildcard = arn->resource.find_first_of("*?") != std::string_view::npos;
    if (arn->resource == "root") return {};  // the account, which is asked about where a policy names it
    if (!has_wildcard) return {principal_named(pattern, *arn)};
    std::vector<Actor> out;
    const std::string id(arn->account), partition(arn->partition), any = "arn:" + partition + ":iam::" + id + ":";
    const std::string shown = "a principal that matches " + pattern;
    const auto may_be = [&](std::string_view kind) {
        const size_t fixed = std::min(arn->resource.find_first_of("*?"), kind.size());
        return arn->resource.substr(0, fixed) == kind.substr(0, fixed);
    };
    const auto within = [&](const std::string& kind) { return arn->resource.starts_with(kind) ? pattern : any + kind + "?*"; };
    if (may_be("user/"))
        out.push_back(of_account(Actor::Kind::named_account, shown, pattern,
                                 any_user_of({.account = id, .partition = partition, .arn = within("user/")})));
    if (may_be("role/"))
        out.push_back(of_account(Actor::Kind::named_account, shown, pattern,
                                 any_session_of({.account = id, .partition = partition, .arn = within("role/")})));
    return out;
}

std::optional<policy::AttachedPolicy> policy_of(const Bucket& bucket) {
    if (bucket.policy == nullptr) return std::nullopt;
    return policy::AttachedPolicy{bucket.policy, "policy of bucket " + bucket.name};
}

bool speaks_of(const std::optional<policy::AttachedPolicy>& resource_policy, const Actor& actor) {
    if (!resource_policy) return false;
    const policy::CallerNames names(actor.subject.principal, names_of_action);
    const auto& compiled = resource_policy->policy->compiled();
    return std::ranges::any_of(compiled.statements(), [&](const policy::CompiledStatement& statement) {
        return statement.broken || policy::names(compiled.principals(statement), names, actor.policies.boundary.has_value(),
                                                 statement.effect == policy::Effect::deny) != policy::Grant::none;
    });
}

policy::AttachedPolicy trust_of(const Role& role) { return {role.trust, "trust policy of role " + role.name}; }

}  // namespace proof
