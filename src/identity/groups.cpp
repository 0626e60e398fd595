// Groups: policies that several users share. A group is never a principal (SEMANTICS R33).
#include <fmt/core.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "identity/names.hpp"
#include "identity/state.hpp"

namespace identity {

base::Result<GroupPtr> DirectoryState::create_group(const std::string& account, const std::string& name,
                                                    const std::string& path) {
    TRY(check_name(name, "groupName", 128));
    TRY(check_path(path));
    const Writing writing(*this);
    const AccountState* of_account = state_.account_state(account);
    if (of_account == nullptr)
        return base::fail(base::code::NoSuchEntity, fmt::format("The account {} cannot be found.", account));
    if (of_account->groups.contains(key_of(name))) {
        return base::fail(base::code::EntityAlreadyExists, fmt::format("Group with name {} already exists.", name));
    }
    Group group;
    group.account = account;
    group.path = path;
    group.name = name;
    group.id = make_unique_id(*dependencies_.random, "AGPA");
    group.arn = fmt::format("arn:aws:iam::{}:group{}{}", account, path, name);
    group.created = dependencies_.clock->now();
    Change change;
    change.put(group);
    TRY(commit(std::move(change)));
    return state_.group(account, name);
}

base::Result<GroupPtr> DirectoryState::group(const std::string& account, const std::string& name) const {
    const base::SharedLock lock(mutex_);
    return state_.group(account, name);
}

base::Result<void> DirectoryState::update_group(const std::string& account, const std::string& name,
                                                std::optional<std::string> new_name, std::optional<std::string> new_path) {
    const Writing writing(*this);
    const GroupPtr old_group = TRY(state_.group(account, name));
    Group changed = *old_group;
    if (new_name) {
        TRY(check_name(*new_name, "newGroupName", 128));
        if (key_of(*new_name) != key_of(old_group->name) && state_.group(account, *new_name)) {
            return base::fail(base::code::EntityAlreadyExists, fmt::format("Group with name {} already exists.", *new_name));
        }
        changed.name = std::move(*new_name);
    }
    if (new_path) {
        TRY(check_path(*new_path));
        changed.path = std::move(*new_path);
    }
    changed.arn = fmt::format("arn:aws:iam::{}:group{}{}", account, changed.path, changed.name);
    Change change;
    change.erase(*old_group);
    const std::string old_key = key_of(old_group->name);
    const AccountState& of_account = state_.accounts.at(account);
    for (const std::string& key : of_account.usage.members(old_key)) {
        User moved = *of_account.users.at(key);
        std::ranges::replace(moved.groups, old_key, key_of(changed.name));
        change.put(std::move(moved));
    }
    change.put(std::move(changed));
    return commit(std::move(change));
}

base::Result<void> DirectoryState::delete_group(const std::string& account, const std::string& name) {
    const Writing writing(*this);
    const GroupPtr gone = TRY(state_.group(account, name));
    if (!gone->attached.empty()) {
        return base::fail(base::code::DeleteConflict, "Cannot delete entity, must detach all policies first.");
    }
    if (!gone->inline_policies.empty())
        return base::fail(base::code::DeleteConflict, "Cannot delete entity, must delete policies first.");
    if (!state_.accounts.at(account).usage.members(key_of(gone->name)).empty()) {
        return base::fail(base::code::DeleteConflict, "Cannot delete entity, must remove users from group first.");
    }
    Change change;
    change.erase(*gone);
    return commit(std::move(change));
}

base::Result<void> DirectoryState::add_user_to_group(const std::string& account, const std::string& group,
                                                     const std::string& user) {
    const Writing writing(*this);
    const GroupPtr joined = TRY(state_.group(account, group));
    User changed = *TRY(state_.user(account, user));
    if (contains(changed.groups, key_of(joined->name))) return {};
    if (changed.groups.size() >= groups_per_user_max) {
        return base::fail(base::code::LimitExceeded,
                          fmt::format("Cannot exceed quota for GroupsPerUser: {}", groups_per_user_max));
    }
    changed.groups.push_back(key_of(joined->name));
    Change change;
    change.put(std::move(changed));
    return commit(std::move(change));
}

base::Result<void> DirectoryState::remove_user_from_group(const std::string& account, const std::string& group,
                                                          const std::string& user) {
    const Writing writing(*this);
    const GroupPtr left = TRY(state_.group(account, group));
    User changed = *TRY(state_.user(account, user));
    if (std::erase(changed.groups, key_of(left->name)) == 0) {
        return base::fail(base::code::NoSuchEntity, fmt::format("User {} is not in group {}.", changed.name, left->name));
    }
    Change change;
    change.put(std::move(changed));
    return commit(std::move(change));
}

base::Result<std::vector<GroupPtr>> DirectoryState::groups_of(const std::string& account, const std::string& user) const {
    const base::SharedLock lock(mutex_);
    const UserPtr found = TRY(state_.user(account, user));
    std::vector<GroupPtr> out;
    for (const auto& group : found->groups) out.push_back(state_.accounts.at(account).groups.at(group));
    std::ranges::sort(out, {}, [](const GroupPtr& one) { return key_of(one->name); });
    return out;
}

}  // namespace identity
