#include "objects/public_policy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/strings.hpp"
#include "policy/evaluate.hpp"

namespace {

bool is_public(const std::string& principal, const std::string& condition, const std::string& effect = "Allow") {
    return objects::is_public_policy(R"({"Version":"2012-10-17","Statement":[{"Effect":")" + effect + R"(",)" + principal +
                                     R"(,"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*")" +
                                     (condition.empty() ? "" : ",\"Condition\":" + condition) + "}]}");
}

const std::string everybody = R"("Principal":"*")";

}  // namespace

TEST_CASE("who is named decides") {
    CHECK(is_public(everybody, ""));
    CHECK(is_public(R"("Principal":{"AWS":"*"})", ""));
    CHECK(is_public(R"("Principal":{"AWS":["arn:aws:iam::123456789012:root","*"]})", ""));
    CHECK(is_public(R"("NotPrincipal":{"AWS":"arn:aws:iam::123456789012:root"})", ""));
    CHECK_FALSE(is_public(R"("Principal":{"AWS":"arn:aws:iam::123456789012:role/r"})", ""));
    CHECK_FALSE(is_public(R"("Principal":{"Service":"logging.s3.amazonaws.com"})", ""));
    CHECK_FALSE(is_public(everybody, "", "Deny"));
}

TEST_CASE("conditions that fix who it is") {
    CHECK_FALSE(is_public(everybody, R"({"StringEquals":{"aws:SourceVpc":"vpc-91237329"}})"));
    CHECK_FALSE(is_public(everybody, R"({"StringLike":{"aws:PrincipalOrgID":["o-1","o-2"]}})"));
    CHECK(is_public(everybody, R"({"StringLike":{"aws:SourceVpc":"vpc-*"}})"));
    CHECK(is_public(everybody, R"({"StringEquals":{"aws:SourceVpc":["vpc-1","${aws:SourceVpc}"]}})"));
    CHECK(is_public(everybody, R"({"StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}})"));
    CHECK(is_public(everybody, R"({"ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":"o-1/r-1/"}})"));
    CHECK(is_public(everybody, R"({"StringNotEquals":{"aws:SourceVpc":"vpc-1"}})"));
    CHECK(is_public(everybody, R"({"StringEquals":{"s3:prefix":"a"}})"));
    CHECK_FALSE(is_public(everybody, R"({"StringLike":{"aws:userid":"AROAEXAMPLE:*"}})"));
    CHECK_FALSE(is_public(everybody, R"({"StringEquals":{"aws:userid":["AIDAEXAMPLE","123456789012"]}})"));
    CHECK_FALSE(is_public(everybody, R"({"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/r"}})"));
    CHECK_FALSE(is_public(everybody, R"({"ArnLike":{"aws:SourceArn":"arn:aws:s3:::source"}})"));
    CHECK(is_public(everybody, R"({"StringLike":{"aws:userid":"A*"}})"));
    CHECK(is_public(everybody, R"({"StringLike":{"aws:userid":"AROA*:*"}})"));
    CHECK(is_public(everybody, R"({"StringLike":{"aws:userid":"AROA:*"}})"));
}

TEST_CASE("address ranges fix it if they are narrow") {
    CHECK_FALSE(is_public(everybody, R"({"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}})"));
    CHECK_FALSE(is_public(everybody, R"({"IpAddress":{"aws:SourceIp":"203.0.113.7"}})"));
    CHECK_FALSE(is_public(everybody, R"({"IpAddress":{"aws:SourceIp":"2001:db8::/32"}})"));
    CHECK(is_public(everybody, R"({"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}})"));
    CHECK(is_public(everybody, R"({"IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}})"));
    CHECK(is_public(everybody, R"({"IpAddress":{"aws:SourceIp":"2001::/16"}})"));
    CHECK(is_public(everybody, R"({"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}})"));
}

TEST_CASE("networks of all statements count together, each address once") {
    const auto policy = [](const std::vector<std::string>& networks_of_statements) {
        std::string statements;
        for (size_t i = 0; i < networks_of_statements.size(); ++i)
            statements += std::string(i == 0 ? "" : ",") +
                          R"({"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":)" + "\"arn:aws:s3:::b/" +
                          std::string(i, '*') + R"(*","Condition":{"IpAddress":{"aws:SourceIp":[)" + networks_of_statements[i] +
                          "]}}}";
        return R"({"Version":"2012-10-17","Statement":[)" + statements + "]}";
    };
    const auto networks = [](int first, int count, const std::string& prefix = "/8") {
        std::string out;
        for (int i = first; i < first + count; ++i)
            out += (out.empty() ? "\"" : ",\"") + std::to_string(i) + ".0.0.0" + prefix + "\"";
        return out;
    };
    std::vector<std::string> everywhere;
    for (int i = 0; i < 16; ++i) everywhere.push_back(networks(i * 16, 16));
    CHECK(objects::is_public_policy(policy(everywhere)));
    CHECK(objects::is_public_policy(policy({networks(1, 16), networks(17, 1)})));
    CHECK_FALSE(objects::is_public_policy(policy({networks(1, 8), networks(9, 8)})));
    // The same ones again are no more, nor is a part of one.
    CHECK_FALSE(objects::is_public_policy(policy({networks(1, 16), networks(1, 16)})));
    CHECK_FALSE(objects::is_public_policy(policy({networks(1, 16, "/16"), networks(1, 16)})));
    CHECK_FALSE(objects::is_public_policy(policy({networks(1, 16), networks(1, 16, "/16")})));
    CHECK(objects::is_public_policy(policy({networks(1, 16), "\"2001:db8::/32\",\"::ffff:99.0.0.0/104\""})));
}

TEST_CASE("values that name nobody fix nothing (R79)") {
    for (
        const char* condition : {
            R"({"StringEquals":{"aws:userid":"anonymous"}})",
            R"({"StringEquals":{"aws:userid":["AIDAEXAMPLE","anonymous"]}})",
            R"({"StringEqualsIgnoreCase":{"aws:userid":"Anonymous"}})",
            R"({"ForAnyValue:StringEquals":{"aws:userid":"anonymous"}})",
            R"({"StringEquals":{"aws:userid":[]}})",
            R"({"StringEquals":{"aws:SourceVpc":""}})",
            R"({"StringEquals":{"aws:SourceAccount":"any"}})",
            R"({"StringEquals":{"aws:PrincipalType":"Anonymous"}})",
            R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/r"}})",
            R"({"StringLike":{"aws:PrincipalArn":"*"}})",
            R"({"StringEquals":{"aws:PrincipalTag/team":"red"}})",
            R"({"StringEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:eu-central-1:123456789012:key/k"}})",
            R"({"Null":{"aws:PrincipalArn":"true"}})",
            R"({"Null":{"aws:SourceVpc":"false"}})",
            R"({"StringNotEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/r"}})",
            R"({"StringEqualsIfExists":{"aws:PrincipalAccount":"123456789012"}})",
            R"({"ForAllValues:StringEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/r"}})",
            R"({"IpAddress":{"aws:SourceIp":["0.0.0.0/1","128.0.0.0/1"]}})",
            R"({"IpAddress":{"aws:SourceIp":"::/0"}})",
            R"({"IpAddress":{"aws:SourceIp":["::/1","8000::/1"]}})",
            R"({"IpAddress":{"aws:SourceIp":"::ffff:0:0/96"}})",
            R"({"IpAddress":{"aws:SourceIp":[]}})",
            R"({"IpAddressIfExists":{"aws:SourceIp":"203.0.113.0/24"}})",
            R"({"IpAddress":{"aws:VpcSourceIp":"203.0.113.0/24"}})",
            R"({"StringEquals":{"aws:SourceIp":"203.0.113.7"}})",
        }) {
        CAPTURE(condition);
        CHECK(is_public(everybody, condition));
    }
    std::string all, office;
    for (int i = 0; i < 256; ++i) all += (i ? ",\"" : "\"") + std::to_string(i) + ".0.0.0/8\"";
    for (int i = 0; i < 64; ++i) office += (i ? ",\"" : "\"") + std::to_string(i) + ".1.2.3\"";
    CHECK(is_public(everybody, R"({"IpAddress":{"aws:SourceIp":[)" + all + "]}}"));
    CHECK_FALSE(is_public(everybody, R"({"IpAddress":{"aws:SourceIp":[)" + office + "]}}"));
}

namespace {

// One of many conditions, of which most say nothing about who asks.
class Conditions {
public:
    explicit Conditions(uint64_t seed) : state_(seed) {}

    std::string statement() {
        static const std::vector<std::string> principals = {R"("Principal":"*")", R"("Principal":{"AWS":"*"})",
                                                            R"("Principal":{"AWS":["*","arn:aws:iam::123456789012:root"]})"};
        std::string conditions;
        for (size_t n = below(3); n > 0; --n) {
            auto one = condition();
            if (conditions.find(one.substr(0, one.find(':') + 1)) != std::string::npos) continue;  // each operator once
            conditions += (conditions.empty() ? "" : ",") + one;
        }
        return R"({"Effect":"Allow",)" + pick(principals) +
               R"(,"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{)" + conditions + "}}";
    }

private:
    std::string condition() {
        static const std::vector<std::string> operators = {"StringEquals",
                                                           "StringNotEquals",
                                                           "StringLike",
                                                           "StringNotLike",
                                                           "StringEqualsIgnoreCase",
                                                           "ArnLike",
                                                           "ArnNotLike",
                                                           "ArnEquals",
                                                           "IpAddress",
                                                           "NotIpAddress",
                                                           "Null",
                                                           "Bool",
                                                           "stringequals",
                                                           "StringEquals",
                                                           "StringNotEquals",
                                                           "IpAddress"};
        static const std::vector<std::string> prefixes = {"", "", "", "", "ForAllValues:", "ForAnyValue:"};
        static const std::vector<std::string> endings = {"", "", "", "", "IfExists"};
        static const std::vector<std::string> keys = {"aws:userid",
                                                      "aws:UserId",
                                                      "aws:PrincipalArn",
                                                      "aws:PrincipalAccount",
                                                      "aws:PrincipalType",
                                                      "aws:SourceVpc",
                                                      "aws:SourceIp",
                                                      "aws:SourceIp",
                                                      "aws:PrincipalOrgID",
                                                      "aws:PrincipalOrgPaths",
                                                      "aws:SourceArn",
                                                      "aws:username",
                                                      "aws:SecureTransport",
                                                      "aws:PrincipalTag/team",
                                                      "aws:PrincipalIsAWSService",
                                                      "aws:ViaAWSService",
                                                      "aws:UserAgent",
                                                      "s3:authType",
                                                      "aws:SourceAccount",
                                                      "s3:x-amz-acl",
                                                      "s3:x-amz-server-side-encryption-aws-kms-key-id"};
        static const std::vector<std::string> texts = {"anonymous",
                                                       "Anonymous",
                                                       "*",
                                                       "?*",
                                                       "anonym*",
                                                       "",
                                                       "AIDAEXAMPLE",
                                                       "123456789012",
                                                       "vpc-1",
                                                       "false",
                                                       "true",
                                                       "User",
                                                       "o-1",
                                                       "Agent",
                                                       "000000000000",
                                                       "${aws:userid}",
                                                       "${aws:SourceIp}",
                                                       "arn:aws:iam::123456789012:role/r",
                                                       "arn:aws:iam::*:*",
                                                       "AROAEXAMPLE:*",
                                                       "AIDA*",
                                                       "key"};
        static const std::vector<std::string> networks = {"0.0.0.0/0",    "0.0.0.0/1", "128.0.0.0/1",   "::/0",
                                                          "::/1",         "8000::/1",  "2001:db8::/32", "203.0.113.0/24",
                                                          "198.51.100.7", "0.0.0.0/7", "::ffff:0:0/96"};
        auto op = pick(operators);
        const auto lower = base::lower(op);
        const bool ip = lower.ends_with("ipaddress"), word = lower == "null" || lower == "bool";
        if (lower != "null") op = pick(prefixes) + op + pick(endings);
        std::string values;
        for (size_t n = below(4); n > 0; --n) {
            const auto value = ip ? pick(networks) : word ? std::string(below(2) ? "true" : "false") : pick(texts);
            values += (values.empty() ? "\"" : ",\"") + value + "\"";
        }
        return "\"" + op + "\":{\"" + pick(keys) + "\":[" + values + "]}";
    }

    size_t below(size_t n) {
        uint64_t z = state_ += 0x9E3779B97F4A7C15;  // splitmix64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (z ^ (z >> 31)) % n;
    }
    std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

    uint64_t state_;
};

// Requests of people whom no policy of this test can mean, from addresses that no narrow network of it holds.
std::vector<policy::Request> strangers() {
    std::vector<policy::Request> out;
    for (const char* address : {"192.0.2.1", "100.64.9.9", "2a00:1::1", "7.7.7.7"}) {
        for (const bool anonymous : {true, false}) {
            policy::Request request;
            request.action = "s3:GetObject";
            request.resource = "arn:aws:s3:::b/k";
            request.resource_account = "123456789012";
            auto& context = request.context;
            for (const char* key : {"aws:PrincipalIsAWSService", "aws:SecureTransport", "aws:ViaAWSService"})
                context.set(key, "false");
            context.set("aws:SourceIp", address);
            context.set("aws:UserAgent", "Agent");
            context.set("s3:x-amz-acl", "key");
            context.set("s3:x-amz-server-side-encryption-aws-kms-key-id", "key");
            context.set("aws:PrincipalType", anonymous ? "Anonymous" : "User");
            context.set("aws:userid", anonymous ? "anonymous" : "AIDASTRANGER");
            if (!anonymous) {
                request.principal = {.kind = policy::PrincipalKind::user,
                                     .account = "999988887777",
                                     .arn = "arn:aws:iam::999988887777:user/s",
                                     .unique_id = "AIDASTRANGER"};
                context.set("aws:PrincipalArn", request.principal.arn);
                context.set("aws:PrincipalAccount", request.principal.account);
                context.set("aws:username", "s");
                context.set("aws:PrincipalTag/team", "true");
            }
            out.push_back(std::move(request));
        }
    }
    return out;
}

}  // namespace

TEST_CASE("a policy that lets a stranger in is public, whatever its conditions look like") {
    policy::PolicySet policies;
    const auto anything =
        policy::Policy::parse(R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})", policy::PolicyKind::identity);
    REQUIRE(anything.has_value());
    policies.identity.push_back({*anything, "identity"});
    const auto asked = strangers();
    size_t open_by_condition = 0, shut = 0;
    for (uint64_t seed = 1; seed <= 20'000; ++seed) {
        const auto document = R"({"Version":"2012-10-17","Statement":)" + Conditions(seed).statement() + "}";
        policies.resource =
            policy::AttachedPolicy{policy::Policy::parse_stored(document, policy::PolicyKind::resource), "bucket policy"};
        const bool let_in = std::ranges::any_of(asked, [&](const policy::Request& request) {
            return policy::decide(policy::Question(request), policies).outcome == policy::Outcome::allow;
        });
        const bool is_public = objects::is_public_policy(document);
        if (let_in) REQUIRE_MESSAGE(is_public, "seed " << seed << ": " << document);
        open_by_condition += let_in && !document.ends_with("\"Condition\":{}}}"), shut += !is_public;
    }
    // The generator is worth something: policies of both kinds.
    CHECK(open_by_condition > 1000);
    CHECK(shut > 50);
}

TEST_CASE("one public statement is enough, and what cannot be read is public") {
    CHECK(objects::is_public_policy(R"({"Statement":[
        {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"s3:*","Resource":"*"},
        {"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]})"));
    CHECK(objects::is_public_policy("{"));
}
