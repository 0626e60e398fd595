#include "cli/policy_patch.hpp"

#include <doctest/doctest.h>

#include <set>

#include "cli/program_code.hpp"

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
    // What is denied stays denied at every moment, and what the role needs works: the new policy first.
    CHECK(patch.by_hand[0] ==
          "aws iam put-role-policy --role-name trainer-1a2b3c4 --policy-name least-privilege --policy-document file://FILE");
    CHECK(patch.by_hand[1] == "aws iam detach-role-policy --role-name trainer-1a2b3c4 --policy-arn " + full);
    CHECK(patch.by_hand[2] == "aws iam delete-role-policy --role-name trainer-1a2b3c4 --policy-name other");
    // The policy of an earlier run is replaced, and not deleted behind it.
    const auto again = cli::policy_patch(stack, answer({inlined("least-privilege"), inlined("other")}), "new.json");
    REQUIRE(again.by_hand.size() == 2);
    CHECK(again.by_hand[0].ends_with("--policy-document file://new.json"));
    CHECK(again.by_hand[1].ends_with("--policy-name other"));
}

TEST_CASE("a role that declares its inline policies has the new one there") {
    const StackResource whole =
        resource("aws:iam/role:Role", "trainer",
                 R"({"managedPolicyArns":[")" + full +
                     R"("],"inlinePolicies":[{"name":"wide","policy":"{}"},{"name":"more","policy":"{}"}]})",
                 R"({"arn":")" + role_arn + R"(","name":"trainer-1a2b3c4"})");
    const std::vector<StackResource> stack{whole, bucket, objects};
    const auto patch = cli::policy_patch(stack, answer({inlined("more"), inlined("objects-77"), inlined("wide"), managed()}));
    CHECK(patch.by_hand.empty());
    const Json& resources = patch.merge_patch["resources"];
    CHECK(resources.size() == 2);
    CHECK(resources["objects"].is_null());  // the role's argument would remove it
    const Json& properties = resources["trainer"]["properties"];
    CHECK(properties.size() == 2);
    CHECK(properties["managedPolicyArns"].dump() == "[]");
    REQUIRE(properties["inlinePolicies"].size() == 1);
    const Json& only = properties["inlinePolicies"].items()[0];
    CHECK(only["name"].as_string() == "wide");
    CHECK(only["policy"]["fn::toJSON"]["Statement"].items()[0]["Resource"].items()[0].as_string() == "${data.arn}/x/*");
    std::string steps;
    for (const auto& one : patch.steps) steps += one.urn.substr(one.urn.rfind(':') + 1) + "." + one.property + " ";
    CHECK(steps == "trainer.inlinePolicies objects. trainer.managedPolicyArns ");
    // A role that needs no policy has none.
    auto none = answer({inlined("wide")});
    none.policy_document.reset();
    CHECK(cli::policy_patch(stack, none).merge_patch["resources"]["trainer"]["properties"]["inlinePolicies"].dump() == "[]");
    // An empty list is still all that there may be.
    const std::vector<StackResource> empty{
        resource("aws:iam/role:Role", "trainer", R"({"inlinePolicies":[]})", R"({"arn":")" + role_arn + R"("})")};
    const auto first = cli::policy_patch(empty, answer({}));
    CHECK(first.merge_patch["resources"]["trainer"]["properties"]["inlinePolicies"].items()[0]["name"].as_string() ==
          "least-privilege");
}

TEST_CASE("a new resource has a name that the stack does not") {
    const std::vector<StackResource> stack{
        role, resource("aws:iam/rolePolicy:RolePolicy", "trainer_least_privilege", R"({"role":"other"})", "{}")};
    CHECK(cli::policy_patch(stack, answer({managed()})).merge_patch["resources"].contains("trainer_least_privilege_new"));
}

TEST_CASE("a document that a function made is replaced whole") {
    const std::vector<StackResource> stack{role, objects};
    const Json& policy =
        cli::policy_patch(stack, answer({inlined("objects-77")})).merge_patch["resources"]["objects"]["properties"]["policy"];
    CHECK((policy.contains("fn::invoke") && policy["fn::invoke"].is_null()));
}

TEST_CASE("a program in Python or TypeScript gets code") {
    const std::vector<StackResource> stack{role, bucket, attachment};
    const auto patch = cli::policy_patch(stack, answer({managed()}));
    const Json python = cli::to_json(patch, "python"), typescript = cli::to_json(patch, "nodejs");
    CHECK(python["mergePatch"].is_null());
    CHECK(python["steps"].items()[0].dump() ==
          R"({"op":"remove","what":"detaches )" + full + R"(","urn":")" + attachment.urn + R"("})");
    const Json& add = python["steps"].items()[1];
    CHECK(add["code"].as_string() == R"(aws.iam.RolePolicy(
    "trainer_least_privilege",
    role=trainer.name,
    policy=pulumi.Output.json_dumps({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "s3:GetObject",
                ],
                "Resource": [
                    pulumi.Output.concat(data.arn, "/x/*"),
                    "arn:aws:s3:::data-9f8e7d60/${aws:username}",
                ],
            },
        ],
    }),
))");
    CHECK(add["variables"].dump() == R"({"data":"data","trainer":"trainer"})");
    const std::string& code = typescript["steps"].items()[1]["code"].as_string();
    CHECK(code.starts_with(
        "new aws.iam.RolePolicy(\"trainer_least_privilege\", {\n    role: trainer.name,\n    policy: pulumi.jsonStringify({\n"));
    CHECK(code.contains("pulumi.interpolate`${data.arn}/x/*`,"));
    CHECK(code.contains("\"arn:aws:s3:::data-9f8e7d60/${aws:username}\","));
    CHECK(code.ends_with("    }),\n});"));
    const std::vector<StackResource> other{role, objects};
    const auto changed = cli::policy_patch(other, answer({inlined("objects-77")}));
    CHECK(
        cli::to_json(changed, "python")["steps"].items()[0]["code"].as_string().starts_with("policy=pulumi.Output.json_dumps({"));
    CHECK(!cli::to_json(changed, "python")["steps"].items()[0]["code"].as_string().contains("Id"));
}

TEST_CASE("values as code") {
    std::set<std::string> resources;
    const Json value =
        text::parse_json(R"({"a":true,"b":[],"c":"${my-data.arn}","d":"x`\\${my-data.arn}$${aws:username}","e":null,"f":7})")
            .value();
    CHECK(cli::code_of(value, cli::Language::python, 0, resources) ==
          "{\n    \"a\": True,\n    \"b\": [],\n    \"c\": my_data.arn,\n"
          "    \"d\": pulumi.Output.concat(\"x`\\\\\", my_data.arn, \"${aws:username}\"),\n    \"f\": 7,\n}");
    CHECK(cli::code_of(value["d"], cli::Language::typescript, 0, resources) ==
          "pulumi.interpolate`x\\`\\\\${my_data.arn}\\${aws:username}`");
    CHECK(resources == std::set<std::string>{"my-data"});
    CHECK(cli::argument_of("managedPolicyArns", cli::Language::python) == "managed_policy_arns");
    CHECK(cli::argument_of("managedPolicyArns", cli::Language::typescript) == "managedPolicyArns");
    CHECK(cli::variable_of("2nd data") == "_2nd_data");
}
