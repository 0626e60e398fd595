// aws:iam Role: a table entry, with code for the policies that a role declares exclusively.
// Properties after @pulumi/aws 6 and 7; calls after the IAM API Reference.

#include <algorithm>

#include "base/error_codes.hpp"
#include "provider/iam_entity.hpp"
#include "provider/policy_document.hpp"

namespace provider {

using base::fail;
using base::Result;
using text::Json;

namespace {

std::vector<Rule> role_rules() {
    return {
        {.name = "assumeRolePolicy",
         .shape = Shape::document,
         .required = true,
         .policy = policy::PolicyKind::trust,
         .member = "AssumeRolePolicyDocument"},
        {.name = "description", .member = "Description"},
        {.name = "forceDetachPolicies", .shape = Shape::flag, .local = true, .fallback = false},
        {.name = "inlinePolicies",
         .shape = Shape::blocks,
         .computed = true,
         .members = {{.name = "name", .required = true}, {.name = "policy", .shape = Shape::document, .required = true}}},
        {.name = "managedPolicyArns", .shape = Shape::texts, .computed = true},
        {.name = "maxSessionDuration", .shape = Shape::number, .fallback = 3600, .member = "MaxSessionDuration"},
        {.name = "name", .replaces = true},
        {.name = "namePrefix", .replaces = true, .local = true},
        {.name = "path", .replaces = true, .fallback = "/", .member = "Path"},
        {.name = "permissionsBoundary", .member = "PermissionsBoundary"},
        {.name = "tags", .shape = Shape::labels, .member = "Tags"},
    };
}

Json role_named(const std::string& name) { return Json::object({{"RoleName", name}}); }

void check_role(const Property& inputs, std::vector<CheckFailure>& failures) {
    const Property& seconds = inputs["maxSessionDuration"];
    if (seconds.is(Property::Kind::number) && (seconds.as_number() < 3600 || seconds.as_number() > 43200))
        failures.push_back({"maxSessionDuration", "expected 3600 to 43200 seconds"});
}

void declare_role_policies(const Property& role, std::vector<std::string>& things) {
    const std::string& name = role["name"].as_string();
    for (const Property& arn : role["managedPolicyArns"].items())
        things.push_back(held_thing("aws:iam/rolePolicyAttachment:RolePolicyAttachment", name + "/" + arn.as_string()));
    for (const Property& policy : role["inlinePolicies"].items())
        things.push_back(held_thing("aws:iam/rolePolicy:RolePolicy", name + ":" + policy["name"].as_string()));
}

// The attachments and inline policies that the role itself declares (exclusively), brought from `olds` to `news`.
Result<void> put_declared_policies(Aws& aws, const std::string& role, const Property& olds, const Property& news) {
    const auto holds = [](const Property& list, const Property& item) {
        return std::ranges::find(list.items(), item) != list.items().end();
    };
    const auto inline_policy = [](const Property& list, const Property& name) -> const Property* {
        const auto found = std::ranges::find_if(list.items(), [&](const Property& item) { return item["name"] == name; });
        return found == list.items().end() ? nullptr : &*found;
    };
    Json call = role_named(role);
    for (const Property& arn : news["managedPolicyArns"].items()) {
        if (holds(olds["managedPolicyArns"], arn)) continue;
        call.set("PolicyArn", arn.as_string());
        TRY(about("managedPolicyArns", aws.iam("AttachRolePolicy", call)));
    }
    for (const Property& arn : olds["managedPolicyArns"].items()) {
        if (!news.contains("managedPolicyArns") || holds(news["managedPolicyArns"], arn)) continue;
        call.set("PolicyArn", arn.as_string());
        TRY(gone_is_fine(aws.iam("DetachRolePolicy", call)));
    }
    for (const Property& policy : news["inlinePolicies"].items()) {
        const Property* before = inline_policy(olds["inlinePolicies"], policy["name"]);
        if (before && same_policy((*before)["policy"].as_string(), policy["policy"].as_string())) continue;
        Json put = role_named(role);
        put.set("PolicyName", policy["name"].as_string());
        put.set("PolicyDocument", policy["policy"].as_string());
        TRY(about("inlinePolicies", aws.iam("PutRolePolicy", put)));
    }
    for (const Property& policy : olds["inlinePolicies"].items()) {
        if (!news.contains("inlinePolicies") || inline_policy(news["inlinePolicies"], policy["name"])) continue;
        Json drop = role_named(role);
        drop.set("PolicyName", policy["name"].as_string());
        TRY(gone_is_fine(aws.iam("DeleteRolePolicy", drop)));
    }
    return {};
}

Result<void> read_declared_policies(Aws& aws, const std::string& role, const Property& known, const Json&, Property& outputs) {
    if (known.contains("managedPolicyArns")) {
        Property::Array arns;
        for (const Json& policy : TRY(aws.iam_list("ListAttachedRolePolicies", role_named(role), "AttachedPolicies")))
            arns.emplace_back(policy["PolicyArn"].as_string());
        outputs.set("managedPolicyArns", std::move(arns));
    }
    if (known.contains("inlinePolicies")) {
        Property::Array policies;
        for (const Json& name : TRY(aws.iam_list("ListRolePolicies", role_named(role), "PolicyNames"))) {
            Json call = role_named(role);
            call.set("PolicyName", name);
            const Json policy = TRY(aws.iam("GetRolePolicy", call));
            policies.push_back(
                Property::Object{{"name", name.as_string()}, {"policy", decode_document(policy["PolicyDocument"].as_string())}});
        }
        // In the order of the program, so that the list does not look changed; others after it, by name.
        const auto rank = [&](const Property& policy) {
            const auto& wanted = known["inlinePolicies"].items();
            const auto at = std::ranges::find_if(wanted, [&](const Property& item) { return item["name"] == policy["name"]; });
            return std::pair(at - wanted.begin(), policy["name"].as_string());
        };
        std::ranges::sort(policies, {}, rank);
        outputs.set("inlinePolicies", std::move(policies));
    }
    return {};
}

// Everything that keeps a role from being deleted and that is this resource's to take away.
Result<void> empty_role(Aws& aws, const std::string& id, bool policies_too) {
    if (const auto profiles = aws.iam_list("ListInstanceProfilesForRole", role_named(id), "InstanceProfiles")) {
        for (const Json& profile : *profiles) {
            Json call = role_named(id);
            call.set("InstanceProfileName", profile["InstanceProfileName"]);
            TRY(aws.iam("RemoveRoleFromInstanceProfile", call));
        }
    }
    if (!policies_too) return {};
    for (const Json& policy : TRY(aws.iam_list("ListAttachedRolePolicies", role_named(id), "AttachedPolicies"))) {
        Json call = role_named(id);
        call.set("PolicyArn", policy["PolicyArn"]);
        TRY(aws.iam("DetachRolePolicy", call));
    }
    for (const Json& name : TRY(aws.iam_list("ListRolePolicies", role_named(id), "PolicyNames"))) {
        Json call = role_named(id);
        call.set("PolicyName", name);
        TRY(aws.iam("DeleteRolePolicy", call));
    }
    return {};
}

Result<void> empty_if_told(Aws& aws, const std::string& id, const Property& olds) {
    return empty_role(aws, id, olds["forceDetachPolicies"].as_bool());
}

}  // namespace

std::vector<ResourceType> iam_role_types() {
    return {iam_entity_type({
        .tokens = {"aws:iam/role:Role"},
        .kind = "role",
        .subject = {{"name", "RoleName"}},
        .rules = role_rules(),
        .name = NameRule{"name", "namePrefix", 64, NameRule::Style::iam},
        .create = "CreateRole",
        .read = "GetRole",
        .remove = "DeleteRole",
        .answer = "Role",
        .outputs = {{"arn", "Arn"},
                    {"assumeRolePolicy", "AssumeRolePolicyDocument"},
                    {"createDate", "CreateDate"},
                    {"description", "Description"},
                    {"maxSessionDuration", "MaxSessionDuration"},
                    {"name", "RoleName"},
                    {"path", "Path"},
                    {"permissionsBoundary", "PermissionsBoundary.PermissionsBoundaryArn"},
                    {"tags", "Tags"},
                    {"uniqueId", "RoleId"}},
        .updates =
            {{"UpdateAssumeRolePolicy", {{"assumeRolePolicy", "PolicyDocument"}}},
             {"UpdateRole", {{"description", "Description"}, {"maxSessionDuration", "MaxSessionDuration"}}},
             {"PutRolePermissionsBoundary", {{"permissionsBoundary", "PermissionsBoundary"}}, "DeleteRolePermissionsBoundary"}},
        .tag = "TagRole",
        .untag = "UntagRole",
        .has_arn = true,
        .computed = {"arn", "createDate", "tagsAll", "uniqueId"},
        .computed_by_update = {"tagsAll"},
        .blame = {{base::code::MalformedPolicyDocument, "assumeRolePolicy"}, {base::code::EntityAlreadyExists, "name"}},
        .conflict =
            "policies that this deployment did not make hang on the role `{}`: set `forceDetachPolicies` to remove them with it",
        .more_operations = {"AttachRolePolicy", "DetachRolePolicy", "ListAttachedRolePolicies", "PutRolePolicy", "GetRolePolicy",
                            "ListRolePolicies", "DeleteRolePolicy", "ListInstanceProfilesForRole",
                            "RemoveRoleFromInstanceProfile"},
        .check = check_role,
        .declares = declare_role_policies,
        .complete = put_declared_policies,
        .nothing = Property::Object{{"managedPolicyArns", Property::Array{}}, {"inlinePolicies", Property::Array{}}},
        .read_more = read_declared_policies,
        .empty = empty_if_told,
    })};
}

}  // namespace provider
