#include "identity/usage.hpp"

#include "identity/names.hpp"

namespace identity {

template <class Edit>
void Usage::edit(const std::string& arn, Edit edit) {
    const auto place = policies_.try_emplace(arn).first;
    edit(place->second);
    if (place->second.empty()) policies_.erase(place);
}

void Usage::add(const Role& role) {
    const std::string key = key_of(role.name);
    for (const auto& arn : role.attached) edit(arn, [&](OfPolicy& use) { use.roles.insert(key); });
    if (!role.boundary.empty()) edit(role.boundary, [&](OfPolicy& use) { use.bounded_roles.insert(key); });
}

void Usage::remove(const Role& role) {
    const std::string key = key_of(role.name);
    for (const auto& arn : role.attached) edit(arn, [&](OfPolicy& use) { use.roles.erase(key); });
    if (!role.boundary.empty()) edit(role.boundary, [&](OfPolicy& use) { use.bounded_roles.erase(key); });
}

void Usage::add(const User& user) {
    const std::string key = key_of(user.name);
    for (const auto& arn : user.attached) edit(arn, [&](OfPolicy& use) { use.users.insert(key); });
    if (!user.boundary.empty()) edit(user.boundary, [&](OfPolicy& use) { use.bounded_users.insert(key); });
    for (const auto& group : user.groups) members_[group].insert(key);
}

void Usage::remove(const User& user) {
    const std::string key = key_of(user.name);
    for (const auto& arn : user.attached) edit(arn, [&](OfPolicy& use) { use.users.erase(key); });
    if (!user.boundary.empty()) edit(user.boundary, [&](OfPolicy& use) { use.bounded_users.erase(key); });
    for (const auto& group : user.groups) {
        const auto found = members_.find(group);
        if (found == members_.end()) continue;
        found->second.erase(key);
        if (found->second.empty()) members_.erase(found);
    }
}

void Usage::add(const Group& group) {
    for (const auto& arn : group.attached) edit(arn, [&](OfPolicy& use) { use.groups.insert(key_of(group.name)); });
}

void Usage::remove(const Group& group) {
    for (const auto& arn : group.attached) edit(arn, [&](OfPolicy& use) { use.groups.erase(key_of(group.name)); });
}

const Usage::OfPolicy& Usage::of(const std::string& policy_arn) const {
    static const OfPolicy unused;
    const auto found = policies_.find(policy_arn);
    return found == policies_.end() ? unused : found->second;
}

const Names& Usage::members(const std::string& group_key) const {
    static const Names no_members;
    const auto found = members_.find(group_key);
    return found == members_.end() ? no_members : found->second;
}

}  // namespace identity
