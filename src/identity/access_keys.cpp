// Long-term access keys, at most two for a user or root, and the account's alias.
#include <fmt/core.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "identity/names.hpp"
#include "identity/state.hpp"

namespace identity {

namespace {

std::unexpected<base::Error> no_such_key(const std::string& id) {
    return base::fail(base::code::NoSuchEntity, fmt::format("The Access Key with id {} cannot be found.", id));
}

// The ids of the keys of a user, or of root if the name is empty.
base::Result<std::vector<std::string>> key_ids(const IamState& state, const std::string& account, const std::string& user) {
    if (!user.empty()) return TRY(state.user(account, user))->access_keys;
    const AccountState* of_account = state.account_state(account);
    if (of_account == nullptr)
        return base::fail(base::code::NoSuchEntity, fmt::format("The account {} cannot be found.", account));
    return of_account->account->access_keys;
}

bool is_alias(std::string_view alias) {
    const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return alias.size() >= 3 && alias.size() <= 63 && std::ranges::all_of(alias, allowed) && alias.front() != '-' &&
           alias.back() != '-' && alias.find("--") == std::string_view::npos;
}

}  // namespace

base::Result<AccessKeyPtr> DirectoryState::create_access_key(const std::string& account, const std::string& user) {
    const Writing writing(*this);
    const auto ids = TRY(key_ids(state_, account, user));
    if (ids.size() >= access_keys_max) {
        return base::fail(base::code::LimitExceeded,
                          fmt::format("Cannot exceed quota for AccessKeysPerUser: {}", access_keys_max));
    }
    Change change;
    AccessKey key;
    if (user.empty()) {
        Account changed = *state_.account_state(account)->account;
        key = TRY(make_access_key(account, "", ""));
        changed.access_keys.push_back(key.id);
        change.put(std::move(changed));
    } else {
        User changed = *TRY(state_.user(account, user));
        key = TRY(make_access_key(account, changed.id, key_of(changed.name)));
        changed.access_keys.push_back(key.id);
        change.put(std::move(changed));
    }
    const std::string id = key.id;
    put_key(change, std::move(key));
    TRY(commit(std::move(change)));
    return state_.keys.at(id);
}

base::Result<std::vector<AccessKeyPtr>> DirectoryState::access_keys(const std::string& account, const std::string& user) const {
    const base::SharedLock lock(mutex_);
    std::vector<AccessKeyPtr> keys;
    for (const auto& id : TRY(key_ids(state_, account, user))) keys.push_back(state_.keys.at(id));
    return keys;
}

base::Result<void> DirectoryState::update_access_key(const std::string& account, const std::string& user, const std::string& id,
                                                     bool active) {
    const Writing writing(*this);
    if (!contains(TRY(key_ids(state_, account, user)), id)) return no_such_key(id);
    AccessKey changed = *state_.keys.at(id);
    changed.active = active;
    Change change;
    put_key(change, std::move(changed));
    return commit(std::move(change));
}

base::Result<void> DirectoryState::delete_access_key(const std::string& account, const std::string& user, const std::string& id) {
    const Writing writing(*this);
    if (!contains(TRY(key_ids(state_, account, user)), id)) return no_such_key(id);
    Change change;
    change.erase(*state_.keys.at(id));
    if (user.empty()) {
        Account changed = *state_.account_state(account)->account;
        std::erase(changed.access_keys, id);
        change.put(std::move(changed));
    } else {
        User changed = *TRY(state_.user(account, user));
        std::erase(changed.access_keys, id);
        change.put(std::move(changed));
    }
    return commit(std::move(change));
}

base::Result<AccessKeyPtr> DirectoryState::access_key(const std::string& id) const {
    const base::SharedLock lock(mutex_);
    const auto found = state_.keys.find(id);
    if (found == state_.keys.end()) return no_such_key(id);
    return found->second;
}

base::Result<void> DirectoryState::create_alias(const std::string& account, const std::string& alias) {
    if (!is_alias(alias)) {
        return base::fail(
            base::code::ValidationError,
            fmt::format("1 validation error detected: Value '{}' at 'accountAlias' failed to satisfy constraint: Member must "
                        "satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){{1,61}}[a-z0-9]$",
                        alias));
    }
    const Writing writing(*this);
    for (const auto& [id, of_account] : state_.accounts) {
        if (id != account && of_account.account->alias == alias) {
            return base::fail(base::code::EntityAlreadyExists, fmt::format("The account alias {} already exists.", alias));
        }
    }
    const AccountState* of_account = state_.account_state(account);
    if (of_account == nullptr)
        return base::fail(base::code::NoSuchEntity, fmt::format("The account {} cannot be found.", account));
    Account changed = *of_account->account;
    changed.alias = alias;
    Change change;
    change.put(std::move(changed));
    return commit(std::move(change));
}

base::Result<void> DirectoryState::delete_alias(const std::string& account, const std::string& alias) {
    const Writing writing(*this);
    const AccountState* of_account = state_.account_state(account);
    if (of_account == nullptr || alias.empty() || of_account->account->alias != alias) {
        return base::fail(base::code::NoSuchEntity, fmt::format("The account alias {} cannot be found.", alias));
    }
    Account changed = *of_account->account;
    changed.alias.clear();
    Change change;
    change.put(std::move(changed));
    return commit(std::move(change));
}

}  // namespace identity
