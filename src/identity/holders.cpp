// What hangs on roles, users and groups alike: attached and inline policies, boundaries, tags.
// Quotas: IAM User Guide, "IAM and AWS STS quotas" (SEMANTICS G5, G6).
#include <fmt/core.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "identity/names.hpp"
#include "identity/state.hpp"

namespace identity {

namespace {

struct Limits {
    std::string_view kind;         // in `The role policy with name … cannot be found.`
    std::string_view quota;        // in `Cannot exceed quota for …`
    size_t inline_characters_max;  // all inline policies together, white space not counted
};

Limits limits_of(HolderKind kind) {
    switch (kind) {
        case HolderKind::role:
            return {"role", "PoliciesPerRole", inline_characters_max_role};
        case HolderKind::user:
            return {"user", "PoliciesPerUser", inline_characters_max_user};
        case HolderKind::group:
            return {"group", "PoliciesPerGroup", inline_characters_max_group};
    }
    return {};
}

std::unexpected<base::Error> no_such_policy(const std::string& arn) {
    return base::fail(base::code::NoSuchEntity, fmt::format("Policy {} was not found.", arn));
}

}  // namespace

// Replaces the holder by a copy that `edit` has changed; `edit` takes a Role&, User& or Group&.
template <class Edit>
base::Result<void> DirectoryState::edit(const Holder& holder, Edit edit) {
    const Writing writing(*this);
    Change change;
    const auto put = [&](auto found) NOT_CHECKED -> base::Result<void> {  // called here, as a writer
        auto changed = *TRY(std::move(found));
        TRY(edit(changed));
        change.put(std::move(changed));
        return {};
    };
    switch (holder.kind) {
        case HolderKind::role:
            TRY(put(state_.role(holder.account, holder.name)));
            break;
        case HolderKind::user:
            TRY(put(state_.user(holder.account, holder.name)));
            break;
        case HolderKind::group:
            TRY(put(state_.group(holder.account, holder.name)));
            break;
    }
    return commit(std::move(change));
}

base::Result<void> DirectoryState::attach_policy(const Holder& holder, const std::string& policy_arn) {
    TRY(check_policy_arn(policy_arn));
    return edit(holder, [&](Entity& entity) REQUIRES_SHARED(mutex_) -> base::Result<void> {
        const ManagedPolicyPtr found = state_.usable_policy(holder.account, policy_arn);
        if (!found) {
            return base::fail(base::code::NoSuchEntity,
                              fmt::format("Policy {} does not exist or is not attachable.", policy_arn));
        }
        // Service roles' policies hang on service-linked roles only.
        if (!found->attachable) {
            return base::fail(base::code::PolicyNotAttachable,
                              fmt::format("Cannot attach a Service Role Policy to a Customer Role. {}", policy_arn));
        }
        if (contains(entity.attached, policy_arn)) return {};
        if (entity.attached.size() >= attached_policies_max) {
            return base::fail(base::code::LimitExceeded,
                              fmt::format("Cannot exceed quota for {}: {}", limits_of(holder.kind).quota, attached_policies_max));
        }
        entity.attached.push_back(policy_arn);
        return {};
    });
}

base::Result<void> DirectoryState::detach_policy(const Holder& holder, const std::string& policy_arn) {
    TRY(check_policy_arn(policy_arn));
    return edit(holder, [&](Entity& entity) -> base::Result<void> {
        if (std::erase(entity.attached, policy_arn) == 0) return no_such_policy(policy_arn);
        return {};
    });
}

base::Result<void> DirectoryState::put_inline_policy(const Holder& holder, const std::string& policy_name,
                                                     const std::string& document) {
    TRY(check_name(policy_name, "policyName", 128));
    const auto parsed = TRY(policy::Policy::parse(document, policy::PolicyKind::identity));
    return edit(holder, [&](Entity& entity) -> base::Result<void> {
        const Limits limits = limits_of(holder.kind);
        size_t characters = measure(document);
        for (const auto& one : entity.inline_policies) {
            if (one.name != policy_name) characters += measure(one.policy->text());
        }
        if (characters > limits.inline_characters_max) {
            return base::fail(base::code::LimitExceeded, fmt::format("Maximum policy size of {} bytes exceeded for {} {}",
                                                                     limits.inline_characters_max, limits.kind, entity.name));
        }
        const auto place = std::ranges::lower_bound(entity.inline_policies, policy_name, {}, &InlinePolicy::name);
        if (place != entity.inline_policies.end() && place->name == policy_name) {
            place->policy = parsed;
        } else {
            entity.inline_policies.insert(place, {policy_name, parsed});
        }
        return {};
    });
}

base::Result<void> DirectoryState::delete_inline_policy(const Holder& holder, const std::string& policy_name) {
    return edit(holder, [&](Entity& entity) -> base::Result<void> {
        if (std::erase_if(entity.inline_policies, [&](const auto& one) { return one.name == policy_name; }) == 0) {
            return base::fail(base::code::NoSuchEntity, fmt::format("The {} policy with name {} cannot be found.",
                                                                    limits_of(holder.kind).kind, policy_name));
        }
        return {};
    });
}

base::Result<void> DirectoryState::put_boundary(const Holder& holder, const std::string& policy_arn) {
    TRY(check_policy_arn(policy_arn));
    return edit(holder, [&](auto& entity) REQUIRES_SHARED(mutex_) -> base::Result<void> {
        if constexpr (requires { entity.boundary; }) {
            if (!state_.usable_policy(holder.account, policy_arn)) {
                return base::fail(base::code::NoSuchEntity,
                                  fmt::format("Policy {} does not exist or is not attachable.", policy_arn));
            }
            entity.boundary = policy_arn;
            return {};
        } else {
            return base::fail(base::code::InvalidInput, "Groups have no permissions boundary.");
        }
    });
}

base::Result<void> DirectoryState::delete_boundary(const Holder& holder) {
    return edit(holder, [&](auto& entity) -> base::Result<void> {
        if constexpr (requires { entity.boundary; }) {
            if (entity.boundary.empty()) {
                return base::fail(base::code::NoSuchEntity,
                                  fmt::format("The {} with name {} does not have a permissions boundary.",
                                              limits_of(holder.kind).kind, entity.name));
            }
            entity.boundary.clear();
            return {};
        } else {
            return base::fail(base::code::InvalidInput, "Groups have no permissions boundary.");
        }
    });
}

base::Result<void> DirectoryState::tag(const Holder& holder, const Tags& tags) {
    TRY(check_tags(tags));
    return edit(holder, [&](auto& entity) -> base::Result<void> {
        if constexpr (requires { entity.tags; }) {
            entity.tags = merge_tags(std::move(entity.tags), tags);
            if (entity.tags.size() > tags_max) {
                return base::fail(base::code::LimitExceeded, "The number of tags has reached the maximum limit.");
            }
            return {};
        } else {
            return base::fail(base::code::InvalidInput, "Groups have no tags.");
        }
    });
}

base::Result<void> DirectoryState::untag(const Holder& holder, const std::vector<std::string>& keys) {
    return edit(holder, [&](auto& entity) -> base::Result<void> {
        if constexpr (requires { entity.tags; }) {
            entity.tags = without_tags(std::move(entity.tags), keys);
            return {};
        } else {
            return base::fail(base::code::InvalidInput, "Groups have no tags.");
        }
    });
}

}  // namespace identity
