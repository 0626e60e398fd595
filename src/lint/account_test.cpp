// What policies of an account do together.
#include "lint/account.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using lint::AccountReport;
using lint::check_account;
using policy::Policy;
using policy::PolicyKind;

namespace {

std::string document(const std::string& statements) { return R"({"Version":"2012-10-17","Statement":[)" + statements + "]}"; }

proof::AccountPolicies account_of(const std::map<std::string, std::string>& users, const std::string& bucket_statements) {
    proof::AccountPolicies out;
    out.id = "111122223333";
    for (const auto& [name, statements] : users) {
        proof::User user;
        user.name = name;
        user.arn = out.iam_arn("user", "/", name);
        user.id = "AIDA" + name;
        user.inline_policies["p"] = Policy::parse_stored(document(statements), PolicyKind::identity);
        out.users[name] = user;
    }
    out.buckets["ml-data"] = {"ml-data", Policy::parse_stored(document(bucket_statements), PolicyKind::resource), false};
    return out;
}

const lint::Finding* find(const AccountReport& report, std::string_view policy, std::string_view code) {
    for (const auto& one : report.policies)
        if (one.policy.name == policy)
            for (const auto& finding : one.report.findings)
                if (finding.code == code) return &finding;
    return nullptr;
}

const std::string for_ada =
    R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ada"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::ml-data/*"})";
const std::string reads = R"({"Effect":"Allow","Action":"s3:GetObject","Resource":"*"})";
const std::string denies_deletion = R"({"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*"})";

}  // namespace

TEST_CASE("a bucket policy that names who may, and another who gets in") {
    const auto report = check_account(account_of({{"ada", denies_deletion}, {"bob", reads}}, for_ada));
    const auto* finding = find(report, "bucket policy of ml-data", "TRAINWARDEN_BUCKET_OPEN_TO_OTHERS");
    REQUIRE(finding != nullptr);
    CHECK(finding->details.contains("user bob is not named and may s3:GetObject on arn:aws:s3:::ml-data/"));
    REQUIRE(finding->locations.size() == 1);
    CHECK(finding->locations[0].path.front().name == "Statement");
    CHECK(report.unknown.empty());
    // Whom it names, who may not, and a policy that denies.
    CHECK_FALSE(find(check_account(account_of({{"ada", reads}, {"bob", denies_deletion}}, for_ada)), "bucket policy of ml-data",
                     "TRAINWARDEN_BUCKET_OPEN_TO_OTHERS"));
    const std::string deny =
        R"(,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::ml-data/*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/ada"}}})";
    CHECK_FALSE(find(check_account(account_of({{"bob", reads}}, for_ada + deny)), "bucket policy of ml-data",
                     "TRAINWARDEN_BUCKET_OPEN_TO_OTHERS"));
}

TEST_CASE("a Deny that denies nothing that is otherwise allowed") {
    const auto found = [](const std::map<std::string, std::string>& users, const std::string& bucket = for_ada) {
        return find(check_account(account_of(users, bucket)), "inline policy p of user ada", "TRAINWARDEN_DENY_WITHOUT_EFFECT");
    };
    const auto report = check_account(account_of({{"ada", reads + "," + denies_deletion}}, for_ada));
    const auto* finding = find(report, "inline policy p of user ada", "TRAINWARDEN_DENY_WITHOUT_EFFECT");
    REQUIRE(finding != nullptr);
    CHECK(finding->locations[0].path.back().index == 1);
    // Its own policy allows it, or the bucket's does.
    CHECK_FALSE(found({{"ada", R"({"Effect":"Allow","Action":"s3:*","Resource":"*"},)" + denies_deletion}}));
    const std::string deletes =
        R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ada"},"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::ml-data/*"})";
    CHECK_FALSE(found({{"ada", reads + "," + denies_deletion}}, deletes));
}

TEST_CASE("a Deny that is alone in its document") {
    const auto of_bucket = [](const std::string& user, const std::string& denial) {
        return find(check_account(account_of({{"ada", user}}, denial)), "bucket policy of ml-data",
                    "TRAINWARDEN_DENY_WITHOUT_EFFECT");
    };
    const std::string deletion =
        R"({"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::ml-data/*"})";
    CHECK_FALSE(of_bucket(R"({"Effect":"Allow","Action":"s3:*","Resource":"*"})", deletion));
    const std::string insecure =
        R"({"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/ada"},"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::ml-data/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}})";
    CHECK_FALSE(of_bucket(R"({"Effect":"Allow","Action":"s3:*","Resource":"*"})", insecure));
    CHECK(of_bucket(reads, insecure));
    // One of a user's two policies.
    const auto of_user = [](const std::string& other) {
        auto account = account_of({{"ada", denies_deletion}}, for_ada);
        account.users.at("ada").inline_policies["q"] = Policy::parse_stored(document(other), PolicyKind::identity);
        return find(check_account(account), "inline policy p of user ada", "TRAINWARDEN_DENY_WITHOUT_EFFECT");
    };
    CHECK_FALSE(of_user(R"({"Effect":"Allow","Action":"s3:*","Resource":"*"})"));
    CHECK(of_user(reads));
}

TEST_CASE("a Deny of a resource, of a role or of a boundary that denies nothing") {
    const auto of_bucket = [](const std::string& user, const std::string& denial) {
        return find(check_account(account_of({{"ada", user}}, for_ada + "," + denial)), "bucket policy of ml-data",
                    "TRAINWARDEN_DENY_WITHOUT_EFFECT");
    };
    const std::string deletion =
        R"({"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/ada"},"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::ml-data/*"})";
    const auto* finding = of_bucket(reads, deletion);
    REQUIRE(finding != nullptr);
    CHECK(finding->locations[0].path.back().index == 1);
    CHECK_FALSE(of_bucket(R"({"Effect":"Allow","Action":"s3:*","Resource":"*"})", deletion));
    // Whom the policy itself lets in from elsewhere.
    const std::string to_all =
        R"({"Effect":"Allow","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::ml-data/*"})";
    const std::string not_from_here =
        R"({"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::ml-data/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}})";
    CHECK_FALSE(of_bucket(reads, to_all + "," + not_from_here));
    CHECK(of_bucket(reads, not_from_here));
    // Accounts by a part of their number are not asked about.
    CHECK_FALSE(of_bucket(
        reads,
        R"({"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::ml-data/*","Condition":{"StringLike":{"aws:PrincipalAccount":"4444*"}}})"));

    const auto of_role = [](const std::string& denial) {
        auto account = account_of({{"ada", R"({"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"})"}}, for_ada);
        proof::Role role;
        role.name = "trainer";
        role.arn = "arn:aws:iam::111122223333:role/trainer";
        role.id = "AROATRAINER";
        role.trust = *policy::Policy::parse(
            document(R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ada"},"Action":"sts:AssumeRole"},)" +
                     denial),
            policy::PolicyKind::trust);
        account.roles.emplace("trainer", role);
        return find(check_account(account), "trust policy of role trainer", "TRAINWARDEN_DENY_WITHOUT_EFFECT");
    };
    CHECK(of_role(R"({"Effect":"Deny","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"})"));
    CHECK_FALSE(of_role(
        R"({"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}})"));

    const auto of_boundary = [](const std::string& user) {
        auto account = account_of({{"ada", user}}, for_ada);
        const std::string arn = "arn:aws:iam::111122223333:policy/boundary";
        account.policies.emplace(
            arn, proof::AccountManagedPolicy{.arn = arn,
                                             .version = "v1",
                                             .policy = *policy::Policy::parse(
                                                 document(R"({"Effect":"Allow","Action":"*","Resource":"*"},)" + denies_deletion),
                                                 policy::PolicyKind::identity)});
        account.users.at("ada").boundary = arn;
        return find(check_account(account), "managed policy " + arn, "TRAINWARDEN_DENY_WITHOUT_EFFECT");
    };
    CHECK(of_boundary(reads));
    CHECK_FALSE(of_boundary(R"({"Effect":"Allow","Action":"s3:*","Resource":"*"})"));
}

TEST_CASE("a Deny about what is not known is left alone") {
    const auto found = [](const std::string& statement, bool all_read = true) {
        auto account = account_of({{"ada", reads + "," + statement}}, for_ada);
        if (!all_read) account.unread.emplace_back("buckets");
        return find(check_account(account), "inline policy p of user ada", "TRAINWARDEN_DENY_WITHOUT_EFFECT");
    };
    CHECK(found(denies_deletion));
    CHECK_FALSE(found(denies_deletion, false));
    CHECK_FALSE(found(R"({"Effect":"Deny","Action":"iam:GetRole","Resource":"arn:aws:iam::444455556666:role/x"})"));
    CHECK_FALSE(found(R"({"Effect":"Deny","Action":"sagemaker:*","Resource":"arn:aws:sagemaker:eu-west-1:111122223333:*"})"));
    // Of a role of another account, whose trust policy nothing here shows.
    auto account = account_of(
        {{"ada",
          R"({"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"},)"
          R"({"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}})"}},
        for_ada);
    CHECK_FALSE(find(check_account(account), "inline policy p of user ada", "TRAINWARDEN_DENY_WITHOUT_EFFECT"));
}

TEST_CASE("what a limit cuts off is told") {
    const auto report =
        check_account(account_of({{"ada", reads + "," + denies_deletion}}, for_ada), {.document = {}, .questions_max = 0});
    CHECK_FALSE(find(report, "inline policy p of user ada", "TRAINWARDEN_DENY_WITHOUT_EFFECT"));
    REQUIRE(report.unknown.size() == 1);
    CHECK(report.unknown[0].contains("questions_max"));
    auto account = account_of({{"ada", reads}}, for_ada);
    account.unread.emplace_back("buckets");
    CHECK(std::ranges::count(check_account(account).unknown, "not read: buckets") == 1);
}

TEST_CASE("the type of a document, by its elements") {
    using lint::PolicyType;
    CHECK(lint::guess("x", document(reads)).type == PolicyType::identity);
    CHECK(lint::guess("x", document(for_ada)).resource_type == "AWS::S3::Bucket");
    const std::string trust = R"({"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"})";
    CHECK(lint::guess("x", document(trust)).resource_type == "AWS::IAM::AssumeRolePolicyDocument");
    const auto mixed = lint::guess("x", document(trust + "," + for_ada));
    CHECK(mixed.type == PolicyType::resource);
    CHECK(mixed.resource_type.empty());
    CHECK(lint::guess("x", "{").type == PolicyType::identity);
}
