#include "proof/guard.hpp"

#include <doctest/doctest.h>

using policy::Policy;
using policy::PolicyKind;
using proof::AccountPolicies;
using proof::Guard;
using proof::GuardResult;
using Outcome = GuardResult::Outcome;

namespace {

std::string document(const std::string& statements) { return R"({"Version":"2012-10-17","Statement":[)" + statements + "]}"; }

AccountPolicies account() {
    AccountPolicies out;
    out.id = "111122223333";
    const auto user = [&](const std::string& name, const std::string& statements) {
        proof::User one;
        one.name = name;
        one.arn = out.iam_arn("user", "/", name);
        one.id = "AIDA" + name;
        one.inline_policies["p"] = Policy::parse_stored(document(statements), PolicyKind::identity);
        out.users[name] = one;
    };
    user(
        "ada",
        R"({"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::ml-data","arn:aws:s3:::ml-data/*"]})");
    user("bob",
         R"({"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}})");
    user("eve", R"({"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"})");
    proof::Role role;
    role.name = "trainer";
    role.arn = out.iam_arn("role", "/", "trainer");
    role.id = "AROATRAINER";
    role.trust = Policy::parse_stored(
        document(
            R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root","Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"})"),
        PolicyKind::trust);
    out.roles["trainer"] = role;
    out.buckets["ml-data"] = {"ml-data", nullptr, false};
    out.buckets["open"] = {
        "open",
        Policy::parse_stored(
            document(R"({"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::open/*"})"),
            PolicyKind::resource),
        false};
    return out;
}

GuardResult check(const Guard& guard, const AccountPolicies& of = account(), const std::vector<std::string>& doubts = {}) {
    return check_guards(std::vector{guard}, of, doubts).front();
}

Guard rule(Guard::Kind kind, std::vector<std::string> principals, std::vector<std::string> actions,
           std::vector<std::string> resources) {
    return {.kind = kind,
            .name = "r",
            .principals = std::move(principals),
            .actions = std::move(actions),
            .resources = std::move(resources)};
}

}  // namespace

TEST_CASE("a session's tags stand over those of its role") {
    AccountPolicies of = account();
    proof::Role& role = of.roles["trainer"];
    role.tags["team"] = "vision";
    of.buckets["ml-data"].policy = Policy::parse_stored(
        document(
            R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/trainer"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::ml-data/*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"admin"}}})"),
        PolicyKind::resource);
    const Guard guard = rule(Guard::Kind::deny, {"arn:aws:iam::*:role/trainer"}, {"s3:GetObject"}, {"arn:aws:s3:::ml-data/*"});
    CHECK(check(guard, of).outcome == Outcome::kept);
    role.trust = Policy::parse_stored(
        document(
            R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["sts:AssumeRole","sts:TagSession"]})"),
        PolicyKind::trust);
    const auto broken = check(guard, of);
    CHECK(broken.outcome == Outcome::broken);
    REQUIRE(broken.witness.has_value());
    CHECK(broken.witness->context.find("aws:PrincipalTag/team")->values.front() == "admin");
    // No session is without the role's tags.
    of.buckets["ml-data"].policy = Policy::parse_stored(
        document(
            R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/trainer"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::ml-data/*","Condition":{"Null":{"aws:PrincipalTag/team":"true"}}})"),
        PolicyKind::resource);
    CHECK(check(guard, of).outcome == Outcome::kept);
}

TEST_CASE("keys, and roles of other accounts") {
    AccountPolicies of = account();
    const auto give = [&](const std::string& statements) {
        of.users["ada"].inline_policies["more"] = Policy::parse_stored(document(statements), PolicyKind::identity);
    };
    const Guard keys = rule(Guard::Kind::deny, {"*:user/ada"}, {"kms:Decrypt"}, {"*"});
    const Guard roles = rule(Guard::Kind::deny, {"*:user/ada"}, {"sts:AssumeRole"}, {"arn:aws:iam::*:role/*"});
    const Guard named = rule(Guard::Kind::deny, {"*:user/ada"}, {"sqs:*"}, {"arn:aws:sqs:*:444455556666:q"});
    for (const Guard* one : {&keys, &roles, &named}) CHECK(check(*one, of).outcome == Outcome::kept);
    give(R"({"Effect":"Allow","Action":["kms:Decrypt","sts:AssumeRole","sqs:SendMessage"],"Resource":"*"})");
    for (const Guard* one : {&keys, &roles, &named}) CHECK(check(*one, of).outcome == Outcome::broken);
    give(R"({"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::444455556666:role/*"})");
    const auto role = check(roles, of);
    REQUIRE(role.witness.has_value());
    CHECK(role.witness->resource.starts_with("arn:aws:iam::444455556666:role/"));
    // Of the account's own roles their trust policies say it.
    give(R"({"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/nobody"})");
    CHECK(check(roles, of).outcome == Outcome::kept);
}

TEST_CASE("deny: nobody may") {
    const auto kept = check(rule(Guard::Kind::deny, {"*"}, {"iam:*"}, {"*"}));
    INFO(kept.who, " ", kept.witness ? kept.witness->action : "");
    CHECK(kept.outcome == Outcome::kept);
    const auto broken = check(rule(Guard::Kind::deny, {"*"}, {"s3:DeleteObject"}, {"arn:aws:s3:::ml-data/*"}));
    CHECK(broken.outcome == Outcome::broken);
    CHECK(broken.who == "user bob");
    REQUIRE(broken.witness.has_value());
    CHECK(broken.witness->action == "s3:DeleteObject");
    CHECK(broken.witness->context.find("aws:MultiFactorAuthPresent") != nullptr);
    // What is settled of the circumstances may make it so.
    Guard without = rule(Guard::Kind::deny, {"*"}, {"s3:DeleteObject"}, {"arn:aws:s3:::ml-data/*"});
    without.conditions.set("aws:MultiFactorAuthPresent", "false");
    CHECK(check(without).outcome == Outcome::kept);
    Guard except = rule(Guard::Kind::deny, {"*"}, {"s3:DeleteObject"}, {"arn:aws:s3:::ml-data/*"});
    except.except = {"arn:aws:iam::*:user/bob"};
    CHECK(check(except).outcome == Outcome::kept);
}

TEST_CASE("only: nobody but these") {
    CHECK(check(rule(Guard::Kind::only, {"*:user/ada", "*:user/bob"}, {"s3:GetObject"}, {"arn:aws:s3:::ml-data/*"})).outcome ==
          Outcome::kept);
    const auto broken = check(rule(Guard::Kind::only, {"*:user/bob"}, {"s3:GetObject"}, {"arn:aws:s3:::ml-data/*"}));
    CHECK(broken.outcome == Outcome::broken);
    CHECK(broken.who == "user ada");
    // A bucket's own policy counts, and whoever it lets in.
    // And only in that bucket.
    CHECK(check(rule(Guard::Kind::deny, {"anonymous"}, {"s3:GetObject"}, {"arn:aws:s3:::ml-data/*"})).outcome == Outcome::kept);
    const auto open = check(rule(Guard::Kind::only, {"*:user/*", "*:role/*"}, {"s3:GetObject"}, {"arn:aws:s3:::open/*"}));
    CHECK(open.outcome == Outcome::broken);
    CHECK(open.who == "anyone without credentials");
    const auto other = check(rule(Guard::Kind::deny, {"other-accounts"}, {"s3:*"}, {"*"}));
    CHECK(other.outcome == Outcome::broken);
    CHECK(other.who == "any principal of any other account");
}

TEST_CASE("allow: these may, in all circumstances") {
    const auto reads = check(rule(Guard::Kind::allow, {"*:user/ada"}, {"s3:GetObject"}, {"arn:aws:s3:::ml-data/*"}));
    INFO(reads.who, " ", reads.witness ? reads.witness->resource : "", " ", reads.reason);
    CHECK(reads.outcome == Outcome::kept);
    const auto more =
        check(rule(Guard::Kind::allow, {"*:user/ada"}, {"s3:GetObject", "s3:PutObject"}, {"arn:aws:s3:::ml-data/*"}));
    CHECK(more.outcome == Outcome::broken);
    REQUIRE(more.witness.has_value());
    CHECK(more.witness->action == "s3:PutObject");
    // Bob needs a second factor; with it he may.
    Guard bob = rule(Guard::Kind::allow, {"*:user/bob"}, {"s3:GetObject"}, {"arn:aws:s3:::ml-data/*"});
    CHECK(check(bob).outcome == Outcome::broken);
    bob.conditions.set("aws:MultiFactorAuthPresent", "true");
    CHECK(check(bob).outcome == Outcome::kept);
    const auto nobody = check(rule(Guard::Kind::allow, {"*:user/nobody"}, {"s3:GetObject"}, {"*"}));
    CHECK(nobody.outcome == Outcome::broken);
    CHECK(!nobody.witness);
}

TEST_CASE("who may assume a role: its trust policy and their own policies") {
    const std::vector<std::string> trainer = {"arn:aws:iam::*:role/trainer"};
    CHECK(check(rule(Guard::Kind::only, {"*:user/eve", "sagemaker.amazonaws.com"}, {"sts:AssumeRole"}, trainer)).outcome ==
          Outcome::kept);
    const auto service = check(rule(Guard::Kind::only, {"*:user/eve"}, {"sts:AssumeRole"}, trainer));
    CHECK(service.outcome == Outcome::broken);
    CHECK(service.who == "sagemaker.amazonaws.com");
    const auto eve = check(rule(Guard::Kind::deny, {"*:user/*"}, {"sts:AssumeRole"}, trainer));
    CHECK(eve.who == "user eve");
    CHECK(
        check(rule(Guard::Kind::allow, {"*:user/eve"}, {"sts:AssumeRole"}, {"arn:aws:iam::111122223333:role/trainer"})).outcome ==
        Outcome::kept);
}

TEST_CASE("a session that a policy names is one of those who may") {
    AccountPolicies one = account();
    one.buckets.at("ml-data").policy = Policy::parse_stored(
        document(
            R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/trainer/night"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::ml-data/*"})"),
        PolicyKind::resource);
    const auto named = check(rule(Guard::Kind::deny, {"*:assumed-role/*", "*:role/*"}, {"s3:PutObject"}, {"*"}), one);
    CHECK(named.outcome == Outcome::broken);
    CHECK(named.who == "session night of role trainer");
    // It is the role's.
    CHECK(check(rule(Guard::Kind::deny, {"arn:aws:iam::*:role/trainer"}, {"s3:PutObject"}, {"*"}), one).outcome ==
          Outcome::broken);
    CHECK(check(rule(Guard::Kind::only, {"*:user/bob", "*:role/trainer"}, {"s3:PutObject"}, {"arn:aws:s3:::ml-data/*"}), one)
              .outcome == Outcome::kept);
    // And one that a condition tells from others: any session may have that name.
    one.buckets.at("ml-data").policy = nullptr;
    one.roles.at("trainer").inline_policies["p"] = Policy::parse_stored(
        document(
            R"({"Effect":"Allow","Action":"s3:PutObject","Resource":"*","Condition":{"StringLike":{"aws:userid":"AROATRAINER:night*"}}})"),
        PolicyKind::identity);
    const auto by_id = check(rule(Guard::Kind::deny, {"*:role/trainer"}, {"s3:PutObject"}, {"arn:aws:s3:::ml-data/*"}), one);
    CHECK(by_id.outcome == Outcome::broken);
}

namespace {

AccountPolicies with_bucket_policy(const std::string& principal, const std::string& condition) {
    AccountPolicies out = account();
    out.buckets.at("ml-data").policy =
        Policy::parse_stored(document(R"({"Effect":"Allow","Principal":)" + principal +
                                      R"(,"Action":"s3:GetObject","Resource":"arn:aws:s3:::ml-data/*")" +
                                      (condition.empty() ? "" : R"(,"Condition":)" + condition) + "}"),
                             PolicyKind::resource);
    return out;
}

Outcome denied_to(const std::string& principal, const AccountPolicies& of) {
    return check(rule(Guard::Kind::deny, {principal}, {"s3:GetObject"}, {"arn:aws:s3:::ml-data/*"}), of).outcome;
}

}  // namespace

TEST_CASE("callers without credentials have keys of their own") {
    for (const char* condition : {R"({"StringEquals":{"aws:userid":"anonymous"}})", R"({"StringLike":{"aws:userid":"anon*"}})",
                                  R"({"StringEquals":{"aws:PrincipalType":"Anonymous"}})"})
        CHECK_MESSAGE(denied_to("anonymous", with_bucket_policy(R"("*")", condition)) == Outcome::broken, condition);
    CHECK(denied_to("anonymous", with_bucket_policy(R"("*")", R"({"StringEquals":{"aws:PrincipalType":"User"}})")) ==
          Outcome::kept);
}

TEST_CASE("principals of other accounts have any name, kind and tags") {
    for (const char* condition :
         {R"({"StringEquals":{"aws:PrincipalTag/team":"vision"}})", R"({"StringEquals":{"aws:PrincipalType":"AssumedRole"}})",
          R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}})", R"({"StringEquals":{"aws:username":"carol"}})",
          R"({"StringLike":{"aws:userid":"AROA*:night"}})", R"({"StringEquals":{"aws:SourceIdentity":"carol"}})"}) {
        CHECK_MESSAGE(denied_to("other-accounts", with_bucket_policy(R"("*")", condition)) == Outcome::broken, condition);
        CHECK_MESSAGE(denied_to("other-accounts", with_bucket_policy(R"({"AWS":"444455556666"})", condition)) == Outcome::broken,
                      condition);
    }
}

TEST_CASE("a pattern with another account's number means its principals, though no policy names them") {
    const auto open = with_bucket_policy(R"("*")", "");
    for (const char* pattern : {"arn:aws:iam::444455556666:user/*", "arn:aws:iam::444455556666:role/team-*",
                                "arn:aws:iam::444455556666:*", "arn:aws:iam::444455556666:role/x"})
        CHECK_MESSAGE(denied_to(pattern, open) == Outcome::broken, pattern);
    const auto roles =
        with_bucket_policy(R"({"AWS":"444455556666"})", R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/team-*"}})");
    CHECK(denied_to("arn:aws:iam::444455556666:role/team-*", roles) == Outcome::broken);
    CHECK(denied_to("arn:aws:iam::444455556666:role/other*", roles) == Outcome::kept);
    CHECK(denied_to("arn:aws:iam::444455556666:user/*", roles) == Outcome::kept);
    CHECK(denied_to("arn:aws:iam::777788889999:role/team-*", roles) == Outcome::kept);
}

TEST_CASE("every region that policies tell apart is asked about") {
    auto one = with_bucket_policy(R"("*")", R"({"StringEquals":{"aws:RequestedRegion":"eu-west-1"}})");
    CHECK(denied_to("anonymous", one) == Outcome::broken);
    // Where the bucket is known to be, requests for it are.
    one.buckets.at("ml-data").region = "us-west-2";
    CHECK(denied_to("anonymous", one) == Outcome::kept);
    one.buckets.at("ml-data").region = "eu-west-1";
    CHECK(denied_to("anonymous", one) == Outcome::broken);
    CHECK(denied_to("anonymous", with_bucket_policy(R"("*")", R"({"StringLike":{"aws:RequestedRegion":"ap-*-1"}})")) ==
          Outcome::broken);
    one = account();
    one.users.at("ada").inline_policies["q"] = Policy::parse_stored(
        document(
            R"({"Effect":"Allow","Action":"sagemaker:*","Resource":"arn:aws:sagemaker:eu-central-1:111122223333:training-job/*"})"),
        PolicyKind::identity);
    CHECK(check(rule(Guard::Kind::deny, {"*:user/ada"}, {"sagemaker:StopTrainingJob"}, {"*"}), one).outcome == Outcome::broken);
}

TEST_CASE("a rule that guards nothing, and an account that is not known") {
    const auto nothing = check(rule(Guard::Kind::deny, {"*"}, {"s3:ListBucket"}, {"arn:aws:s3:::ml-data/*"}));
    CHECK(nothing.outcome == Outcome::broken);
    CHECK(nothing.reason.contains("it guards nothing"));
    const auto doubtful =
        check(rule(Guard::Kind::deny, {"*"}, {"iam:*"}, {"*"}), account(), {"not read: the policy of bucket x"});
    CHECK(doubtful.outcome == Outcome::unknown);
    CHECK(doubtful.reason == "not read: the policy of bucket x");
    const auto slip = check(rule(Guard::Kind::deny, {"arn:aws:iam::111122223333:user/adda"}, {"s3:*"}, {"*"}));
    CHECK(slip.outcome == Outcome::broken);
    CHECK(slip.reason == "there is no such principal: it guards nothing");
    // Who is not there may be among what could not be read.
    CHECK(
        check(rule(Guard::Kind::allow, {"arn:aws:iam::111122223333:user/adda"}, {"s3:*"}, {"*"}), account(), {"not read: users"})
            .outcome == Outcome::unknown);
    CHECK(check(rule(Guard::Kind::deny, {"*:user/adda*"}, {"s3:*"}, {"*"})).outcome == Outcome::kept);
    // The root user is meant where it is named.
    CHECK(check(rule(Guard::Kind::deny, {"arn:aws:iam::*:root"}, {"iam:CreateUser"}, {"*"})).outcome == Outcome::broken);
}
