// Managed policies: the account's own, with their versions, and AWS's.
#include <fmt/core.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "identity/names.hpp"
#include "identity/state.hpp"

namespace identity {

namespace {

std::unexpected<base::Error> no_such_policy(const std::string& arn) {
    return base::fail(base::code::NoSuchEntity, fmt::format("Policy {} was not found.", arn));
}

std::unexpected<base::Error> no_such_version(const std::string& arn, const std::string& version) {
    return base::fail(base::code::NoSuchEntity,
                      fmt::format("Policy {} version {} does not exist or is not attachable.", arn, version));
}

base::Result<policy::PolicyPtr> parse_managed(const std::string& document) {
    auto parsed = TRY(policy::Policy::parse(document, policy::PolicyKind::identity));
    if (!parsed->has_variables())
        return base::fail(base::code::MalformedPolicyDocument, "Policy document must be version 2012-10-17 or greater.");
    if (measure(document) > managed_policy_characters_max) {
        return base::fail(base::code::LimitExceeded,
                          fmt::format("Cannot exceed quota for PolicySize: {}", managed_policy_characters_max));
    }
    return parsed;
}

// A copy of one of the account's own policies, to change. Who asks for another's was refused by the gate (SEMANTICS R78).
base::Result<ManagedPolicy> own_policy(const IamState& state, const std::string& account, const std::string& arn) {
    const ManagedPolicyPtr found = state.policy_by_arn(arn);
    if (!found || found->account != account) return no_such_policy(arn);
    return *found;
}

}  // namespace

base::Result<ManagedPolicyPtr> DirectoryState::create_policy(const CreatePolicy& request) {
    TRY(check_name(request.name, "policyName", 128));
    TRY(check_path(request.path));
    TRY(check_tags(request.tags));
    if (request.description.size() > 1000) {
        return base::fail(base::code::ValidationError,
                          "1 validation error detected: Value at 'description' failed to satisfy constraint: Member "
                          "must have length less than or equal to 1000");
    }
    auto parsed = TRY(parse_managed(request.document));
    const Writing writing(*this);
    const AccountState* of_account = state_.account_state(request.account);
    if (of_account == nullptr)
        return base::fail(base::code::NoSuchEntity, fmt::format("The account {} cannot be found.", request.account));
    if (of_account->policies.contains(key_of(request.name))) {
        return base::fail(base::code::EntityAlreadyExists,
                          fmt::format("A policy called {} already exists. Duplicate names are not allowed.", request.name));
    }
    ManagedPolicy made;
    made.account = request.account;
    made.path = request.path;
    made.name = request.name;
    made.id = make_unique_id(*dependencies_.random, "ANPA");
    made.arn = fmt::format("arn:aws:iam::{}:policy{}{}", request.account, request.path, request.name);
    made.description = request.description;
    made.created = made.updated = dependencies_.clock->now();
    made.versions.push_back({"v1", std::move(parsed), made.created});
    made.default_version = "v1";
    made.next_version = 2;
    made.tags = request.tags;
    const std::string arn = made.arn;
    Change change;
    change.put(std::move(made));
    TRY(commit(std::move(change)));
    return state_.policy_by_arn(arn);
}

base::Result<ManagedPolicyPtr> DirectoryState::managed_policy(const std::string& account, const std::string& arn) const {
    const base::SharedLock lock(mutex_);
    const ManagedPolicyPtr found = state_.usable_policy(account, arn);
    if (!found) return no_such_policy(arn);
    return found;
}

base::Result<void> DirectoryState::delete_policy(const std::string& account, const std::string& arn) {
    const Writing writing(*this);
    const ManagedPolicy gone = TRY(own_policy(state_, account, arn));
    if (!state_.accounts.at(account).usage.of(arn).empty()) {
        return base::fail(base::code::DeleteConflict, "Cannot delete a policy attached to entities.");
    }
    if (gone.versions.size() > 1) {
        return base::fail(base::code::DeleteConflict,
                          "This policy has more than one version. Before you delete a policy, you must delete the "
                          "policy's versions. The default version is deleted with the policy.");
    }
    Change change;
    change.erase(gone);
    return commit(std::move(change));
}

base::Result<PolicyVersion> DirectoryState::create_policy_version(const std::string& account, const std::string& arn,
                                                                  const std::string& document, bool set_default) {
    auto parsed = TRY(parse_managed(document));
    const Writing writing(*this);
    ManagedPolicy changed = TRY(own_policy(state_, account, arn));
    if (changed.versions.size() >= policy_versions_max) {
        return base::fail(base::code::LimitExceeded,
                          fmt::format("A managed policy can have up to {} versions. Before you create a new version, you "
                                      "must delete an existing version.",
                                      policy_versions_max));
    }
    const base::Time now = dependencies_.clock->now();
    PolicyVersion made{fmt::format("v{}", changed.next_version++), std::move(parsed), now};
    changed.versions.push_back(made);
    changed.updated = now;
    if (set_default) changed.default_version = made.id;
    Change change;
    change.put(std::move(changed));
    TRY(commit(std::move(change)));
    return made;
}

base::Result<void> DirectoryState::delete_policy_version(const std::string& account, const std::string& arn,
                                                         const std::string& version) {
    const Writing writing(*this);
    ManagedPolicy changed = TRY(own_policy(state_, account, arn));
    if (changed.default_version == version) {
        return base::fail(base::code::DeleteConflict, "Cannot delete the default version of a policy.");
    }
    if (std::erase_if(changed.versions, [&](const auto& one) { return one.id == version; }) == 0)
        return no_such_version(arn, version);
    changed.updated = dependencies_.clock->now();
    Change change;
    change.put(std::move(changed));
    return commit(std::move(change));
}

base::Result<void> DirectoryState::set_default_policy_version(const std::string& account, const std::string& arn,
                                                              const std::string& version) {
    const Writing writing(*this);
    ManagedPolicy changed = TRY(own_policy(state_, account, arn));
    if (changed.version(version) == nullptr) return no_such_version(arn, version);
    changed.default_version = version;
    changed.updated = dependencies_.clock->now();
    Change change;
    change.put(std::move(changed));
    return commit(std::move(change));
}

base::Result<void> DirectoryState::tag_policy(const std::string& account, const std::string& arn, const Tags& tags) {
    TRY(check_tags(tags));
    const Writing writing(*this);
    ManagedPolicy changed = TRY(own_policy(state_, account, arn));
    changed.tags = merge_tags(std::move(changed.tags), tags);
    if (changed.tags.size() > tags_max)
        return base::fail(base::code::LimitExceeded, "The number of tags has reached the maximum limit.");
    Change change;
    change.put(std::move(changed));
    return commit(std::move(change));
}

base::Result<void> DirectoryState::untag_policy(const std::string& account, const std::string& arn,
                                                const std::vector<std::string>& keys) {
    const Writing writing(*this);
    ManagedPolicy changed = TRY(own_policy(state_, account, arn));
    changed.tags = without_tags(std::move(changed.tags), keys);
    Change change;
    change.put(std::move(changed));
    return commit(std::move(change));
}

}  // namespace identity
