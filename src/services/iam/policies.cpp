#include <algorithm>

#include "identity/aws_managed.hpp"
#include "identity/iam.hpp"
#include "services/iam/present.hpp"
#include "services/iam/registration.hpp"
#include "text/time.hpp"

namespace services::iam {

using gate::Permit;
using text::Json;

namespace {

identity::UsageCount usage_of(const std::map<std::string, identity::UsageCount>& counts, const std::string& arn) {
    const auto found = counts.find(arn);
    return found == counts.end() ? identity::UsageCount{} : found->second;
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

base::Result<Json> list_policies(const identity::Iam& iam, const Permit& permit, const Json& input) {
    const auto counts = iam.usage_counts(permit.account());
    const std::string scope = input["Scope"].as_string_or("All");
    const bool only_attached = input["OnlyAttached"].as_bool();
    const std::string& usage_filter = input["PolicyUsageFilter"].as_string();
    std::vector<Row> rows;
    const auto add = [&](const identity::ManagedPolicy& one) {
        const auto usage = usage_of(counts, one.arn);
        if (!one.path.starts_with(input["PathPrefix"].as_string())) return;
        if (only_attached && usage.attachments == 0) return;
        if (usage_filter == "PermissionsBoundary" && usage.boundaries == 0) return;
        rows.push_back({one.arn, show(one, usage, Detail::list)});
    };
    if (scope != "AWS") {
        for (const auto& one : iam.customer_policies(permit.account())) add(*one);
    }
    if (scope != "Local") {
        for (const auto& summary : identity::aws_managed_policies()) add(without_documents(summary));
    }
    return page(input, "Policies", std::move(rows));
}

base::Result<Json> list_entities(const identity::Iam& iam, const Permit& permit, const Json& input) {
    const std::string& arn = input["PolicyArn"].as_string();
    TRY(iam.managed_policy(permit.account(), arn));
    const auto usage = iam.policy_usage(permit.account(), arn);
    const std::string& entity_filter = input["EntityFilter"].as_string();
    const std::string& usage_filter = input["PolicyUsageFilter"].as_string();
    const auto wanted = [&](std::string_view kind) { return entity_filter.empty() || entity_filter == kind; };
    // All three kinds share one page: the kind is in front of the key, and put apart again below.
    std::vector<Row> rows;
    const auto add = [&](const auto& entities, std::string_view kind, std::string_view word) {
        for (const auto& entity : entities) {
            if (!entity->path.starts_with(input["PathPrefix"].as_string())) continue;
            const std::string key = std::string(word) + "/" + entity->name;
            if (std::ranges::any_of(rows, [&](const Row& row) { return row.key == key; })) continue;
            if (wanted(kind)) {
                rows.push_back(
                    {key, Json::object({{std::string(word) + "Name", entity->name}, {std::string(word) + "Id", entity->id}})});
            }
        }
    };
    if (usage_filter != "PermissionsBoundary") {
        add(usage.groups, "Group", "Group");
        add(usage.roles, "Role", "Role");
        add(usage.users, "User", "User");
    }
    if (usage_filter != "PermissionsPolicy") {
        add(usage.bounded_roles, "Role", "Role");
        add(usage.bounded_users, "User", "User");
    }
    Json out = TRY(page(input, "All", std::move(rows)));
    for (const auto* word : {"Group", "Role", "User"}) {
        Json list = Json::array();
        for (const Json& row : out["All"].items()) {
            if (row.contains(std::string(word) + "Name")) list.push(row);
        }
        out.set(std::string("Policy") + word + "s", std::move(list));
    }
    out.erase("All");
    return out;
}

void add_version_operations(Registration& registration) {
    identity::Iam& iam = registration.iam();
    registration.add("CreatePolicyVersion", registration.on_policy(true),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         const std::string& arn = input["PolicyArn"].as_string();
                         const auto version = TRY(iam.create_policy_version(
                             permit.account(), arn, input["PolicyDocument"].as_string(), input["SetAsDefault"].as_bool()));
                         const auto policy = TRY(iam.managed_policy(permit.account(), arn));
                         return Json::object({{"PolicyVersion", show(*policy, version, false)}});
                     });
    registration.add(
        "GetPolicyVersion", registration.on_policy(false), [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
            const std::string &arn = input["PolicyArn"].as_string(), &id = input["VersionId"].as_string();
            const auto policy = TRY(iam.managed_policy(permit.account(), arn));
            const auto* version = policy->version(id);
            if (version == nullptr) {
                return base::fail("NoSuchEntity", "Policy " + arn + " version " + id + " does not exist or is not attachable.");
            }
            return Json::object({{"PolicyVersion", show(*policy, *version, true)}});
        });
    registration.add("ListPolicyVersions", registration.on_policy(false),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         const auto policy = TRY(iam.managed_policy(permit.account(), input["PolicyArn"].as_string()));
                         std::vector<Row> rows;
                         // Newest first.
                         size_t place = policy->versions.size();
                         for (const auto& version : policy->versions) {
                             const std::string number = std::to_string(--place);
                             rows.push_back({std::string(8 - std::min<size_t>(number.size(), 8), '0') + number,
                                             show(*policy, version, false)});
                         }
                         return page(input, "Versions", std::move(rows));
                     });
    registration.add(
        "DeletePolicyVersion", registration.on_policy(true),
        [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
            TRY(iam.delete_policy_version(permit.account(), input["PolicyArn"].as_string(), input["VersionId"].as_string()));
            return Json::object();
        });
    registration.add(
        "SetDefaultPolicyVersion", registration.on_policy(true),
        [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
            TRY(iam.set_default_policy_version(permit.account(), input["PolicyArn"].as_string(), input["VersionId"].as_string()));
            return Json::object();
        });
}

}  // namespace

void add_policy_operations(Registration& registration) {
    identity::Iam& iam = registration.iam();
    registration.add(
        "CreatePolicy", registration.on_new("policy", "PolicyName"),
        [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
            identity::CreatePolicy request;
            request.account = permit.account();
            request.name = input["PolicyName"].as_string();
            request.path = input["Path"].as_string_or("/");
            request.document = input["PolicyDocument"].as_string();
            request.description = input["Description"].as_string();
            request.tags = read_tags(input["Tags"]);
            return Json::object({{"Policy", show(*TRY(iam.create_policy(request)), {}, Detail::full)}});
        },
        "iam:TagPolicy");
    registration.add(
        "GetPolicy", registration.on_policy(false), [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
            const auto policy = TRY(iam.managed_policy(permit.account(), input["PolicyArn"].as_string()));
            return Json::object(
                {{"Policy", show(*policy, usage_of(iam.usage_counts(permit.account()), policy->arn), Detail::full)}});
        });
    registration.add("ListPolicies", registration.on_all("policy"),
                     [&iam](const Permit& permit, const Json& input) { return list_policies(iam, permit, input); });
    registration.add("DeletePolicy", registration.on_policy(true),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.delete_policy(permit.account(), input["PolicyArn"].as_string()));
                         return Json::object();
                     });
    registration.add("ListEntitiesForPolicy", registration.on_policy(false),
                     [&iam](const Permit& permit, const Json& input) { return list_entities(iam, permit, input); });
    registration.add("TagPolicy", registration.on_policy(true),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.tag_policy(permit.account(), input["PolicyArn"].as_string(), read_tags(input["Tags"])));
                         return Json::object();
                     });
    registration.add("UntagPolicy", registration.on_policy(true),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.untag_policy(permit.account(), input["PolicyArn"].as_string(), read_strings(input["TagKeys"])));
                         return Json::object();
                     });
    registration.add("ListPolicyTags", registration.on_policy(false),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         std::vector<Row> rows;
                         for (const auto& tag : TRY(iam.managed_policy(permit.account(), input["PolicyArn"].as_string()))->tags) {
                             rows.push_back({tag.first, show(identity::Tags{tag}).items().front()});
                         }
                         return page(input, "Tags", std::move(rows));
                     });
    add_version_operations(registration);
}

}  // namespace services::iam
