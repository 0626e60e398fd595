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

TEST_CASE("attaching what a condition leaves") {
    const auto attaches = [](const std::string& pattern) {
        return allow("iam:AttachUserPolicy", iam + "user/ada", R"({"ArnLike":{"iam:PolicyARN":")" + pattern + "\"}}");
    };
    // One of the account's, one of AWS's, and one that it makes.
    for (const auto& arn : {iam + "policy/readers", std::string("arn:aws:iam::aws:policy/Readers")}) {
        World world;
        world.account.policies.push_back(
            {.arn = iam + "policy/readers", .default_version = "v1", .keys = {}, .versions = {{"v1", policy_of(reads)}}});
        world.account.attachable.push_back({policy_of(reads), "arn:aws:iam::aws:policy/Readers", "v1"});
        CHECK(world.path(world.user("ada", {attaches(arn)})) == one(Means::attach_policy));
        CHECK(world.path(world.user("bob", {attaches(arn + "-others")})).empty());
    }
    CHECK(with(attaches(iam + "policy/team/*") + "," + allow("iam:CreatePolicy", iam + "policy/team/*")) ==
          one(Means::attach_policy));
    CHECK(with(attaches(iam + "policy/team/*")).empty());
    CHECK(with(attaches(iam + "policy/team/*") + "," + allow("iam:CreatePolicy", iam + "policy/other/*")).empty());
}

TEST_CASE("a Slurm session in the name of a user who may pass the role") {
    const std::string opens = allow("trainwarden:OpenSlurmSession", iam + "role/reader");
    const std::string passes = allow("iam:PassRole", iam + "role/reader");
    for (const bool somebody_passes : {true, false}) {
        World world;
        const auto ada = world.user("ada", {opens});
        world.role("reader", {reads}, trusts(job));
        world.user("bob", {somebody_passes ? passes : allow("iam:GetRole")});
        CHECK(world.path(ada) == (somebody_passes ? one(Means::open_slurm_session) : std::vector<Means>{}));
    }
    World world;
    const auto ada = world.user("ada", {opens});
    world.role("reader", {reads}, trusts(nobody));
    world.user("bob", {passes});
    CHECK(world.path(ada).empty());
}

TEST_CASE("a role whose trust policy is changed for SageMaker, where it may not be assumed") {
    const std::string jobs = allow("iam:PassRole", iam + "role/reader") + "," + allow("sagemaker:CreateTrainingJob");
    CHECK(with(allow("iam:UpdateAssumeRolePolicy") + "," + jobs + "," + deny("sts:AssumeRole")) == one(Means::pass_role_to_job));
    CHECK(with(jobs + "," + deny("sts:AssumeRole")).empty());
    const std::string makes = allow("iam:CreateRole") + "," + allow("iam:PutRolePolicy", iam + "role/x*");
    CHECK(with(makes + "," + allow("iam:PassRole") + "," + allow("sagemaker:CreateTrainingJob") + "," + deny("sts:AssumeRole")) ==
          one(Means::make_role));
    CHECK(with(makes + "," + deny("sts:AssumeRole")).empty());
}

TEST_CASE("groups that are given something later") {
    World world;
    world.group("g", {});
    const std::string joins = allow("iam:AddUserToGroup", iam + "group/g");
    CHECK(world.path(world.user("ada", {joins + "," + allow("iam:PutGroupPolicy", iam + "group/g")})) ==
          std::vector{Means::add_to_group, Means::put_group_policy});
    CHECK(world.path(world.user("bob", {joins})).empty());
    const std::string makes = allow("iam:CreateGroup", iam + "group/x*") + "," + allow("iam:AddUserToGroup", iam + "group/x*");
    CHECK(world.path(world.user("carol", {makes + "," + allow("iam:AttachGroupPolicy", iam + "group/x*")})) ==
          one(Means::make_group));
    CHECK(world.path(world.user("dave", {makes})).empty());
}

TEST_CASE("groups whose policies deny") {
    for (const auto& [action, means] : {std::pair{"iam:DeleteGroupPolicy", Means::delete_group_policy},
                                        {"iam:DetachGroupPolicy", Means::detach_group_policy}}) {
        World world;
        const auto group = world.group("g", {});
        const bool is_inline = means == Means::delete_group_policy;
        world.account.groups.front().policies.push_back(
            {policy_of(deny("s3:*")), is_inline ? "inline policy p of group g" : "arn:aws:iam::aws:policy/Denies"});
        CHECK(world.path(world.user("ada", {reads + "," + allow(action, iam + "group/g")}, {group})) == one(means));
        CHECK(world.path(world.user("bob", {reads + "," + allow(action, iam + "group/h")}, {group})).empty());
    }
}

TEST_CASE("tags that policies ask of a principal") {
    const std::string vision = R"({"StringEquals":{"aws:PrincipalTag/team":"vision"}})";
    const std::string conditional = allow("s3:GetObject", "arn:aws:s3:::data/*", vision);
    const std::string variable = allow("s3:GetObject", "arn:aws:s3:::data/${aws:PrincipalTag/team}");
    CHECK(with(conditional + "," + allow("iam:TagUser", iam + "user/ada")) == one(Means::tag_principal));
    CHECK(with(variable + "," + allow("iam:TagUser", iam + "user/ada")) == one(Means::tag_principal));
    CHECK(with(conditional).empty());
    CHECK(with(conditional + "," + allow("iam:TagUser", iam + "user/bob")).empty());
    // Other tags alone, other values alone.
    CHECK(
        with(conditional + "," + allow("iam:TagUser", "*", R"({"ForAllValues:StringEquals":{"aws:TagKeys":["cost"]}})")).empty());
    CHECK(with(conditional + "," + allow("iam:TagUser", "*", R"({"StringEquals":{"aws:RequestTag/team":"speech"}})")).empty());
    CHECK(with(conditional + "," + allow("iam:TagUser", "*", R"({"StringEquals":{"aws:RequestTag/team":"vision"}})")) ==
          one(Means::tag_principal));
    // One that keeps it out.
    World world;
    const auto ada = world.user("ada", {reads + R"(,{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":)" + vision +
                                        "}," + allow("iam:UntagUser", iam + "user/ada")});
    world.account.holders[ada].asker.subject.known.set("aws:PrincipalTag/team", "vision");
    CHECK(world.path(ada) == one(Means::untag_principal));
}

TEST_CASE("session tags") {
    const std::string vision = R"({"StringEquals":{"aws:PrincipalTag/team":"vision"}})";
    const auto path = [&](const std::string& actions, const std::string& trusted) {
        World world;
        const auto ada = world.user("ada", {R"({"Effect":"Allow","Action":[)" + actions + R"(],"Resource":"*"})"});
        world.role("reader", {allow("s3:GetObject", "arn:aws:s3:::data/*", vision)},
                   R"({"Effect":"Allow","Action":[)" + trusted + R"(],"Principal":{"AWS":"111122223333"}})");
        return world.path(ada);
    };
    const std::string both = R"("sts:AssumeRole","sts:TagSession")", assumes = R"("sts:AssumeRole")";
    CHECK(path(both, both) == one(Means::assume_role_as));
    CHECK(path(assumes, both).empty());
    CHECK(path(both, assumes).empty());
}

TEST_CASE("a session's name and source identity") {
    const auto path = [&](const std::string& condition, const std::string& actions) {
        World world;
        const auto ada = world.user("ada", {allow("sts:*")});
        world.role("reader", {allow("s3:GetObject", "arn:aws:s3:::data/*", condition)},
                   R"({"Effect":"Allow","Action":[)" + actions + R"(],"Principal":{"AWS":"111122223333"}})");
        return world.path(ada);
    };
    const std::string assumes = R"("sts:AssumeRole")", sets = R"("sts:AssumeRole","sts:SetSourceIdentity")";
    CHECK(path(R"({"StringLike":{"aws:userid":"*:ada"}})", assumes) == one(Means::assume_role_as));
    CHECK(path(R"({"StringEquals":{"aws:SourceIdentity":"ada"}})", sets) == one(Means::assume_role_as));
    CHECK(path(R"({"StringEquals":{"aws:SourceIdentity":"ada"}})", assumes).empty());
    // A bucket policy that names one session.
    World world;
    const auto ada = world.user("ada", {allow("sts:AssumeRole")});
    world.role("reader", {}, trusts(whole_account));
    const AttachedPolicy bucket{
        policy_of(
            R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/reader/ada"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"})",
            PolicyKind::resource),
        "bucket policy of data"};
    CHECK(world.path(ada, &bucket) == one(Means::assume_role_as));
}

TEST_CASE("what a request that brings tags needs as well") {
    const std::string tags = R"({"StringEquals":{"aws:RequestTag/team":"vision"}})";
    const auto trusted = [&](const std::string& actions, const std::string& key) {
        World world;
        const auto ada = world.user("ada", {allow("sts:*")});
        world.role("reader", {reads},
                   R"({"Effect":"Allow","Action":[)" + actions +
                       R"(],"Principal":{"AWS":"111122223333"},"Condition":{"StringEquals":{")" + key + R"(":"vision"}}})");
        return world.path(ada);
    };
    const std::string assumes = R"("sts:AssumeRole")";
    CHECK(trusted(assumes, "aws:RequestTag/team").empty());
    CHECK(trusted(assumes + R"(,"sts:TagSession")", "aws:RequestTag/team") == one(Means::assume_role));
    CHECK(trusted(assumes, "sts:SourceIdentity").empty());
    CHECK(trusted(assumes + R"(,"sts:SetSourceIdentity")", "sts:SourceIdentity") == one(Means::assume_role));
    const std::string pass = allow("iam:PassRole", iam + "role/reader") + "," + allow("sagemaker:CreateTrainingJob", "*", tags);
    CHECK(with(pass, job).empty());
    CHECK(with(pass + "," + allow("sagemaker:AddTags"), job) == one(Means::pass_role_to_job));
    const std::string makes = allow("iam:CreateRole", "*", tags) + "," + allow("iam:PutRolePolicy", iam + "role/x*");
    CHECK(with(makes).empty());
    CHECK(with(makes + "," + allow("iam:TagRole")) == one(Means::make_role));
}

TEST_CASE("jobs of certain names, or in another region") {
    const std::string pass = allow("iam:PassRole", iam + "role/reader") + ",";
    CHECK(with(pass + allow("sagemaker:CreateTrainingJob", "arn:aws:sagemaker:*:*:training-job/vision-*"), job) ==
          one(Means::pass_role_to_job));
    World world;
    world.account.regions = {"us-east-1", "eu-central-1"};
    const auto ada = world.user("ada", {pass + allow("sagemaker:CreateTrainingJob", "arn:aws:sagemaker:eu-central-1:*:*")});
    world.role("reader", {reads}, trusts(job));
    CHECK(world.path(ada) == one(Means::pass_role_to_job));
    const auto bob = world.user("bob", {pass + allow("sagemaker:CreateTrainingJob", "arn:aws:sagemaker:ap-south-1:*:*")});
    CHECK(world.path(bob).empty());
}

TEST_CASE("new principals with what they may be given") {
    const std::string makes_user = allow("iam:CreateUser", iam + "user/x*") + "," + allow("iam:CreateAccessKey", iam + "user/x*");
    World world;
    world.group("readers", {reads});
    CHECK(world.path(world.user("ada", {makes_user + "," + allow("iam:AddUserToGroup", iam + "group/readers") + "," +
                                        deny("s3:*")})) == one(Means::make_user));
    // With a boundary that it must have.
    const std::string arn = iam + "policy/b", bound = R"({"StringEquals":{"iam:PermissionsBoundary":")" + arn + R"("}})";
    for (const bool is_wide : {true, false}) {
        World other;
        other.account.policies.push_back({.arn = arn,
                                          .default_version = "v1",
                                          .keys = {},
                                          .versions = {{"v1", policy_of(is_wide ? reads : allow("iam:GetUser"))}}});
        const auto bob =
            other.user("bob", {allow("iam:CreateRole", "*", bound) + "," + allow("iam:PutRolePolicy", iam + "role/x*")});
        CHECK(other.path(bob) == (is_wide ? one(Means::make_role) : std::vector<Means>{}));
    }
    // With one that is taken away again.
    World unbound;
    unbound.account.policies.push_back(
        {.arn = arn, .default_version = "v1", .keys = {}, .versions = {{"v1", policy_of(allow("iam:GetUser"))}}});
    const std::string makes = allow("iam:CreateRole", "*", bound) + "," + allow("iam:PutRolePolicy", iam + "role/x*");
    CHECK(unbound.path(unbound.user("frank", {makes + "," + allow("iam:DeleteRolePermissionsBoundary", iam + "role/x*")})) ==
          one(Means::make_role));
    CHECK(
        unbound.path(unbound.user("grace", {makes + "," + allow("iam:DeleteRolePermissionsBoundary", iam + "role/y")})).empty());
    // Of a name that a bucket policy asks for.
    World named;
    const auto carol = named.user("carol", {allow("iam:CreateRole")});
    const AttachedPolicy bucket{
        policy_of(
            R"({"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/readers/*"}}})",
            PolicyKind::resource),
        "bucket policy of data"};
    CHECK(named.path(carol, &bucket) == one(Means::make_role));
    const auto dave = named.user("dave", {allow("iam:CreateRole", iam + "role/x*")});
    CHECK(named.path(dave, &bucket).empty());
}

TEST_CASE("a user that is called otherwise") {
    const std::string own = allow("s3:GetObject", "arn:aws:s3:::data/${aws:username}/*");
    World world;
    const auto ada = world.user("ada", {own + "," + allow("iam:UpdateUser", iam + "user/*")});
    const auto bob = world.user("bob", {own + "," + allow("iam:UpdateUser", iam + "user/bob")});
    const auto steps = [&](uint32_t holder, const std::string& object) {
        const std::vector targets{proof::Target{
            .actions = {"s3:GetObject"}, .except = {}, .resources = {object}, .policy = nullptr, .account = id, .known = {}}};
        std::vector<Means> out;
        for (const auto& path : proof::find_paths(world.account, targets, {}).paths)
            for (const auto& step : path.steps)
                if (path.holder == holder) out.push_back(step.means);
        return out;
    };
    CHECK(steps(ada, "arn:aws:s3:::data/grace/x") == one(Means::rename_user));
    CHECK(steps(ada, "arn:aws:s3:::data/bob/x").empty());  // who is there
    CHECK(steps(bob, "arn:aws:s3:::data/grace/x").empty());
}

TEST_CASE("boundaries that a condition leaves") {
    World world;
    const std::string arn = iam + "policy/wider", one_of = R"({"StringEquals":{"iam:PermissionsBoundary":")" + arn + R"("}})";
    world.account.policies.push_back({.arn = arn, .default_version = "v1", .keys = {}, .versions = {{"v1", policy_of(reads)}}});
    const std::string puts = allow("iam:PutUserPermissionsBoundary", "*", one_of);
    const auto ada = world.user("ada", {reads + "," + puts});
    world.policies(ada).boundary = AttachedPolicy{policy_of(puts), iam + "policy/boundary", "v1"};
    CHECK(world.path(ada) == one(Means::put_boundary));
}

TEST_CASE("what one does for another that it may act as") {
    // It changes the role, which only the other may assume.
    World world;
    const auto ada =
        world.user("ada", {allow("iam:PutRolePolicy", iam + "role/last") + "," + allow("iam:CreateAccessKey", iam + "user/bob")});
    world.user("bob", {allow("sts:AssumeRole", iam + "role/last")});
    world.role("last", {}, trusts(whole_account));
    CHECK(world.path(ada) == std::vector{Means::create_access_key, Means::put_policy});
    // It writes a bucket policy for the other: what it is denied itself.
    World buckets;
    const auto carol = buckets.user("carol", {allow("s3:PutBucketPolicy") + "," + deny("s3:GetObject") + "," +
                                              allow("iam:CreateAccessKey", iam + "user/dave")});
    buckets.user("dave", {});
    CHECK(buckets.path(carol) == std::vector{Means::create_access_key, Means::put_bucket_policy});
    const auto erin = buckets.user("erin", {allow("s3:PutBucketPolicy") + "," + deny("s3:GetObject")});
    CHECK(buckets.path(erin).empty());
}

TEST_CASE("more than one bucket") {
    World world;
    const auto ada = world.user("ada", {allow("s3:PutBucketPolicy", "arn:aws:s3:::second")});
    const std::vector targets{proof::Target{.actions = {"s3:GetObject"},
                                            .except = {},
                                            .resources = {"arn:aws:s3:::first/*", "arn:aws:s3:::second/*"},
                                            .policy = nullptr,
                                            .account = id,
                                            .known = {}}};
    const auto found = proof::find_paths(world.account, targets, {});
    REQUIRE(found.paths.size() == 1);
    CHECK(found.paths.front().holder == ada);
    CHECK(found.paths.front().steps.front().on == "arn:aws:s3:::second");
    CHECK(found.paths.front().steps.front().requests.back().witness.resource.starts_with("arn:aws:s3:::second/"));
}

TEST_CASE("each request that a step takes") {
    // Two policies that deny are written over by two requests.
    World world;
    const auto ada = world.user("ada", {reads + "," + allow("iam:PutUserPolicy"), deny("s3:GetObject"), deny("s3:Get*")});
    const std::vector targets{proof::Target{
        .actions = {"s3:GetObject"}, .except = {}, .resources = {aim}, .policy = nullptr, .account = id, .known = {}}};
    const auto found = proof::find_paths(world.account, targets, {});
    REQUIRE(found.paths.size() == 1);
    CHECK(found.paths.front().holder == ada);
    CHECK(found.paths.front().steps.front().requests.size() == 2);
    // A user has two keys at most.
    for (const bool deletes : {true, false}) {
        World keys;
        const auto carol =
            keys.user("carol", {allow("iam:CreateAccessKey", iam + "user/bob") + "," +
                                (deletes ? allow("iam:DeleteAccessKey", iam + "user/bob") : allow("iam:GetUser"))});
        keys.account.holders[keys.user("bob", {reads})].access_keys = 2;
        CHECK(keys.path(carol) == (deletes ? one(Means::create_access_key) : std::vector<Means>{}));
    }
}

TEST_CASE("more changes than are looked for are said") {
    World world;
    const auto ada = world.user("ada", {reads + "," + allow("iam:DetachUserPolicy")});
    for (int i = 0; i < 4; ++i)
        world.policies(ada).identity.push_back({policy_of(deny("s3:*")), "arn:aws:iam::aws:policy/Denies" + std::to_string(i)});
    const std::vector targets{proof::Target{
        .actions = {"s3:GetObject"}, .except = {}, .resources = {aim}, .policy = nullptr, .account = id, .known = {}}};
    const auto found = proof::find_paths(world.account, targets, {});
    CHECK(found.paths.empty());
    CHECK(found.open == "the limit of three changes by one principal");
}

TEST_CASE("a resource that is tagged first") {
    const std::string tagged = R"({"StringEquals":{"aws:ResourceTag/team":"vision"}})";
    const std::string keys = allow("iam:CreateAccessKey", "*", tagged);
    CHECK(with(keys + "," + allow("iam:TagUser", iam + "user/bob")) == one(Means::create_access_key));
    CHECK(with(keys).empty());
    CHECK(with(keys + "," + allow("iam:TagUser", iam + "user/carol")).empty());
    CHECK(with(keys + "," + allow("iam:TagUser", "*", R"({"StringEquals":{"aws:RequestTag/team":"speech"}})")).empty());
    // An object.
    World world;
    const auto ada = world.user("ada", {allow("s3:GetObject", "*", R"({"StringEquals":{"s3:ExistingObjectTag/open":"yes"}})") +
                                        "," + allow("s3:PutObjectTagging", "arn:aws:s3:::data/x")});
    const auto steps = [&](const std::string& object) {
        proof::Target target{
            .actions = {"s3:GetObject"}, .except = {}, .resources = {object}, .policy = nullptr, .account = id, .known = {}};
        target.absent = {"s3:existingobjecttag/"};
        const auto found = proof::find_paths(world.account, std::vector{target}, {});
        return found.paths.empty() ? std::vector<Means>{} : one(found.paths.front().steps.front().means);
    };
    CHECK(world.account.holders[ada].name == "ada");
    CHECK(steps("arn:aws:s3:::data/x") == one(Means::put_object_tags));
    CHECK(steps("arn:aws:s3:::data/y").empty());
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
    CHECK(
        proof::find_paths(world.account, targets, {}, {.states_max = 2, .each = {}}).open.starts_with("the limit on principals"));
}
