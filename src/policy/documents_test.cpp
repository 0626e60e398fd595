// What the simulator reads off a document: the condition keys it asks about, and where its statements stand; and off AWS's
// reference.
#include <doctest/doctest.h>

#include "policy/context_keys.hpp"
#include "policy/reference.hpp"
#include "policy/statement_span.hpp"

using policy::context_keys;
using policy::statement_spans;
using Keys = std::vector<std::string>;

TEST_CASE("context keys: every key of a condition, as written, once") {
    CHECK(context_keys(R"({"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{
            "StringEquals":{"aws:PrincipalTag/team":"x","s3:prefix":["a","b"]},
            "ForAnyValue:StringLike":{"aws:TagKeys":"*"},"Null":{"s3:prefix":"false"}}},
        {"Effect":"Deny","NotAction":"s3:*","NotResource":"*","Condition":{"Bool":{"AWS:SecureTransport":"false"}}}]})") ==
          Keys{"aws:PrincipalTag/team", "s3:prefix", "aws:TagKeys", "AWS:SecureTransport"});
    CHECK(context_keys(R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})").empty());
    CHECK(
        context_keys(
            R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"stack:key":"a","STACK:key":"a"}}}})") ==
        Keys{"stack:key", "STACK:key"});
    CHECK(context_keys("{").empty());
    CHECK(context_keys("[]").empty());
    CHECK(context_keys(R"({"Statement":["x",7,null,{"Condition":"x"},{"Condition":{"StringEquals":"x"}}]})").empty());
}

TEST_CASE("context keys: variables where they are variables") {
    const auto in = [](const std::string& version, const std::string& statement) {
        return context_keys("{" + version + R"("Statement":{"Effect":"Allow","Action":"*",)" + statement + "}}");
    };
    const std::string now = R"("Version":"2012-10-17",)";
    CHECK(
        in(now,
           R"("Resource":["arn:aws:s3:::home/${aws:username}/*","arn:aws:s3:::${aws:PrincipalTag/team, 'none'}/${aws:userid}"])") ==
        Keys{"aws:username", "aws:PrincipalTag/team", "aws:userid"});
    CHECK(in(now, R"("NotResource":"arn:aws:s3:::b/${aws:username}")") == Keys{"aws:username"});
    CHECK(in("", R"("Resource":"arn:aws:s3:::home/${aws:username}")").empty());  // R65
    CHECK(in(R"("Version":"2008-10-17",)", R"("Resource":"arn:aws:s3:::home/${aws:username}")").empty());
    CHECK(in(now, R"("Resource":"arn:aws:iam::${aws:PrincipalAccount}:role/x")").empty());  // R64: before the fifth colon
    CHECK(in(now, R"("Resource":"arn:aws:s3:::b/${*}${?}${$}")").empty());                  // R66
    CHECK(in(now, R"("Resource":"*","Condition":{"StringLike":{"s3:prefix":["${aws:username}/*","${ aws:userid }"]}})") ==
          Keys{"s3:prefix", "aws:username", "aws:userid"});
    CHECK(in(now, R"("Resource":"*","Condition":{"ForAllValues:ArnLikeIfExists":{"aws:SourceArn":"${aws:x}"}})") ==
          Keys{"aws:SourceArn", "aws:x"});
    CHECK(in(now, R"("Resource":"*","Condition":{"NumericLessThan":{"s3:max-keys":"${aws:x}"}})") == Keys{"s3:max-keys"});
    CHECK(in(now, R"("Resource":"arn:aws:s3:::b/${aws:x, 'a}${b'}${aws:y}/${unclosed")") == Keys{"aws:x", "aws:y"});
}

namespace {

std::string show(std::string_view document) {
    std::string out;
    for (const auto& span : statement_spans(document))
        out += (out.empty() ? "" : " ") + std::to_string(span.start.line) + ":" + std::to_string(span.start.column) + "-" +
               std::to_string(span.end.line) + ":" + std::to_string(span.end.column);
    return out;
}

}  // namespace

TEST_CASE("statement positions are counted as IAM counts them") {
    // One line; the first statement starts behind the bracket.
    CHECK(show(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]})") ==
          "1:38-1:95");
    // The API reference's sample, SimulateCustomPolicy example 1: a single statement starts behind its brace.
    CHECK(show("{\n  \"Version\":\"2012-10-17\",\n\n  \"Statement\":{\n    \"Effect\":\"Allow\",\n    "
               "\"Action\":\"s3:ListBucket\",\n"
               "    \"Resource\":\"arn:aws:s3:::teambucket\",\n    \"Condition\":{\n      \"Bool\":{\"aws:x\":\"true\"}\n    }\n "
               " }\n}") == "4:16-11:4");
    // Laid out; the second starts where the first ended, at the comma.
    const std::string two =
        "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\"\n    },\n    {\n      "
        "\"Effect\": \"Deny\"\n"
        "    }\n  ]\n}";
    CHECK(show(two) == "3:17-6:6 6:6-9:6");
    // CR and CRLF end lines as LF does.
    std::string returns = two, both = two;
    for (char& c : returns)
        if (c == '\n') c = '\r';
    for (size_t at = 0; (at = both.find('\n', at)) != std::string::npos; at += 2) both.insert(at, "\r");
    CHECK(show(returns) == show(two));
    CHECK(show(both) == show(two));
    // Characters, not bytes; braces, brackets and quotes in strings are text; names may be spelt with escapes.
    CHECK(show("{\"Id\": \"caf\xC3\xA9\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": "
               "\"*\"}]}") == "1:30-1:92");
    CHECK(show(R"({"Id":"}]{\"[\\","x":[1,{"Statement":[{}]}],"y":-1.5e3,"z":null,"Stat\u0065ment":[{"Sid":"]}\""},{}]})") ==
          "1:83-1:97 1:97-1:100");
    CHECK(show(R"({"Statement":[]})").empty());
    CHECK(show(R"({"Statement":"x"})").empty());
    CHECK(show(R"({"Version":"2012-10-17"})").empty());
    CHECK(show("{").empty());
    CHECK(show("[]").empty());
}

TEST_CASE("the reference knows what an action works on, and which keys hold lists") {
    CHECK(policy::arn_format("s3:GetObject") == "arn:${Partition}:s3:::${BucketName}/${ObjectName}");
    CHECK(policy::arn_format("S3:listbucket") == "arn:${Partition}:s3:::${BucketName}");
    CHECK(policy::arn_format("iam:PassRole") == "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}");
    CHECK(policy::arn_format("s3:ListAllMyBuckets") == "*");
    CHECK(policy::arn_format("nobody:KnowsThis") == "*");
    for (const char* key : {"aws:TagKeys", "AWS:tagkeys", "aws:CalledVia", "sts:TransitiveTagKeys", "sagemaker:VpcSubnets"})
        CHECK_MESSAGE(policy::key_holds_list(key), key);
    for (const char* key : {"aws:SourceIp", "aws:PrincipalTag/team", "s3:prefix", "aws:UserAgent"})
        CHECK_MESSAGE(!policy::key_holds_list(key), key);
}

TEST_CASE("condition keys that requests have") {
    CHECK(policy::is_global_key("aws:SourceIp"));
    CHECK(policy::is_global_key("AWS:principaltag/Team"));
    CHECK(policy::is_global_key("lambda:SourceFunctionArn"));
    for (const char* none : {"aws:PrincipalTag", "aws:PrincipalTag/", "aws:nosuchkey", "s3:prefix", "aws:"})
        CHECK_FALSE(policy::is_global_key(none));
    CHECK(policy::is_s3_key("s3:Prefix"));
    CHECK(policy::is_s3_key("s3:ExistingObjectTag/cls"));
    for (const char* none : {"s3:nosuchkey", "s3:ExistingObjectTag", "aws:SourceIp", "s3:"}) CHECK_FALSE(policy::is_s3_key(none));
    CHECK(policy::is_key_of_s3_action("s3:prefix", "s3:ListBucket"));
    CHECK(policy::is_key_of_s3_action("s3:existingobjecttag/cls", "S3:getobject"));
    CHECK_FALSE(policy::is_key_of_s3_action("s3:prefix", "s3:GetObject"));
    CHECK_FALSE(policy::is_key_of_s3_action("s3:prefix", "s3:NoSuchAction"));
}
