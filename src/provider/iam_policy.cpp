// aws:iam Policy: a customer managed policy. Its id is its ARN.
// A table entry with code for its versions: a change of the document makes a new one and its default; IAM keeps five, so the oldest of the
// others makes room.

#include <algorithm>

#include "base/error_codes.hpp"
#include "provider/iam_entity.hpp"

namespace provider {

using base::Result;
using text::Json;

namespace {

constexpr size_t versions_max = 5;

Json policy_with(const std::string& arn) { return Json::object({{"PolicyArn", arn}}); }

Json version_of(const std::string& arn, const Json& version) {
    Json call = policy_with(arn);
    call.set("VersionId", version["VersionId"]);
    return call;
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

Result<void> before_update(Aws& aws, const std::string& id, const std::string&) { return make_room_for_version(aws, id); }

Result<void> delete_other_versions(Aws& aws, const std::string& id) {
    for (const Json& version : TRY(aws.iam_list("ListPolicyVersions", policy_with(id), "Versions")))
        if (!version["IsDefaultVersion"].as_bool()) TRY(gone_is_fine(aws.iam("DeletePolicyVersion", version_of(id, version))));
    return {};
}

// GetPolicy does not tell the document: its default version does.
Result<void> read_document(Aws& aws, const std::string& id, const Property&, const Json& policy, Property& outputs) {
    Json call = policy_with(id);
    call.set("VersionId", policy["DefaultVersionId"]);
    const Json version = TRY(aws.iam("GetPolicyVersion", call));
    outputs.set("policy", decode_document(version["PolicyVersion"]["Document"].as_string()));
    return {};
}

}  // namespace

std::vector<ResourceType> iam_policy_types() {
    return {iam_entity_type({
        .tokens = {"aws:iam/policy:Policy"},
        .kind = "policy",
        .subject = {{"arn", "PolicyArn"}},
        .rules = {{.name = "description", .replaces = true, .member = "Description"},
                  {.name = "name", .replaces = true, .member = "PolicyName"},
                  {.name = "namePrefix", .replaces = true, .local = true},
                  {.name = "path", .replaces = true, .fallback = "/", .member = "Path"},
                  {.name = "policy", .shape = Shape::document, .required = true, .member = "PolicyDocument"},
                  {.name = "tags", .shape = Shape::labels, .member = "Tags"}},
        .name = NameRule{"name", "namePrefix", 128, NameRule::Style::iam},
        .create = "CreatePolicy",
        .read = "GetPolicy",
        .remove = "DeletePolicy",
        .answer = "Policy",
        .outputs = {{"arn", "Arn"},
                    {"attachmentCount", "AttachmentCount"},
                    {"description", "Description"},
                    {"name", "PolicyName"},
                    {"path", "Path"},
                    {"policyId", "PolicyId"},
                    {"tags", "Tags"}},
        .updates = {{"CreatePolicyVersion", {{"policy", "PolicyDocument"}}, "", {"SetAsDefault"}}},
        .tag = "TagPolicy",
        .untag = "UntagPolicy",
        .has_arn = true,
        .arn_is_id = true,
        .computed = {"arn", "attachmentCount", "policyId", "tagsAll"},
        .computed_by_update = {"tagsAll"},
        .blame = {{base::code::MalformedPolicyDocument, "policy"}, {base::code::EntityAlreadyExists, "name"}},
        .conflict = "the policy is attached to something that this deployment did not make: detach it first",
        .more_operations = {"GetPolicyVersion", "ListPolicyVersions", "DeletePolicyVersion"},
        .read_more = read_document,
        .before_update = before_update,
        .before_remove = delete_other_versions,
    })};
}

}  // namespace provider
