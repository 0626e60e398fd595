#include "model/iam/account.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.hpp"
#include "services/iam/page.hpp"
#include "services/iam/request.hpp"
#include "services/iam/shown.hpp"

namespace services::iam {
namespace {

std::vector<m::PolicyDetail> inline_list(const identity::Entity& entity) {
    std::vector<m::PolicyDetail> out;
    for (const auto& one : entity.inline_policies)
        out.push_back({.policy_name = one.name, .policy_document = encode_document(one.policy->text())});
    return out;
}

std::vector<m::AttachedPolicy> attached_list(const identity::Entity& entity) {
    std::vector<m::AttachedPolicy> out;
    for (const auto& arn : entity.attached) out.push_back(shown_attached(arn));
    return out;
}

m::UserDetail detail_of(const Iam& iam, const identity::User& user) {
    std::vector<std::string> groups;
    if (const auto found = iam->groups_of(user.account, user.name))
        for (const auto& group : *found) groups.push_back(group->name);
    return {.path = user.path,
            .user_name = user.name,
            .user_id = user.id,
            .arn = user.arn,
            .create_date = shown(user.created),
            .user_policy_list = inline_list(user),
            .group_list = std::move(groups),
            .attached_managed_policies = attached_list(user),
            .permissions_boundary = shown_boundary(user.boundary),
            .tags = shown_tags(user.tags)};
}

m::GroupDetail detail_of(const identity::Group& group) {
    return {.path = group.path,
            .group_name = group.name,
            .group_id = group.id,
            .arn = group.arn,
            .create_date = shown(group.created),
            .group_policy_list = inline_list(group),
            .attached_managed_policies = attached_list(group)};
}

m::RoleDetail detail_of(const Iam& iam, const identity::Role& role) {
    return {.path = role.path,
            .role_name = role.name,
            .role_id = role.id,
            .arn = role.arn,
            .create_date = shown(role.created),
            .assume_role_policy_document = encode_document(role.trust->text()),
            .instance_profile_list = std::vector<m::InstanceProfile>(),
            .role_policy_list = inline_list(role),
            .attached_managed_policies = attached_list(role),
            .permissions_boundary = shown_boundary(role.boundary),
            .tags = shown_tags(role.tags),
            .role_last_used = shown_use(iam->last_use(role.id))};
}

m::ManagedPolicyDetail detail_of(const identity::ManagedPolicy& policy, const identity::UsageCount& usage) {
    std::vector<m::PolicyVersion> versions;
    for (const auto& version : policy.versions) versions.push_back(shown(policy, version, true));
    return {.policy_name = policy.name,
            .policy_id = policy.id,
            .arn = policy.arn,
            .path = policy.path,
            .default_version_id = policy.default_version,
            .attachment_count = static_cast<int32_t>(usage.attachments),
            .permissions_boundary_usage_count = static_cast<int32_t>(usage.boundaries),
            .is_attachable = true,
            .create_date = shown(policy.created),
            .update_date = shown(policy.updated),
            .policy_version_list = std::move(versions)};
}

// Everything in one list, with the kind in front of the key: four lists share a page.
class Details {
public:
    Details(const Iam& iam, const std::string& account, Page page) : iam_(iam), account_(account), page_(std::move(page)) {}

    // Each adds what is behind the last page, and says false when the page is full.
    bool add_groups() {
        return each(
            "GroupDetailList", [&](const identity::Slice& slice) { return iam_->groups(account_, slice); },
            [&](const identity::Group& group) { groups_.push_back(detail_of(group)); });
    }
    bool add_roles() {
        return each(
            "RoleDetailList", [&](const identity::Slice& slice) { return iam_->roles(account_, slice); },
            [&](const identity::Role& role) { roles_.push_back(detail_of(iam_, role)); });
    }
    bool add_users() {
        return each(
            "UserDetailList", [&](const identity::Slice& slice) { return iam_->users(account_, slice); },
            [&](const identity::User& user) { users_.push_back(detail_of(iam_, user)); });
    }
    bool add_own_policies() {
        return each(
            "Policies/1", [&](const identity::Slice& slice) { return iam_->customer_policies(account_, slice); },
            [&](const identity::ManagedPolicy& one) { add_policy(one); });
    }
    // Those in use: the other fifteen hundred say nothing about this account.
    bool add_aws_policies() {
        constexpr std::string_view kind = "Policies/2";
        const auto after = behind(kind);
        if (!after) return true;
        for (const std::string& arn : iam_->aws_policies_in_use(account_, *after, page_.wanted())) {
            const auto policy = iam_->managed_policy(account_, arn);
            if (!policy) continue;  // detached since
            if (!page_.has_room_for(key_of(kind, arn))) return false;
            add_policy(**policy);
        }
        return true;
    }

    m::GetAccountAuthorizationDetailsResponse result() && {
        m::GetAccountAuthorizationDetailsResponse out{.user_detail_list = std::move(users_),
                                                      .group_detail_list = std::move(groups_),
                                                      .role_detail_list = std::move(roles_),
                                                      .policies = std::move(policies_)};
        page_.close(out);
        return out;
    }

private:
    static std::string key_of(std::string_view kind, std::string_view name) {
        return std::string(kind) + "/" + std::string(name);
    }

    // Where in this kind the page begins: a name, or empty for all of it; nullopt if the kind is behind us.
    [[nodiscard]] std::optional<std::string> behind(std::string_view kind) const {
        const std::string& after = page_.after();
        const std::string begin = key_of(kind, "");
        if (after.starts_with(begin)) return after.substr(begin.size());
        if (after > begin) return std::nullopt;
        return "";
    }

    void add_policy(const identity::ManagedPolicy& policy) {
        policies_.push_back(detail_of(policy, iam_->usage_count(account_, policy.arn)));
    }

    template <class List, class Add>
    bool each(std::string_view kind, List list, Add add) {
        const auto after = behind(kind);
        if (!after) return true;
        for (const auto& entity : list(identity::Slice{*after, "", page_.wanted()})) {
            if (!page_.has_room_for(key_of(kind, base::lower(entity->name)))) return false;
            add(*entity);
        }
        return true;
    }

    const Iam& iam_;
    const std::string& account_;
    Page page_;
    std::vector<m::UserDetail> users_;
    std::vector<m::GroupDetail> groups_;
    std::vector<m::RoleDetail> roles_;
    std::vector<m::ManagedPolicyDetail> policies_;
};

Result<m::GetAccountAuthorizationDetailsResponse> authorization_details(Iam& iam, const Permit& permit,
                                                                        const m::GetAccountAuthorizationDetailsRequest& in) {
    const auto filter = model::items(in.filter);
    const auto wanted = [&](m::EntityType kind) { return filter.empty() || std::ranges::find(filter, kind) != filter.end(); };
    Details details(iam, permit.account(), TRY(Page::of(in)));
    // In the order of the keys.
    const bool all = (!wanted(m::EntityType::group) || details.add_groups()) &&
                     (!wanted(m::EntityType::local_managed_policy) || details.add_own_policies()) &&
                     (!wanted(m::EntityType::aws_managed_policy) || details.add_aws_policies()) &&
                     (!wanted(m::EntityType::role) || details.add_roles()) &&
                     (!wanted(m::EntityType::user) || details.add_users());
    (void)all;  // A full page says so itself.
    return std::move(details).result();
}

Result<m::GetAccountSummaryResponse> summary(Iam& iam, const Permit& permit, const Nothing&) {
    const identity::EntityCounts counts = iam->counts(permit.account());
    const auto root = iam->account(permit.account());
    const auto number = [](size_t count) { return static_cast<int32_t>(count); };
    return m::GetAccountSummaryResponse{.summary_map = model::Map<int32_t>{
                                            {"Users", number(counts.users)},
                                            {"Groups", number(counts.groups)},
                                            {"Roles", number(counts.roles)},
                                            {"Policies", number(counts.policies)},
                                            {"PolicyVersionsInUse", number(counts.policy_versions)},
                                            {"AccountAccessKeysPresent", root && !root->access_keys.empty() ? 1 : 0},
                                            {"AccountMFAEnabled", 0},
                                            {"AccountSigningCertificatesPresent", 0},
                                            {"InstanceProfiles", 0},
                                            {"MFADevices", 0},
                                            {"MFADevicesInUse", 0},
                                            {"Providers", 0},
                                            {"ServerCertificates", 0},
                                            {"AccessKeysPerUserQuota", 2},
                                            {"AttachedPoliciesPerGroupQuota", 10},
                                            {"AttachedPoliciesPerRoleQuota", 10},
                                            {"AttachedPoliciesPerUserQuota", 10},
                                            {"GroupsPerUserQuota", 10},
                                            {"GroupPolicySizeQuota", 5120},
                                            {"PolicySizeQuota", 6144},
                                            {"RolePolicySizeQuota", 10240},
                                            {"UserPolicySizeQuota", 2048},
                                            {"AssumeRolePolicySizeQuota", 2048},
                                            {"VersionsPerPolicyQuota", 5},
                                        }};
}

Result<Nothing> create_alias(Iam& iam, const Permit& permit, const m::CreateAccountAliasRequest& in) {
    return done(iam->create_alias(permit.account(), in.account_alias));
}

Result<Nothing> delete_alias(Iam& iam, const Permit& permit, const m::DeleteAccountAliasRequest& in) {
    return done(iam->delete_alias(permit.account(), in.account_alias));
}

Result<m::ListAccountAliasesResponse> list_aliases(Iam& iam, const Permit& permit, const m::ListAccountAliasesRequest& in) {
    std::vector<Row<std::string>> rows;
    if (const auto account = iam->account(permit.account()); account && !account->alias.empty())
        rows.push_back({account->alias, account->alias});
    return one_page(in, &m::ListAccountAliasesResponse::account_aliases, std::move(rows));
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Iam>>({
    operation<m::GetAccountSummary, summary>(),
    operation<m::GetAccountAuthorizationDetails, authorization_details>(),
    operation<m::CreateAccountAlias, create_alias>(),
    operation<m::DeleteAccountAlias, delete_alias>(),
    operation<m::ListAccountAliases, list_aliases>(),
});

}  // namespace

Rows account_operations() { return operations; }

}  // namespace services::iam
