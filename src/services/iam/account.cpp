#include <algorithm>

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

// Everything in one list with the kind in front of the key, paged, and put apart again.
base::Result<Json> authorization_details(const identity::Iam& iam, const Permit& permit, const Json& input) {
    const auto& filter = input["Filter"].items();
    const auto wanted = [&](std::string_view kind) {
        return filter.empty() || std::ranges::any_of(filter, [&](const Json& one) { return one.as_string() == kind; });
    };
    const std::string& account = permit.account();
    std::vector<Row> rows;
    const auto add = [&](std::string_view member, const std::string& name, Json detail) {
        rows.push_back(
            {std::string(member) + "/" + base::lower(name), Json::object({{"member", member}, {"detail", std::move(detail)}})});
    };
    if (wanted("User")) {
        for (const auto& user : iam.users(account)) add("UserDetailList", user->name, detail_of(iam, *user));
    }
    if (wanted("Group")) {
        for (const auto& group : iam.groups(account)) add("GroupDetailList", group->name, detail_of(*group));
    }
    if (wanted("Role")) {
        for (const auto& role : iam.roles(account)) add("RoleDetailList", role->name, detail_of(iam, *role));
    }
    const auto counts = iam.usage_counts(account);
    if (wanted("LocalManagedPolicy")) {
        for (const auto& policy : iam.customer_policies(account)) {
            const auto count = counts.find(policy->arn);
            add("Policies", policy->arn, detail_of(*policy, count == counts.end() ? identity::UsageCount{} : count->second));
        }
    }
    if (wanted("AWSManagedPolicy")) {
        // Those in use: the other fifteen hundred say nothing about this account.
        for (const auto& [arn, count] : counts) {
            if (!arn.starts_with("arn:aws:iam::aws:")) continue;
            add("Policies", arn, detail_of(*TRY(iam.managed_policy(account, arn)), count));
        }
    }
    Json paged = TRY(page(input, "All", std::move(rows)));
    Json out = Json::object({{"IsTruncated", paged["IsTruncated"]}});
    if (paged.contains("Marker")) out.set("Marker", paged["Marker"]);
    for (const auto* member : {"UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"}) {
        Json list = Json::array();
        for (const Json& row : paged["All"].items()) {
            if (row["member"].as_string() == member) list.push(row["detail"]);
        }
        out.set(member, std::move(list));
    }
    return out;
}

Json summary(const identity::Iam& iam, const std::string& account) {
    int64_t versions = 0;
    const auto policies = iam.customer_policies(account);
    for (const auto& policy : policies) versions += static_cast<int64_t>(policy->versions.size());
    const auto count = [](const auto& list) { return static_cast<int64_t>(list.size()); };
    const auto root = iam.account(account);
    return Json::object({{"Users", count(iam.users(account))},
                         {"Groups", count(iam.groups(account))},
                         {"Roles", count(iam.roles(account))},
                         {"Policies", count(policies)},
                         {"PolicyVersionsInUse", versions},
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
