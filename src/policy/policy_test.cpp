// What the text cases cannot say: the parser's errors, globs and typed values at their edges.
#include "policy/policy.hpp"

#include <doctest/doctest.h>

#include <array>

#include "policy/catalogue.hpp"
#include "policy/evaluate.hpp"
#include "policy/glob.hpp"
#include "policy/passed_resource.hpp"
#include "policy/value.hpp"

using namespace policy;

namespace {

// Compiled and not: the two agree.
bool glob(std::string_view pattern, std::string_view text) {
    PatternPool pool;
    const auto compiled = pool.compile(pattern, {});
    REQUIRE(compiled);
    const bool matched = matches(*compiled, pool.tables(), text, Context());
    CHECK(glob_matches(pattern, text) == matched);
    return matched;
}

}  // namespace

TEST_CASE("globs: star crosses everything, question mark is one character") {
    CHECK(glob("*", ""));
    CHECK(glob("a*", "a"));
    CHECK(glob("*a", "bca"));
    CHECK(!glob("*a", "ab"));
    CHECK(glob("a*b*c", "aXbYbZc"));
    CHECK(!glob("a*b*c", "aXcYb"));
    CHECK(glob("a?c", "abc"));
    CHECK(!glob("a?c", "ac"));
    CHECK(glob("?", "\xC3\xA9"));  // one character of two bytes
    CHECK(!glob("??", "\xC3\xA9"));
    CHECK(!glob("*??", "\xE4\xB8\xAD"));  // one character of three
    CHECK(glob("a*z", "a\n/:z"));
    CHECK(glob("[a]", "[a]"));
    CHECK(!glob("[a]", "a"));
    CHECK(glob("", ""));
    CHECK(!glob("", "a"));
    CHECK(glob("**a**", "a"));
}

TEST_CASE("globs do not blow up") {
    // 10 stars on 40 characters took MinIO 6.8 s; here it is 200 stars on 64 KiB, and the test would not end if it backtracked.
    std::string pattern;
    for (int i = 0; i < 200; ++i) pattern += "*a";
    pattern += "*b";
    CHECK(!glob(pattern, std::string(65536, 'a')));
    CHECK(glob(pattern, std::string(65536, 'a') + "b"));
}

TEST_CASE("decimals are exact") {
    const auto d = [](std::string_view text) { return *Decimal::parse(text); };
    CHECK(d("0.1") == d("0.10"));
    CHECK(d("1e3") == d("1000"));
    CHECK(d("-0") == d("0"));
    CHECK(d("9223372036854775807") < d("9223372036854775808"));
    CHECK(d("-2") < d("-1"));
    CHECK(d("2") < d("10"));
    CHECK(d("0.09") < d("0.1"));
    for (const auto* bad : {"", "abc", "10abc", "1.", ".5", "1e", "--1", "0x10"}) CHECK_MESSAGE(!Decimal::parse(bad), bad);
}

TEST_CASE("networks") {
    const auto in = [](std::string_view block, std::string_view address) {
        return Network::parse(block)->contains(*Network::parse(address));
    };
    CHECK(in("10.0.0.0/8", "10.255.255.255"));
    CHECK(in("10.0.0.1/8", "10.2.3.4"));
    CHECK(!in("10.0.0.0/9", "10.128.0.0"));
    CHECK(in("0.0.0.0/0", "1.2.3.4"));
    CHECK(!in("0.0.0.0/0", "::1"));
    CHECK(!in("::/0", "1.2.3.4"));
    CHECK(in("2001:DB8::1", "2001:0db8:0:0::1"));
    CHECK(!in("203.0.113.1", "203.0.113.2"));
    for (const auto* bad : {"", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.0/-1", "example.com", "10.0.0.256",
                            "10.0.0.01", "10.0.0.1.", ".10.0.0.1", "10..0.1", "10.0.0.0001", "10.0.0.1 ", "1:2", "10.0.0.1:1"})
        CHECK_MESSAGE(!Network::parse(bad), bad);
}

TEST_CASE("dates: W3C profiles and epoch seconds are one scale") {
    CHECK(*parse_date("2026-01-01T00:00:00Z") == *parse_date("1767225600"));
    CHECK(*parse_date("2026-01-01") == *parse_date("1767225600"));
    CHECK(!parse_date("yesterday"));
}

TEST_CASE("parse errors carry AWS's code and sentence, and say where") {
    const auto error = Policy::parse(
        "{\"Version\":\"2012-10-17\",\n \"Statement\":[{\"Effect\":\"Allow\",\n  \"Action\":\"GetObject\",\"Resource\":\"*\"}]}",
        PolicyKind::identity);
    REQUIRE(!error);
    CHECK(error.error().code == "MalformedPolicyDocument");
    CHECK(error.error().message == "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    REQUIRE(error.error().notes.size() == 1);
    CHECK(error.error().notes[0] == "`GetObject` is not service:Action, at Statement[0].Action (line 3, column 12)");
    const auto bucket = Policy::parse("{}", PolicyKind::resource);
    REQUIRE(!bucket);
    CHECK(bucket.error().code == "MalformedPolicy");
}

TEST_CASE("parse_stored fails closed (R73)") {
    Request request{.action = "s3:GetObject", .resource = "arn:aws:s3:::b/k"};
    request.principal = {.kind = PrincipalKind::user, .account = "111122223333", .arn = "arn:aws:iam::111122223333:user/u"};
    const auto decide = [&](std::initializer_list<const char*> documents) {
        PolicySet set;
        for (const auto* document : documents)
            set.identity.push_back({Policy::parse_stored(document, PolicyKind::identity), "p"});
        return evaluate(request, set).outcome;
    };
    const auto* admin = R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})";
    CHECK(decide({admin}) == Outcome::allow);
    CHECK(decide({admin, "not json"}) == Outcome::explicit_deny);
    CHECK(
        decide(
            {admin,
             R"({"Statement":{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"ArnNotSimilar":{"aws:x":"y"}}}})"}) ==
        Outcome::explicit_deny);
    CHECK(
        decide({R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnNotSimilar":{"aws:x":"y"}}}})"}) ==
        Outcome::implicit_deny);
    CHECK(decide({admin, R"({"Statement":{"Effect":"allow","Action":"*","Resource":"*"}})"}) == Outcome::explicit_deny);
}

TEST_CASE("the catalogue") {
    CHECK(actions_matching("*").size() > 20000);
    CHECK(actions_matching("S3:getobject") == std::vector<std::string_view>{"s3:GetObject"});
    CHECK(actions_matching("s3:GetObjects").empty());
    CHECK(action_has_resources("s3:GetObject"));
    CHECK(!action_has_resources("s3:ListAllMyBuckets"));
    CHECK(action_has_resources("nobody:KnowsThis"));
    CHECK(actions_matching("s3:GetObject") == std::vector<std::string_view>{"s3:GetObject"});
    CHECK(actions_matching("s3:*").size() > 100);
    for (const auto action : actions_matching("sts:assumerole*")) CHECK(action.starts_with("sts:AssumeRole"));
    CHECK(supports_resource_control("s3"));
    CHECK(!supports_resource_control("iam"));
}

// In a large policy the index has an entry for each of a statement's actions, up to a limit, and then one for all.
TEST_CASE("a statement names as many actions as it likes, in a policy of any size") {
    for (const size_t others : {size_t{0}, size_t{20}}) {
        for (const size_t count : {1, 63, 64, 65, 66, 130, 300}) {
            CAPTURE(others);
            CAPTURE(count);
            std::string statements;
            for (size_t i = 0; i < others; ++i)
                statements +=
                    R"({"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-central-1:111122223333:q)" +
                    std::to_string(i) + "\"},";
            std::string actions;
            for (size_t i = 0; i < count; ++i) actions += (i ? ",\"s3:Action" : "\"s3:Action") + std::to_string(i) + "\"";
            const auto statement = [&](const char* effect, const char* resource) {
                return std::string(R"({"Effect":")") + effect + R"(","Action":[)" + actions + R"(],"Resource":")" + resource +
                       "\"}";
            };
            const auto policy = Policy::parse(R"({"Statement":[)" + statements + statement("Allow", "arn:aws:s3:::b/*") + "," +
                                                  statement("Deny", "arn:aws:s3:::b/no") + "]}",
                                              PolicyKind::identity);
            REQUIRE(policy.has_value());
            PolicySet policies;
            policies.identity.push_back({*policy, "p"});
            Request request;
            request.principal = {
                .kind = PrincipalKind::user, .account = "111122223333", .arn = "arn:aws:iam::111122223333:user/u"};
            const auto asked = [&](const std::string& action, const char* key) {
                request.action = action;
                request.resource = std::string("arn:aws:s3:::b/") + key;
                const auto outcome = evaluate(request, policies).outcome;
                CHECK(decide(Question(request), policies).outcome == outcome);
                return outcome;
            };
            for (size_t i = 0; i < count; ++i) {
                CAPTURE(i);
                CHECK(asked("s3:Action" + std::to_string(i), "yes") == Outcome::allow);
                CHECK(asked("s3:Action" + std::to_string(i), "no") == Outcome::explicit_deny);
            }
            CHECK(asked("s3:Action" + std::to_string(count), "yes") == Outcome::implicit_deny);
            CHECK(asked("s3:Action" + std::to_string(count), "no") == Outcome::implicit_deny);
        }
    }
}

TEST_CASE("a key that is set twice with different values is ambiguous until it is replaced") {
    Context context;
    context.set("aws:RequestTag/team", "red");
    context.set("AWS:requesttag/TEAM", "red");
    CHECK(!context.has_ambiguous());
    context.set("aws:RequestTag/Team", "blue");
    CHECK(context.has_ambiguous());
    REQUIRE(context.find("aws:RequestTag/team") != nullptr);
    CHECK(context.find("aws:RequestTag/team")->ambiguous);
    Context merged;
    merged.merge(context);
    CHECK(merged.has_ambiguous());
    Context known;
    known.set("aws:requesttag/team", "red");
    merged.merge(known);
    CHECK(!merged.has_ambiguous());
    context.replace("aws:RequestTag/team", "red");
    CHECK(!context.has_ambiguous());
    CHECK(context.find("aws:requesttag/team")->values == std::vector<std::string>{"red"});
    context.set_list("aws:TagKeys", {"a"});
    context.set_list("aws:TagKeys", {"a", "b"});
    CHECK(context.has_ambiguous());
    context.erase("AWS:TagKeys");
    CHECK(!context.has_ambiguous());
    CHECK(context.find("aws:TagKeys") == nullptr);
    CHECK(context.find("aws:RequestTag/team") != nullptr);
}

TEST_CASE("copies of a shared context have the same keys together, until one of them is changed") {
    Context context;
    context.set("s3:ResourceAccount", "111122223333");
    context.set("aws:ResourceTag/team", "red");
    CHECK(context.shared() == nullptr);
    context.share();
    const auto value = [](const Context& of, std::string_view key) {
        const auto* const entry = of.find(key);
        return entry != nullptr ? entry->values.front() : "(absent)";
    };
    const Context copy = context;
    CHECK(copy.shared() != nullptr);
    CHECK(copy.shared() == context.shared());
    CHECK(value(copy, "aws:resourcetag/TEAM") == "red");
    CHECK(copy.present() == context.present());

    Context changed = copy;
    changed.merge(Context());  // changes nothing
    changed.erase("aws:ResourceTag/other");
    CHECK(changed.shared() == copy.shared());
    changed.set("aws:ResourceTag/team", "blue");
    CHECK(changed.shared() == nullptr);
    CHECK(changed.has_ambiguous());
    CHECK(value(changed, "s3:ResourceAccount") == "111122223333");
    Context without = copy;
    without.erase("AWS:ResourceTag/team");
    CHECK(without.shared() == nullptr);
    CHECK(value(without, "aws:ResourceTag/team") == "(absent)");
    Context merged = copy;
    Context own;
    own.set("aws:ResourceTag/team", "green");
    own.share();
    merged.merge(own);
    CHECK(value(merged, "aws:ResourceTag/team") == "green");

    for (const Context* one : std::array<const Context*, 2>{&context, &copy}) {
        CHECK(value(*one, "aws:ResourceTag/team") == "red");
        CHECK(value(*one, "s3:ResourceAccount") == "111122223333");
        CHECK_FALSE(one->has_ambiguous());
    }
    changed.share();
    CHECK(changed.shared() != copy.shared());
    CHECK(changed.has_ambiguous());
    changed = copy;
    CHECK_FALSE(changed.has_ambiguous());
}

TEST_CASE("what services pass for actions without resource types (R44)") {
    const auto passed = [](std::string_view action, std::string_view asked) {
        return passed_resource(action, asked, "111122223333", "eu-central-1");
    };
    CHECK(passed("iam:ListUsers", "*") == "arn:aws:iam::111122223333:user/");
    CHECK(passed("IAM:listroles", "arn:aws:iam::111122223333:role/r") == "arn:aws:iam::111122223333:role/");
    CHECK(passed("iam:ListRoles", "arn:aws:iam::111122223333:role/team/") == "arn:aws:iam::111122223333:role/team/");
    CHECK(passed("iam:ListRoles", "arn:aws:iam::444455556666:role/team/") == "arn:aws:iam::111122223333:role/");
    CHECK(passed("iam:ListPolicies", "*") == "arn:aws:iam::111122223333:policy/");
    CHECK(passed("logs:DescribeLogGroups", "*") == "arn:aws:logs:eu-central-1:111122223333:log-group::log-stream:");
    CHECK(passed("s3:ListAllMyBuckets", "arn:aws:s3:::b") == "arn:aws:s3:::*");
    CHECK(passed("iam:ListAccountAliases", "arn:aws:iam::111122223333:*") == "*");
    CHECK(passed("s3:GetObject", "arn:aws:s3:::b/k") == "arn:aws:s3:::b/k");
    CHECK(passed("nosuch:Action", "arn:x") == "arn:x");
    CHECK(passed("cloudwatch:PutMetricData", "arn:aws:cloudwatch:eu-central-1:111122223333:dataset/default") == "*");
    CHECK(names_resource("s3:GetObject"));
    CHECK(names_resource("nosuch:Action"));
    CHECK_FALSE(names_resource("CloudWatch:listMetrics"));
    CHECK_FALSE(names_resource("iam:ListUsers"));
}

TEST_CASE("a log group is decided on as its stream without a name") {
    const std::string group = "arn:aws:logs:eu-central-1:111122223333:log-group:/g/one";
    const auto passed = [](std::string_view action, const std::string& asked) {
        return passed_resource(action, asked, "111122223333", "eu-central-1");
    };
    for (const std::string action :
         {"logs:DescribeLogStreams", "LOGS:filterlogevents", "logs:CreateLogGroup", "logs:DeleteLogGroup"}) {
        CHECK(passed(action, group) == group + ":log-stream:");
        CHECK(passed(action, group + ":*") == group + ":log-stream:");
        CHECK(passed(action, group + ":log-stream:") == group + ":log-stream:");
        CHECK(passed(action, group + ":log-stream:s") == group + ":log-stream:");
        CHECK(passed(action, "*") == "*");
    }
    CHECK(passed("logs:GetLogEvents", group + ":log-stream:s") == group + ":log-stream:s");
    CHECK(passed("logs:PutLogEvents", group + ":log-stream:a:b") == group + ":log-stream:a:b");
    CHECK(passed("logs:GetLogEvents", group) == group + ":log-stream:");
    CHECK(passed("logs:ListTagsForResource", group) == group);
}

TEST_CASE("a verdict keeps the statement whose grant was the strongest, and says which layers said what") {
    Request request{.action = "s3:GetObject", .resource = "arn:aws:s3:::b/k"};
    request.principal = {.kind = PrincipalKind::role_session,
                         .account = "111122223333",
                         .arn = "arn:aws:sts::111122223333:assumed-role/r/s",
                         .unique_id = "AROA1:s",
                         .role_arn = "arn:aws:iam::111122223333:role/r",
                         .role_id = "AROA1"};
    const auto grant_to = [](const std::string& principal) {
        return R"({"Effect":"Allow","Principal":{"AWS":")" + principal + R"("},"Action":"s3:*","Resource":"arn:aws:s3:::b/*"})";
    };
    PolicySet policies;
    policies.resource = {
        *Policy::parse(R"({"Statement":[)" + grant_to("111122223333") + "," + grant_to("arn:aws:iam::111122223333:role/r") + "," +
                           grant_to("arn:aws:sts::111122223333:assumed-role/r/s") + "]}",
                       PolicyKind::resource),
        "bucket policy of b"};
    policies.boundary = {
        *Policy::parse(R"({"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}})", PolicyKind::identity), "Cap",
        "v3"};
    const Question question(request);
    const auto verdict = decide(question, policies);
    CHECK(verdict.outcome == Outcome::allow);
    const auto decision = decision_of(verdict);
    REQUIRE(decision.because.size() == 2);
    CHECK(decision.because[0].layer == Layer::resource);
    CHECK(decision.because[0].statement == 2);  // not the account's, not the role's
    CHECK(decision.because[1].policy_name == "Cap");
    CHECK(decision.because[1].policy_version == "v3");
    // The notes name all three, and what each layer said by itself.
    const auto noted = evaluate(request, policies);
    CHECK(noted.because.size() == 4);
    CHECK(noted.said_by(Layer::resource) == Outcome::allow);
    CHECK(noted.said_by(Layer::boundary) == Outcome::allow);
    CHECK(noted.said_by(Layer::identity) == Outcome::implicit_deny);
    policies.boundary = {
        *Policy::parse(R"({"Statement":{"Effect":"Deny","Action":"s3:Get*","Resource":"*"}})", PolicyKind::identity), "Cap"};
    const auto denied = evaluate(request, policies);
    CHECK(denied.outcome == Outcome::explicit_deny);
    CHECK(denied.said_by(Layer::boundary) == Outcome::explicit_deny);
    CHECK(denied.said_by(Layer::resource) == Outcome::allow);
    CHECK(decide(question, policies).granting().empty());
}

TEST_CASE("a refusal quotes the Condition of one statement, wherever it stands in its document") {
    Request request{.action = "s3:GetObject", .resource = "arn:aws:s3:::b/k"};
    request.principal = {.kind = PrincipalKind::user, .account = "111122223333", .arn = "arn:aws:iam::111122223333:user/u"};
    const std::string one = R"({"Effect":"Allow","Action":"s3:Put*","Resource":"*"})";
    const std::string conditioned =
        "{\n \"Resource\" : [\"arn:aws:s3:::x/} ]{\\\"é\", \"*\"],\n \"Effect\":\"Allow\",\"Action\":\"s3:Get*\",\n"
        "  \"Condition\": {\"StringEquals\": {\"aws:PrincipalTag/Team\": [\"a\", \"b}\"]}}\n}";
    for (const std::string& document :
         {"{\"Statement\":" + conditioned + "}", "{\"Statement\":[" + one + ",\n\n" + conditioned + "]}",
          "{\"Id\":\"é\",\"Statement\":[" + one + "," + conditioned + "," + one + "]}"}) {
        CAPTURE(document);
        PolicySet policies;
        policies.identity.push_back({Policy::parse_stored(document, PolicyKind::identity), "p"});
        const auto decision = evaluate(request, policies);
        REQUIRE(decision.conditioned.size() == 1);
        CHECK(decision.conditioned[0].condition == R"({"StringEquals":{"aws:PrincipalTag/Team":["a","b}"]}})");
        CHECK(decision.conditioned[0].keys == std::vector<std::string>{"aws:PrincipalTag/Team"});
    }
}
