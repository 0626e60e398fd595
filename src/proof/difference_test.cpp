#include "proof/difference.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/strings.hpp"
#include "policy/evaluate.hpp"
#include "proof/plan.hpp"

using proof::AccessChange;
using proof::AccountPolicies;
using proof::ResourceChange;
using text::Json;
using Kind = AccessChange::Kind;

namespace {

constexpr const char* full = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]})";

std::string document(const std::string& statements) { return R"({"Version":"2012-10-17","Statement":[)" + statements + "]}"; }

std::string allow(const std::string& actions, const std::string& resources, const std::string& more = "") {
    return R"({"Effect":"Allow","Action":)" + actions + R"(,"Resource":)" + resources + more + "}";
}

// Two users, a group and a role, as GetAccountAuthorizationDetails shows them.
AccountPolicies account() {
    AccountPolicies out;
    out.id = "111122223333";
    const auto page = text::parse_json(R"({
      "UserDetailList": [
        {"UserName": "storage-admin", "Path": "/", "UserId": "AIDAADMIN", "Arn": "arn:aws:iam::111122223333:user/storage-admin",
         "UserPolicyList": [{"PolicyName": "all", "PolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D"}],
         "GroupList": [], "AttachedManagedPolicies": []},
        {"UserName": "ada", "Path": "/team/", "UserId": "AIDAADA", "Arn": "arn:aws:iam::111122223333:user/team/ada",
         "GroupList": ["Readers"], "AttachedManagedPolicies": [], "Tags": [{"Key": "team", "Value": "vision"}]}],
      "GroupDetailList": [
        {"GroupName": "Readers", "Path": "/", "GroupId": "AGPAREAD", "Arn": "arn:aws:iam::111122223333:group/Readers",
         "GroupPolicyList": [], "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::111122223333:policy/read"}]}],
      "RoleDetailList": [
        {"RoleName": "trainer", "Path": "/", "RoleId": "AROATRAINER", "Arn": "arn:aws:iam::111122223333:role/trainer",
         "AssumeRolePolicyDocument": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"sagemaker.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}",
         "RolePolicyList": [{"PolicyName": "data", "PolicyDocument": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::ml-data/*\"}]}"}],
         "AttachedManagedPolicies": []}],
      "Policies": [
        {"Arn": "arn:aws:iam::111122223333:policy/read", "DefaultVersionId": "v2", "PolicyVersionList": [
          {"VersionId": "v2", "IsDefaultVersion": true, "Document": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::ml-data/*\"}]}"},
          {"VersionId": "v1", "IsDefaultVersion": false, "Document": "{\"Version\":\"2012-10-17\",\"Statement\":[]}"}]}]})");
    REQUIRE(page.has_value());
    add_authorization_details(out, *page);
    out.buckets["ml-data"] = {"ml-data", nullptr, true};
    return out;
}

ResourceChange made(std::string type, Json after) { return {.type = std::move(type), .name = "x", .after = std::move(after)}; }

ResourceChange role_policy(const std::string& role, const std::string& name, const std::string& policy) {
    return made("aws:iam/rolePolicy:RolePolicy", Json::object({{"role", role}, {"name", name}, {"policy", policy}}));
}

ResourceChange bucket_policy(const std::string& bucket, const std::string& policy) {
    return made("aws:s3/bucketPolicy:BucketPolicy", Json::object({{"bucket", bucket}, {"policy", policy}}));
}

struct Compared {
    proof::AccessDifference difference;
    proof::PlannedAccount planned;
};

Compared compare(const AccountPolicies& before, const std::vector<ResourceChange>& changes) {
    Compared out;
    out.planned = proof::apply(before, changes);
    out.difference = access_difference(before, out.planned.account);
    return out;
}

std::string line(const AccessChange& change) {
    const char* sign = change.kind == Kind::gained ? "+ " : change.kind == Kind::lost ? "- " : "= ";
    return sign + base::join(change.who, ", ") + ": " + (change.not_action ? "all but " : "") + base::join(change.actions, ", ") +
           " on " + (change.not_resource ? "all but " : "") + base::join(change.resources, ", ") +
           (change.condition.empty() ? "" : " if " + change.condition) + (change.partly ? " (partly)" : "");
}

std::vector<std::string> lines(const proof::AccessDifference& difference) {
    std::vector<std::string> out;
    for (const auto& change : difference.changes) out.push_back(line(change));
    for (const auto& one : difference.unknown) out.push_back("? " + one);
    return out;
}

void check(const Compared& compared, const std::vector<std::string>& expected) {
    const auto found = lines(compared.difference);
    INFO(base::join(found, "\n"));
    CHECK(found == expected);
    for (const auto& change : compared.difference.changes) CHECK(change.witness.has_value());
}

}  // namespace

TEST_CASE("keys, and roles of other accounts") {
    const auto lines_of = [](const std::string& statement) {
        std::vector<std::string> out;
        for (const AccessChange& change :
             compare(account(), {role_policy("trainer", "more", document(statement))}).difference.changes)
            out.push_back(line(change));
        return out;
    };
    const auto keys = lines_of(allow(R"("kms:Decrypt")", R"("*")"));
    REQUIRE(keys.size() == 1);
    CHECK(keys.front().starts_with("+ role trainer: kms:Decrypt on *"));
    const auto there = lines_of(allow(R"("sts:AssumeRole")", R"("arn:aws:iam::444455556666:role/x")"));
    REQUIRE(there.size() == 1);
    CHECK(there.front().starts_with("+ role trainer: sts:AssumeRole on arn:aws:iam::444455556666:role/x"));
    CHECK(lines_of(allow(R"("sts:AssumeRole")", R"("*")")).size() == 1);
    // Roles of the account are let in by their own policies.
    CHECK(lines_of(allow(R"("sts:AssumeRole")", R"("arn:aws:iam::111122223333:role/other")")).empty());
}

TEST_CASE("an account is read as IAM shows it, and its principals have the policies of their groups") {
    const AccountPolicies one = account();
    CHECK(one.users.at("ada").groups.contains("readers"));
    CHECK(one.policies.at("arn:aws:iam::111122223333:policy/read").version == "v2");
    const auto ada = actor_of(one, one.users.at("ada"));
    REQUIRE(ada.policies.identity.size() == 1);
    CHECK(ada.policies.identity.front().policy->statements().size() == 1);
    CHECK(ada.subject.known.find("aws:PrincipalTag/team") != nullptr);
    CHECK(actor_of(one, one.users.at("storage-admin")).policies.identity.front().policy->text() == full);
    CHECK(unknown_policies(one).empty());
    AccountPolicies lacking = one;
    lacking.users.at("ada").boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    CHECK(unknown_policies(lacking) == std::vector<std::string>{"arn:aws:iam::aws:policy/ReadOnlyAccess"});
}

TEST_CASE("nothing changes where nothing changes") {
    check(compare(account(), {}), {});
    // The same policy again.
    const AccountPolicies one = account();
    check(compare(one, {role_policy("trainer", "data", std::string(one.roles.at("trainer").inline_policies.at("data")->text()))}),
          {});
    // Another policy that means the same.
    check(compare(one, {role_policy("trainer", "data", document(allow(R"(["s3:getobject"])", R"(["arn:aws:s3:::ml-data/*"])")))}),
          {});
}

TEST_CASE("a statement that is added, and one that is taken away") {
    const AccountPolicies one = account();
    check(compare(one, {role_policy("trainer", "data",
                                    document(allow(R"(["s3:GetObject","s3:DeleteObject"])", R"("arn:aws:s3:::ml-data/*")")))}),
          {"+ role trainer: s3:DeleteObject on arn:aws:s3:::ml-data/*"});
    check(compare(one,
                  {role_policy("trainer", "data", document(allow(R"("s3:GetObject")", R"("arn:aws:s3:::ml-data/public/*")")))}),
          {"- role trainer: s3:GetObject on arn:aws:s3:::ml-data/* (partly)"});
    check(compare(one, {role_policy("trainer", "data",
                                    document(allow(R"("s3:GetObject")", R"("arn:aws:s3:::ml-data/*")",
                                                   R"(,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})")))}),
          {"- role trainer: s3:GetObject on arn:aws:s3:::ml-data/* (partly)"});
    // A Deny: what it takes is said, not what the Allow gives.
    check(
        compare(one, {role_policy("trainer", "guard",
                                  document(R"({"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::ml-data/secret/*"})"))}),
        {"- role trainer: s3:GetObject on arn:aws:s3:::ml-data/secret/*"});
    ResourceChange gone{
        .type = "aws:iam/rolePolicy:RolePolicy", .name = "x", .before = Json::object({{"role", "trainer"}, {"name", "data"}})};
    check(compare(one, {gone}), {"- role trainer: s3:GetObject on arn:aws:s3:::ml-data/*"});
}

TEST_CASE("a new bucket: who may use it already, whom its policy lets in") {
    const auto bucket = made("aws:s3/bucket:Bucket", Json::object({{"bucket", "fresh"}}));
    const std::string already =
        "= user storage-admin: s3:GetObject, s3:ListBucket, s3:PutObject, s3:DeleteObject, s3:PutBucketPolicy on "
        "arn:aws:s3:::fresh, arn:aws:s3:::fresh/*";
    check(compare(account(), {bucket}), {already});
    const auto policy = document(
        R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/trainer"},"Action":"s3:*","Resource":"arn:aws:s3:::fresh/*"})");
    check(compare(account(), {bucket, bucket_policy("fresh", policy)}),
          {"+ role trainer: s3:* on arn:aws:s3:::fresh/*", already});
}

TEST_CASE("new buckets that the same may use are one line, and who is told apart by a condition is asked apart") {
    AccountPolicies one = account();
    const auto put = [&](const std::string& name, const std::string& statements) {
        auto user = one.users.at("storage-admin");
        user.name = name;
        user.id = "AIDA" + name;
        user.arn = one.iam_arn("user", "/", name);
        user.inline_policies = {{"p", policy::Policy::parse_stored(document(statements), policy::PolicyKind::identity)}};
        one.users[name] = user;
    };
    put("second", allow(R"("s3:*")", R"("*")"));
    put("named", allow(R"("s3:GetObject")", R"("*")", R"(,"Condition":{"StringEquals":{"aws:username":"named"}})"));
    put("other", allow(R"("s3:GetObject")", R"("*")", R"(,"Condition":{"StringEquals":{"aws:username":"somebody"}})"));
    put("one-bucket", allow(R"("s3:GetObject")", R"("arn:aws:s3:::fresh-1/*")"));
    put("elsewhere", allow(R"("s3:GetObject")", R"("arn:aws:s3:::old/*")"));
    const auto all = compare(one, {made("aws:s3/bucket:Bucket", Json::object({{"bucket", "fresh-1"}})),
                                   made("aws:s3/bucket:Bucket", Json::object({{"bucket", "fresh-2"}}))});
    const std::string both = " on arn:aws:s3:::fresh-1, arn:aws:s3:::fresh-1/*, arn:aws:s3:::fresh-2, arn:aws:s3:::fresh-2/*";
    check(all,
          {"= user named: s3:GetObject" + both + " if aws:username is named",
           "= user one-bucket: s3:GetObject on arn:aws:s3:::fresh-1, arn:aws:s3:::fresh-1/*",
           "= user second, user storage-admin: s3:GetObject, s3:ListBucket, s3:PutObject, s3:DeleteObject, s3:PutBucketPolicy" +
               both});
}

TEST_CASE("what a bucket's policy says is asked about that bucket alone") {
    // Ada loses what she has by her group where the bucket's policy denies it, and keeps it elsewhere.
    AccountPolicies one = account();
    one.buckets["other"] = {"other", nullptr, true};
    one.policies.at("arn:aws:iam::111122223333:policy/read").policy =
        policy::Policy::parse_stored(document(allow(R"("s3:GetObject")", R"("*")")), policy::PolicyKind::identity);
    const auto denies = document(
        R"({"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/team/ada"},"Action":"s3:Get*","Resource":"arn:aws:s3:::ml-data/*"})");
    check(compare(one, {bucket_policy("ml-data", denies)}), {"- user ada: s3:GetObject on arn:aws:s3:::ml-data/*"});
    // Her own policy changes: the bucket that denies is not spoken of.
    one.buckets.at("ml-data").policy = policy::Policy::parse_stored(denies, policy::PolicyKind::resource);
    ResourceChange version{.type = "aws:iam/policy:Policy", .name = "x"};
    version.before = Json::object({{"name", "read"}, {"path", "/"}});
    version.after = version.before;
    version.after.set("policy", document(allow(R"(["s3:GetObject","s3:GetObjectTagging"])", R"("arn:aws:s3:::*/*")")));
    const auto compared = compare(one, {version});
    INFO(base::join(lines(compared.difference), "\n"));
    for (const auto& change : compared.difference.changes) {
        REQUIRE(change.witness.has_value());
        CHECK(!change.witness->resource.starts_with("arn:aws:s3:::ml-data/"));
    }
    // Objects of access points, too, are resources of s3:GetObject.
    check(compared, {"+ user ada: s3:GetObjectTagging on arn:aws:s3:::*/*", "- user ada: s3:GetObject on * (partly)"});
}

TEST_CASE("a bucket's policy lets in anonymous callers and other accounts only where public access is not restricted") {
    const auto policy =
        document(R"({"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::ml-data/*"})");
    AccountPolicies one = account();
    auto restricted = compare(one, {bucket_policy("ml-data", policy)});
    for (const auto& change : restricted.difference.changes)
        CHECK(std::ranges::find(change.who, "anyone without credentials") == change.who.end());
    one.buckets.at("ml-data").restrict_public = false;
    const auto open = compare(one, {bucket_policy("ml-data", policy)});
    REQUIRE(open.difference.changes.size() == 1);
    const auto& who = open.difference.changes.front().who;
    CHECK(std::ranges::find(who, "anyone without credentials") != who.end());
    CHECK(std::ranges::find(who, "any principal of any other account") != who.end());
    // A Deny for whoever is not the admin: the root user, too.
    const auto closed = document(
        R"({"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::ml-data/*","Condition":{"StringNotEquals":{"aws:username":"storage-admin"}}})");
    const auto lost = compare(one, {bucket_policy("ml-data", closed)});
    INFO(base::join(lines(lost.difference), "\n"));
    CHECK(std::ranges::any_of(lost.difference.changes, [](const AccessChange& change) {
        return change.kind == Kind::lost && std::ranges::find(change.who, "the root user") != change.who.end();
    }));
    CHECK(std::ranges::none_of(lost.difference.changes, [](const AccessChange& change) {
        return std::ranges::find(change.who, "user storage-admin") != change.who.end();
    }));
}

TEST_CASE("a role that is new: what it may do, and who may assume it") {
    const auto trust = document(R"({"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"})");
    const auto role = made("aws:iam/role:Role", Json::object({{"name", "robot"}, {"path", "/"}, {"assumeRolePolicy", trust}}));
    check(compare(account(), {role, role_policy("robot", "p", document(allow(R"("sqs:SendMessage")", R"("*")")))}),
          {"+ role robot (new): sqs:SendMessage on *",
           "+ lambda.amazonaws.com: sts:AssumeRole on arn:aws:iam::111122223333:role/robot"});
}

TEST_CASE("trust, boundaries, groups' managed policies, and who is deleted") {
    const AccountPolicies one = account();
    ResourceChange trust{.type = "aws:iam/role:Role", .name = "x"};
    const auto& role = one.roles.at("trainer");
    trust.before = Json::object({{"name", "trainer"}, {"assumeRolePolicy", std::string(role.trust->text())}});
    trust.after = trust.before;
    trust.after.set(
        "assumeRolePolicy",
        document(
            R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/team/ada"},"Action":"sts:AssumeRole"})"));
    check(compare(one, {trust}), {"+ user ada: sts:AssumeRole on arn:aws:iam::111122223333:role/trainer",
                                  "- sagemaker.amazonaws.com: sts:AssumeRole on arn:aws:iam::111122223333:role/trainer"});

    ResourceChange bounded{.type = "aws:iam/user:User", .name = "x"};
    bounded.before = Json::object({{"name", "storage-admin"}, {"path", "/"}});
    bounded.after = bounded.before;
    bounded.after.set("permissionsBoundary", "arn:aws:iam::111122223333:policy/read");
    const auto ceiling = compare(one, {bounded});
    REQUIRE(ceiling.difference.changes.size() == 1);
    CHECK(line(ceiling.difference.changes.front()) == "- user storage-admin: s3:* on * (partly)");
    CHECK(ceiling.difference.changes.front().why == "outside its permissions boundary");

    ResourceChange version{.type = "aws:iam/policy:Policy", .name = "x"};
    version.before = Json::object({{"name", "read"}, {"path", "/"}});
    version.after = version.before;
    version.after.set(
        "policy", document(allow(R"(["s3:GetObject","s3:ListBucket"])", R"(["arn:aws:s3:::ml-data","arn:aws:s3:::ml-data/*"])")));
    check(compare(one, {version}), {"+ user ada: s3:ListBucket on arn:aws:s3:::ml-data"});

    ResourceChange gone{.type = "aws:iam/user:User", .name = "x", .before = Json::object({{"name", "storage-admin"}})};
    const auto deleted = compare(one, {gone});
    REQUIRE(deleted.difference.changes.size() == 1);
    CHECK(deleted.difference.changes.front().why == "user storage-admin is deleted");
}

TEST_CASE("whoever comes under a deleted role's name is not whom a policy meant") {
    AccountPolicies one = account();
    const auto policy = document(
        R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/trainer"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::ml-data/*"})");
    one.buckets.at("ml-data").policy = policy::Policy::parse_stored(policy, policy::PolicyKind::resource);
    const auto trust = std::string(one.roles.at("trainer").trust->text());
    ResourceChange gone{.type = "aws:iam/role:Role", .name = "x", .before = Json::object({{"name", "trainer"}})};
    const auto again = made("aws:iam/role:Role", Json::object({{"name", "trainer"}, {"path", "/"}, {"assumeRolePolicy", trust}}));
    const auto replaced = compare(one, {gone, again});
    INFO(base::join(lines(replaced.difference), "\n"));
    CHECK(std::ranges::none_of(replaced.difference.changes, [](const AccessChange& change) {
        return change.kind == Kind::gained && std::ranges::find(change.who, "role trainer (new)") != change.who.end();
    }));
}

TEST_CASE("a user who moves to another path takes along what policies say of him") {
    AccountPolicies one = account();
    one.buckets.at("ml-data").policy = policy::Policy::parse_stored(
        document(
            R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/team/ada"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::ml-data/*"})"),
        policy::PolicyKind::resource);
    ResourceChange moved{.type = "aws:iam/user:User", .name = "x"};
    moved.before = Json::object({{"name", "ada"}, {"path", "/team/"}, {"tags", Json::object({{"team", "vision"}})}});
    moved.after = Json::object({{"name", "ada"}, {"path", "/other/"}, {"tags", Json::object({{"team", "vision"}})}});
    check(compare(one, {moved}), {});
}

TEST_CASE("what a plan does not say yet is said to be unknown") {
    ResourceChange change = role_policy("trainer", "more", "");
    change.unknown = {{"policy", "known after up"}};
    const auto planned = compare(account(), {change}).planned;
    REQUIRE(planned.unknown.size() == 1);
    CHECK(planned.unknown.front() == "aws:iam/rolePolicy:RolePolicy x: `policy` is known after up, and so is what it allows");
    const auto nowhere = proof::apply(account(), std::vector{role_policy("nobody", "p", full)});
    CHECK(nowhere.unknown.size() == 1);
    ResourceChange bounded{.type = "aws:iam/user:User", .name = "y"};
    bounded.after = Json::object({{"name", "new"}, {"path", "/"}});
    bounded.unknown = {{"permissionsBoundary", "known after up"}};
    const auto without = proof::apply(account(), std::vector{bounded});
    REQUIRE(without.unknown.size() == 1);
    CHECK(without.unknown.front() ==
          "aws:iam/user:User y: `permissionsBoundary` is known after up: the user is taken to have none");
}

TEST_CASE("a bucket that is made blocks public access, and one whose policy is deleted has none") {
    const auto bucket = made("aws:s3/bucket:Bucket", Json::object({{"bucket", "new"}}));
    const auto with = proof::apply(account(), std::vector{bucket, bucket_policy("new", full)});
    CHECK(with.account.buckets.at("new").restrict_public);
    REQUIRE(with.account.buckets.at("new").policy != nullptr);
    ResourceChange gone = bucket_policy("new", full);
    std::swap(gone.before, gone.after);
    CHECK(proof::apply(with.account, std::vector{gone}).account.buckets.at("new").policy == nullptr);
}

TEST_CASE(
    "settings of buckets that count for access: the account's block holds for all, and what ACLs grant is said to be open") {
    AccountPolicies open = account();
    open.buckets.at("ml-data").restrict_public = false;
    const auto block =
        made("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock", Json::object({{"restrictPublicBuckets", true}}));
    const auto blocked = proof::apply(open, std::vector{block});
    CHECK(blocked.account.buckets.at("ml-data").restrict_public);
    CHECK(blocked.unknown.empty());
    ResourceChange lifted = block;
    std::swap(lifted.before, lifted.after);
    CHECK(proof::apply(open, std::vector{lifted}).unknown.size() == 1);

    const auto said = [&](const char* type, const char* properties) {
        const auto change = made(type, *text::parse_json(properties));
        CHECK(proof::is_about_access(type));
        const auto unknown = proof::apply(open, std::vector{change}).unknown;
        return unknown.empty() ? std::string() : unknown.front().substr(unknown.front().find(": ") + 2);
    };
    CHECK(said("aws:s3/bucketAcl:BucketAcl", R"({"acl":"public-read"})") ==
          "what the ACL `public-read` grants is not in this comparison");
    CHECK(said("aws:s3/bucketAclV2:BucketAclV2", R"({"accessControlPolicy":{}})") ==
          "what its grants allow is not in this comparison");
    CHECK(said("aws:s3/bucketAcl:BucketAcl", R"({"acl":"private"})").empty());
    CHECK(said("aws:s3/bucket:Bucket", R"({"bucket":"ml-data","acl":"public-read"})").starts_with("what the ACL `public-read`"));
    constexpr const char* ownership = "aws:s3/bucketOwnershipControls:BucketOwnershipControls";
    CHECK(said(ownership, R"({"rule":{"objectOwnership":"ObjectWriter"}})")
              .starts_with("ACLs of the bucket and its objects count"));
    CHECK(said(ownership, R"({"rule":{"objectOwnership":"BucketOwnerEnforced"}})").empty());
    CHECK(said("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
               R"({"rules":[{"blockedEncryptionTypes":["SSE-C"]}]})")
              .starts_with("uploads with the encryption SSE-C are refused"));
}

TEST_CASE("what is gained in another region, or by what principals of other accounts bring, is gained") {
    AccountPolicies before = account();
    before.buckets.at("ml-data") = {.name = "ml-data", .policy = nullptr};
    for (const char* condition :
         {R"({"StringEquals":{"aws:RequestedRegion":"eu-west-1"}})", R"({"StringEquals":{"aws:userid":"anonymous"}})",
          R"({"StringEquals":{"aws:PrincipalTag/team":"vision","aws:PrincipalAccount":"444455556666"}})"}) {
        AccountPolicies after = before;
        after.buckets.at("ml-data").policy = policy::Policy::parse_stored(
            document(
                R"({"Effect":"Allow","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::ml-data/*","Condition":)" +
                std::string(condition) + "}"),
            policy::PolicyKind::resource);
        const auto found = access_difference(before, after);
        CHECK_MESSAGE(std::ranges::any_of(found.changes, [](const auto& one) { return one.kind == Kind::gained; }), condition);
    }
}

TEST_CASE("who is let in from outside is a line of its own, and stands first") {
    AccountPolicies before = account();
    before.buckets.at("ml-data") = {.name = "ml-data", .policy = nullptr};
    AccountPolicies after = before;
    after.buckets.at("ml-data").policy = policy::Policy::parse_stored(
        document(R"({"Effect":"Allow","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::ml-data/*"})"),
        policy::PolicyKind::resource);
    const auto found = access_difference(before, after);
    REQUIRE(found.changes.size() > 1);
    CHECK(found.changes.front().who ==
          std::vector<std::string>{"anyone without credentials", "any principal of any other account"});
    CHECK(found.changes.front().witness->principal.kind == policy::PrincipalKind::anonymous);
}

TEST_CASE("who is deleted loses what policies of buckets and roles grant, too") {
    AccountPolicies before = account();
    before.buckets.at("ml-data") = {
        .name = "ml-data",
        .policy = policy::Policy::parse_stored(
            document(
                R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/trainer"},"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::ml-data/*"})"),
            policy::PolicyKind::resource)};
    ResourceChange gone{.type = "aws:iam/role:Role", .name = "trainer"};
    gone.before = Json::object({{"name", "trainer"}, {"path", "/"}});
    const auto found = lines(compare(before, {gone}).difference);
    INFO(base::join(found, "\n"));
    CHECK(std::ranges::any_of(found, [](const std::string& one) {
        return one.starts_with("- role trainer: s3:DeleteObject on arn:aws:s3:::ml-data/*");
    }));
}

TEST_CASE("many principals of the same policies are one line, and many statements end in one") {
    AccountPolicies one = account();
    std::vector<ResourceChange> changes;
    const auto trust = document(R"({"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"})");
    for (int i = 0; i < 20; ++i) {
        const std::string name = "r" + std::to_string(i);
        changes.push_back(made("aws:iam/role:Role", Json::object({{"name", name}, {"path", "/"}, {"assumeRolePolicy", trust}})));
        changes.push_back(made("aws:iam/rolePolicyAttachment:RolePolicyAttachment",
                               Json::object({{"role", name}, {"policyArn", "arn:aws:iam::111122223333:policy/read"}})));
    }
    const auto many = compare(one, changes);
    INFO(base::join(lines(many.difference), "\n"));
    const auto& first = many.difference.changes.front();
    CHECK(first.who.size() == 20);
    CHECK(first.actions == std::vector<std::string>{"s3:GetObject"});
    std::string statements;
    for (int i = 0; i < 40; ++i)
        statements += (i == 0 ? "" : ",") + allow(R"("s3:PutObject")", R"("arn:aws:s3:::b)" + std::to_string(i) + R"(/*")");
    const auto long_policy = compare(one, {role_policy("trainer", "long", document(statements))});
    REQUIRE(long_policy.difference.changes.size() == 1);
    CHECK(long_policy.difference.changes.front().policy == "inline policy long of role trainer");
}
