// aws:iam Role.
// Properties after @pulumi/aws 6 and 7; calls after the IAM API Reference.

#include <algorithm>

#include "base/error_codes.hpp"
#include "provider/policy_document.hpp"
#include "provider/schema.hpp"

namespace provider {

using base::fail;
using base::Result;
using text::Json;

namespace {

const std::vector<Rule> role_rules = {
    {.name = "assumeRolePolicy", .shape = Shape::document, .required = true, .policy = policy::PolicyKind::trust},
    {.name = "description"},
    {.name = "forceDetachPolicies", .shape = Shape::flag, .local = true, .fallback = false},
    {.name = "inlinePolicies",
     .shape = Shape::blocks,
     .computed = true,
     .members = {{.name = "name", .required = true}, {.name = "policy", .shape = Shape::document, .required = true}}},
    {.name = "managedPolicyArns", .shape = Shape::texts, .computed = true},
    {.name = "maxSessionDuration", .shape = Shape::number, .fallback = 3600},
    {.name = "name", .replaces = true},
    {.name = "namePrefix", .replaces = true, .local = true},
    {.name = "path", .replaces = true, .fallback = "/"},
    {.name = "permissionsBoundary"},
    {.name = "tags", .shape = Shape::labels},
};

Json role_named(const std::string& name) { return Json::object({{"RoleName", name}}); }

void check_role(const Property& inputs, std::vector<CheckFailure>& failures) {
    const Property& seconds = inputs["maxSessionDuration"];
    if (seconds.is(Property::Kind::number) && (seconds.as_number() < 3600 || seconds.as_number() > 43200))
        failures.push_back({"maxSessionDuration", "expected 3600 to 43200 seconds"});
}

void predict_role(Aws& aws, const Property& inputs, Property& outputs) {
    if (inputs["name"].has_unknowns() || inputs["path"].has_unknowns()) return;
    if (const auto arn = aws.iam_arn("role", inputs["path"].as_string(), inputs["name"].as_string())) outputs.set("arn", *arn);
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

Result<State> create_role(Aws& aws, const Property& inputs) {
    const std::string& name = inputs["name"].as_string();
    Json call = role_named(name);
    call.set("AssumeRolePolicyDocument", inputs["assumeRolePolicy"].as_string());
    set_if_given(call, "Path", inputs["path"]);
    set_if_given(call, "Description", inputs["description"]);
    set_if_given(call, "MaxSessionDuration", inputs["maxSessionDuration"]);
    set_if_given(call, "PermissionsBoundary", inputs["permissionsBoundary"]);
    if (!inputs["tags"].members().empty()) call.set("Tags", tag_list(inputs["tags"]));
    const auto created = aws.iam("CreateRole", call);
    if (!created) {
        const std::string& code = created.error().code;
        if (code == base::code::MalformedPolicyDocument) return fail(about_property(created.error(), "assumeRolePolicy"));
        if (code == base::code::EntityAlreadyExists) return fail(about_property(created.error(), "name"));
        return fail(created.error());
    }
    aws.made(name);
    aws.made((*created)["Role"]["Arn"].as_string());
    if (const auto declared = put_declared_policies(aws, name, {}, inputs); !declared) {
        // All or nothing: a role without its policies would be in no state.
        Property none(Property::Object{{"managedPolicyArns", Property::Array{}}, {"inlinePolicies", Property::Array{}}});
        const auto undone = put_declared_policies(aws, name, inputs, none);
        const auto deleted = aws.iam("DeleteRole", role_named(name));
        auto error = declared.error();
        if (!undone || !deleted) error.notes.push_back("the role `" + name + "` was made and could not be deleted again");
        return fail(std::move(error));
    }
    return State{name, Property(Property::Object{})};
}

Result<void> read_declared_policies(Aws& aws, const std::string& role, const Property& known, Property& outputs) {
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

Result<std::optional<Property>> read_role(Aws& aws, const std::string& id, const Property& known) {
    const auto answer = aws.iam("GetRole", role_named(id));
    if (!answer) {
        if (is_gone(answer.error())) return std::nullopt;
        return fail(answer.error());
    }
    const Json& role = (*answer)["Role"];
    const Property tags = tags_from_list(role["Tags"]);
    Property outputs(Property::Object{
        {"arn", role["Arn"].as_string()},
        {"assumeRolePolicy", decode_document(role["AssumeRolePolicyDocument"].as_string())},
        {"createDate", role["CreateDate"].as_string()},
        {"description", role["Description"].as_string()},
        {"maxSessionDuration", role.contains("MaxSessionDuration") ? role["MaxSessionDuration"].as_double() : 3600.0},
        {"name", role["RoleName"].as_string()},
        {"path", role["Path"].as_string()},
        {"permissionsBoundary", role["PermissionsBoundary"]["PermissionsBoundaryArn"].as_string()},
        {"tags", tags},
        {"tagsAll", tags},
        {"uniqueId", role["RoleId"].as_string()},
    });
    TRY(read_declared_policies(aws, id, known, outputs));
    return outputs;
}

const ResourceType& role_type();

Result<void> update_role(Aws& aws, const std::string& id, const Property& olds, const Property& news) {
    const ResourceType& type = role_type();
    if (differs(type, olds, news, {"assumeRolePolicy"})) {
        Json call = role_named(id);
        call.set("PolicyDocument", news["assumeRolePolicy"].as_string());
        TRY(about("assumeRolePolicy", aws.iam("UpdateAssumeRolePolicy", call)));
    }
    if (differs(type, olds, news, {"description", "maxSessionDuration"})) {
        Json call = role_named(id);
        call.set("Description", news["description"].as_string());
        call.set("MaxSessionDuration", static_cast<int>(news["maxSessionDuration"].as_number(3600)));
        TRY(aws.iam("UpdateRole", call));
    }
    if (differs(type, olds, news, {"permissionsBoundary"})) {
        Json call = role_named(id);
        const bool none = news["permissionsBoundary"].as_string().empty();
        if (!none) call.set("PermissionsBoundary", news["permissionsBoundary"].as_string());
        TRY(about("permissionsBoundary", aws.iam(none ? "DeleteRolePermissionsBoundary" : "PutRolePermissionsBoundary", call)));
    }
    TRY(aws.update_iam_tags("TagRole", "UntagRole", role_named(id), olds["tags"], news["tags"]));
    return put_declared_policies(aws, id, olds, news);
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

Result<void> remove_role(Aws& aws, const std::string& id, const Property& olds) {
    aws.removed(id);
    aws.removed(olds["arn"].as_string());
    const Property none(Property::Object{{"managedPolicyArns", Property::Array{}}, {"inlinePolicies", Property::Array{}}});
    TRY(put_declared_policies(aws, id, olds, none));
    auto deleted = aws.iam("DeleteRole", role_named(id));
    if (!deleted && deleted.error().code == base::code::DeleteConflict) {
        TRY(empty_role(aws, id, olds["forceDetachPolicies"].as_bool()));
        deleted = aws.iam("DeleteRole", role_named(id));
    }
    if (deleted || is_gone(deleted.error())) return {};
    auto error = deleted.error();
    if (error.code == base::code::DeleteConflict)
        error.notes.push_back("policies that this deployment did not make hang on the role `" + id +
                              "`: set `forceDetachPolicies` to remove them with it");
    return fail(std::move(error));
}

const ResourceType& role_type() {
    static const ResourceType type{
        .tokens = {"aws:iam/role:Role"},
        .rules = role_rules,
        .name = NameRule{"name", "namePrefix", 64, NameRule::Style::iam},
        .computed = {"arn", "createDate", "tagsAll", "uniqueId"},
        .computed_by_update = {"tagsAll"},
        .unique_name = true,
        .serialised_kind = "role",
        .serialised_by = "name",
        .id = [](const Property& inputs, const Property&) { return inputs["name"].as_string(); },
        .declares = declare_role_policies,
        .check = check_role,
        .predict = predict_role,
        .create = create_role,
        .read = read_role,
        .update = update_role,
        .remove = remove_role,
    };
    return type;
}

}  // namespace

std::vector<ResourceType> iam_role_types() { return {role_type()}; }

}  // namespace provider
