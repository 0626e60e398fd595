#include "objects/public_policy.hpp"

#include <doctest/doctest.h>

#include <string>

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
    CHECK(is_public(everybody, R"({"StringLike":{"aws:userid":"A*"}})"));
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

TEST_CASE("one public statement is enough, and what cannot be read is public") {
    CHECK(objects::is_public_policy(R"({"Statement":[
        {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"s3:*","Resource":"*"},
        {"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]})"));
    CHECK(objects::is_public_policy("{"));
}
