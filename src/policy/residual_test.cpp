// What a residual leaves of policies. That it decides the same, the differential test asks of every question (tests/reference).
#include "policy/residual.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "policy/evaluate.hpp"
#include "policy/hash.hpp"

namespace {

using policy::Outcome;

class Known final : public policy::KnownKeys {
public:
    bool knows(uint64_t key_hash, std::string_view lower_key) const override {
        return lower_key == "aws:sourceip" && key_hash == policy::hash_of(lower_key);
    }
};

policy::AttachedPolicy attached(const std::string& statements, policy::PolicyKind kind = policy::PolicyKind::identity) {
    auto parsed = policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", kind);
    REQUIRE(parsed.has_value());
    return {*parsed, "policy"};
}

std::string read_run(int number, std::string_view action = "s3:GetObject") {
    return R"({"Effect":"Allow","Action":")" + std::string(action) + R"(","Resource":"arn:aws:s3:::b/)" + std::to_string(number) +
           R"(/*"})";
}

policy::Request request(const std::string& resource) {
    policy::Request out{.principal = {.kind = policy::PrincipalKind::user,
                                      .account = "111122223333",
                                      .arn = "arn:aws:iam::111122223333:user/ann",
                                      .unique_id = "AIDAEXAMPLE"},
                        .action = "s3:GetObject",
                        .resource = resource};
    out.context.set("aws:SourceIp", "10.1.2.3");
    return out;
}

}  // namespace

TEST_CASE("a residual has the statements that may still apply, and of them what has to be asked") {
    policy::PrincipalPolicies policies;
    policies.identity.push_back(attached(
        R"({"Effect":"Allow","Action":"s3:Put*","Resource":"*"},)"
        R"({"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},)"
        R"({"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"s3:prefix":"x"}}},)"
        R"({"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},)"
        R"({"Effect":"Allow","Action":"s3:Get*","Resource":"*"},)"
        R"({"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::c"})"));
    const policy::Request asked = request("arn:aws:s3:::b/k");
    const policy::Question question(asked);
    const policy::Residual residual(question, policies, nullptr, Known());
    REQUIRE(residual.parts().size() == 1);
    const auto steps = residual.steps();
    REQUIRE(steps.size() == 3);
    CHECK((steps[0].statement == 2 && !steps[0].conditions.empty() && !steps[0].asks_resource));
    CHECK((steps[1].statement == 3 && steps[1].conditions.empty() && steps[1].asks_resource));
    CHECK((steps[2].statement == 4 && steps[2].conditions.empty() && !steps[2].asks_resource));
    const auto verdict = policy::decide(question, policies, nullptr, residual);
    CHECK(verdict.outcome == Outcome::allow);
    REQUIRE(verdict.granting().size() == 1);
    CHECK(verdict.granting().front().statement == 3);
}

TEST_CASE("a policy of which much is left, or much to look at, is asked whole") {
    for (const int number : {30, 300}) {
        std::string statements;
        for (int i = 0; i < number; ++i)
            statements += (i > 0 ? "," : "") + read_run(i, number > 256 ? "s3:GetBucketTagging" : "s3:Get*");
        statements += "," + read_run(7) + R"(,{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b/7/secret"})";
        policy::PrincipalPolicies policies;
        policies.identity.push_back(attached(statements));
        const policy::Request made_of = request("*");
        const policy::Question made_of_question(made_of);
        const policy::Residual residual(made_of_question, policies, nullptr, Known());
        REQUIRE(residual.steps().size() == 1);
        CHECK(residual.steps().front().whole_policy);
        const auto outcome_on = [&](const std::string& resource) {
            const policy::Request asked = request(resource);
            return policy::decide(policy::Question(asked), policies, nullptr, residual).outcome;
        };
        CHECK(outcome_on("arn:aws:s3:::b/7/k") == Outcome::allow);
        CHECK(outcome_on("arn:aws:s3:::b/7/secret") == Outcome::explicit_deny);
        CHECK(outcome_on("arn:aws:s3:::b/x") == Outcome::implicit_deny);
    }
}

TEST_CASE("every level of an organization has a part of its own") {
    policy::PrincipalPolicies policies;
    policies.identity.push_back(attached(R"({"Effect":"Allow","Action":"*","Resource":"*"})"));
    const auto level = [](const char* action) {
        return std::vector{attached(R"({"Effect":"Allow","Action":")" + std::string(action) + R"(","Resource":"*"})",
                                    policy::PolicyKind::service_control)};
    };
    policies.service_control = {level("*"), level("s3:Put*"), level("*")};
    const policy::Request asked = request("arn:aws:s3:::b/k");
    const policy::Question question(asked);
    const policy::Residual residual(question, policies, nullptr, Known());
    CHECK(residual.parts().size() == 4);
    const auto verdict = policy::decide(question, policies, nullptr, residual);
    CHECK(verdict.outcome == Outcome::implicit_deny);
    CHECK(verdict.layer == policy::Layer::service_control);
}
