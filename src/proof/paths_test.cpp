#include "proof/paths.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

using policy::AttachedPolicy;
using policy::Policy;
using policy::PolicyKind;
using Means = proof::Step::Means;

namespace {

const std::string id = "111122223333", iam = "arn:aws:iam::" + id + ":";

policy::PolicyPtr policy_of(const std::string& statements, PolicyKind kind = PolicyKind::identity) {
    return Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", kind).value();
}
std::string allow(const std::string& action, const std::string& resource = "*", const std::string& condition = "") {
    return R"({"Effect":"Allow","Action":")" + action + R"(","Resource":")" + resource + "\"" +
           (condition.empty() ? "" : R"(,"Condition":)" + condition) + "}";
}
std::string deny(const std::string& action) { return R"({"Effect":"Deny","Action":")" + action + R"(","Resource":"*"})"; }
std::string trusts(const std::string& principal) {
    return R"({"Effect":"Allow","Action":"sts:AssumeRole","Principal":)" + principal + "}";
}

const std::string aim = "arn:aws:s3:::data/*";

class World {
public:
    World() { account.id = id, account.region = "us-east-1"; }

    uint32_t user(const std::string& name, std::vector<std::string> statements, std::vector<uint32_t> groups = {}) {
        proof::HolderForPaths out;
        out.arn = iam + "user/" + name;
        out.name = name;
        out.groups = groups;
        auto& own = policies_.emplace_back();
        for (size_t i = 0; i < statements.size(); ++i)
            own.identity.push_back({policy_of(statements[i]), "inline policy p" + std::to_string(i) + " of user " + name});
        for (const uint32_t group : groups)
            own.identity.insert(own.identity.end(), account.groups[group].policies.begin(), account.groups[group].policies.end());
        out.asker.policies = &own;
        auto& principal = out.asker.subject.principal;
        principal.kind = policy::PrincipalKind::user;
        principal.account = id;
        principal.arn = principal.user_arn = out.arn;
        principal.unique_id = "AIDA" + name;
        out.asker.subject.known.set("aws:PrincipalArn", out.arn);
        out.asker.subject.known.set("aws:username", name);
        return add(std::move(out));
    }
    uint32_t role(const std::string& name, std::vector<std::string> statements, const std::string& trust) {
        proof::HolderForPaths out;
        out.arn = iam + "role/" + name;
        out.name = name;
        out.is_role = true;
        out.trust = &trust_.emplace_back(AttachedPolicy{policy_of(trust, PolicyKind::trust), "trust policy of role " + name});
        auto& own = policies_.emplace_back();
        for (const auto& one : statements) own.identity.push_back({policy_of(one), "inline policy p of role " + name});
        out.asker.policies = &own;
        auto& principal = out.asker.subject.principal;
        principal.kind = policy::PrincipalKind::role_session;
        principal.account = id;
        principal.arn = "arn:aws:sts::" + id + ":assumed-role/" + name + "/session";
        principal.role_arn = out.arn;
        principal.role_id = "AROA" + name;
        principal.unique_id = "AROA" + name + ":session";
        out.asker.subject.known.set("aws:PrincipalArn", out.arn);
        return add(std::move(out));
    }
    uint32_t group(const std::string& name, std::vector<std::string> statements) {
        proof::GroupPolicies out{.arn = iam + "group/" + name, .name = name, .policies = {}};
        for (const auto& one : statements) out.policies.push_back({policy_of(one), "inline policy p of group " + name});
        account.groups.push_back(std::move(out));
        return static_cast<uint32_t>(account.groups.size() - 1);
    }
    policy::PrincipalPolicies& policies(uint32_t holder) { return policies_[holder]; }

    // How the holder gets to read the data, each step's kind; empty: it does not.
    std::vector<Means> path(uint32_t holder, const AttachedPolicy* bucket = nullptr) {
        const std::vector targets{proof::Target{
            .actions = {"s3:GetObject"}, .except = {}, .resources = {aim}, .policy = bucket, .account = id, .known = {}}};
        const auto found = proof::find_paths(account, targets, {});
        CHECK(found.open == "");
        std::vector<Means> out;
        for (const auto& path : found.paths) {
            if (path.holder != holder) continue;
            for (const auto& step : path.steps) {
                out.push_back(step.means);
                CHECK(!step.requests.empty());
                for (const auto& request : step.requests) CHECK(!request.witness.action.empty());
            }
        }
        return out;
    }

    proof::AccountForPaths account;

private:
    uint32_t add(proof::HolderForPaths holder) {
        account.holders.push_back(std::move(holder));
        return static_cast<uint32_t>(account.holders.size() - 1);
    }
    std::deque<policy::PrincipalPolicies> policies_;
    std::deque<AttachedPolicy> trust_;
};

const std::string reads = allow("s3:GetObject", "arn:aws:s3:::data/*"), whole_account = R"({"AWS":"111122223333"})",
                  job = R"({"Service":"sagemaker.amazonaws.com"})", nobody = R"({"Service":"ec2.amazonaws.com"})";

std::vector<Means> one(Means means) { return {means}; }

// A user with these permissions, beside a role and a user that read the data.
std::vector<Means> with(const std::string& statements, const std::string& trust = nobody) {
    World world;
    const auto ada = world.user("ada", {statements});
    world.role("reader", {reads}, trusts(trust));
    world.user("bob", {reads});
    return world.path(ada);
}

}  // namespace

TEST_CASE("acting as another") {
    CHECK(with(allow("sts:AssumeRole", iam + "role/reader"), whole_account) == one(Means::assume_role));
    CHECK(with(allow("sts:AssumeRole"), nobody).empty());
    CHECK(with(allow("s3:ListAllMyBuckets"), whole_account).empty());
    CHECK(with(allow("s3:ListAllMyBuckets"), R"({"AWS":"arn:aws:iam::111122223333:user/ada"})") == one(Means::assume_role));
    CHECK(with(allow("iam:CreateAccessKey", iam + "user/bob")) == one(Means::create_access_key));
    CHECK(with(allow("iam:CreateAccessKey", iam + "user/carol")).empty());
    CHECK(with(allow("iam:UpdateAssumeRolePolicy", iam + "role/reader")) == one(Means::update_trust));
    CHECK(with(allow("iam:UpdateAssumeRolePolicy") + "," + deny("sts:AssumeRole")).empty());
}

TEST_CASE("only users and roles with the tags that a policy asks for") {
    const std::string tagged = R"({"StringEquals":{"aws:ResourceTag/team":"vision"}})";
    for (const bool is_tagged : {true, false}) {
        World world;
        const auto ada = world.user("ada", {allow("iam:CreateAccessKey", "*", tagged)});
        const auto bob = world.user("bob", {reads}), carol = world.user("carol", {});
        world.account.holders[is_tagged ? bob : carol].keys.set("aws:ResourceTag/team", "vision");
        CHECK(world.path(ada) == (is_tagged ? one(Means::create_access_key) : std::vector<Means>{}));
    }
}

TEST_CASE("passing a role to a training job") {
    const std::string create = allow("sagemaker:CreateTrainingJob"), pass = allow("iam:PassRole", iam + "role/reader");
    CHECK(with(create + "," + pass, job) == one(Means::pass_role_to_job));
    CHECK(with(create + "," + pass, nobody).empty());
    CHECK(with(create, job).empty());
    CHECK(with(pass, job).empty());
    CHECK(with(create + "," + allow("iam:PassRole", "*", R"({"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}})"), job)
              .empty());
    const std::string cut = R"({"StringEquals":{"trainwarden:TrainingScope":"job"}})";
    CHECK(with(create + "," + allow("iam:PassRole", "*", cut), job) == one(Means::pass_role_to_cut_job));
    // A job that is cut assumes no role.
    World world;
    const auto ada = world.user("ada", {create + "," + allow("iam:PassRole", iam + "role/middle", cut)});
    world.role("middle", {allow("sts:AssumeRole", iam + "role/reader")}, trusts(job));
    world.role("reader", {reads}, trusts(whole_account));
    CHECK(world.path(ada).empty());
}

TEST_CASE("changing one's own policies") {
    for (const char* action : {"iam:PutUserPolicy", "iam:*"})
        CHECK(with(allow(action, iam + "user/ada")) == one(Means::put_policy));
    CHECK(with(allow("iam:AttachUserPolicy", iam + "user/ada")) == one(Means::attach_policy));
    CHECK(with(allow("iam:AttachUserPolicy", iam + "user/ada",
                     R"({"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}})"))
              .empty());
    CHECK(with(allow("iam:PutUserPolicy", iam + "user/else")).empty());
}

TEST_CASE("managed policies: new versions and old ones") {
    for (const auto& [action, means] : {std::pair{"iam:CreatePolicyVersion", Means::create_policy_version},
                                        {"iam:SetDefaultPolicyVersion", Means::set_default_version}}) {
        World world;
        const std::string arn = iam + "policy/p";
        const auto old = policy_of(reads), now = policy_of(allow(action, arn));
        const auto ada = world.user("ada", {});
        world.policies(ada).identity.push_back({now, arn, "v2"});
        world.account.policies.push_back(
            {.arn = arn, .default_version = "v2", .keys = {}, .versions = {{"v1", old}, {"v2", now}}});
        CHECK(world.path(ada) == one(means));
        world.account.policies.front().versions.erase(world.account.policies.front().versions.begin());
        CHECK(world.path(ada) == (means == Means::create_policy_version ? one(means) : std::vector<Means>{}));
    }
}

TEST_CASE("groups") {
    for (const auto& [action, means] :
         {std::pair{"iam:PutGroupPolicy", Means::put_group_policy}, {"iam:AttachGroupPolicy", Means::attach_group_policy}}) {
        World world;
        const auto group = world.group("g", {allow(action, iam + "group/g")});
        CHECK(world.path(world.user("ada", {}, {group})) == one(means));
    }
    World world;
    world.group("readers", {reads});
    CHECK(world.path(world.user("ada", {allow("iam:AddUserToGroup", iam + "group/readers")})) == one(Means::add_to_group));
    CHECK(world.path(world.user("bob", {allow("iam:AddUserToGroup", iam + "group/others")})).empty());
    const auto denied = world.group("denied", {deny("s3:*")});
    CHECK(world.path(world.user("carol", {reads + "," + allow("iam:RemoveUserFromGroup")}, {denied})) ==
          one(Means::remove_from_group));
}

TEST_CASE("boundaries and denials that can be taken away") {
    for (const auto& [action, means] : {std::pair{"iam:DeleteUserPermissionsBoundary", Means::delete_boundary},
                                        {"iam:PutUserPermissionsBoundary", Means::put_boundary}}) {
        World world;
        const auto ada = world.user("ada", {reads + "," + allow("iam:*")});
        const std::string arn = iam + "policy/boundary";
        world.policies(ada).boundary = AttachedPolicy{policy_of(allow(action)), arn, "v1"};
        CHECK(world.path(ada) == one(means));
        world.policies(ada).boundary = AttachedPolicy{policy_of(allow("iam:GetUser")), arn, "v1"};
        CHECK(world.path(ada).empty());
    }
    World world;
    const auto ada = world.user("ada", {reads + "," + allow("iam:DeleteUserPolicy"), deny("s3:*")});
    CHECK(world.path(ada) == one(Means::delete_policy));
    const auto bob = world.user("bob", {reads + "," + allow("iam:DetachUserPolicy")});
    world.policies(bob).identity.push_back({policy_of(deny("s3:*")), "arn:aws:iam::aws:policy/Denies"});
    CHECK(world.path(bob) == one(Means::detach_policy));
}

TEST_CASE("new roles and users") {
    CHECK(with(allow("iam:CreateRole") + "," + allow("iam:PutRolePolicy", iam + "role/x*")) == one(Means::make_role));
    CHECK(with(allow("iam:CreateRole")).empty());
    CHECK(with(allow("iam:CreateUser", iam + "user/x*") + "," + allow("iam:PutUserPolicy", iam + "user/x*") + "," +
               allow("iam:CreateAccessKey", iam + "user/x*")) == one(Means::make_user));
    const std::string bound = R"({"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::111122223333:policy/b"}})";
    CHECK(with(allow("iam:CreateRole", "*", bound) + "," + allow("iam:PutRolePolicy", iam + "role/x*")).empty());
}

TEST_CASE("a bucket's own policy") {
    World world;
    const auto ada = world.user("ada", {allow("s3:PutBucketPolicy", "arn:aws:s3:::data")});
    CHECK(world.path(ada) == one(Means::put_bucket_policy));
    const AttachedPolicy denying{
        policy_of(R"({"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"})",
                  PolicyKind::resource),
        "bucket policy of data"};
    const auto bob = world.user("bob", {reads + "," + allow("s3:DeleteBucketPolicy")});
    CHECK(world.path(bob, &denying) == one(Means::delete_bucket_policy));
    CHECK(world.path(world.user("carol", {allow("s3:PutBucketPolicy", "arn:aws:s3:::other")})).empty());
}

TEST_CASE("several steps, the fewest") {
    World world;
    const auto ada = world.user("ada", {allow("sts:AssumeRole", iam + "role/first")});
    world.role("first", {allow("iam:CreateAccessKey", iam + "user/bob")}, trusts(whole_account));
    world.user("bob", {allow("iam:PutRolePolicy", iam + "role/last") + "," + allow("sts:AssumeRole", iam + "role/last")});
    world.role("last", {}, trusts(whole_account));
    CHECK(world.path(ada) == std::vector{Means::assume_role, Means::create_access_key, Means::put_policy});
    // A shorter one.
    world.role("short", {reads}, trusts(R"({"AWS":"arn:aws:iam::111122223333:role/first"})"));
    CHECK(world.path(ada) == std::vector{Means::assume_role, Means::assume_role});
}

TEST_CASE("what limits cut off is said") {
    World world;
    for (int i = 0; i < 5; ++i) world.user("u" + std::to_string(i), {allow("iam:CreateAccessKey")});
    const std::vector targets{proof::Target{
        .actions = {"s3:GetObject"}, .except = {}, .resources = {aim}, .policy = nullptr, .account = id, .known = {}}};
    CHECK(proof::find_paths(world.account, targets, {}, {.questions_max = 3, .each = {}}).open == "the number of questions");
    CHECK(proof::find_paths(world.account, targets, {}, {.states_max = 2, .each = {}}).open.starts_with("the number of users"));
}
