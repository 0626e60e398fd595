#include "services/access_analyzer/account.hpp"

#include <utility>

#include "base/error_codes.hpp"
#include "base/strings.hpp"

namespace services::access_analyzer {
namespace {

using base::Result;

void read_holder(const identity::Entity& from, proof::PolicyHolder& to) {
    to.name = from.name;
    to.path = from.path;
    to.arn = from.arn;
    to.id = from.id;
    for (const identity::InlinePolicy& one : from.inline_policies) to.inline_policies.emplace(one.name, one.policy);
    to.attached.insert(from.attached.begin(), from.attached.end());
}

void read_more(const std::string& boundary, const identity::Tags& tags, proof::PolicyHolder& to) {
    to.boundary = boundary;
    for (const auto& [key, value] : tags) to.tags.emplace(key, value);
}

Result<void> add_managed(const identity::Iam& iam, const std::string& account, const std::string& arn,
                         proof::AccountPolicies& to) {
    if (arn.empty() || to.policies.contains(arn)) return {};
    const auto policy = iam.managed_policy(account, arn);
    if (!policy) return policy.error().code == base::code::NoSuchEntity ? Result<void>() : base::fail(policy.error());
    to.policies.emplace(arn, proof::AccountManagedPolicy{.arn = arn,
                                                         .version = (*policy)->default_version,
                                                         .policy = (*policy)->version((*policy)->default_version)->policy});
    return {};
}

Result<void> add_policies_of(const identity::Iam& iam, const proof::PolicyHolder& holder, proof::AccountPolicies& to) {
    for (const std::string& arn : holder.attached) TRY(add_managed(iam, to.id, arn, to));
    return add_managed(iam, to.id, holder.boundary, to);
}

}  // namespace

Result<proof::AccountPolicies> read_account(identity::Directory& directory, const objects::Storage& storage,
                                            const std::string& account) {
    const identity::Iam& iam = directory.iam();
    proof::AccountPolicies out;
    out.id = account;
    for (const auto& group : iam.groups(account)) {
        proof::Group one;
        read_holder(*group, one);
        TRY(add_policies_of(iam, one, out));
        out.groups.emplace(base::lower(group->name), std::move(one));
    }
    for (const auto& user : iam.users(account)) {
        proof::User one;
        read_holder(*user, one);
        read_more(user->boundary, user->tags, one);
        one.groups.insert(user->groups.begin(), user->groups.end());
        TRY(add_policies_of(iam, one, out));
        out.users.emplace(base::lower(user->name), std::move(one));
    }
    for (const auto& role : iam.roles(account)) {
        proof::Role one;
        read_holder(*role, one);
        read_more(role->boundary, role->tags, one);
        auto trust = directory.trust_policy(role->arn);
        if (!trust && trust.error().code == base::code::NoSuchEntity) continue;  // it has gone meanwhile
        one.trust = TRY(std::move(trust)).policy;
        TRY(add_policies_of(iam, one, out));
        out.roles.emplace(base::lower(role->name), std::move(one));
    }
    if (const auto block = storage.account_block(account)) out.restrict_public = block->restrict_public_buckets;
    for (const auto& bucket : storage.buckets_of(account))
        out.buckets.emplace(
            bucket->name,
            proof::Bucket{.name = bucket->name, .policy = bucket->policy, .restrict_public = bucket->restricts_public()});
    return out;
}

}  // namespace services::access_analyzer
