#include "cli/show_ways.hpp"

#include <doctest/doctest.h>

#include "cli/graph.hpp"

namespace m = model::trainwarden;

TEST_CASE("conditions in words") {
    const auto words = [](const char* op, const char* key, std::vector<std::string> values) {
        return cli::in_words(m::WayCondition{.key = key, .operator_ = op, .values = std::move(values)});
    };
    CHECK(words("IpAddress", "aws:SourceIp", {"10.0.0.0/8", "192.0.2.0/24"}) == "aws:SourceIp is in 10.0.0.0/8 or 192.0.2.0/24");
    CHECK(words("NotIpAddress", "aws:SourceIp", {"10.0.0.0/8"}) == "aws:SourceIp is not in 10.0.0.0/8");
    CHECK(words("Bool", "aws:MultiFactorAuthPresent", {"true"}) == "with a second factor (aws:MultiFactorAuthPresent)");
    CHECK(words("BoolIfExists", "aws:MultiFactorAuthPresent", {"true"}) == "aws:MultiFactorAuthPresent is true, if it is there");
    CHECK(words("StringNotLikeIfExists", "aws:UserAgent", {"boto*"}) == "aws:UserAgent is not like boto*, if it is there");
    CHECK(words("ForAnyValue:StringEquals", "aws:TagKeys", {"team"}) == "a value of aws:TagKeys is team");
    CHECK(words("Null", "aws:TokenIssueTime", {"true"}) == "aws:TokenIssueTime is missing");
    CHECK(words("NumericLessThanEquals", "aws:MultiFactorAuthAge", {"300"}) == "aws:MultiFactorAuthAge is at most 300");
    CHECK(words("SomethingNew", "aws:X", {"y"}) == "SomethingNew of aws:X and y");
}

TEST_CASE("graphs of any names") {
    m::WhoCanResponse answer;
    m::Principal may{.type = m::PrincipalType::user, .arn = "arn:a\"]\\;\nb"};
    answer.groups = {m::PrincipalsInAlike{.principals = {may}, .ways = {}}};
    m::PathStep step{.from = "ada", .to = *may.arn, .means = "CreateAccessKey", .description = "", .requests = {}};
    answer.paths = {m::AccessPath{.principal = {.type = m::PrincipalType::user, .arn = "ada"}, .steps = {step}}};
    const std::string dot = cli::to_dot(answer, "x on \"y\"");
    CHECK(dot.find(R"(n0 [label="x on \"y\"", shape=ellipse];)") != std::string::npos);
    CHECK(dot.find(R"(n1 [label="arn:a\"]\\; b"];)") != std::string::npos);
    CHECK(dot.find(R"(n2 -> n1 [label="CreateAccessKey"];)") != std::string::npos);
    CHECK(dot.find(R"(n1 -> n0 [label="may"];)") != std::string::npos);
    const std::string mermaid = cli::to_mermaid(answer, "x");
    CHECK(mermaid.find(R"(n1["arn:a#34;#93;#92;#59; b"])") != std::string::npos);
    CHECK(mermaid.find(R"(n2 -->|"CreateAccessKey"| n1)") != std::string::npos);
}
