#include <algorithm>
#include <optional>

#include "base/strings.hpp"
#include "identity/iam.hpp"
#include "services/iam/present.hpp"
#include "services/iam/registration.hpp"

namespace services::iam {

using gate::Permit;
using text::Json;

namespace {

Json inline_list(const identity::Entity& entity) {
    Json list = Json::array();
    for (const auto& one : entity.inline_policies) {
        list.push(Json::object({{"PolicyName", one.name}, {"PolicyDocument", encode_document(one.policy->text())}}));
    }
    return list;
}

Json attached_list(const identity::Entity& entity) {
    Json list = Json::array();
    for (const auto& arn : entity.attached) {
        list.push(Json::object({{"PolicyName", arn.substr(arn.rfind('/') + 1)}, {"PolicyArn", arn}}));
    }
    return list;
}

Json detail_of(const identity::Iam& iam, const identity::User& user) {
    Json out = show(user, Detail::full);
    out.set("UserPolicyList", inline_list(user));
    Json groups = Json::array();
    if (const auto found = iam.groups_of(user.account, user.name)) {
        for (const auto& group : *found) groups.push(group->name);
    }
    out.set("GroupList", std::move(groups));
    out.set("AttachedManagedPolicies", attached_list(user));
    return out;
}

Json detail_of(const identity::Group& group) {
    Json out = show(group);
    out.set("GroupPolicyList", inline_list(group));
    out.set("AttachedManagedPolicies", attached_list(group));
    return out;
}

Json detail_of(const identity::Iam& iam, const identity::Role& role) {
    Json out = show(role, Detail::full, iam.last_use(role.id));
    out.erase("Description");
    out.erase("MaxSessionDuration");
    out.set("InstanceProfileList", Json::array());
    out.set("RolePolicyList", inline_list(role));
    out.set("AttachedManagedPolicies", attached_list(role));
    return out;
}

Json detail_of(const identity::ManagedPolicy& policy, const identity::UsageCount& usage) {
    Json out = show(policy, usage, Detail::list);
    Json versions = Json::array();
    for (const auto& version : policy.versions) versions.push(show(policy, version, true));
    out.set("PolicyVersionList", std::move(versions));
    return out;
}

constexpr std::string_view groups_member = "GroupDetailList", policies_member = "Policies", roles_member = "RoleDetailList",
                           users_member = "UserDetailList";

// Everything in one list with the kind in front of the key, in pages, and put apart again.
class Details {
public:
    Details(const identity::Iam& iam, std::string account, Page page)
        : iam_(iam), account_(std::move(account)), page_(std::move(page)) {}

    // Each adds what is behind the last page, and says false when the page is full.
    bool add_groups() {
        return each(
            groups_member, [&](const identity::Slice& slice) { return iam_.groups(account_, slice); },
            [&](const identity::Group& group) { return detail_of(group); });
    }
    bool add_roles() {
        return each(
            roles_member, [&](const identity::Slice& slice) { return iam_.roles(account_, slice); },
            [&](const identity::Role& role) { return detail_of(iam_, role); });
    }
    bool add_users() {
        return each(
            users_member, [&](const identity::Slice& slice) { return iam_.users(account_, slice); },
            [&](const identity::User& user) { return detail_of(iam_, user); });
    }
    bool add_own_policies() {
        return each(
            "Policies/1", [&](const identity::Slice& slice) { return iam_.customer_policies(account_, slice); },
            [&](const identity::ManagedPolicy& one) { return detail_of(one, iam_.usage_count(account_, one.arn)); });
    }
    // Those in use: the other fifteen hundred say nothing about this account.
    bool add_aws_policies() {
        const auto after = behind("Policies/2");
        if (!after) return true;
        for (const std::string& arn : iam_.aws_policies_in_use(account_, *after, page_.wanted())) {
            const auto policy = iam_.managed_policy(account_, arn);
            if (!policy) continue;  // detached since
            if (!add("Policies/2", arn, [&] { return detail_of(**policy, iam_.usage_count(account_, arn)); })) return false;
        }
        return true;
    }

    Json result() const {
        Json out = page_.result();
        for (const auto member : {users_member, groups_member, roles_member, policies_member}) {
            Json list = Json::array();
            for (const Json& row : page_.rows())
                if (row["member"].as_string().starts_with(member)) list.push(row["detail"]);
            out.set(member, std::move(list));
        }
        return out;
    }

private:
    // Where in this kind the page begins: a name, or empty for all of it; nullopt if the kind is behind us.
    [[nodiscard]] std::optional<std::string> behind(std::string_view kind) const {
        const std::string& after = page_.after();
        const std::string begin = std::string(kind) + "/";
        if (after.starts_with(begin)) return after.substr(begin.size());
        if (after > begin) return std::nullopt;
        return "";
    }

    template <class Make>
    bool add(std::string_view kind, const std::string& name, Make make) {
        return page_.add(std::string(kind) + "/" + name, [&] { return Json::object({{"member", kind}, {"detail", make()}}); });
    }

    template <class List, class Show>
    bool each(std::string_view kind, List list, Show shown) {
        const auto after = behind(kind);
        if (!after) return true;
        for (const auto& entity : list(identity::Slice{*after, "", page_.wanted()}))
            if (!add(kind, base::lower(entity->name), [&] { return shown(*entity); })) return false;
        return true;
    }

    const identity::Iam& iam_;
    const std::string account_;
    Page page_;
};

base::Result<Json> authorization_details(const identity::Iam& iam, const Permit& permit, const Json& input) {
    const auto& filter = input["Filter"].items();
    const auto wanted = [&](std::string_view kind) {
        return filter.empty() || std::ranges::any_of(filter, [&](const Json& one) { return one.as_string() == kind; });
    };
    Details details(iam, permit.account(), TRY(Page::of(input)));
    // In the order of the keys.
    const bool all = (!wanted("Group") || details.add_groups()) &&
                     (!wanted("LocalManagedPolicy") || details.add_own_policies()) &&
                     (!wanted("AWSManagedPolicy") || details.add_aws_policies()) && (!wanted("Role") || details.add_roles()) &&
                     (!wanted("User") || details.add_users());
    (void)all;  // A full page says so itself.
    return details.result();
}

Json summary(const identity::Iam& iam, const std::string& account) {
    const identity::EntityCounts counts = iam.counts(account);
    const auto root = iam.account(account);
    return Json::object({{"Users", static_cast<uint64_t>(counts.users)},
                         {"Groups", static_cast<uint64_t>(counts.groups)},
                         {"Roles", static_cast<uint64_t>(counts.roles)},
                         {"Policies", static_cast<uint64_t>(counts.policies)},
                         {"PolicyVersionsInUse", static_cast<uint64_t>(counts.policy_versions)},
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
                         {"VersionsPerPolicyQuota", 5}});
}

}  // namespace

void add_account_operations(Registration& registration) {
    identity::Iam& iam = registration.iam();
    registration.add("GetAccountSummary", Registration::on_account(),
                     [&iam](const Permit& permit, const Json&) -> base::Result<Json> {
                         return Json::object({{"SummaryMap", summary(iam, permit.account())}});
                     });
    registration.add("GetAccountAuthorizationDetails", Registration::on_account(),
                     [&iam](const Permit& permit, const Json& input) { return authorization_details(iam, permit, input); });
    registration.add("CreateAccountAlias", Registration::on_account(),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.create_alias(permit.account(), input["AccountAlias"].as_string()));
                         return Json::object();
                     });
    registration.add("DeleteAccountAlias", Registration::on_account(),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.delete_alias(permit.account(), input["AccountAlias"].as_string()));
                         return Json::object();
                     });
    registration.add("ListAccountAliases", Registration::on_account(),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         std::vector<Row> rows;
                         if (const auto account = iam.account(permit.account()); account && !account->alias.empty()) {
                             rows.push_back({account->alias, account->alias});
                         }
                         return page(input, "AccountAliases", std::move(rows));
                     });
}

}  // namespace services::iam
