// Roles and their trust policies.
#include <fmt/core.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "identity/names.hpp"
#include "identity/state.hpp"
#include "policy/rewrite.hpp"
#include "policy/service_principals.hpp"

namespace identity {

namespace {

constexpr int64_t max_session_min = 3600;
constexpr int64_t max_session_max = 43200;
constexpr size_t description_length_max = 1000;

base::Result<void> check_role_settings(int64_t max_session_seconds, const std::string& description) {
    if (max_session_seconds < max_session_min || max_session_seconds > max_session_max) {
        return base::fail(
            base::code::ValidationError,
            fmt::format("1 validation error detected: Value '{}' at 'maxSessionDuration' failed to satisfy constraint: "
                        "Member must have value {} equal to {}",
                        max_session_seconds, max_session_seconds < max_session_min ? "greater than or" : "less than or",
                        max_session_seconds < max_session_min ? max_session_min : max_session_max));
    }
    if (description.size() > description_length_max) {
        return base::fail(base::code::ValidationError,
                          "1 validation error detected: Value at 'description' failed to satisfy constraint: Member "
                          "must have length less than or equal to 1000");
    }
    return {};
}

base::Result<policy::PolicyPtr> parse_trust(const std::string& document) {
    auto parsed = TRY(policy::Policy::parse(document, policy::PolicyKind::trust));
    if (measure(document) > trust_policy_characters_max) {
        return base::fail(base::code::LimitExceeded,
                          fmt::format("Cannot exceed quota for ACLSizePerRole: {}", trust_policy_characters_max));
    }
    return parsed;
}

}  // namespace

base::Result<std::map<std::string, std::string>> DirectoryState::bind_principals(const policy::Policy& trust) const {
    std::map<std::string, std::string> ids;
    for (const auto& arn : trust.named_principals()) {
        const auto id = state_.unique_id(arn);
        if (!id)
            return base::fail(base::code::MalformedPolicyDocument,
                              fmt::format("Invalid principal in policy: \"AWS\":\"{}\"", arn));
        if (*id != arn) ids[arn] = *id;  // an id binds itself
    }
    if (const auto service = policy::unknown_service(trust))
        return base::fail(base::code::MalformedPolicyDocument,
                          fmt::format("Invalid principal in policy: \"SERVICE\":\"{}\"", *service));
    return ids;
}

void DirectoryState::rebind(const std::string& id, const std::string& principal, Change& change) const {
    for (const auto& [account, of_account] : state_.accounts) {
        for (const auto& [key, role] : of_account.roles) {
            // A session of a role is bound as ROLE-ID:SESSION.
            const auto bound = [&](const std::string& bound_id) { return bound_id == id || bound_id.starts_with(id + ":"); };
            if (role->id == id || !std::ranges::any_of(role->trusted_ids, [&](const auto& one) { return bound(one.second); }))
                continue;
            Role changed = *role;
            std::map<std::string, std::string> replacements;
            for (const auto& [arn, bound_id] : role->trusted_ids) {
                if (!bound(bound_id)) continue;
                const std::string replacement = principal == id ? bound_id : principal;
                replacements[arn] = replacement;
                changed.trusted_ids.erase(arn);
                if (principal != id) changed.trusted_ids[principal] = bound_id;
            }
            changed.trust = policy::Policy::parse_stored(policy::replace_principals(role->trust->text(), replacements),
                                                         policy::PolicyKind::trust);
            change.put(std::move(changed));
        }
    }
}

base::Result<RolePtr> DirectoryState::create_role(const CreateRole& request) {
    TRY(check_name(request.name, "roleName", 64));
    TRY(check_path(request.path));
    TRY(check_role_settings(request.max_session_seconds, request.description));
    TRY(check_tags(request.tags));
    if (request.path.starts_with("/aws-service-role/") || request.path.starts_with("/aws-reserved/")) {
        return base::fail(base::code::InvalidInput,
                          fmt::format("The path {} is reserved for roles that services make.", request.path));
    }
    auto trust = TRY(parse_trust(request.trust_document));
    const Writing writing(*this);
    const AccountState* of_account = state_.account_state(request.account);
    if (of_account == nullptr)
        return base::fail(base::code::NoSuchEntity, fmt::format("The account {} cannot be found.", request.account));
    if (of_account->roles.contains(key_of(request.name))) {
        return base::fail(base::code::EntityAlreadyExists, fmt::format("Role with name {} already exists.", request.name));
    }
    Role role;
    role.account = request.account;
    role.path = request.path;
    role.name = request.name;
    role.id = make_unique_id(*dependencies_.random, "AROA");
    role.arn = fmt::format("arn:aws:iam::{}:role{}{}", request.account, request.path, request.name);
    role.created = dependencies_.clock->now();
    role.description = request.description;
    role.max_session_seconds = request.max_session_seconds;
    role.trusted_ids = TRY(bind_principals(*trust));
    role.trust = std::move(trust);
    role.tags = request.tags;
    if (!request.boundary.empty()) {
        TRY(check_policy_arn(request.boundary));
        if (!state_.usable_policy(request.account, request.boundary)) {
            return base::fail(base::code::NoSuchEntity,
                              fmt::format("Scope ARN: {} does not exist or is not attachable.", request.boundary));
        }
        role.boundary = request.boundary;
    }
    Change change;
    change.put(role);
    TRY(commit(std::move(change)));
    return state_.role(request.account, request.name);
}

base::Result<RolePtr> DirectoryState::role(const std::string& account, const std::string& name) const {
    const base::SharedLock lock(mutex_);
    return state_.role(account, name);
}

base::Result<void> DirectoryState::update_trust(const std::string& account, const std::string& name,
                                                const std::string& document) {
    auto trust = TRY(parse_trust(document));
    const Writing writing(*this);
    Role changed = *TRY(state_.role(account, name));
    changed.trusted_ids = TRY(bind_principals(*trust));
    changed.trust = std::move(trust);
    Change change;
    change.put(std::move(changed));
    return commit(std::move(change));
}

base::Result<RolePtr> DirectoryState::update_role(const std::string& account, const std::string& name,
                                                  std::optional<std::string> description,
                                                  std::optional<int64_t> max_session_seconds) {
    const Writing writing(*this);
    Role changed = *TRY(state_.role(account, name));
    if (description) changed.description = std::move(*description);
    if (max_session_seconds) changed.max_session_seconds = *max_session_seconds;
    TRY(check_role_settings(changed.max_session_seconds, changed.description));
    Change change;
    change.put(std::move(changed));
    TRY(commit(std::move(change)));
    return state_.role(account, name);
}

base::Result<void> DirectoryState::delete_role(const std::string& account, const std::string& name) {
    const Writing writing(*this);
    const RolePtr gone = TRY(state_.role(account, name));
    if (!gone->attached.empty()) {
        return base::fail(base::code::DeleteConflict, "Cannot delete entity, must detach all policies first.");
    }
    if (!gone->inline_policies.empty())
        return base::fail(base::code::DeleteConflict, "Cannot delete entity, must delete policies first.");
    Change change;
    change.erase(*gone);
    rebind(gone->id, gone->id, change);
    return commit(std::move(change));
}

}  // namespace identity
