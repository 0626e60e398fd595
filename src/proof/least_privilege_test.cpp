#include "proof/least_privilege.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "policy/evaluate.hpp"
#include "policy/glob.hpp"
#include "text/json.hpp"

using policy::Policy;
using policy::PolicyKind;
using proof::Answer;
using proof::Generality;
using text::Json;

namespace {

constexpr const char* account = "111122223333";
const std::string role_arn = "arn:aws:iam::111122223333:role/trainer";

proof::Subject session_of_role() {
    proof::Subject out;
    out.principal = {.kind = policy::PrincipalKind::role_session,
                     .account = account,
                     .arn = "arn:aws:sts::111122223333:assumed-role/trainer/SageMaker",
                     .unique_id = "AROATRAINER:SageMaker",
                     .role_arn = role_arn,
                     .role_id = "AROATRAINER"};
    out.known.set("aws:PrincipalArn", role_arn);
    out.known.set("aws:PrincipalAccount", account);
    return out;
}

// A role with these statements in one policy, and a record of it.
struct Role {
    proof::Subject subject = session_of_role();
    policy::PrincipalPolicies policies;
    std::vector<proof::RecordedAccess> record;
    std::optional<policy::AttachedPolicy> bucket_policy;
    std::vector<std::string> runs;

    explicit Role(const std::string& statements, const std::string& version = "2012-10-17") {
        policies.identity.push_back(
            {Policy::parse(R"({"Version":")" + version + R"(","Statement":[)" + statements + "]}", PolicyKind::identity).value(),
             "data"});
    }
    Role& did(const std::string& action, const std::string& resource,
              std::vector<std::pair<std::string, std::string>> keys = {}) {
        proof::RecordedAccess access{.request = {.principal = subject.principal,
                                                 .action = action,
                                                 .resource = resource,
                                                 .resource_account = account,
                                                 .context = subject.known}};
        for (const auto& [key, value] : keys) access.request.context.set(key, value);
        record.push_back(std::move(access));
        return *this;
    }
    [[nodiscard]] base::Result<proof::LeastPrivilege> result(Generality generality) {
        for (auto& access : record) access.resource = bucket_policy ? &*bucket_policy : nullptr;
        return proof::least_privilege(
            {.subject = &subject, .policies = &policies, .record = record, .generality = generality, .runs = runs});
    }
    proof::LeastPrivilege least(Generality generality) {
        auto out = result(generality).value();
        INFO(out.document);
        CHECK(out.more.kind == Answer::Kind::no);
        CHECK(out.undenied.kind == Answer::Kind::no);
        CHECK(out.lost.empty());
        // IAM takes it.
        if (!out.document.empty()) CHECK(Policy::parse(out.document, PolicyKind::identity).has_value());
        return out;
    }
    // Its statements, shortly: `s3:GetObject arn … | s3:PutObject arn …`; a condition as JSON.
    std::string written(Generality generality) {
        const auto document = text::parse_json(least(generality).document);
        if (!document) return "none";
        std::string out;
        const auto add = [&](const Json& value) {
            if (value.is_null()) return;
            for (const Json& one : value.is_array() ? value.items() : std::vector<Json>{value}) out += one.as_string() + " ";
        };
        for (const Json& statement : (*document)["Statement"].items()) {
            if (!out.empty()) out += "| ";
            if (statement["Effect"].as_string() == "Deny") out += "deny ";
            add(statement["Action"]);
            add(statement["Resource"]);
            add(statement["NotResource"]);
            if (statement.contains("Condition")) out += statement["Condition"].dump() + " ";
        }
        out.pop_back();
        return out;
    }
};

std::string allow(const std::string& actions, const std::string& resources, const std::string& more = "") {
    return R"({"Effect":"Allow","Action":)" + actions + R"(,"Resource":)" + resources + more + "}";
}
std::string deny(const std::string& actions, const std::string& resources, const std::string& more = "") {
    return R"({"Effect":"Deny","Action":)" + actions + R"(,"Resource":)" + resources + more + "}";
}
const std::string everything = allow(R"("*")", R"("*")");

}  // namespace

TEST_CASE("resources at each generality") {
    const auto patterns = [](const char* action, const char* resource, Generality generality) {
        std::string out;
        const proof::Runs runs{.names = {"run-1"}, .job_beginnings = {"run-"}};
        for (const auto& one : proof::patterns_for(action, resource, generality, runs)) out += (out.empty() ? "" : " ") + one;
        return out;
    };
    const char* object = "arn:aws:s3:::data/train/part-0";
    CHECK(patterns("s3:GetObject", object, Generality::exact) == "arn:aws:s3:::data/train/part-0");
    CHECK(patterns("s3:GetObject", object, Generality::prefix) == "arn:aws:s3:::data/train/* arn:aws:s3:::data/train/part-0");
    CHECK(patterns("s3:GetObject", object, Generality::bucket) ==
          "arn:aws:s3:::data/* arn:aws:s3:::data/train/* arn:aws:s3:::data/train/part-0");
    CHECK(patterns("s3:PutObject", "arn:aws:s3:::data/models/run-1/output/model.tar.gz", Generality::prefix) ==
          "arn:aws:s3:::data/models/*/output/* arn:aws:s3:::data/models/run-1/output/model.tar.gz");
    CHECK(patterns("s3:GetObject", "arn:aws:s3:::data/top", Generality::prefix) == "arn:aws:s3:::data/top");
    CHECK(patterns("s3:ListBucket", "arn:aws:s3:::data", Generality::bucket) == "arn:aws:s3:::data");
    CHECK(patterns("s3:ListAllMyBuckets", "arn:aws:s3:::*", Generality::exact) == "* arn:aws:s3:::${*}");
    CHECK(patterns("sagemaker:DescribeTrainingJob", "arn:aws:sagemaker:us-east-1:111122223333:training-job/run-1",
                   Generality::prefix) ==
          "arn:aws:sagemaker:us-east-1:111122223333:training-job/run-* "
          "arn:aws:sagemaker:us-east-1:111122223333:training-job/run-1");
    CHECK(patterns("sagemaker:DescribeTrainingJob", "arn:aws:sagemaker:us-east-1:111122223333:training-job/run-1",
                   Generality::bucket)
              .starts_with("arn:aws:sagemaker:us-east-1:111122223333:training-job/* "));
    CHECK(patterns("sagemaker:DescribeTrainingJob", "arn:aws:sagemaker:us-east-1:111122223333:training-job/run-1",
                   Generality::exact) == "arn:aws:sagemaker:us-east-1:111122223333:training-job/run-1");
    CHECK(patterns("logs:PutLogEvents", "arn:aws:logs:us-east-1:111122223333:log-group:/jobs:log-stream:run-1/algo-1",
                   Generality::prefix) ==
          "arn:aws:logs:us-east-1:111122223333:log-group:/jobs:log-stream:*/* "
          "arn:aws:logs:us-east-1:111122223333:log-group:/jobs:log-stream:run-1/algo-1");
    // A role is never generalized.
    CHECK(patterns("iam:PassRole", "arn:aws:iam::111122223333:role/team/run-1", Generality::bucket) ==
          "arn:aws:iam::111122223333:role/team/run-1");
    // IAM takes documents of U+0020 to U+00FF alone.
    CHECK(patterns("s3:GetObject", "arn:aws:s3:::data/\u00e9\u65e5\U0001F600\u0001", Generality::exact) ==
          "arn:aws:s3:::data/\u00e9???");
    // What looks like a wildcard in a name is none.
    CHECK(patterns("s3:GetObject", "arn:aws:s3:::data/a*/b?$", Generality::exact) == "arn:aws:s3:::data/a${*}/b${?}${$}");
}

TEST_CASE("a part of a path that the content or the time of a run made is any in prefixes") {
    const auto prefix = [](const std::string& key) {
        return proof::patterns_for("s3:GetObject", "arn:aws:s3:::data/" + key, Generality::prefix, {}).front().substr(18);
    };
    const std::string md5 = "0123456789abcdef0123456789ABCDEF", sha1 = md5 + "01234567", sha256 = md5 + md5;
    for (const std::string& digest : {md5, sha1, sha256, sha256 + sha256})
        CHECK(prefix("models/a/source/" + digest + "/sourcedir.tar.gz") == "models/a/source/*/*");
    CHECK(prefix("code-" + sha256 + ".tar.gz") == "code-*");
    CHECK(prefix("source/" + sha256 + "-0011223344556677/x") == "source/*/*");
    CHECK(prefix("t/6fa459ea-ee8a-3ca4-894e-db77e160355e/x") == "t/*/*");
    for (const char* time : {"2026-01-31-12-00-00-123", "2026-01-31T12:00:00Z", "20260131T120000Z", "20260131-1200",
                             "20260131120000", "2026-01-31_12-00", "1769860800", "1769860800123"})
        CHECK(prefix(std::string("jobs/digits-") + time + "/x") == "jobs/digits-*/*");
    // What only looks like one stays: a part of the data, a date, a word.
    for (const std::string& part : {std::string("2026-01-31"), md5.substr(1), md5 + "0", "x" + md5, std::string("1769860800"),
                                    std::string("2026-13-31-12-00"), std::string("v20260131120000"), std::string("part-12"),
                                    std::string("6fa459ea-ee8a-3ca4-894e-db77e160355"), std::string("decade"), std::string()})
        CHECK(prefix("data/" + part + "/x") == "data/" + part + "/*");
    CHECK(proof::pattern_of_beginning("models/a/source/" + sha256, {}) == "models/a/source/*");
    const auto exact = proof::patterns_for("s3:GetObject", "arn:aws:s3:::data/" + sha256 + "/x", Generality::exact, {});
    CHECK(exact == std::vector<std::string>{"arn:aws:s3:::data/" + sha256 + "/x"});
}

TEST_CASE("what the names of training jobs begin with") {
    const auto beginnings = [](const std::set<std::string>& jobs) {
        std::string out;
        for (const std::string& one : proof::job_beginnings(jobs)) out += one + "* ";
        return out;
    };
    CHECK(beginnings({"digits-1"}) == "digits-* ");
    CHECK(beginnings({"digits-2026-01-31-12-00-00-123"}) == "digits-* ");
    CHECK(beginnings({"digits-1", "digits-2", "words-9b"}) == "digits-* words-* ");
    CHECK(beginnings({"resnet-50-lr-0001"}) == "resnet-50-lr-* ");
    CHECK(beginnings({"digits-1", "digits-narrowed"}) == "digits-* ");
    CHECK(beginnings({"digits-one", "digits-other"}) == "digits-* ");  // not `digits-o`
    // One name alone, or names that have nothing in common, say nothing of the next.
    CHECK(beginnings({"first"}) == "* ");
    CHECK(beginnings({"first", "second-1"}) == "* ");
    CHECK(beginnings({"2026-01-31"}) == "* ");
    CHECK(beginnings({"7", "8"}) == "* ");
    CHECK(beginnings({}).empty());
    std::set<std::string> many;
    for (size_t i = 0; i <= proof::job_beginnings_max; ++i) many.insert("sweep-" + std::string(i + 1, 'x') + "-1");
    CHECK(beginnings(many) == "sweep-* ");
}

TEST_CASE("a role that creates training jobs may create the next one") {
    const std::string job = "arn:aws:sagemaker:us-east-1:111122223333:training-job/";
    Role role(everything);
    for (const char* name : {"digits-1", "digits-2"}) {
        role.did("sagemaker:CreateTrainingJob", job + name).did("sagemaker:DescribeTrainingJob", job + name);
        role.did("s3:PutObject", std::string("arn:aws:s3:::data/") + name + "/source/x");
    }
    CHECK(role.written(Generality::prefix) ==
          "s3:PutObject arn:aws:s3:::data/*/source/* | sagemaker:CreateTrainingJob sagemaker:DescribeTrainingJob " + job +
              "digits-*");
    CHECK(role.written(Generality::exact).contains(job + "digits-1 " + job + "digits-2"));
    CHECK(role.written(Generality::bucket).contains(job + "*"));
    // Inside what it may do today.
    Role team(allow(R"("*")", "\"" + job + "team-*\""));
    team.did("sagemaker:CreateTrainingJob", job + "team-first");
    CHECK(team.written(Generality::prefix) == "sagemaker:CreateTrainingJob " + job + "team-*");
    // Who only looks at jobs looks at the next one, too; what is named like them is none of its runs.
    Role looks(everything);
    looks.did("sagemaker:DescribeTrainingJob", job + "train-1").did("s3:GetObject", "arn:aws:s3:::data/train-1/x");
    CHECK(looks.written(Generality::prefix) ==
          "s3:GetObject arn:aws:s3:::data/train-1/* | sagemaker:DescribeTrainingJob " + job + "train-*");
}

TEST_CASE("operators are spelled as IAM documents them") {
    const auto when = [](const std::string& condition) { return R"(,"Condition":)" + condition; };
    Role role(allow(R"("s3:*")", R"("*")", when(R"({"stringlike":{"aws:principalarn":"arn:aws:iam::111122223333:role/*"}})")) +
              "," +
              deny(R"("s3:*")", R"("arn:aws:s3:::data/secret/*")",
                   when(R"({"forALLvalues:STRINGEQUALSifexists":{"aws:TagKeys":["a"]},"arnequals":{"aws:PrincipalArn":"x"}})")));
    role.did("s3:ListBucket", "arn:aws:s3:::data", {{"s3:prefix", "train/"}});
    CHECK(
        role.written(Generality::prefix) ==
        R"(s3:ListBucket arn:aws:s3:::data {"StringLike":{"aws:principalarn":"arn:aws:iam::111122223333:role/*","s3:prefix":["train/*"]}} )"
        R"(| deny s3:* arn:aws:s3:::data/secret/* {"ForAllValues:StringEqualsIfExists":{"aws:TagKeys":["a"]},"ArnEquals":{"aws:PrincipalArn":"x"}})");
}

TEST_CASE("why today's policies do not allow an access") {
    Role role(allow(R"("s3:GetObject")", R"("*")") + "," + deny(R"("s3:*")", R"("arn:aws:s3:::data/secret/*")"));
    role.did("s3:DeleteObject", "arn:aws:s3:::data/a").did("s3:GetObject", "arn:aws:s3:::data/secret/a");
    CHECK(proof::refusal_of(role.record[0], role.policies).contains("no identity-based policy of " + role_arn + " allows it"));
    CHECK(proof::refusal_of(role.record[1], role.policies).contains("statement 2 of data"));
}

TEST_CASE("patterns below a prefix match what begins with it and matches the pattern") {
    const std::vector<std::string> patterns = {"*", "a*", "*b", "ab/*", "a?/c*", "?*?", "ab/c", "x", "", "a*b*/c", "**", "*/*"};
    const std::vector<std::string> texts = {"ab/", "ab/c", "ab/cd", "ab/x/c", "ab", "b", "a", "ab/cb", "xb/c", "ab//c"};
    for (const auto& pattern : patterns) {
        const auto below = proof::patterns_below(pattern, "ab/");
        for (const auto& text : texts) {
            INFO(pattern, " ", text);
            const bool wanted = text.starts_with("ab/") && policy::glob_matches(pattern, text);
            CHECK(std::ranges::any_of(below, [&](const auto& one) { return policy::glob_matches(one, text); }) == wanted);
        }
        CHECK(below.size() <= 3);
    }
}

TEST_CASE("what was recorded, and nothing else") {
    Role role(everything);
    role.did("s3:GetObject", "arn:aws:s3:::data/train/a").did("s3:GetObject", "arn:aws:s3:::data/train/b");
    role.did("s3:PutObject", "arn:aws:s3:::data/models/x").did("s3:GetObject", "arn:aws:s3:::data/models/x");
    CHECK(role.written(Generality::exact) ==
          "s3:GetObject arn:aws:s3:::data/models/x arn:aws:s3:::data/train/a arn:aws:s3:::data/train/b | "
          "s3:PutObject arn:aws:s3:::data/models/x");
    CHECK(role.written(Generality::prefix) ==
          "s3:GetObject arn:aws:s3:::data/models/* arn:aws:s3:::data/train/* | s3:PutObject arn:aws:s3:::data/models/*");
    CHECK(role.written(Generality::bucket) == "s3:GetObject s3:PutObject arn:aws:s3:::data/*");
}

TEST_CASE("a pattern never leaves the statement that allowed the requests") {
    Role role(allow(R"("s3:GetObject")", R"(["arn:aws:s3:::data/train/part-*","arn:aws:s3:::d*/test/x"])"));
    role.did("s3:GetObject", "arn:aws:s3:::data/train/part-0").did("s3:GetObject", "arn:aws:s3:::data/test/x");
    CHECK(role.written(Generality::bucket) == "s3:GetObject arn:aws:s3:::data/test/x arn:aws:s3:::data/train/part-*");
    CHECK(role.written(Generality::exact) == "s3:GetObject arn:aws:s3:::data/test/x arn:aws:s3:::data/train/part-0");
    Role parts(allow(R"("s3:GetObject")", R"("arn:aws:s3:::data/t*/part-*.tar")"));
    parts.did("s3:GetObject", "arn:aws:s3:::data/train/a/part-0.tar");
    CHECK(parts.written(Generality::prefix) == "s3:GetObject arn:aws:s3:::data/train/a/part-*.tar");
    CHECK(parts.written(Generality::bucket) == "s3:GetObject arn:aws:s3:::data/t*/part-*.tar");
    Role all_but(R"({"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::data/secret/*"})");
    all_but.did("s3:GetObject", "arn:aws:s3:::data/train/a");
    CHECK(all_but.written(Generality::bucket) == "s3:GetObject arn:aws:s3:::data/train/*");
}

TEST_CASE("a statement with a variable stays as it is") {
    Role role(allow(R"("s3:GetObject")", R"("arn:aws:s3:::home/${aws:PrincipalTag/team}/*")"));
    role.subject.known.set("aws:PrincipalTag/team", "vision");
    role.did("s3:GetObject", "arn:aws:s3:::home/vision/x");
    CHECK(role.written(Generality::exact) == "s3:GetObject arn:aws:s3:::home/${aws:PrincipalTag/team}/*");
    // In a document of the older Version it is text.
    Role old(allow(R"("s3:GetObject")", R"("arn:aws:s3:::home/${aws:username}/*")"), "2008-10-17");
    old.did("s3:GetObject", "arn:aws:s3:::home/${aws:username}/x");
    CHECK(old.written(Generality::prefix) == "s3:GetObject arn:aws:s3:::home/${$}{aws:username}/*");
}

TEST_CASE("conditions that cost nothing") {
    const auto when = [](const std::string& condition) { return R"(,"Condition":)" + condition; };
    const std::string region = R"({"StringEquals":{"aws:RequestedRegion":"us-east-1"}})";
    Role role(allow(R"("s3:*")", R"("*")") + "," + allow(R"("s3:GetObject")", R"("*")", when(region)));
    role.did("s3:GetObject", "arn:aws:s3:::data/train/a", {{"aws:RequestedRegion", "us-east-1"}});
    CHECK(role.written(Generality::prefix) == "s3:GetObject arn:aws:s3:::data/train/* " + region);
    // One request that did not meet it is enough.
    role.did("s3:GetObject", "arn:aws:s3:::data/train/a", {{"aws:RequestedRegion", "eu-west-1"}});
    CHECK(role.written(Generality::prefix) == "s3:GetObject arn:aws:s3:::data/train/*");

    // What was so by chance is not asked for where nothing asked for it …
    for (const char* condition :
         {R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})", R"({"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}})",
          R"({"StringLike":{"aws:userid":"*:SageMaker"}})"}) {
        Role chance(allow(R"("s3:GetObject")", R"("*")", when(condition)) + "," + allow(R"("s3:GetObject")", R"("*")"));
        chance.did(
            "s3:GetObject", "arn:aws:s3:::data/train/a",
            {{"aws:SourceIp", "10.1.2.3"}, {"aws:CurrentTime", "2026-01-01T00:00:00Z"}, {"aws:userid", "AROATRAINER:SageMaker"}});
        CHECK(chance.written(Generality::prefix) == "s3:GetObject arn:aws:s3:::data/train/*");
        // … and is where it had to be so.
        Role only(allow(R"("s3:GetObject")", R"("*")", when(condition)));
        only.record = chance.record;
        CHECK(only.written(Generality::prefix) == "s3:GetObject arn:aws:s3:::data/train/* " + std::string(condition));
    }

    Role lists(everything);
    lists.did("s3:ListBucket", "arn:aws:s3:::data", {{"s3:prefix", "train/"}});
    lists.did("s3:ListBucket", "arn:aws:s3:::data", {{"s3:prefix", "test/a/"}});
    CHECK(lists.written(Generality::exact) ==
          R"(s3:ListBucket arn:aws:s3:::data {"StringLike":{"s3:prefix":["test/a/","train/"]}})");
    CHECK(lists.written(Generality::prefix) ==
          R"(s3:ListBucket arn:aws:s3:::data {"StringLike":{"s3:prefix":["test/a/*","train/*"]}})");
    CHECK(lists.written(Generality::bucket) == "s3:ListBucket arn:aws:s3:::data");
    Role checkpoints(everything);
    checkpoints.runs = {"run-1"};
    checkpoints.did("s3:ListBucket", "arn:aws:s3:::data", {{"s3:prefix", "checkpoints/run-1/all"}});
    CHECK(checkpoints.written(Generality::prefix) ==
          R"(s3:ListBucket arn:aws:s3:::data {"StringLike":{"s3:prefix":["checkpoints/*/all*"]}})");
    checkpoints.did("s3:ListBucket", "arn:aws:s3:::data", {{"s3:prefix", ""}});
    CHECK(checkpoints.written(Generality::prefix) == "s3:ListBucket arn:aws:s3:::data");
    lists.did("s3:ListBucket", "arn:aws:s3:::data");  // all of it
    CHECK(lists.written(Generality::prefix) == "s3:ListBucket arn:aws:s3:::data");

    Role passes(everything);
    passes.did("iam:PassRole", role_arn, {{"iam:PassedToService", "sagemaker.amazonaws.com"}});
    CHECK(
        passes.written(Generality::bucket) ==
        R"(iam:PassRole arn:aws:iam::111122223333:role/trainer {"StringEquals":{"iam:PassedToService":["sagemaker.amazonaws.com"]}})");
}

TEST_CASE("every Deny stays") {
    Role role(everything + "," + deny(R"("s3:*")", R"("arn:aws:s3:::data/secret/*")"));
    role.did("s3:GetObject", "arn:aws:s3:::data/train/a");
    CHECK(role.written(Generality::bucket) == "s3:GetObject arn:aws:s3:::data/* | deny s3:* arn:aws:s3:::data/secret/*");
    // Also where nothing else is left: the policy of a bucket may allow what it denies.
    Role nothing(everything + "," + deny(R"("s3:*")", R"("arn:aws:s3:::data/secret/*")"));
    CHECK(nothing.written(Generality::exact) == "deny s3:* arn:aws:s3:::data/secret/*");
}

TEST_CASE("what a resource's policy allows by itself is not needed") {
    Role role(allow(R"("s3:ListBucket")", R"("*")"));
    role.bucket_policy =
        policy::AttachedPolicy{Policy::parse(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":")" +
                                                 role_arn + R"("},"Action":"s3:*","Resource":"arn:aws:s3:::data/*"}]})",
                                             PolicyKind::resource)
                                   .value(),
                               "bucket policy of data"};
    role.did("s3:GetObject", "arn:aws:s3:::data/train/a").did("s3:ListBucket", "arn:aws:s3:::data");
    CHECK(role.written(Generality::prefix) == "s3:ListBucket arn:aws:s3:::data");
    CHECK(role.least(Generality::prefix).by_resource == std::vector<size_t>{0});
    Role none(allow(R"("s3:ListBucket")", R"("*")"));
    none.bucket_policy = role.bucket_policy;
    none.did("s3:GetObject", "arn:aws:s3:::data/train/a");
    CHECK(none.written(Generality::prefix) == "none");
}

TEST_CASE("what everybody may is allowed by nobody's policy") {
    Role role(allow(R"("sts:*")", R"("*")"));
    role.did("sts:GetCallerIdentity", "*");
    CHECK(role.written(Generality::prefix) == "none");
    CHECK(role.least(Generality::prefix).by_resource.empty());
}

TEST_CASE("what today's policies do not allow is told apart") {
    Role role(allow(R"("s3:GetObject")", R"("*")"));
    role.did("s3:GetObject", "arn:aws:s3:::data/a").did("s3:DeleteObject", "arn:aws:s3:::data/a");
    const auto out = role.least(Generality::exact);
    CHECK(out.not_allowed_now == std::vector<size_t>{1});
    REQUIRE(out.statements.size() == 1);
    CHECK(out.statements[0].accesses == 1);
}

TEST_CASE("a boundary stays where it is") {
    Role role(everything);
    role.policies.boundary = policy::AttachedPolicy{
        Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + allow(R"("s3:GetObject")", R"("*")") + "]}",
                      PolicyKind::identity)
            .value(),
        "boundary"};
    role.did("s3:GetObject", "arn:aws:s3:::data/a").did("s3:PutObject", "arn:aws:s3:::data/a");
    const auto out = role.least(Generality::exact);
    CHECK(out.not_allowed_now == std::vector<size_t>{1});
    CHECK(out.policies.boundary.has_value());
}

TEST_CASE("a policy that cannot be read is an error") {
    Role role(everything);
    role.policies.identity.push_back({Policy::parse_stored("{", PolicyKind::identity), "inline policy broken of role trainer"});
    const auto out = role.result(Generality::exact);
    REQUIRE(!out.has_value());
    CHECK(out.error().code == base::code::MalformedPolicyDocument);
    CHECK(out.error().message.starts_with("inline policy broken of role trainer cannot be read"));
}

TEST_CASE("requests of another region and on another account's resources are proved, too") {
    Role role(everything);
    role.did("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:jobs");
    role.did("s3:GetObject", "arn:aws:s3:::theirs/x");
    role.record.back().request.resource_account = "999988887777";
    const policy::AttachedPolicy theirs{
        Policy::parse(
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"arn:aws:s3:::theirs/*"}]})",
            PolicyKind::resource)
            .value(),
        "bucket policy of theirs"};
    role.record.back().resource = &theirs;
    const auto out =
        proof::least_privilege({.subject = &role.subject, .policies = &role.policies, .record = role.record}).value();
    CHECK(out.is_proved());
    CHECK(out.by_resource.empty());
    CHECK(out.document.contains("arn:aws:s3:::theirs/x"));
    CHECK(out.document.contains("arn:aws:sqs:eu-west-1:111122223333:jobs"));
}
