#include "services/iam/resources.hpp"

#include <doctest/doctest.h>

#include "gate/gate.hpp"
#include "identity/iam_for_tests.hpp"

using gate::Existence;

namespace {

struct IamResourcesFixture : identity::IamFixture {
    IamResourcesFixture() {
        identity::CreateRole role{
            .account = account, .name = "Ada", .path = "/research/", .trust_document = identity::trust_sagemaker};
        role.tags = {{"team", "red"}};
        role.boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        REQUIRE(iam().create_role(role));
        identity::CreateUser user{.account = account, .name = "bob"};
        user.tags = {{"team", "blue"}};
        REQUIRE(iam().create_user(user));
        describer.add("iam", std::make_unique<services::iam::Resources>(*directory));
    }
    std::string arn(std::string_view rest) const { return "arn:aws:iam::" + account + ":" + std::string(rest); }
    gate::Description find(std::string_view rest, std::string_view action) const {
        return describer.find(arn(rest), action, account).value();
    }
    gate::Description describe(std::string_view rest, std::string_view action) const {
        return describer.describe(arn(rest), action, account).value();
    }
    gate::Describer describer;
};

std::string value(const gate::Description& of, std::string_view key) {
    const auto* const entry = of.keys.find(key);
    return entry == nullptr ? "(none)" : entry->values.front();
}

}  // namespace

TEST_CASE("a request names a role without its path; a question names it exactly") {
    IamResourcesFixture fixture;
    const auto found = fixture.find("role/ada", "iam:GetRole");
    CHECK(found.existence == Existence::there);
    CHECK(found.arn == fixture.arn("role/research/Ada"));
    for (const char* key : {"aws:ResourceTag/team", "iam:ResourceTag/team"}) CHECK(value(found, key) == "red");
    CHECK(value(found, "iam:PermissionsBoundary") == "arn:aws:iam::aws:policy/ReadOnlyAccess");
    CHECK_FALSE(found.policy);
    CHECK(fixture.describe("role/ada", "iam:GetRole").existence == Existence::absent);
    CHECK(fixture.describe("role/research/Ada", "iam:GetRole").existence == Existence::there);
    // A path that is said is meant.
    CHECK(fixture.find("role/wrong/Ada", "iam:GetRole").existence == Existence::absent);
    CHECK(fixture.find("user/bob", "iam:GetUser").arn == fixture.arn("user/bob"));
    CHECK(value(fixture.find("user/BOB", "iam:GetUser"), "aws:ResourceTag/team") == "blue");
    CHECK(fixture.find("user/carol", "iam:GetUser").existence == Existence::absent);
    CHECK(fixture.find("user/carol", "iam:GetUser").arn == fixture.arn("user/carol"));
}

TEST_CASE("who assumes a role is decided on its trust policy, and by its exact ARN; a role that is not there trusts nobody") {
    IamResourcesFixture fixture;
    const auto found = fixture.find("role/research/Ada", "sts:AssumeRole");
    REQUIRE(found.policy);
    CHECK(value(found, "aws:ResourceTag/team") == "red");
    CHECK(value(found, "iam:PermissionsBoundary") == "(none)");
    for (const char* absent : {"role/Ada", "role/none"}) {
        const auto trust = fixture.find(absent, "sts:AssumeRole");
        CHECK(trust.existence == Existence::absent);
        REQUIRE(trust.policy);
        CHECK(trust.policy->policy == services::iam::trusts_no_one("").policy);
        CHECK(value(trust, "aws:ResourceTag/team") == "(none)");
    }
}

TEST_CASE("who passes a role is decided on its exact ARN, and not on its tags") {
    IamResourcesFixture fixture;
    CHECK(fixture.find("role/Ada", "iam:PassRole").arn == fixture.arn("role/Ada"));
    const auto passed = fixture.find("role/research/Ada", "iam:PassRole");
    CHECK(passed.existence == Existence::there);
    CHECK(passed.keys.entries().empty());
}

TEST_CASE("what AWS publishes is read as the account's own and changed by nobody") {
    IamResourcesFixture fixture;
    constexpr const char* published = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    CHECK(fixture.describer.find(published, "iam:GetPolicy", fixture.account)->owner.empty());
    CHECK(fixture.describer.find(published, "iam:ListPolicyVersions", fixture.account)->owner.empty());
    CHECK(fixture.describer.find(published, "iam:DeletePolicy", fixture.account)->owner == "aws");
    CHECK(fixture.describer.find(published, "iam:TagPolicy", fixture.account)->owner == "aws");
    CHECK(fixture.describer.find("arn:aws:iam::999988887777:policy/p", "iam:GetPolicy", fixture.account)->owner ==
          "999988887777");
}

TEST_CASE("nobody makes roles in the paths that AWS reserves") {
    IamResourcesFixture fixture;
    for (const char* path : {"role/aws-service-role/x", "role/aws-reserved/sso/x"}) {
        const auto planned = fixture.describer.plan(fixture.arn(path), "iam:CreateRole", fixture.account);
        REQUIRE(!planned);
        CHECK(planned.error().code == "InvalidInput");
    }
    CHECK(fixture.describer.plan(fixture.arn("role/aws-service-roles/x"), "iam:CreateRole", fixture.account));
    CHECK(fixture.describer.plan(fixture.arn("user/aws-reserved/x"), "iam:CreateUser", fixture.account));
    CHECK(fixture.describer.plan(fixture.arn("role/research/Ada"), "iam:CreateRole", fixture.account)->keys.entries().empty());
}

TEST_CASE("roles, users, groups and the account's own policies are what is there, each describing itself") {
    IamResourcesFixture fixture;
    REQUIRE(fixture.iam().create_group(fixture.account, "staff", "/"));
    REQUIRE(fixture.iam().create_policy({.account = fixture.account, .name = "p", .document = identity::allow_s3}));
    const auto all = fixture.describer.each_resource({.pattern = "*", .account = fixture.account});
    REQUIRE(all);
    const std::vector<std::string> expected{fixture.arn("group/staff"), fixture.arn("policy/p"), fixture.arn("role/research/Ada"),
                                            fixture.arn("user/bob")};
    CHECK(all->arns == expected);
    CHECK(all->next.empty());
    for (const auto& arn : all->arns) {
        const auto described = fixture.describer.describe(arn, "iam:Get", fixture.account);
        REQUIRE(described);
        CHECK(described->existence == Existence::there);
        CHECK(described->arn == arn);
    }
    CHECK(fixture.describer.each_resource({.pattern = "arn:aws:iam::*:role/*", .account = fixture.account})->arns ==
          std::vector{fixture.arn("role/research/Ada")});
    CHECK(fixture.describer.each_resource({.pattern = "*", .account = "999988887777"})->arns.empty());
}

TEST_CASE("every change of what is known of IAM's resources moves the version; a look does not") {
    IamResourcesFixture fixture;
    auto& iam = fixture.iam();
    uint64_t last = fixture.describer.version();
    const auto moved = [&] {
        const uint64_t now = fixture.describer.version();
        return std::exchange(last, now) != now;
    };
    (void)fixture.describer.each_resource({.pattern = "*", .account = fixture.account});
    (void)fixture.find("role/ada", "iam:GetRole");
    CHECK_FALSE(moved());
    REQUIRE(iam.tag(fixture.role("Ada"), {{"team", "blue"}}));
    CHECK(moved());
    REQUIRE(iam.untag(fixture.role("Ada"), {"team"}));
    CHECK(moved());
    REQUIRE(iam.delete_boundary(fixture.role("Ada")));
    CHECK(moved());
    REQUIRE(iam.update_trust(fixture.account, "Ada", identity::trust_sagemaker));
    CHECK(moved());
    REQUIRE(iam.put_inline_policy(fixture.user("bob"), "p", identity::allow_s3));
    CHECK(moved());
    REQUIRE(iam.create_group(fixture.account, "staff", "/"));
    CHECK(moved());
    REQUIRE(iam.add_user_to_group(fixture.account, "staff", "bob"));
    CHECK(moved());
    REQUIRE(iam.delete_role(fixture.account, "Ada"));
    CHECK(moved());
}
