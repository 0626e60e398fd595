// aws:iam Policy: a customer managed policy. Its id is its ARN.
// A change of the document makes a new version and its default; IAM keeps five, so the oldest of the others makes room.

#include <algorithm>

#include "base/error_codes.hpp"
#include "provider/schema.hpp"

namespace provider {

using base::fail;
using base::Result;
using text::Json;

namespace {

constexpr size_t versions_max = 5;

const ResourceType& policy_type();

Json policy_with(const std::string& arn) { return Json::object({{"PolicyArn", arn}}); }

Json version_of(const std::string& arn, const Json& version) {
    Json call = policy_with(arn);
    call.set("VersionId", version["VersionId"]);
    return call;
}

void predict(Aws& aws, const Property& inputs, Property& outputs) {
    if (inputs["name"].has_unknowns() || inputs["path"].has_unknowns()) return;
    if (const auto arn = aws.iam_arn("policy", inputs["path"].as_string(), inputs["name"].as_string())) outputs.set("arn", *arn);
}

Result<State> create(Aws& aws, const Property& inputs) {
    Json call = Json::object({{"PolicyName", inputs["name"].as_string()}, {"PolicyDocument", inputs["policy"].as_string()}});
    set_if_given(call, "Path", inputs["path"]);
    set_if_given(call, "Description", inputs["description"]);
    if (!inputs["tags"].members().empty()) call.set("Tags", tag_list(inputs["tags"]));
    const auto created = aws.iam("CreatePolicy", call);
    if (!created) {
        const std::string& code = created.error().code;
        if (code == base::code::MalformedPolicyDocument) return fail(about_property(created.error(), "policy"));
        if (code == base::code::EntityAlreadyExists) return fail(about_property(created.error(), "name"));
        return fail(created.error());
    }
    const std::string arn = (*created)["Policy"]["Arn"].as_string();
    aws.made(arn);
    return State{arn, Property(Property::Object{})};
}

Result<std::optional<Property>> read(Aws& aws, const std::string& id, const Property&) {
    const auto answer = aws.iam("GetPolicy", policy_with(id));
    if (!answer) {
        if (is_gone(answer.error())) return std::nullopt;
        return fail(answer.error());
    }
    const Json& policy = (*answer)["Policy"];
    Json call = policy_with(id);
    call.set("VersionId", policy["DefaultVersionId"]);
    const Json version = TRY(aws.iam("GetPolicyVersion", call));
    const Property tags = tags_from_list(policy["Tags"]);
    return Property(Property::Object{
        {"arn", policy["Arn"].as_string()},
        {"attachmentCount", policy["AttachmentCount"].as_double()},
        {"description", policy["Description"].as_string()},
        {"name", policy["PolicyName"].as_string()},
        {"path", policy["Path"].as_string()},
        {"policy", decode_document(version["PolicyVersion"]["Document"].as_string())},
        {"policyId", policy["PolicyId"].as_string()},
        {"tags", tags},
        {"tagsAll", tags},
    });
}

Result<void> make_room_for_version(Aws& aws, const std::string& id) {
    auto versions = TRY(aws.iam_list("ListPolicyVersions", policy_with(id), "Versions"));
    if (versions.size() < versions_max) return {};
    std::erase_if(versions, [](const Json& version) { return version["IsDefaultVersion"].as_bool(); });
    // `v10` is younger than `v9`: by number, not by text.
    const auto number = [](const Json& version) { return std::stoul("0" + version["VersionId"].as_string().substr(1)); };
    TRY(aws.iam("DeletePolicyVersion", version_of(id, *std::ranges::min_element(versions, {}, number))));
    return {};
}

Result<void> update(Aws& aws, const std::string& id, const Property& olds, const Property& news) {
    if (differs(policy_type(), olds, news, {"policy"})) {
        TRY(make_room_for_version(aws, id));
        Json call = policy_with(id);
        call.set("PolicyDocument", news["policy"].as_string());
        call.set("SetAsDefault", true);
        TRY(about("policy", aws.iam("CreatePolicyVersion", call)));
    }
    return aws.update_iam_tags("TagPolicy", "UntagPolicy", policy_with(id), olds["tags"], news["tags"]);
}

Result<void> remove(Aws& aws, const std::string& id, const Property&) {
    aws.removed(id);
    const auto versions = aws.iam_list("ListPolicyVersions", policy_with(id), "Versions");
    if (!versions) {
        if (is_gone(versions.error())) return {};
        return fail(versions.error());
    }
    for (const Json& version : *versions)
        if (!version["IsDefaultVersion"].as_bool()) TRY(gone_is_fine(aws.iam("DeletePolicyVersion", version_of(id, version))));
    const auto deleted = aws.iam("DeletePolicy", policy_with(id));
    if (deleted || is_gone(deleted.error())) return {};
    auto error = deleted.error();
    if (error.code == base::code::DeleteConflict)
        error.notes.push_back("the policy is attached to something that this deployment did not make: detach it first");
    return fail(std::move(error));
}

const ResourceType& policy_type() {
    static const ResourceType type{
        .tokens = {"aws:iam/policy:Policy"},
        .rules = {{.name = "description", .replaces = true},
                  {.name = "name", .replaces = true},
                  {.name = "namePrefix", .replaces = true, .local = true},
                  {.name = "path", .replaces = true, .fallback = "/"},
                  {.name = "policy", .shape = Shape::document, .required = true},
                  {.name = "tags", .shape = Shape::labels}},
        .name = NameRule{"name", "namePrefix", 128, NameRule::Style::iam},
        .computed = {"arn", "attachmentCount", "policyId", "tagsAll"},
        .computed_by_update = {"tagsAll"},
        .unique_name = true,
        .serialised_kind = "policy",
        .serialised_by = "name",
        .id = [](const Property&, const Property& outputs) { return outputs["arn"].as_string(); },
        .predict = predict,
        .create = create,
        .read = read,
        .update = update,
        .remove = remove,
    };
    return type;
}

}  // namespace

std::vector<ResourceType> iam_policy_types() { return {policy_type()}; }

}  // namespace provider
