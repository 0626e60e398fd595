#include "provider/functions.hpp"

#include <doctest/doctest.h>

#include "provider/scripted_aws.hpp"

using provider::Property;
using provider::ScriptedAws;
using Object = Property::Object;
using Array = Property::Array;

namespace {

std::string minified(const Property& arguments) {
    const auto made = provider::policy_document(arguments);
    return made ? (*made)["minifiedJson"].as_string() : made.error().message;
}

}  // namespace

TEST_CASE("a policy document from statements") {
    const Property arguments(Object{
        {"statements",
         Array{Object{{"sid", "Read"},
                      {"actions", Array{"s3:GetObject", "s3:ListBucket"}},
                      {"resources", Array{"arn:aws:s3:::b/&{aws:username}/*"}},
                      {"principals", Array{Object{{"type", "AWS"}, {"identifiers", Array{"arn:1", "arn:2"}}}}},
                      {"conditions",
                       Array{Object{{"test", "StringLike"}, {"variable", "s3:prefix"}, {"values", Array{"a/*", "b<&>"}}}}}}}}});
    CHECK(minified(arguments) ==
          R"({"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":["s3:ListBucket","s3:GetObject"],)"
          R"("Resource":"arn:aws:s3:::b/${aws:username}/*","Principal":{"AWS":["arn:2","arn:1"]},)"
          R"("Condition":{"StringLike":{"s3:prefix":["a/*","b\u003c\u0026\u003e"]}}}]})");
}

TEST_CASE("the long form is indented by two spaces") {
    const Property arguments(Object{{"statements", Array{Object{{"actions", Array{"s3:*"}}, {"resources", Array{"*"}}}}}});
    const auto made = provider::policy_document(arguments);
    REQUIRE(made.has_value());
    CHECK((*made)["json"].as_string() ==
          "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": "
          "\"s3:*\",\n"
          "      \"Resource\": \"*\"\n    }\n  ]\n}");
}

TEST_CASE("everybody is a star") {
    const Property arguments(
        Object{{"statements", Array{Object{{"effect", "Deny"},
                                           {"notActions", Array{"s3:*"}},
                                           {"notPrincipals", Array{Object{{"type", "*"}, {"identifiers", Array{"*"}}}}}}}}});
    CHECK(minified(arguments) ==
          R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":"s3:*","NotPrincipal":"*"}]})");
}

TEST_CASE("sources, statements and overrides are merged by Sid") {
    const Property arguments(Object{
        {"policyId", "p"},
        {"version", "2008-10-17"},
        {"sourcePolicyDocuments",
         Array{
             R"({"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"x:1"},{"Effect":"Allow","Action":"x:2"}]})"}},
        {"statements", Array{Object{{"sid", "b"}, {"actions", Array{"x:3"}}}}},
        {"overridePolicyDocuments", Array{R"({"Statement":{"Sid":"a","Effect":"Deny","Action":"x:4"}})"}}});
    CHECK(minified(arguments) == R"({"Version":"2008-10-17","Id":"p","Statement":[{"Sid":"a","Effect":"Deny","Action":"x:4"},)"
                                 R"({"Effect":"Allow","Action":"x:2"},{"Sid":"b","Effect":"Allow","Action":"x:3"}]})");
    const Property clash(
        Object{{"sourcePolicyDocuments", Array{R"({"Statement":[{"Sid":"a"}]})", R"({"Statement":[{"Sid":"a"}]})"}}});
    CHECK(minified(clash) == "duplicate Sid (a) in sourcePolicyDocuments");
    CHECK(minified(Object{{"statements", Array{Object{{"effect", "allow"}}}}}) == "the effect `allow` is neither Allow nor Deny");
    CHECK(minified(Object{{"statements", Array{Object{{"colour", "red"}}}}}).starts_with("unsupported: "));
}

TEST_CASE("where and who") {
    provider::ScriptedAws aws;
    aws.answer("GetCallerIdentity",
               R"({"Account":"123456789012","Arn":"arn:aws:iam::123456789012:root","UserId":"123456789012"})");
    const auto provider = aws.provider("http://127.0.0.1:1");
    const auto identity = provider->invoke("aws:index/getCallerIdentity:getCallerIdentity", {});
    REQUIRE(identity.has_value());
    CHECK((*identity)["accountId"] == Property("123456789012"));
    const auto region = provider->invoke("aws:index/getRegion:getRegion", {});
    REQUIRE(region.has_value());
    CHECK((*region)["name"] == Property("us-east-1"));
    CHECK((*region)["region"] == Property("us-east-1"));
    CHECK((*provider->invoke("aws:index/getPartition:getPartition", {}))["partition"] == Property("aws"));
    CHECK(provider->invoke("aws:ec2/getVpc:getVpc", {}).error().code == "unsupported");
    CHECK(provider->invoke("aws:index/getRegion:getRegion", Object{{"colour", "red"}}).error().message.find("`colour`") !=
          std::string::npos);
}

TEST_CASE("names in the style of Python are the same names") {
    ScriptedAws aws;
    provider::Aws made({.endpoint = "http://127.0.0.1:4566"}, aws.connect(), aws.sleep());
    const auto invoke = [&](Property::Object statement) {
        return provider::invoke_function(made, "aws:iam/getPolicyDocument:getPolicyDocument",
                                         Object{{"policy_id", "i"}, {"statements", Array{std::move(statement)}}});
    };
    const auto document = invoke({{"not_actions", Array{"s3:Get_it"}},
                                  {"notResources", Array{"a_b"}},
                                  {"actions", Property()},
                                  {"not_principals", Array{Object{{"type", "AWS"}, {"identifiers", Array{"an_id"}}}}}});
    REQUIRE(document);
    CHECK((*document)["minifiedJson"].as_string() ==
          R"({"Version":"2012-10-17","Id":"i","Statement":[{"Effect":"Allow","NotAction":"s3:Get_it","NotResource":"a_b",)"
          R"("NotPrincipal":{"AWS":"an_id"}}]})");
    CHECK(invoke({{"not_actions", Array{"a"}}, {"notActions", Array{"b"}}}).error().message.contains("given twice"));
    CHECK(invoke({{"not_a_member", Array{"a"}}}).error().message.contains("notAMember"));
}
