#include "model/iam/policies.hpp"

#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "identity/aws_managed.hpp"
#include "services/iam/page.hpp"
#include "services/iam/request.hpp"
#include "services/iam/shown.hpp"

namespace services::iam {
namespace {

using identity::HolderKind;

m::Policy shown_policy(const identity::ManagedPolicy& policy, const identity::UsageCount& usage, Detail detail) {
    m::Policy out{.policy_name = policy.name,
                  .policy_id = policy.id,
                  .arn = policy.arn,
                  .path = policy.path,
                  .default_version_id = policy.default_version,
                  .attachment_count = static_cast<int32_t>(usage.attachments),
                  .permissions_boundary_usage_count = static_cast<int32_t>(usage.boundaries),
                  .is_attachable = true,
                  .create_date = shown(policy.created),
                  .update_date = shown(policy.updated)};
    if (detail == Detail::list) return out;
    if (!policy.description.empty()) out.description = policy.description;
    out.tags = shown(policy.tags);
    return out;
}

Result<m::CreatePolicyResponse> create_policy(Iam& iam, const Permit& permit, const m::CreatePolicyRequest& in) {
    const auto policy = TRY(iam->create_policy({.account = permit.account(),
                                                .name = in.policy_name,
                                                .path = in.path.value_or("/"),
                                                .document = in.policy_document,
                                                .description = in.description.value_or(""),
                                                .tags = tags_of(model::items(in.tags))}));
    return m::CreatePolicyResponse{.policy = shown_policy(*policy, {}, Detail::full)};
}

Result<m::GetPolicyResponse> get_policy(Iam& iam, const Permit& permit, const m::GetPolicyRequest& in) {
    const auto policy = TRY(iam->managed_policy(permit.account(), in.policy_arn));
    return m::GetPolicyResponse{.policy = shown_policy(*policy, iam->usage_count(permit.account(), policy->arn), Detail::full)};
}

Result<Nothing> delete_policy(Iam& iam, const Permit& permit, const m::DeletePolicyRequest& in) {
    return done(iam->delete_policy(permit.account(), in.policy_arn));
}

Result<Nothing> tag_policy(Iam& iam, const Permit& permit, const m::TagPolicyRequest& in) {
    return done(iam->tag_policy(permit.account(), in.policy_arn, tags_of(in.tags)));
}

Result<Nothing> untag_policy(Iam& iam, const Permit& permit, const m::UntagPolicyRequest& in) {
    return done(iam->untag_policy(permit.account(), in.policy_arn, in.tag_keys));
}

Result<m::ListPolicyTagsResponse> list_tags(Iam& iam, const Permit& permit, const m::ListPolicyTagsRequest& in) {
    const auto policy = TRY(iam->managed_policy(permit.account(), in.policy_arn));
    return one_page(in, &m::ListPolicyTagsResponse::tags, rows_of(policy->tags));
}

// A policy of AWS's in a list: the documents stay packed.
identity::ManagedPolicy without_documents(const identity::AwsManagedSummary& summary) {
    identity::ManagedPolicy out;
    out.arn = summary.arn;
    out.path = summary.path;
    out.name = summary.name;
    out.id = summary.id;
    out.default_version = summary.default_version;
    out.created = summary.created;
    out.updated = summary.updated;
    return out;
}

// The account's own by name, then AWS's by ARN.
class PolicyList {
public:
    PolicyList(const Iam& iam, const std::string& account, const m::ListPoliciesRequest& in, Page page)
        : iam_(iam), account_(account), in_(in), page_(std::move(page)) {}

    Result<m::ListPoliciesResponse> list() {
        const std::string& after = page_.after();
        const bool behind_own = after.starts_with(aws_key);
        if (!after.empty() && !behind_own && !after.starts_with(own_key))
            return base::fail(base::code::ValidationError, "Invalid Marker.");
        bool room = true;
        if (in_.scope != m::policyScopeType::aws && !behind_own)
            room = add_own(after.empty() ? "" : after.substr(own_key.size()));
        if (in_.scope != m::policyScopeType::local && room) add_aws(behind_own ? after.substr(aws_key.size()) : "");
        m::ListPoliciesResponse out{.policies = std::move(policies_)};
        page_.close(out);
        return out;
    }

private:
    static constexpr std::string_view own_key = "1/", aws_key = "2/";

    // Each says false when the page is full.
    bool add(std::string key, const identity::ManagedPolicy& one) {
        const auto usage = iam_->usage_count(account_, one.arn);
        if (in_.only_attached.value_or(false) && usage.attachments == 0) return true;
        if (in_.policy_usage_filter == m::PolicyUsageType::permissions_boundary && usage.boundaries == 0) return true;
        if (!page_.has_room_for(std::move(key))) return false;
        policies_.push_back(shown_policy(one, usage, Detail::list));
        return true;
    }
    bool add_own(std::string after) {
        for (;;) {
            const size_t most = page_.wanted();
            const auto some = iam_->customer_policies(account_, {after, in_.path_prefix.value_or(""), most});
            for (const auto& one : some) {
                after = base::lower(one->name);
                if (!add(std::string(own_key) + after, *one)) return false;
            }
            if (some.size() < most) return true;
        }
    }
    void add_aws(const std::string& after) {
        const auto& all = identity::aws_managed_policies();
        for (auto at = std::ranges::upper_bound(all, after, {}, &identity::AwsManagedSummary::arn); at != all.end(); ++at) {
            if (!std::string_view(at->path).starts_with(model::text(in_.path_prefix))) continue;
            if (!add(std::string(aws_key).append(at->arn), without_documents(*at))) return;
        }
    }

    const Iam& iam_;
    const std::string& account_;
    const m::ListPoliciesRequest& in_;
    Page page_;
    std::vector<m::Policy> policies_;
};

Result<m::ListPoliciesResponse> list_policies(Iam& iam, const Permit& permit, const m::ListPoliciesRequest& in) {
    return PolicyList(iam, permit.account(), in, TRY(Page::of(in))).list();
}

constexpr std::pair<HolderKind, std::string_view> holder_words[] = {
    {HolderKind::group, "Group"}, {HolderKind::role, "Role"}, {HolderKind::user, "User"}};

// All three kinds share one page: the kind is in front of the key.
Result<identity::PolicyHolders> wanted_holders(const m::ListEntitiesForPolicyRequest& in, const Page& page) {
    const auto asked = [&](m::EntityType kind) { return !in.entity_filter || in.entity_filter == kind; };
    identity::PolicyHolders wanted{.attached = in.policy_usage_filter != m::PolicyUsageType::permissions_boundary,
                                   .bounded = in.policy_usage_filter != m::PolicyUsageType::permissions_policy,
                                   .groups = asked(m::EntityType::group),
                                   .roles = asked(m::EntityType::role),
                                   .users = asked(m::EntityType::user),
                                   .slice = {"", in.path_prefix.value_or(""), page.wanted()}};
    if (page.after().empty()) return wanted;
    const auto word = std::ranges::find_if(holder_words, [&](const auto& one) { return page.after().starts_with(one.second); });
    if (word == std::end(holder_words) || page.after().size() < word->second.size() + 2)
        return base::fail(base::code::ValidationError, "Invalid Marker.");
    wanted.after_kind = word->first;
    wanted.slice.after = page.after().substr(word->second.size() + 1);
    return wanted;
}

Result<m::ListEntitiesForPolicyResponse> list_entities(Iam& iam, const Permit& permit,
                                                       const m::ListEntitiesForPolicyRequest& in) {
    TRY(iam->managed_policy(permit.account(), in.policy_arn));
    Page page = TRY(Page::of(in));
    const auto wanted = TRY(wanted_holders(in, page));
    std::vector<m::PolicyGroup> groups;
    std::vector<m::PolicyRole> roles;
    std::vector<m::PolicyUser> users;
    for (auto& holder : iam->policy_holders(permit.account(), in.policy_arn, wanted)) {
        const auto word = std::ranges::find(holder_words, holder.kind, [](const auto& one) { return one.first; })->second;
        if (!page.has_room_for(std::string(word) + "/" + base::lower(holder.name))) break;
        switch (holder.kind) {
            case HolderKind::group:
                groups.push_back({.group_name = std::move(holder.name), .group_id = std::move(holder.id)});
                break;
            case HolderKind::role:
                roles.push_back({.role_name = std::move(holder.name), .role_id = std::move(holder.id)});
                break;
            case HolderKind::user:
                users.push_back({.user_name = std::move(holder.name), .user_id = std::move(holder.id)});
                break;
        }
    }
    m::ListEntitiesForPolicyResponse out{
        .policy_groups = std::move(groups), .policy_users = std::move(users), .policy_roles = std::move(roles)};
    page.close(out);
    return out;
}

Result<m::CreatePolicyVersionResponse> create_version(Iam& iam, const Permit& permit, const m::CreatePolicyVersionRequest& in) {
    const auto version =
        TRY(iam->create_policy_version(permit.account(), in.policy_arn, in.policy_document, in.set_as_default.value_or(false)));
    const auto policy = TRY(iam->managed_policy(permit.account(), in.policy_arn));
    return m::CreatePolicyVersionResponse{.policy_version = shown(*policy, version, false)};
}

Result<m::GetPolicyVersionResponse> get_version(Iam& iam, const Permit& permit, const m::GetPolicyVersionRequest& in) {
    const auto policy = TRY(iam->managed_policy(permit.account(), in.policy_arn));
    const auto* version = policy->version(in.version_id);
    if (!version)
        return base::fail(base::code::NoSuchEntity,
                          "Policy " + in.policy_arn + " version " + in.version_id + " does not exist or is not attachable.");
    return m::GetPolicyVersionResponse{.policy_version = shown(*policy, *version, true)};
}

Result<m::ListPolicyVersionsResponse> list_versions(Iam& iam, const Permit& permit, const m::ListPolicyVersionsRequest& in) {
    const auto policy = TRY(iam->managed_policy(permit.account(), in.policy_arn));
    std::vector<Row<m::PolicyVersion>> rows;
    // Newest first.
    size_t place = policy->versions.size();
    for (const auto& version : policy->versions) {
        const std::string number = std::to_string(--place);
        rows.push_back({std::string(8 - std::min<size_t>(number.size(), 8), '0') + number, shown(*policy, version, false)});
    }
    return one_page(in, &m::ListPolicyVersionsResponse::versions, std::move(rows));
}

Result<Nothing> delete_version(Iam& iam, const Permit& permit, const m::DeletePolicyVersionRequest& in) {
    return done(iam->delete_policy_version(permit.account(), in.policy_arn, in.version_id));
}

Result<Nothing> set_default_version(Iam& iam, const Permit& permit, const m::SetDefaultPolicyVersionRequest& in) {
    return done(iam->set_default_policy_version(permit.account(), in.policy_arn, in.version_id));
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Iam>>({
    operation<m::CreatePolicy, create_policy>(),
    operation<m::GetPolicy, get_policy>(),
    operation<m::ListPolicies, list_policies>(),
    operation<m::DeletePolicy, delete_policy>(),
    operation<m::ListEntitiesForPolicy, list_entities>(),
    operation<m::TagPolicy, tag_policy>(),
    operation<m::UntagPolicy, untag_policy>(),
    operation<m::ListPolicyTags, list_tags>(),
    operation<m::CreatePolicyVersion, create_version>(),
    operation<m::GetPolicyVersion, get_version>(),
    operation<m::ListPolicyVersions, list_versions>(),
    operation<m::DeletePolicyVersion, delete_version>(),
    operation<m::SetDefaultPolicyVersion, set_default_version>(),
});

}  // namespace

Rows policy_operations() { return operations; }

}  // namespace services::iam
