#include "cli/policy_patch.hpp"

#include <doctest/doctest.h>

namespace m = model::trainwarden;
using cli::StackResource;
using text::Json;

namespace {

const std::string full = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
const std::string role_arn = "arn:aws:iam::111122223333:role/trainer-1a2b3c4";

StackResource resource(const std::string& type, const std::string& name, const std::string& inputs, const std::string& outputs) {
    return {.urn = "urn:pulumi:dev::demo::" + type + "::" + name,
            .type = type,
            .inputs = text::parse_json(inputs).value(),
            .outputs = text::parse_json(outputs).value()};
}

const StackResource role =
    resource("aws:iam/role:Role", "trainer", R"({"managedPolicyArns":["arn:aws:iam::aws:policy/Other",")" + full + R"("]})",
             R"({"arn":")" + role_arn + R"(","name":"trainer-1a2b3c4"})");
const StackResource bucket = resource("aws:s3/bucket:Bucket", "data", "{}", R"({"arn":"arn:aws:s3:::data-9f8e7d6"})");
const StackResource attachment = resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "full",
                                          R"({"role":"trainer-1a2b3c4","policyArn":")" + full + R"("})", "{}");
const StackResource of_other = resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "full_of_other",
                                        R"({"role":"other","policyArn":")" + full + R"("})", "{}");
const StackResource objects =
    resource("aws:iam/rolePolicy:RolePolicy", "objects", R"({"role":"trainer-1a2b3c4"})", R"({"name":"objects-77"})");

m::LeastPrivilegeResponse answer(std::vector<m::CurrentPolicy> policies) {
    return {.role_arn = role_arn,
            .generality = m::Generality::prefix,
            .requests = 12,
            .training_jobs = {},
            .too_short = {},
            .policy_document = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],)"
                               R"("Resource":["arn:aws:s3:::data-9f8e7d6/x/*","arn:aws:s3:::data-9f8e7d60/${aws:username}"]}]})",
            .current_policies = std::move(policies)};
}
m::CurrentPolicy managed() { return {.policy_name = full, .is_managed = true, .statements = {}}; }
m::CurrentPolicy inlined(const std::string& name) { return {.policy_name = name, .is_managed = false, .statements = {}}; }

}  // namespace

TEST_CASE("an attachment is removed and a policy is added to the role") {
    const std::vector<StackResource> stack{role, bucket, of_other, attachment};
    const auto patch = cli::policy_patch(stack, answer({managed()}));
    CHECK(patch.by_hand.empty());
    REQUIRE(patch.steps.size() == 2);
    CHECK(patch.steps[0].urn == attachment.urn);
    const Json& resources = patch.merge_patch["resources"];
    CHECK(resources.size() == 2);
    REQUIRE(resources.find("full") != nullptr);
    CHECK(resources["full"].is_null());
    const Json& added = resources["trainer_least_privilege"];
    CHECK(added["type"].as_string() == "aws:iam:RolePolicy");
    CHECK(added["properties"]["role"].as_string() == "${trainer.name}");
    // The stack's bucket by reference, another one with a longer name by its own; variables of policies are none of the program.
    CHECK(added["properties"]["policy"]["fn::toJSON"]["Statement"].items()[0]["Resource"].dump() ==
          R"(["${data.arn}/x/*","arn:aws:s3:::data-9f8e7d60/$${aws:username}"])");
}

TEST_CASE("the first inline policy becomes the new one") {
    const std::vector<StackResource> stack{role, bucket, attachment, objects};
    const auto patch = cli::policy_patch(stack, answer({inlined("objects-77"), managed()}));
    CHECK(patch.by_hand.empty());
    const Json& resources = patch.merge_patch["resources"];
    CHECK(resources.size() == 2);
    CHECK(resources["objects"]["properties"]["policy"]["fn::toJSON"]["Statement"].size() == 1);
    CHECK(!resources.contains("trainer_least_privilege"));
}

TEST_CASE("a policy in the role's own argument") {
    const std::vector<StackResource> stack{role, bucket};
    const auto patch = cli::policy_patch(stack, answer({managed()}));
    CHECK(patch.merge_patch["resources"]["trainer"]["properties"]["managedPolicyArns"].dump() ==
          R"(["arn:aws:iam::aws:policy/Other"])");
}

TEST_CASE("what the stack does not have is done by hand") {
    const std::vector<StackResource> stack{bucket};
    const auto patch = cli::policy_patch(stack, answer({managed(), inlined("other")}));
    CHECK(patch.steps.empty());
    CHECK(patch.merge_patch.is_null());
    REQUIRE(patch.by_hand.size() == 3);
    CHECK(patch.by_hand[0] == "aws iam detach-role-policy --role-name trainer-1a2b3c4 --policy-arn " + full);
    CHECK(patch.by_hand[1] == "aws iam delete-role-policy --role-name trainer-1a2b3c4 --policy-name other");
}
