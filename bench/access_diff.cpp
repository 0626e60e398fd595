// What `preview` and `up` spend on the access diff of a large program, on one core: 100 roles with a policy of their own and an AWS managed one
// each, 100 buckets with a policy that lets one of the roles in, in an account of N users and roles. Reading the account is not counted: it happens
// while the program runs.
//
//   build/release/access_diff_bench [N]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "identity/aws_managed.hpp"
#include "proof/difference.hpp"
#include "proof/plan.hpp"

namespace {

using text::Json;

std::string document(const std::string& statements) { return R"({"Version":"2012-10-17","Statement":[)" + statements + "]}"; }

std::string trust(const std::string& service) {
    return document(R"({"Effect":"Allow","Principal":{"Service":")" + service + R"("},"Action":"sts:AssumeRole"})");
}

proof::AccountPolicies account(int principals) {
    proof::AccountPolicies out;
    out.id = "111122223333";
    for (const char* name : {"AmazonSageMakerFullAccess", "AmazonS3ReadOnlyAccess"}) {
        const std::string arn = std::string("arn:aws:iam::aws:policy/") + name;
        const auto found = identity::aws_managed_policy(arn);
        out.policies[arn] = {arn, found->default_version, found->version(found->default_version)->policy};
    }
    for (int i = 0; i < principals; ++i) {
        const std::string name = "p" + std::to_string(i);
        proof::User user;
        user.name = name;
        user.arn = out.iam_arn("user", "/", name);
        user.id = "AIDA" + name;
        user.inline_policies["own"] = policy::Policy::parse_stored(
            document(R"({"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::old-)" + name +
                     R"(/*"})"),
            policy::PolicyKind::identity);
        if (i % 10 == 0) user.attached.insert("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess");
        out.users[name] = user;
        proof::Role role;
        static_cast<proof::PolicyHolder&>(role) = user;
        role.arn = out.iam_arn("role", "/", name);
        role.id = "AROA" + name;
        role.trust = policy::Policy::parse_stored(trust("ec2.amazonaws.com"), policy::PolicyKind::trust);
        out.roles[name] = role;
        out.buckets["old-" + name] = {"old-" + name, nullptr, true};
    }
    return out;
}

std::vector<proof::ResourceChange> program() {
    std::vector<proof::ResourceChange> out;
    const auto add = [&](const char* type, Json properties) {
        out.push_back({.type = type, .name = "x", .after = std::move(properties)});
    };
    for (int i = 0; i < 100; ++i) {
        const std::string n = std::to_string(i), role = "team-" + n, bucket = "data-" + n;
        add("aws:iam/role:Role",
            Json::object({{"name", role}, {"path", "/"}, {"assumeRolePolicy", trust("sagemaker.amazonaws.com")}}));
        add("aws:iam/rolePolicy:RolePolicy",
            Json::object(
                {{"role", role},
                 {"name", "own"},
                 {"policy",
                  document(
                      R"({"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::shared","arn:aws:s3:::shared/)" +
                      n + R"(/*"]})")}}));
        add("aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            Json::object({{"role", role}, {"policyArn", "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"}}));
        add("aws:s3/bucket:Bucket", Json::object({{"bucket", bucket}}));
        add("aws:s3/bucketPolicy:BucketPolicy",
            Json::object({{"bucket", bucket},
                          {"policy", document(R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/)" + role +
                                              R"("},"Action":"s3:*","Resource":"arn:aws:s3:::)" + bucket + R"(/*"})")}}));
    }
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    const int principals = argc > 1 ? std::atoi(argv[1]) : 100;
    const auto before = account(principals);
    const auto changes = program();
    for (int round = 0; round < 3; ++round) {
        const auto start = std::chrono::steady_clock::now();
        const auto planned = proof::apply(before, changes);
        const auto applied = std::chrono::steady_clock::now();
        const auto difference = access_difference(before, planned.account);
        const auto end = std::chrono::steady_clock::now();
        const auto ms = [](auto took) { return std::chrono::duration<double, std::milli>(took).count(); };
        std::printf(
            "%zu resources, %d users and %d roles: %.1f ms (%.1f of them to apply the plan), %zu questions, %zu lines, %zu "
            "unknown\n",
            changes.size(), principals, principals, ms(end - start), ms(applied - start), difference.questions,
            difference.changes.size(), difference.unknown.size() + planned.unknown.size());
    }
}
