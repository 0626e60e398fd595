// From credentials to the Caller behind them, with every policy that hangs on it: one picture, taken under one lock.
#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <iterator>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "identity/names.hpp"
#include "identity/state.hpp"
#include "policy/arn.hpp"
#include "text/time.hpp"

namespace identity {

namespace {

constexpr size_t open_sessions_max = 8192;

std::unexpected<base::Error> invalid_token() {
    return base::fail(base::code::InvalidClientTokenId, "The security token included in the request is invalid.");
}

void set_tags(Caller& caller, Tags tags) {
    for (const auto& [key, value] : tags) caller.context.set("aws:PrincipalTag/" + key, value);
    caller.tags = std::move(tags);
}

void set_global_keys(Caller& caller, std::string_view type, const std::string& principal_arn) {
    caller.context.set("aws:PrincipalArn", principal_arn);
    caller.context.set("aws:PrincipalAccount", caller.principal.account);
    caller.context.set("aws:PrincipalType", std::string(type));
    caller.context.set("aws:userid", caller.principal.unique_id);
    caller.context.set("aws:PrincipalIsAWSService", "false");
}

}  // namespace

Caller DirectoryState::root_caller(const std::string& account) const {
    Caller caller;
    caller.principal.kind = policy::PrincipalKind::root;
    caller.principal.account = account;
    caller.principal.arn = fmt::format("arn:aws:iam::{}:root", account);
    caller.principal.unique_id = account;
    set_global_keys(caller, "Account", caller.principal.arn);
    return caller;
}

Caller DirectoryState::user_caller(const User& user) const {
    Caller caller;
    caller.principal.kind = policy::PrincipalKind::user;
    caller.principal.account = user.account;
    caller.principal.arn = user.arn;
    caller.principal.user_arn = user.arn;
    caller.principal.unique_id = user.id;
    set_global_keys(caller, "User", user.arn);
    caller.context.set("aws:username", user.name);
    set_tags(caller, user.tags);
    add_entity_policies(user, "user", caller.policies.identity);
    const AccountState& of_account = state_.accounts.at(user.account);
    for (const auto& group : user.groups) add_entity_policies(*of_account.groups.at(group), "group", caller.policies.identity);
    if (!user.boundary.empty()) caller.policies.boundary = managed(user.boundary);
    return caller;
}

Caller DirectoryState::role_session_caller(const Role& role, const std::string& session_name, const Session* session) const {
    Caller caller;
    caller.principal.kind = policy::PrincipalKind::role_session;
    caller.principal.account = role.account;
    caller.principal.arn = fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", role.account, role.name, session_name);
    caller.principal.unique_id = role.id + ":" + session_name;
    caller.principal.role_arn = role.arn;
    caller.principal.role_id = role.id;
    caller.principal.service_linked_role = role.path.starts_with("/aws-service-role/");
    caller.session_name = session_name;
    set_global_keys(caller, "AssumedRole", role.arn);
    // Session tags override the role's tags (SEMANTICS R71).
    set_tags(caller, session == nullptr ? role.tags : merge_tags(role.tags, session->tags));
    add_entity_policies(role, "role", caller.policies.identity);
    if (!role.boundary.empty()) caller.policies.boundary = managed(role.boundary);
    return caller;
}

policy::AttachedPolicy DirectoryState::managed(const std::string& arn) const {
    const ManagedPolicyPtr found = state_.permissions_by_arn(arn);
    // A policy cannot be deleted while something uses it, but a session may name one that has gone since: fail closed.
    static const policy::PolicyPtr denies_everything = policy::Policy::parse_stored("", policy::PolicyKind::identity);
    if (!found) return {denies_everything, arn};
    return {found->version(found->default_version)->policy, arn, found->default_version};
}

void DirectoryState::add_entity_policies(const Entity& entity, std::string_view kind,
                                         std::vector<policy::AttachedPolicy>& out) const {
    for (const auto& one : entity.inline_policies) {
        out.push_back({one.policy, fmt::format("inline policy {} of {} {}", one.name, kind, entity.name)});
    }
    for (const auto& arn : entity.attached) out.push_back(managed(arn));
}

void DirectoryState::add_session(const OpenedSession& opened, Caller& caller) const {
    const Session& session = opened.session;
    caller.access_key_id = opened.access_key_id;
    caller.token_issue_time = session.issued;
    caller.source_identity = session.source_identity;
    caller.session_tags = session.tags;
    caller.transitive_tag_keys = session.transitive_tag_keys;
    caller.context.set("aws:TokenIssueTime", text::iso8601(session.issued));
    caller.context.set("aws:MultiFactorAuthPresent", "false");
    if (!session.source_identity.empty()) caller.context.set("aws:SourceIdentity", session.source_identity);
    const bool leased = caller.lease != nullptr && !caller.lease->session.empty();
    if (opened.policy == nullptr && session.policy_arns.empty() && !leased) return;
    auto& layer = caller.policies.session.emplace();
    if (leased) {
        layer = caller.lease->session;
        return;  // no session has both: assume_role
    }
    if (opened.policy != nullptr) layer.push_back({opened.policy, "session policy"});
    for (const auto& arn : session.policy_arns) layer.push_back(managed(arn));
}

base::Result<std::shared_ptr<const DirectoryState::OpenedSession>> DirectoryState::open_token(const std::string& access_key_id,
                                                                                              const std::string& token) const {
    const auto keys = sealing();
    {
        const base::SharedLock lock(sessions_mutex_);
        if (const auto found = sessions_.find(token);
            found != sessions_.end() && found->second->access_key_id == access_key_id && found->second->by == keys) {
            return found->second;
        }
    }
    base::Result<Session> session = base::fail(base::code::InvalidSessionToken, "");
    auto used = keys->sessions.begin();
    for (; used != keys->sessions.end(); ++used)
        if ((session = identity::open_session(token, access_key_id, *used))) break;
    if (!session) return invalid_token();
    auto opened = std::make_shared<OpenedSession>();
    opened->by = keys;
    if (!session->policy.empty()) opened->policy = policy::Policy::parse_stored(session->policy, policy::PolicyKind::session);
    opened->session = std::move(*session);
    opened->access_key_id = access_key_id;
    opened->secret = session_secret(token, *used);
    if (opened->session.kind == SessionKind::role) remember_session(opened->session, access_key_id, token);
    const base::Lock lock(sessions_mutex_);
    if (sessions_.size() >= open_sessions_max) sessions_.clear();
    sessions_[token] = opened;
    return opened;
}

base::Result<Caller> DirectoryState::caller_of_session(const OpenedSession& opened) const {
    const Session& session = opened.session;
    const AccountState* of_account = state_.account_state(session.account);
    if (of_account == nullptr) return invalid_token();
    if (session.kind == SessionKind::root) return root_caller(session.account);
    if (session.kind == SessionKind::user) {
        const auto found = of_account->users.find(session.principal_key);
        if (found != of_account->users.end() && found->second->id == session.principal_id) return user_caller(*found->second);
        // Renamed since: the id still finds them.
        for (const auto& [key, user] : of_account->users) {
            if (user->id == session.principal_id) return user_caller(*user);
        }
        return invalid_token();
    }
    const auto found = of_account->roles.find(session.principal_key);
    if (found == of_account->roles.end() || found->second->id != session.principal_id) return invalid_token();
    return role_session_caller(*found->second, session.session_name, &session);
}

base::Result<Caller> DirectoryState::caller_of_key(const AccessKey& key) const {
    Caller caller;
    if (key.user_id.empty()) {
        caller = root_caller(key.account);
    } else {
        const auto& users = state_.accounts.at(key.account).users;
        const auto found = users.find(key.user);
        if (found == users.end() || found->second->id != key.user_id) return invalid_token();
        caller = user_caller(*found->second);
    }
    caller.access_key_id = key.id;
    return caller;
}

bool DirectoryState::is_current(const PreparedPrincipal& prepared) const {
    if (prepared.version != version()) return false;
    if (prepared.expires && dependencies_.clock->now() >= *prepared.expires) return false;
    // A holder may put other terms in the lease's place.
    return prepared.caller.lease_id.empty() || leases_.find(prepared.caller.lease_id) == prepared.caller.lease;
}

PreparedPtr DirectoryState::keep(Caller caller, std::string secret, const OpenedSession* opened, const std::string& token) const {
    auto prepared = std::make_shared<PreparedPrincipal>(std::move(caller));
    prepared->secret_access_key = std::move(secret);
    prepared->session_token = token;
    if (opened != nullptr) prepared->expires = opened->session.expires;
    prepared->version = version();
    prepared_.put(prepared);
    return prepared;
}

base::Result<PreparedPtr> DirectoryState::authenticate(const std::string& access_key_id, const std::string& session_token) const {
    if (auto kept = prepared_.find(access_key_id, session_token); kept && is_current(*kept)) return kept;
    if (session_token.empty()) {
        const base::SharedLock lock(mutex_);
        const auto found = state_.keys.find(access_key_id);
        if (found == state_.keys.end() || !found->second->active) return invalid_token();
        return keep(TRY(caller_of_key(*found->second)), found->second->secret, nullptr, session_token);
    }
    for (;;) {
        const auto opened = TRY(open_token(access_key_id, session_token));
        const std::string& lease_id = opened->session.lease;
        LeasePtr lease = lease_id.empty() ? nullptr : leases_.find(lease_id);
        if (dependencies_.clock->now() >= opened->session.expires || (!lease_id.empty() && lease == nullptr)) {
            return base::fail(base::code::ExpiredToken, "The security token included in the request is expired");
        }
        const base::SharedLock lock(mutex_);
        if (opened->by != sealing()) continue;  // the master key was changed since: does it still open this token?
        Caller caller = TRY(caller_of_session(*opened));
        caller.lease_id = lease_id;
        caller.lease = std::move(lease);
        add_session(*opened, caller);
        return keep(std::move(caller), opened->secret, opened.get(), session_token);
    }
}

base::Result<Caller> DirectoryState::role_caller(const std::string& role_arn, const std::string& session_name) const {
    const base::SharedLock lock(mutex_);
    const RolePtr found = state_.role_by_arn(role_arn);
    if (!found) return base::fail(base::code::NoSuchEntity, fmt::format("The role {} cannot be found.", role_arn));
    return role_session_caller(*found, session_name, nullptr);
}

void DirectoryState::remember_session(const Session& session, const std::string& access_key_id, const std::string& token) const {
    const base::Time now = dependencies_.clock->now();
    const base::Lock lock(sessions_mutex_);
    if (std::ranges::any_of(known_sessions_, [&](const KnownSession& one) { return one.access_key_id == access_key_id; })) return;
    if (known_sessions_.size() >= known_sessions_max)
        std::erase_if(known_sessions_, [&](const KnownSession& one) { return one.expires <= now; });
    if (known_sessions_.size() >= known_sessions_max) known_sessions_.pop_front();
    known_sessions_.push_back({session.principal_id + ":" + session.session_name, access_key_id, token, session.expires});
}

std::vector<Caller> DirectoryState::live_sessions(const std::string& session_arn) const {
    const auto arn = policy::parse_arn(session_arn);
    constexpr std::string_view prefix = "assumed-role/";
    if (!arn || arn->service != "sts" || !arn->resource.starts_with(prefix)) return {};
    const std::string_view name = arn->resource.substr(prefix.size());
    const size_t slash = name.find('/');
    if (slash == std::string_view::npos) return {};
    const auto found = role(std::string(arn->account), std::string(name.substr(0, slash)));
    if (!found) return {};
    const std::string user_id = (*found)->id + ":" + std::string(name.substr(slash + 1));
    std::vector<KnownSession> known;
    {
        const base::SharedLock lock(sessions_mutex_);
        std::ranges::copy_if(known_sessions_, std::back_inserter(known),
                             [&](const KnownSession& one) { return one.user_id == user_id; });
    }
    std::vector<Caller> live;
    for (const KnownSession& one : known)
        if (const auto caller = authenticate(one.access_key_id, one.token)) live.push_back((*caller)->caller);
    std::ranges::sort(live, std::greater<>(), [](const Caller& one) { return one.token_issue_time.value_or(base::Time{}); });
    return live;
}

base::Result<Caller> DirectoryState::user_caller(const std::string& user_arn) const {
    const base::SharedLock lock(mutex_);
    const UserPtr found = state_.user_by_arn(user_arn);
    if (!found) return base::fail(base::code::NoSuchEntity, fmt::format("The user {} cannot be found.", user_arn));
    return user_caller(*found);
}

base::Result<std::vector<policy::AttachedPolicy>> DirectoryState::policies_of(const std::string& principal_arn) const {
    const base::SharedLock lock(mutex_);
    if (const RolePtr found = state_.role_by_arn(principal_arn)) {
        return role_session_caller(*found, "session", nullptr).policies.identity;
    }
    if (const UserPtr found = state_.user_by_arn(principal_arn)) return user_caller(*found).policies.identity;
    return base::fail(base::code::NoSuchEntity, fmt::format("The principal {} cannot be found.", principal_arn));
}

std::vector<Caller> DirectoryState::all_callers() const {
    const base::SharedLock lock(mutex_);
    std::vector<Caller> callers;
    for (const auto& [account, of_account] : state_.accounts) {
        for (const auto& [key, user] : of_account.users) callers.push_back(user_caller(*user));
        for (const auto& [key, role] : of_account.roles) callers.push_back(role_session_caller(*role, "session", nullptr));
    }
    return callers;
}

}  // namespace identity
