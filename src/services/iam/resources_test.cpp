#include "services/iam/resources.hpp"

#include <doctest/doctest.h>

#include "gate/gate.hpp"
#include "identity/house_for_tests.hpp"

using gate::Existence;

namespace {

struct World : identity::House {
    World() {
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
    World world;
    const auto found = world.find("role/ada", "iam:GetRole");
    CHECK(found.existence == Existence::there);
    CHECK(found.arn == world.arn("role/research/Ada"));
    for (const char* key : {"aws:ResourceTag/team", "iam:ResourceTag/team"}) CHECK(value(found, key) == "red");
    CHECK(value(found, "iam:PermissionsBoundary") == "arn:aws:iam::aws:policy/ReadOnlyAccess");
    CHECK_FALSE(found.policy);
    CHECK(world.describe("role/ada", "iam:GetRole").existence == Existence::absent);
    CHECK(world.describe("role/research/Ada", "iam:GetRole").existence == Existence::there);
    // A path that is said is meant.
    CHECK(world.find("role/wrong/Ada", "iam:GetRole").existence == Existence::absent);
    CHECK(world.find("user/bob", "iam:GetUser").arn == world.arn("user/bob"));
    CHECK(value(world.find("user/BOB", "iam:GetUser"), "aws:ResourceTag/team") == "blue");
    CHECK(world.find("user/carol", "iam:GetUser").existence == Existence::absent);
    CHECK(world.find("user/carol", "iam:GetUser").arn == world.arn("user/carol"));
}

TEST_CASE("who assumes a role is decided on its trust policy, and by its exact ARN; a role that is not there trusts nobody") {
    World world;
    const auto found = world.find("role/research/Ada", "sts:AssumeRole");
    REQUIRE(found.policy);
    CHECK(value(found, "aws:ResourceTag/team") == "red");
    CHECK(value(found, "iam:PermissionsBoundary") == "(none)");
    for (const char* absent : {"role/Ada", "role/none"}) {
        const auto trust = world.find(absent, "sts:AssumeRole");
        CHECK(trust.existence == Existence::absent);
        REQUIRE(trust.policy);
        CHECK(trust.policy->policy == services::iam::trusts_nobody("").policy);
        CHECK(value(trust, "aws:ResourceTag/team") == "(none)");
    }
}

TEST_CASE("who passes a role is decided on its exact ARN, and not on its tags") {
    World world;
    CHECK(world.find("role/Ada", "iam:PassRole").arn == world.arn("role/Ada"));
    const auto passed = world.find("role/research/Ada", "iam:PassRole");
    CHECK(passed.existence == Existence::there);
    CHECK(passed.keys.entries().empty());
}

TEST_CASE("what AWS publishes is read as the account's own and changed by nobody") {
    World world;
    constexpr const char* published = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    CHECK(world.describer.find(published, "iam:GetPolicy", world.account)->owner.empty());
    CHECK(world.describer.find(published, "iam:ListPolicyVersions", world.account)->owner.empty());
    CHECK(world.describer.find(published, "iam:DeletePolicy", world.account)->owner == "aws");
    CHECK(world.describer.find(published, "iam:TagPolicy", world.account)->owner == "aws");
    CHECK(world.describer.find("arn:aws:iam::999988887777:policy/p", "iam:GetPolicy", world.account)->owner == "999988887777");
}

TEST_CASE("nobody makes roles in the paths that AWS reserves") {
    World world;
    for (const char* path : {"role/aws-service-role/x", "role/aws-reserved/sso/x"}) {
        const auto planned = world.describer.plan(world.arn(path), "iam:CreateRole", world.account);
        REQUIRE(!planned);
        CHECK(planned.error().code == "InvalidInput");
    }
    CHECK(world.describer.plan(world.arn("role/aws-service-roles/x"), "iam:CreateRole", world.account));
    CHECK(world.describer.plan(world.arn("user/aws-reserved/x"), "iam:CreateUser", world.account));
    CHECK(world.describer.plan(world.arn("role/research/Ada"), "iam:CreateRole", world.account)->keys.entries().empty());
}

TEST_CASE("roles, users, groups and the account's own policies are what is there, each describing itself") {
    World world;
    REQUIRE(world.iam().create_group(world.account, "staff", "/"));
    REQUIRE(world.iam().create_policy({.account = world.account, .name = "p", .document = identity::allow_s3}));
    const auto all = world.describer.each_resource({.pattern = "*", .account = world.account});
    REQUIRE(all);
    const std::vector<std::string> expected{world.arn("group/staff"), world.arn("policy/p"), world.arn("role/research/Ada"),
                                            world.arn("user/bob")};
    CHECK(all->arns == expected);
    CHECK(all->next.empty());
    for (const auto& arn : all->arns) {
        const auto described = world.describer.describe(arn, "iam:Get", world.account);
        REQUIRE(described);
        CHECK(described->existence == Existence::there);
        CHECK(described->arn == arn);
    }
    CHECK(world.describer.each_resource({.pattern = "arn:aws:iam::*:role/*", .account = world.account})->arns ==
          std::vector{world.arn("role/research/Ada")});
    CHECK(world.describer.each_resource({.pattern = "*", .account = "999988887777"})->arns.empty());
}

TEST_CASE("every change of what is known of IAM's resources moves the version; a look does not") {
    World world;
    auto& iam = world.iam();
    uint64_t last = world.describer.version();
    const auto moved = [&] {
        const uint64_t now = world.describer.version();
        return std::exchange(last, now) != now;
    };
    (void)world.describer.each_resource({.pattern = "*", .account = world.account});
    (void)world.find("role/ada", "iam:GetRole");
    CHECK_FALSE(moved());
    REQUIRE(iam.tag(world.role("Ada"), {{"team", "blue"}}));
    CHECK(moved());
    REQUIRE(iam.untag(world.role("Ada"), {"team"}));
    CHECK(moved());
    REQUIRE(iam.delete_boundary(world.role("Ada")));
    CHECK(moved());
    REQUIRE(iam.update_trust(world.account, "Ada", identity::trust_sagemaker));
    CHECK(moved());
    REQUIRE(iam.put_inline_policy(world.user("bob"), "p", identity::allow_s3));
    CHECK(moved());
    REQUIRE(iam.create_group(world.account, "staff", "/"));
    CHECK(moved());
    REQUIRE(iam.add_user_to_group(world.account, "staff", "bob"));
    CHECK(moved());
    REQUIRE(iam.delete_role(world.account, "Ada"));
    CHECK(moved());
}
