#include <algorithm>

#include "base/strings.hpp"
#include "identity/aws_managed.hpp"
#include "identity/iam.hpp"
#include "services/iam/present.hpp"
#include "services/iam/registration.hpp"
#include "text/time.hpp"

namespace services::iam {

using gate::Permit;
using text::Json;

namespace {

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
constexpr std::string_view own_key = "1/", aws_key = "2/";

base::Result<Json> list_policies(const identity::Iam& iam, const Permit& permit, const Json& input) {
    const std::string& account = permit.account();
    const std::string scope = input["Scope"].as_string_or("All");
    const std::string& prefix = input["PathPrefix"].as_string();
    const bool only_attached = input["OnlyAttached"].as_bool();
    const std::string& usage_filter = input["PolicyUsageFilter"].as_string();
    Page page = TRY(Page::of(input));
    // False when the page is full.
    const auto add = [&](std::string key, const identity::ManagedPolicy& one) {
        const auto usage = iam.usage_count(account, one.arn);
        if (only_attached && usage.attachments == 0) return true;
        if (usage_filter == "PermissionsBoundary" && usage.boundaries == 0) return true;
        return page.add(std::move(key), [&] { return show(one, usage, Detail::list); });
    };
    const auto add_own = [&](std::string after) {
        for (;;) {
            const size_t most = page.wanted();
            const auto some = iam.customer_policies(account, {after, prefix, most});
            for (const auto& one : some) {
                after = base::lower(one->name);
                if (!add(std::string(own_key) + after, *one)) return false;
            }
            if (some.size() < most) return true;
        }
    };
    const auto add_aws = [&](const std::string& after) {
        const auto& all = identity::aws_managed_policies();
        for (auto at = std::ranges::upper_bound(all, after, {}, &identity::AwsManagedSummary::arn); at != all.end(); ++at) {
            if (!std::string_view(at->path).starts_with(prefix)) continue;
            if (!add(std::string(aws_key).append(at->arn), without_documents(*at))) return false;
        }
        return true;
    };
    const std::string& after = page.after();
    const bool behind_own = after.starts_with(aws_key);
    if (!after.empty() && !behind_own && !after.starts_with(own_key)) return base::fail("ValidationError", "Invalid Marker.");
    bool room = true;
    if (scope != "AWS" && !behind_own) room = add_own(after.empty() ? "" : after.substr(own_key.size()));
    if (scope != "Local" && room) add_aws(behind_own ? after.substr(aws_key.size()) : "");
    return std::move(page).result("Policies");
}

constexpr std::pair<identity::HolderKind, std::string_view> holder_words[] = {
    {identity::HolderKind::group, "Group"}, {identity::HolderKind::role, "Role"}, {identity::HolderKind::user, "User"}};

base::Result<Json> list_entities(const identity::Iam& iam, const Permit& permit, const Json& input) {
    const std::string& arn = input["PolicyArn"].as_string();
    TRY(iam.managed_policy(permit.account(), arn));
    const std::string& entity_filter = input["EntityFilter"].as_string();
    const std::string& usage_filter = input["PolicyUsageFilter"].as_string();
    const auto asked = [&](std::string_view kind) { return entity_filter.empty() || entity_filter == kind; };
    Page page = TRY(Page::of(input));
    identity::PolicyHolders wanted{.attached = usage_filter != "PermissionsBoundary",
                                   .bounded = usage_filter != "PermissionsPolicy",
                                   .groups = asked("Group"),
                                   .roles = asked("Role"),
                                   .users = asked("User"),
                                   .slice = {"", input["PathPrefix"].as_string(), page.wanted()}};
    // All three kinds share one page: the kind is in front of the key, and they are put apart again below.
    if (!page.after().empty()) {
        const auto word =
            std::ranges::find_if(holder_words, [&](const auto& one) { return page.after().starts_with(one.second); });
        if (word == std::end(holder_words) || page.after().size() < word->second.size() + 2)
            return base::fail("ValidationError", "Invalid Marker.");
        wanted.after_kind = word->first;
        wanted.slice.after = page.after().substr(word->second.size() + 1);
    }
    for (const auto& holder : iam.policy_holders(permit.account(), arn, wanted)) {
        const std::string word(std::ranges::find(holder_words, holder.kind, [](const auto& one) { return one.first; })->second);
        const auto shown = [&] { return Json::object({{word + "Name", holder.name}, {word + "Id", holder.id}}); };
        if (!page.add(word + "/" + base::lower(holder.name), shown)) break;
    }
    Json out = page.result();
    for (const auto& [kind, word] : holder_words) {
        Json list = Json::array();
        for (const Json& row : page.rows())
            if (row.contains(std::string(word) + "Name")) list.push(row);
        out.set("Policy" + std::string(word) + "s", std::move(list));
    }
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
            return Json::object({{"Policy", show(*policy, iam.usage_count(permit.account(), policy->arn), Detail::full)}});
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
