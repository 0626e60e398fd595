// Users: who holds long-term keys.
#include <fmt/core.h>

#include "base/error_codes.hpp"
#include "identity/names.hpp"
#include "identity/state.hpp"

namespace identity {

base::Result<UserPtr> DirectoryState::create_user(const CreateUser& request) {
    TRY(check_name(request.name, "userName", 64));
    TRY(check_path(request.path));
    TRY(check_tags(request.tags));
    const Writing writing(*this);
    const AccountState* of_account = state_.account_state(request.account);
    if (of_account == nullptr)
        return base::fail(base::code::NoSuchEntity, fmt::format("The account {} cannot be found.", request.account));
    if (of_account->users.contains(key_of(request.name))) {
        return base::fail(base::code::EntityAlreadyExists, fmt::format("User with name {} already exists.", request.name));
    }
    User user;
    user.account = request.account;
    user.path = request.path;
    user.name = request.name;
    user.id = make_unique_id(*dependencies_.random, "AIDA");
    user.arn = fmt::format("arn:aws:iam::{}:user{}{}", request.account, request.path, request.name);
    user.created = dependencies_.clock->now();
    user.tags = request.tags;
    if (!request.boundary.empty()) {
        TRY(check_policy_arn(request.boundary));
        if (!state_.usable_policy(request.account, request.boundary)) {
            return base::fail(base::code::NoSuchEntity,
                              fmt::format("Scope ARN: {} does not exist or is not attachable.", request.boundary));
        }
        user.boundary = request.boundary;
    }
    Change change;
    change.put(user);
    TRY(commit(std::move(change)));
    return state_.user(request.account, request.name);
}

base::Result<UserPtr> DirectoryState::user(const std::string& account, const std::string& name) const {
    const base::SharedLock lock(mutex_);
    return state_.user(account, name);
}

base::Result<void> DirectoryState::update_user(const std::string& account, const std::string& name,
                                               std::optional<std::string> new_name, std::optional<std::string> new_path) {
    const Writing writing(*this);
    const UserPtr old_user = TRY(state_.user(account, name));
    User changed = *old_user;
    if (new_name) {
        TRY(check_name(*new_name, "newUserName", 64));
        if (key_of(*new_name) != key_of(old_user->name) && state_.user(account, *new_name)) {
            return base::fail(base::code::EntityAlreadyExists, fmt::format("User with name {} already exists.", *new_name));
        }
        changed.name = std::move(*new_name);
    }
    if (new_path) {
        TRY(check_path(*new_path));
        changed.path = std::move(*new_path);
    }
    changed.arn = fmt::format("arn:aws:iam::{}:user{}{}", account, changed.path, changed.name);
    Change change;
    change.erase(*old_user);
    for (const auto& id : old_user->access_keys) {
        AccessKey key = *state_.keys.at(id);
        key.user = key_of(changed.name);
        put_key(change, std::move(key));
    }
    // Trust follows the person, not the name: documents that named the old ARN name the new one.
    if (changed.arn != old_user->arn) rebind(changed.id, changed.arn, change);
    change.put(std::move(changed));
    return commit(std::move(change));
}

base::Result<void> DirectoryState::delete_user(const std::string& account, const std::string& name) {
    const Writing writing(*this);
    const UserPtr gone = TRY(state_.user(account, name));
    if (!gone->attached.empty()) {
        return base::fail(base::code::DeleteConflict, "Cannot delete entity, must detach all policies first.");
    }
    if (!gone->inline_policies.empty())
        return base::fail(base::code::DeleteConflict, "Cannot delete entity, must delete policies first.");
    if (!gone->access_keys.empty())
        return base::fail(base::code::DeleteConflict, "Cannot delete entity, must delete access keys first.");
    if (!gone->groups.empty())
        return base::fail(base::code::DeleteConflict, "Cannot delete entity, must remove users from group first.");
    Change change;
    change.erase(*gone);
    rebind(gone->id, gone->id, change);
    return commit(std::move(change));
}

}  // namespace identity
