#include <doctest/doctest.h>

#include "proof/compare.hpp"
#include "proof/ways.hpp"

using policy::Policy;
using policy::PolicyKind;
using proof::Answer;

namespace {

proof::Subject user_alice() {
    proof::Subject out;
    out.principal = {.kind = policy::PrincipalKind::user,
                     .account = "111122223333",
                     .arn = "arn:aws:iam::111122223333:user/alice",
                     .unique_id = "AIDAALICE",
                     .user_arn = "arn:aws:iam::111122223333:user/alice"};
    return out;
}

policy::PolicyPtr identity(const std::string& statements) {
    return Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", PolicyKind::identity).value();
}

std::string allow(const std::string& actions, const std::string& resources, const std::string& more = "") {
    return R"({"Effect":"Allow","Action":)" + actions + R"(,"Resource":)" + resources + more + "}";
}
std::string deny(const std::string& actions, const std::string& resources, const std::string& more = "") {
    return R"({"Effect":"Deny","Action":)" + actions + R"(,"Resource":)" + resources + more + "}";
}

bool includes(const std::string& second, const std::string& first) {
    const auto answer = proof::find_more(identity(first), identity(second));
    INFO(first, " in ", second, ": ", answer.reason,
         answer.witness ? answer.witness->action + " " + answer.witness->resource : "");
    CHECK(answer.kind != Answer::Kind::unknown);
    return answer.kind == Answer::Kind::no;
}

}  // namespace

TEST_CASE("IAM's lists below a path are requests of their own") {
    const std::string below = R"("arn:aws:iam::*:user/team/*")";
    const std::string everything = allow("\"*\"", "\"*\"");
    const auto at = [&](const std::string& resources) {
        const auto answer =
            proof::find_more(identity(allow(R"("iam:ListUsers")", resources)), identity(allow(R"("sqs:SendMessage")", "\"*\"")));
        return answer.kind == Answer::Kind::yes ? answer.witness->resource
                                                : std::string(answer.kind == Answer::Kind::no ? "no" : "?");
    };
    CHECK(at(below).starts_with("arn:aws:iam::111122223333:user/team/"));
    CHECK(at(below).ends_with("/"));
    CHECK(at(R"("arn:aws:iam::*:user/")") == "arn:aws:iam::111122223333:user/");
    CHECK(at(R"("arn:aws:iam::*:role/team/*")") == "no");
    CHECK(at(R"("arn:aws:iam::*:user/team")") == "no");
    CHECK(includes(everything, allow(R"("iam:ListUsers")", below)));
    CHECK_FALSE(includes(allow(R"("iam:ListUsers")", R"("arn:aws:iam::*:user/")"), allow(R"("iam:ListUsers")", below)));
}

TEST_CASE("keys that every request for an action has") {
    const std::string none = allow(R"("sqs:SendMessage")", "\"*\"");
    const auto if_missing = [&](const std::string& action, const std::string& key) {
        return !includes(none, allow('"' + action + '"', "\"*\"", R"(,"Condition":{"Null":{")" + key + R"(":"true"}})"));
    };
    CHECK_FALSE(if_missing("iam:AttachUserPolicy", "iam:PolicyARN"));
    CHECK_FALSE(if_missing("s3:GetObject", "s3:authType"));
    CHECK_FALSE(if_missing("s3:GetObject", "s3:signatureversion"));
    CHECK(if_missing("s3:GetObject", "s3:ExistingObjectTag/team"));
    CHECK(if_missing("iam:CreateUser", "iam:PermissionsBoundary"));
}

TEST_CASE("how much of its role a job gets is a key of the job and of the role that is passed") {
    const std::string none = allow(R"("sqs:SendMessage")", "\"*\"");
    const auto if_it_is = [&](const std::string& action, const std::string& condition) {
        return !includes(none, allow('"' + action + '"', "\"*\"", R"(,"Condition":)" + condition));
    };
    const std::string cut = R"({"StringEquals":{"trainwarden:TrainingScope":"job"}})";
    CHECK(if_it_is("iam:PassRole", cut));
    CHECK(if_it_is("sagemaker:CreateTrainingJob", cut));
    CHECK_FALSE(if_it_is("sagemaker:StopTrainingJob", cut));
    CHECK_FALSE(if_it_is("iam:GetRole", cut));
    // Keys of one service in another, by AWS's reference.
    CHECK(if_it_is("ec2-instance-connect:SendSSHPublicKey", R"({"StringEquals":{"ec2:ResourceTag/team":"red"}})"));
    CHECK_FALSE(if_it_is("ec2-instance-connect:SendSSHPublicKey", R"({"StringEquals":{"ec2:Vpc":"red"}})"));
    const std::string missing = R"({"Null":{"trainwarden:TrainingScope":"true"}})";
    CHECK(if_it_is("iam:PassRole", missing));  // to other services
    CHECK_FALSE(if_it_is("sagemaker:CreateTrainingJob", missing));
}

TEST_CASE("buckets of old, with capitals and underscores") {
    const std::string old = allow(R"("s3:GetObject")", R"("arn:aws:s3:::My_Legacy_Bucket/*")");
    CHECK_FALSE(includes(allow(R"("sqs:SendMessage")", "\"*\""), old));
    CHECK(includes(allow(R"("s3:GetObject")", R"("arn:aws:s3:::My_*")"), old));
}

TEST_CASE("texts that match some patterns and not others") {
    const auto find = [](std::initializer_list<const char*> in, std::initializer_list<const char*> out) {
        std::vector<proof::Tokens> tokens;
        for (const auto* list : {&in, &out})
            for (const char* one : *list) tokens.push_back(proof::glob_tokens(one));
        std::vector<proof::Constraint> constraints;
        for (size_t i = 0; i < tokens.size(); ++i) constraints.push_back({{&tokens[i]}, i < in.size()});
        const auto found = proof::find_text(constraints, 20'000);
        for (size_t i = 0; found.kind == proof::FoundText::Kind::found && i < tokens.size(); ++i)
            CHECK(proof::matches(tokens[i], found.text) == (i < in.size()));
        return found.kind == proof::FoundText::Kind::found ? found.text : std::string("-");
    };
    CHECK(find({"a*"}, {}) == "a");
    CHECK(find({"a*", "*b"}, {}) == "ab");
    CHECK(find({"a*"}, {"a"}) == "ax");
    CHECK(find({"abc*"}, {"ab*"}) == "-");
    CHECK(find({"*x*y*"}, {"*x*"}) == "-");
    CHECK(find({"team-?-*/data/*/part-*.parquet"}, {"team-*/data/*.parquet"}) == "-");
    CHECK(find({"team-*/data/*.parquet"}, {"team-?-*/data/*/part-*.parquet"}) == "team-/data/.parquet");
    CHECK(find({"??"}, {"x*"}).size() == 2);
    CHECK(find({"*"}, {"*"}) == "-");
}

TEST_CASE("one policy in another") {
    CHECK(includes(allow(R"("s3:*")", R"("*")"), allow(R"("s3:GetObject")", R"("arn:aws:s3:::bucket/*")")));
    CHECK(!includes(allow(R"("s3:GetObject")", R"("arn:aws:s3:::bucket/*")"), allow(R"("s3:*")", R"("*")")));
    CHECK(includes(allow(R"("s3:Get*")", R"("arn:aws:s3:::bucket/*")"),
                   allow(R"(["s3:GetObject","s3:GetObjectTagging"])", R"("arn:aws:s3:::bucket/x/*")")));
    CHECK(!includes(allow(R"("s3:*")", R"("*")") + "," + deny(R"("s3:DeleteObject")", R"("arn:aws:s3:::bucket/keep/*")"),
                    allow(R"("s3:*Object")", R"("arn:aws:s3:::bucket/*")")));
    CHECK(includes(allow(R"("s3:*")", R"("*")") + "," + deny(R"("s3:DeleteObject")", R"("arn:aws:s3:::bucket/keep/*")"),
                   allow(R"("s3:*Object")", R"("arn:aws:s3:::bucket/else/*")")));
}

TEST_CASE("conditions") {
    const auto when = [](const std::string& condition) { return R"(,"Condition":)" + condition; };
    const std::string get = R"("s3:GetObject")", all = R"("*")";
    const auto with = [&](const std::string& condition) { return allow(get, all, when(condition)); };
    CHECK(includes(allow(get, all), with(R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})")));
    CHECK(!includes(with(R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})"), allow(get, all)));
    CHECK(includes(with(R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})"),
                   with(R"({"IpAddress":{"aws:SourceIp":["10.1.0.0/16","10.2.0.0/16"]}})")));
    CHECK(!includes(with(R"({"IpAddress":{"aws:SourceIp":"10.1.0.0/16"}})"),
                    with(R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})")));
    CHECK(includes(with(R"({"StringLike":{"aws:UserAgent":"boto*"}})"),
                   with(R"({"StringEquals":{"aws:UserAgent":["boto3","botocore"]}})")));
    CHECK(!includes(with(R"({"StringEquals":{"aws:UserAgent":"boto3"}})"),
                    with(R"({"StringNotEquals":{"aws:UserAgent":"other"}})")));
    CHECK(includes(with(R"({"StringNotEquals":{"aws:UserAgent":"boto3"}})"), with(R"({"Null":{"aws:UserAgent":"true"}})")));
    CHECK(!includes(with(R"({"StringLike":{"aws:UserAgent":"*"}})"), with(R"({"StringLikeIfExists":{"aws:UserAgent":"*"}})")));
    CHECK(includes(with(R"({"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}})"),
                   with(R"({"NumericLessThanEquals":{"aws:MultiFactorAuthAge":"300"}})")));
    CHECK(!includes(with(R"({"NumericLessThan":{"aws:MultiFactorAuthAge":"300"}})"),
                    with(R"({"NumericLessThanEquals":{"aws:MultiFactorAuthAge":"300"}})")));
    CHECK(includes(with(R"({"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}})"),
                   with(R"({"DateLessThan":{"aws:CurrentTime":"2029-01-01T00:00:00Z"}})")));
    CHECK(includes(allow(get, all), with(R"({"Bool":{"aws:SecureTransport":"true"}})")));
    // ForAllValues holds of an empty value (R52).
    CHECK(!includes(with(R"({"StringEquals":{"aws:UserAgent":"q"}})"),
                    with(R"({"ForAllValues:StringEquals":{"aws:UserAgent":"q"},"Null":{"aws:UserAgent":"false"}})")));
    // Both values of a key that is always there, together, are everything.
    CHECK(includes(with(R"({"Bool":{"aws:SecureTransport":"true"}})") + "," + with(R"({"Bool":{"aws:SecureTransport":"false"}})"),
                   allow(get, all)));
}

TEST_CASE("variables of unknown value are never a no that is not proved") {
    const std::string home = allow(R"("s3:GetObject")", R"("arn:aws:s3:::home/${aws:username}/*")");
    CHECK(includes(allow(R"("s3:GetObject")", R"("arn:aws:s3:::home/*")"), home));
}

namespace {

// The statements of each way, each way a line.
std::vector<std::string> lines_of(const proof::WaysIn& ways) {
    std::vector<std::string> out;
    for (const auto& way : ways.found) {
        std::string line;
        for (const auto& one : way.allowed_by) line += (line.empty() ? "" : " ") + std::to_string(one.statement);
        out.push_back(line);
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace

TEST_CASE("ways in: smallest sets of statements") {
    const proof::Subject alice = user_alice();
    policy::PrincipalPolicies policies;
    const auto ways = [&](const std::string& statements, const std::string& resource = "arn:aws:s3:::bucket/*", size_t most = 8) {
        policies.identity = {{identity(statements), "p"}};
        return proof::ways_of(alice, policies, {.actions = {"s3:GetObject"}, .resources = {resource}, .account = "111122223333"},
                              {}, {.ways_max = most});
    };
    const std::string get = R"("s3:GetObject")", all = R"("*")";
    const auto when = [](const std::string& condition) { return R"(,"Condition":)" + condition; };
    const std::string here = allow(get, all, when(R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})"));
    const std::string mfa = allow(get, all, when(R"({"Bool":{"aws:MultiFactorAuthPresent":"true"}})"));
    using Lines = std::vector<std::string>;
    CHECK(lines_of(ways(allow(get, all))) == Lines{"0"});
    CHECK(lines_of(ways(here + "," + mfa)) == Lines{"0", "1"});
    CHECK(lines_of(ways(here + "," + deny(get, all, when(R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})")))).empty());
    const std::string runs = allow(get, R"("arn:aws:s3:::bucket/runs/*")");
    CHECK(lines_of(ways(runs)) == Lines{"0"});
    CHECK(lines_of(ways(runs, "arn:aws:s3:::bucket/data/1")).empty());
    // Not more than asked for; then it says that there are more.
    const auto one = ways(here + "," + mfa, "*", 1);
    CHECK(one.found.size() == 1);
    CHECK(!one.open.empty());
    CHECK(ways(here + "," + mfa).open.empty());
}

TEST_CASE("ways of several actions") {
    proof::Subject alice = user_alice();
    policy::PrincipalPolicies policies;
    policies.identity = {{identity(allow(R"(["s3:GetObject","s3:GetObjectTagging","s3:DeleteObject"])", R"("*")")), "p"}};
    const auto ways = proof::ways_of(
        alice, policies, {.actions = {"s3:Get*"}, .resources = {"arn:aws:s3:::bucket/*"}, .account = "111122223333"}, {});
    REQUIRE(ways.found.size() == 1);
    CHECK(ways.open.empty());
    CHECK(ways.found[0].actions == std::vector<std::string>{"s3:GetObject", "s3:GetObjectTagging"});
}

TEST_CASE("is_public: what a stranger could bring about") {
    const auto is_public = [](const std::string& principal, const std::string& condition, const std::string& more = "") {
        const auto policy = Policy::parse(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":)" + principal +
                                              R"(,"Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*")" +
                                              (condition.empty() ? "" : R"(,"Condition":)" + condition) + "}" + more + "]}",
                                          PolicyKind::resource)
                                .value();
        const auto answer = proof::is_public(policy, "111122223333");
        CHECK(answer.kind != Answer::Kind::unknown);
        return answer.kind == Answer::Kind::yes;
    };
    const std::string all = R"("*")";
    CHECK(is_public(all, ""));
    CHECK(is_public(R"({"AWS":"*"})", ""));
    CHECK(!is_public(R"({"AWS":"111122223333"})", ""));
    CHECK(!is_public(R"({"AWS":"444455556666"})", ""));
    CHECK(!is_public(R"({"Service":"sagemaker.amazonaws.com"})", ""));
    // Its own account gives it tags and names.
    CHECK(is_public(all, R"({"StringEquals":{"aws:PrincipalTag/team":"vision"}})"));
    CHECK(is_public(all, R"({"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/reader"}})"));
    CHECK(is_public(all, R"({"StringEquals":{"aws:username":"alice"}})"));
    CHECK(is_public(all, R"({"StringLike":{"aws:userid":"*:alice"}})"));
    CHECK(is_public(all, R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})"));
    CHECK(is_public(all, R"({"StringNotEquals":{"aws:PrincipalAccount":"444455556666"}})"));
    // It is not of these accounts, and no organization's.
    CHECK(!is_public(all, R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}})"));
    CHECK(!is_public(all, R"({"StringEquals":{"aws:PrincipalAccount":["111122223333","444455556666"]}})"));
    CHECK(!is_public(all, R"({"StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}})"));
    CHECK(!is_public(all, R"({"StringLike":{"aws:userid":"AROAEXAMPLE:*"}})"));
    CHECK(!is_public(all, R"({"Bool":{"aws:PrincipalIsAWSService":"true"}})"));
    // What is allowed and denied is not allowed.
    CHECK(!is_public(all, "", R"(,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"})"));
    CHECK(is_public(all, "", R"(,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bucket/x/*"})"));
    CHECK(!is_public(all, "",
                     R"(,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*",
                        "Condition":{"StringNotEquals":{"aws:PrincipalAccount":"111122223333"}}})"));
}

TEST_CASE("the owner's root user reads a bucket's policy whatever it says; a job's worker assumes no role (R78)") {
    const policy::AttachedPolicy shut{
        Policy::parse(
            R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::bucket","arn:aws:s3:::bucket/*"]}})",
            PolicyKind::resource)
            .value(),
        "b"};
    policy::PrincipalPolicies policies;
    proof::Subject subject;
    subject.principal = {.kind = policy::PrincipalKind::root,
                         .account = "111122223333",
                         .arn = "arn:aws:iam::111122223333:root",
                         .unique_id = "111122223333"};
    const auto may = [&](const std::string& action, const std::string& resource, const policy::AttachedPolicy* of_resource) {
        proof::Question question{.subject = &subject, .allowed = {{&policies, of_resource}}};
        question.actions = {action};
        question.resources = {resource};
        question.resource_account = "111122223333";
        const auto answer = proof::prove(question);
        CHECK(answer.kind != Answer::Kind::unknown);
        return answer.kind == Answer::Kind::yes;
    };
    CHECK(may("s3:GetBucketPolicy", "arn:aws:s3:::bucket", &shut));
    CHECK(may("s3:PutBucketPolicy", "arn:aws:s3:::bucket", &shut));
    CHECK(!may("s3:GetBucketAcl", "arn:aws:s3:::bucket", &shut));
    CHECK(!may("s3:GetObject", "arn:aws:s3:::bucket/*", &shut));

    const std::string role = "arn:aws:iam::111122223333:role/r";
    policies.identity = {{identity(allow(R"("sts:*")", R"("*")")), "p"}};
    const policy::AttachedPolicy trust{
        Policy::parse(
            R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole","sts:TagSession"]}})",
            PolicyKind::trust)
            .value(),
        "trust"};
    subject.principal = {.kind = policy::PrincipalKind::role_session,
                         .account = "111122223333",
                         .arn = "arn:aws:sts::111122223333:assumed-role/t/job",
                         .unique_id = "AROAT:job",
                         .role_arn = "arn:aws:iam::111122223333:role/t",
                         .role_id = "AROAT"};
    CHECK(may("sts:AssumeRole", role, &trust));
    subject.is_limited_to_job = true;
    CHECK(!may("sts:AssumeRole", role, &trust));
    CHECK(may("sts:TagSession", role, &trust));
}

TEST_CASE("of many patterns that must not match, the ones that can are kept") {
    std::vector<proof::Tokens> tokens;
    tokens.push_back(proof::glob_tokens("data/*-?.tar"));
    for (int i = 0; i < 200; ++i) tokens.push_back(proof::glob_tokens("data/*-" + std::to_string(i) + ".tar"));
    std::vector<proof::Constraint> constraints;
    for (size_t i = 0; i < tokens.size(); ++i) constraints.push_back({{&tokens[i]}, i == 0});
    const auto letter = proof::find_text(constraints, 20'000);
    REQUIRE(letter.kind == proof::FoundText::Kind::found);
    for (size_t i = 0; i < tokens.size(); ++i) CHECK(proof::matches(tokens[i], letter.text) == (i == 0));
    // Digits alone: each of them is one that must not be.
    auto digit = proof::glob_tokens("data/*-");
    proof::add_wildcard(digit, proof::Token::Kind::one, proof::Characters::digit);
    proof::add_literal(digit, ".tar");
    constraints.push_back({{&digit}, true});
    CHECK(proof::find_text(constraints, 20'000).kind == proof::FoundText::Kind::none);
}

TEST_CASE("a boundary that a direct grant passes by is no part of the way") {
    const policy::AttachedPolicy granted{
        Policy::parse(
            R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"}})",
            PolicyKind::resource)
            .value(),
        "b"};
    policy::PrincipalPolicies policies;
    policies.boundary = policy::AttachedPolicy{
        identity(allow(R"("s3:*")", R"("*")", R"(,"Condition":{"NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}})")), "boundary"};
    proof::Subject alice = user_alice();
    const auto ways = proof::ways_of(
        alice, policies,
        {.actions = {"s3:GetObject"}, .resources = {"arn:aws:s3:::bucket/*"}, .policy = &granted, .account = "111122223333"}, {});
    REQUIRE(ways.found.size() == 1);
    REQUIRE(ways.found[0].allowed_by.size() == 1);
    CHECK(ways.found[0].allowed_by[0].layer == policy::Layer::resource);
}

TEST_CASE("what a service does of its own may come from no address") {
    const policy::AttachedPolicy trust{
        Policy::parse(
            R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"Null":{"aws:SourceIp":"true"}}}})",
            PolicyKind::trust)
            .value(),
        "trust"};
    const policy::PrincipalPolicies none;
    proof::Subject service;
    service.principal = {.kind = policy::PrincipalKind::service, .service = "sagemaker.amazonaws.com"};
    proof::Question question{.subject = &service, .allowed = {{&none, &trust}}};
    question.actions = {"sts:AssumeRole"};
    question.resource_account = "111122223333";
    const auto answer = proof::prove(question);
    REQUIRE(answer.kind == Answer::Kind::yes);
    CHECK(answer.witness->context.find("aws:SourceIp") == nullptr);
}
