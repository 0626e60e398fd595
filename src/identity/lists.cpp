// Lists of an account's entities, in slices: a page of a list is sought, not counted off.
#include <algorithm>

#include "identity/names.hpp"
#include "identity/state.hpp"

namespace identity {

namespace {

constexpr std::string_view aws_policies = "arn:aws:iam::aws:policy/";

// The entities of a map that a slice asks for.
template <class EntityPtr>
std::vector<EntityPtr> slice_of(const std::map<std::string, EntityPtr, std::less<>>& entities, const Slice& slice) {
    std::vector<EntityPtr> out;
    auto at = slice.after.empty() ? entities.begin() : entities.upper_bound(slice.after);
    for (; at != entities.end() && out.size() < slice.most; ++at)
        if (at->second->path.starts_with(slice.path_prefix)) out.push_back(at->second);
    return out;
}

// Two sets of names walked as one, in order, behind `after`, until `visit` says false.
template <class Visit>
bool each_name(const Names& first, const Names& second, const std::string& after, Visit visit) {
    auto a = first.upper_bound(after), b = second.upper_bound(after);
    while (a != first.end() || b != second.end()) {
        const bool from_first = b == second.end() || (a != first.end() && *a <= *b);
        const std::string& name = from_first ? *a : *b;
        if (!visit(name)) return false;
        if (a != first.end() && *a == name) ++a;
        if (b != second.end() && *b == name) ++b;
    }
    return true;
}

}  // namespace

std::vector<RolePtr> DirectoryState::roles(const std::string& account, const Slice& slice) const {
    const base::SharedLock lock(mutex_);
    const AccountState* of_account = state_.account_state(account);
    return of_account == nullptr ? std::vector<RolePtr>{} : slice_of(of_account->roles, slice);
}

std::vector<UserPtr> DirectoryState::users(const std::string& account, const Slice& slice) const {
    const base::SharedLock lock(mutex_);
    const AccountState* of_account = state_.account_state(account);
    return of_account == nullptr ? std::vector<UserPtr>{} : slice_of(of_account->users, slice);
}

std::vector<GroupPtr> DirectoryState::groups(const std::string& account, const Slice& slice) const {
    const base::SharedLock lock(mutex_);
    const AccountState* of_account = state_.account_state(account);
    return of_account == nullptr ? std::vector<GroupPtr>{} : slice_of(of_account->groups, slice);
}

std::vector<ManagedPolicyPtr> DirectoryState::customer_policies(const std::string& account, const Slice& slice) const {
    const base::SharedLock lock(mutex_);
    const AccountState* of_account = state_.account_state(account);
    return of_account == nullptr ? std::vector<ManagedPolicyPtr>{} : slice_of(of_account->policies, slice);
}

base::Result<std::vector<UserPtr>> DirectoryState::members(const std::string& account, const std::string& group,
                                                           const Slice& slice) const {
    const base::SharedLock lock(mutex_);
    const GroupPtr found = TRY(state_.group(account, group));
    const AccountState& of_account = state_.accounts.at(account);
    std::vector<UserPtr> out;
    each_name(of_account.usage.members(key_of(found->name)), {}, slice.after, [&](const std::string& name) {
        const UserPtr& user = of_account.users.at(name);
        if (user->path.starts_with(slice.path_prefix)) out.push_back(user);
        return out.size() < slice.most;
    });
    return out;
}

std::vector<PolicyHolder> DirectoryState::policy_holders(const std::string& account, const std::string& arn,
                                                         const PolicyHolders& wanted) const {
    const base::SharedLock lock(mutex_);
    const AccountState* of_account = state_.account_state(account);
    std::vector<PolicyHolder> out;
    if (of_account == nullptr) return out;
    const Usage::OfPolicy& use = of_account->usage.of(arn);
    const Names none;
    bool reached = wanted.slice.after.empty();
    const auto add = [&](HolderKind kind, const auto& entities, const Names& attached, const Names& bounded, bool asked) {
        const bool begins = !reached && kind == wanted.after_kind;
        if (begins) reached = true;
        if (!reached || !asked) return;
        each_name(wanted.attached ? attached : none, wanted.bounded ? bounded : none, begins ? wanted.slice.after : "",
                  [&](const std::string& name) {
                      if (out.size() == wanted.slice.most) return false;
                      const auto& entity = entities.at(name);
                      if (entity->path.starts_with(wanted.slice.path_prefix)) out.push_back({kind, entity->name, entity->id});
                      return true;
                  });
    };
    add(HolderKind::group, of_account->groups, use.groups, none, wanted.groups);
    add(HolderKind::role, of_account->roles, use.roles, use.bounded_roles, wanted.roles);
    add(HolderKind::user, of_account->users, use.users, use.bounded_users, wanted.users);
    return out;
}

UsageCount DirectoryState::usage_count(const std::string& account, const std::string& arn) const {
    const base::SharedLock lock(mutex_);
    const AccountState* of_account = state_.account_state(account);
    if (of_account == nullptr) return {};
    const Usage::OfPolicy& use = of_account->usage.of(arn);
    return {.attachments = static_cast<int64_t>(use.groups.size() + use.roles.size() + use.users.size()),
            .boundaries = static_cast<int64_t>(use.bounded_roles.size() + use.bounded_users.size())};
}

std::vector<std::string> DirectoryState::aws_policies_in_use(const std::string& account, const std::string& after,
                                                             size_t most) const {
    const base::SharedLock lock(mutex_);
    const AccountState* of_account = state_.account_state(account);
    std::vector<std::string> out;
    if (of_account == nullptr) return out;
    const auto& policies = of_account->usage.policies();
    auto at = after < aws_policies ? policies.lower_bound(aws_policies) : policies.upper_bound(after);
    for (; at != policies.end() && at->first.starts_with(aws_policies) && out.size() < most; ++at) out.push_back(at->first);
    return out;
}

EntityCounts DirectoryState::counts(const std::string& account) const {
    const base::SharedLock lock(mutex_);
    const AccountState* of_account = state_.account_state(account);
    EntityCounts out;
    if (of_account == nullptr) return out;
    for (const auto& [key, policy] : of_account->policies) out.policy_versions += policy->versions.size();
    out.users = of_account->users.size();
    out.groups = of_account->groups.size();
    out.roles = of_account->roles.size();
    out.policies = of_account->policies.size();
    return out;
}

}  // namespace identity
