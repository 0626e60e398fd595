#include "proof/reach.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

using policy::AttachedPolicy;
using policy::Layer;
using policy::Policy;
using policy::PolicyKind;

namespace {

const std::string account = "111122223333";

AttachedPolicy attached(const std::string& name, const std::string& statements, PolicyKind kind = PolicyKind::identity) {
    return {Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", kind).value(), name};
}

std::string statement(const std::string& effect, const std::string& actions, const std::string& resources,
                      const std::string& condition = "", const std::string& principal = "") {
    return R"({"Effect":")" + effect + "\"," + (principal.empty() ? "" : R"("Principal":)" + principal + ",") + R"("Action":)" +
           actions + R"(,"Resource":)" + resources + (condition.empty() ? "" : R"(,"Condition":)" + condition) + "}";
}

// Users and their policies, at addresses that stay.
class World {
public:
    proof::Asker user(const std::string& name, std::vector<AttachedPolicy> policies, const std::string& team = "") {
        auto& own = policies_.emplace_back();
        own.identity = std::move(policies);
        proof::Asker out{.subject = {}, .policies = &own};
        auto& principal = out.subject.principal;
        principal.kind = policy::PrincipalKind::user;
        principal.account = account;
        principal.arn = principal.user_arn = "arn:aws:iam::" + account + ":user/" + name;
        principal.unique_id = "AIDA" + name;
        out.subject.known.set("aws:PrincipalArn", principal.arn);
        out.subject.known.set("aws:username", name);
        if (!team.empty()) out.subject.known.set("aws:PrincipalTag/team", team);
        return out;
    }
    static proof::Asker anonymous() {
        static const policy::PrincipalPolicies none;
        return {.subject = {}, .policies = &none};
    }

private:
    std::deque<policy::PrincipalPolicies> policies_;
};

proof::Target target(std::vector<std::string> actions, std::vector<std::string> resources,
                     const AttachedPolicy* policy = nullptr) {
    return {.actions = std::move(actions),
            .except = {},
            .resources = std::move(resources),
            .policy = policy,
            .account = account,
            .known = {}};
}

proof::WaysIn ways(const proof::Asker& asker, const proof::Target& target, const policy::Context& known = {}) {
    return proof::ways_of(asker.subject, *asker.policies, target, known);
}

const std::string get = R"("s3:GetObject")", data = R"("arn:aws:s3:::data/*")";

}  // namespace

TEST_CASE("a way for each statement that suffices, with its condition and a witness") {
    World world;
    const auto own = attached("own", statement("Allow", get, data, R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})") + "," +
                                         statement("Allow", get, R"("arn:aws:s3:::data/open/*")"));
    const auto bucket = attached("bucket policy",
                                 statement("Allow", R"("s3:Get*")", data, R"({"Bool":{"aws:MultiFactorAuthPresent":"true"}})",
                                           R"({"AWS":")" + account + "\"}"),
                                 PolicyKind::resource);
    const auto ada = world.user("ada", {own});
    const auto found = ways(ada, target({"s3:GetObject"}, {"arn:aws:s3:::data/*"}, &bucket));
    CHECK(found.open == "");
    REQUIRE(found.found.size() == 2);  // the bucket's policy leaves it to the account's own
    for (const auto& way : found.found) {
        REQUIRE(way.allowed_by.size() == 1);
        CHECK(way.allowed_by[0].policy->name == "own");
        const auto conditions = proof::conditions_of(way.allowed_by[0], ada.subject.known);
        if (way.allowed_by[0].statement == 1) {
            CHECK(conditions.empty());
            CHECK(way.witness.resource.starts_with("arn:aws:s3:::data/open/"));
            continue;
        }
        REQUIRE(conditions.size() == 1);
        CHECK(conditions[0].op == "IpAddress");
        CHECK(conditions[0].key == "aws:SourceIp");
        CHECK(conditions[0].values == std::vector<std::string>{"10.0.0.0/8"});
        CHECK(way.witness.context.find("aws:SourceIp")->values.front().starts_with("10."));
    }
}

TEST_CASE("a trust policy and an identity policy are one way together, and each of their alternatives another") {
    World world;
    const std::string assume = R"("sts:AssumeRole")";
    const std::string role = R"("arn:aws:iam::111122223333:role/r")";
    const auto ada =
        world.user("ada", {attached("a", statement("Allow", assume, role)), attached("b", statement("Allow", assume, R"("*")"))});
    const auto trust = attached("trust",
                                R"({"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"}})"
                                R"(,{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"},
                                    "Condition":{"StringEquals":{"sts:ExternalId":"x"}}})",
                                PolicyKind::trust);
    const auto found = ways(ada, target({"sts:AssumeRole"}, {"arn:aws:iam::111122223333:role/r"}, &trust));
    CHECK(found.open == "");
    CHECK(found.found.size() == 4);
    for (const auto& way : found.found) CHECK(way.allowed_by.size() == 2);
}

TEST_CASE("the actions of a pattern, each where its resources are") {
    World world;
    const auto ada = world.user("ada", {attached("own", statement("Allow", R"(["s3:Get*","s3:List*"])", R"("*")") + "," +
                                                            statement("Deny", R"("s3:GetObjectVersion")", R"("*")") + "," +
                                                            statement("Deny", get, R"("arn:aws:s3:::data/secret/*")"))});
    const auto found = ways(ada, target({"s3:Get*"}, {"arn:aws:s3:::data/*"}));
    CHECK(found.open == "");
    std::vector<std::string> actions;
    for (const auto& way : found.found) {
        actions.insert(actions.end(), way.actions.begin(), way.actions.end());
        const bool gets = std::ranges::find(way.actions, "s3:GetObject") != way.actions.end();
        CHECK(way.denied_by.size() == (gets ? 1 : 0));
        if (gets) CHECK(way.denied_by[0].statement == 2);
    }
    const auto has = [&](const char* action) { return std::ranges::find(actions, action) != actions.end(); };
    CHECK(has("s3:GetObject"));
    CHECK(has("s3:GetObjectTagging"));
    CHECK(!has("s3:GetObjectVersion"));
    CHECK(!has("s3:GetBucketPolicy"));
    CHECK(!has("s3:ListBucket"));
}

TEST_CASE("what is known is no condition, and what contradicts it no way") {
    World world;
    const auto own = attached(
        "own", statement("Allow", get, data,
                         R"({"StringEquals":{"aws:PrincipalTag/team":"vision"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})"));
    const auto ada = world.user("ada", {own}, "vision"), bob = world.user("bob", {own}, "text"), eve = world.user("eve", {own});
    const auto at = target({"s3:GetObject"}, {"arn:aws:s3:::data/*"});
    REQUIRE(ways(ada, at).found.size() == 1);
    CHECK(proof::conditions_of(ways(ada, at).found[0].allowed_by[0], ada.subject.known).size() == 1);
    CHECK(ways(bob, at).found.empty());
    CHECK(ways(eve, at).found.empty());
    policy::Context outside;
    outside.set("aws:SourceIp", "192.0.2.1");
    CHECK(ways(ada, at, outside).found.empty());
}

TEST_CASE("resources are what all of a way's statements allow, and each statement of a ceiling is a way of its own") {
    World world;
    auto ada =
        world.user("ada", {attached("own", statement("Allow", get, R"(["arn:aws:s3:::data/a/*","arn:aws:s3:::data/c*"])"))});
    policy::PrincipalPolicies bound = *ada.policies;
    bound.boundary =
        attached("boundary", statement("Allow", R"("s3:Get*")", R"(["arn:aws:s3:::data/a/b/*","arn:aws:s3:::data/*.npz"])") +
                                 "," + statement("Allow", get, R"("arn:aws:s3:::data/c/*")"));
    ada.policies = &bound;
    const auto found = ways(ada, target({"s3:GetObject"}, {"arn:aws:s3:::data", "arn:aws:s3:::data/*"}));
    CHECK(found.open == "");
    REQUIRE(found.found.size() == 2);
    std::vector<std::string> all;
    for (const auto& way : found.found) all.insert(all.end(), way.resources.begin(), way.resources.end());
    std::ranges::sort(all);
    CHECK(all == std::vector<std::string>{"arn:aws:s3:::data/a/* & arn:aws:s3:::data/*.npz", "arn:aws:s3:::data/a/b/*",
                                          "arn:aws:s3:::data/c* & arn:aws:s3:::data/*.npz", "arn:aws:s3:::data/c/*"});
}

TEST_CASE("what sessions bring is open within bounds") {
    World world;
    auto role =
        world.user("ada", {attached("own", statement("Allow", get, data, R"({"StringLike":{"aws:userid":"*:special"}})"))});
    const auto at = target({"s3:GetObject"}, {"arn:aws:s3:::data/*"});
    CHECK(ways(role, at).found.empty());
    role.subject.open = {{.key = "aws:userid", .pattern = "AROAX:??*", .is_optional = false}};
    const auto found = ways(role, at);
    REQUIRE(found.found.size() == 1);
    CHECK(found.found[0].witness.context.find("aws:userid")->values.front() == "AROAX:special");
    const auto nobody =
        world.user("bob", {attached("own", statement("Allow", get, data, R"({"StringLike":{"aws:userid":"*:special"}})"))});
    CHECK(proof::reach(std::vector{role, nobody}, std::vector{at}, {}).groups.size() == 1);
}

TEST_CASE("tags that a resource lacks are no way in") {
    World world;
    const auto ada = world.user(
        "ada", {attached("own", statement("Allow", get, data, R"({"StringEquals":{"aws:ResourceTag/team":"vision"}})"))});
    auto at = target({"s3:GetObject"}, {"arn:aws:s3:::data/*"});
    CHECK(ways(ada, at).found.size() == 1);
    at.absent = {"aws:resourcetag/"};
    CHECK(ways(ada, at).found.empty());
    at.known.set("aws:ResourceTag/team", "vision");
    CHECK(ways(ada, at).found.size() == 1);
}

TEST_CASE("principals whom nothing tells apart are asked about once") {
    World world;
    const auto shared = attached("shared", statement("Allow", get, data));
    const auto of_team =
        attached("of team", statement("Allow", get, data, R"({"StringEquals":{"aws:PrincipalTag/team":"vision"}})"));
    const auto home = attached("home", statement("Allow", get, R"("arn:aws:s3:::data/${aws:username}/*")"));
    const auto other = attached("other", statement("Allow", R"("iam:GetUser")", R"("arn:aws:iam::*:user/${aws:username}")"));
    const auto bucket = attached("bucket", statement("Allow", get, data, "", R"({"AWS":"arn:aws:iam::111122223333:user/named"})"),
                                 PolicyKind::resource);
    std::vector<proof::Asker> askers;
    for (int i = 0; i < 50; ++i) askers.push_back(world.user("s" + std::to_string(i), {shared, other}));
    for (int i = 0; i < 20; ++i) askers.push_back(world.user("t" + std::to_string(i), {of_team}, i % 2 == 0 ? "vision" : "text"));
    for (int i = 0; i < 3; ++i) askers.push_back(world.user("h" + std::to_string(i), {home}));
    askers.push_back(world.user("named", {}));
    askers.push_back(world.user("nobody", {}));
    askers.push_back(World::anonymous());
    const std::vector targets{target({"s3:GetObject"}, {"arn:aws:s3:::data/*"}, &bucket)};
    const auto found = proof::reach(askers, targets, {});
    CHECK(found.open == "");
    CHECK(found.classes == 9);  // shared, vision, text, three homes, named, nobody, without credentials
    REQUIRE(found.groups.size() == 6);
    CHECK(found.groups[0].askers.size() == 50);
    CHECK(found.groups[1].askers.size() == 10);
    for (size_t i = 2; i < 6; ++i) CHECK(found.groups[i].askers.size() == 1);
    CHECK(found.groups[5].askers[0] == 73);
    CHECK(found.groups[5].at[0].ways->found[0].allowed_by[0].layer == Layer::resource);
}

TEST_CASE("whatever is known of one principal alone tells it apart") {
    World world;
    const auto own = attached("own", statement("Allow", get, data, R"({"Bool":{"aws:MultiFactorAuthPresent":"true"}})"));
    auto ada = world.user("ada", {own}), session = world.user("session", {own});
    session.subject.known.set("aws:MultiFactorAuthPresent", "false");
    const auto found =
        proof::reach(std::vector{ada, session}, std::vector{target({"s3:GetObject"}, {"arn:aws:s3:::data/*"})}, {});
    REQUIRE(found.groups.size() == 1);
    CHECK(found.groups[0].askers == std::vector<uint32_t>{0});
}

TEST_CASE("what a limit cuts off is said") {
    World world;
    const std::vector askers{world.user("ada", {attached("a", statement("Allow", get, data))}),
                             world.user("bob", {attached("b", statement("Allow", R"("s3:*")", data))})};
    const std::vector targets{target({"s3:GetObject"}, {"arn:aws:s3:::data/*"})};
    const auto found = proof::reach(askers, targets, {}, {.questions_max = 1, .ways = {}});
    CHECK(found.open == "the number of questions");
    CHECK(found.groups.size() == 1);
    const auto some = proof::ways_of(askers[0].subject, *askers[0].policies, targets[0], {}, {.questions_max = 1, .each = {}});
    CHECK(some.open == "the number of ways");
}
