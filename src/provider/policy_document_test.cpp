#include "provider/policy_document.hpp"

#include <doctest/doctest.h>

using provider::same_policy;

namespace {

struct Pair {
    const char* about;
    const char* a;
    const char* b;
    bool same;
};

// Statement bodies; the test wraps them into documents.
const Pair pairs[] = {
    {"white space and key order", R"({"Effect":"Allow","Action":"s3:*"})", R"({ "Action" : "s3:*", "Effect":"Allow" })", true},
    {"a string is a list of one", R"({"Action":"s3:*"})", R"({"Action":["s3:*"]})", true},
    {"lists are sets", R"({"Action":["s3:GetObject","s3:PutObject"]})",
     R"({"Action":["s3:PutObject","s3:GetObject","s3:PutObject"]})", true},
    {"actions have no case", R"({"Action":"S3:getobject"})", R"({"Action":"s3:GetObject"})", true},
    {"resources have", R"({"Resource":"arn:aws:s3:::A"})", R"({"Resource":"arn:aws:s3:::a"})", false},
    {"another action", R"({"Action":"s3:*"})", R"({"Action":"s3:GetObject"})", false},
    {"NotAction is not Action", R"({"Action":"s3:*"})", R"({"NotAction":"s3:*"})", false},
    {"everybody, twice", R"({"Principal":"*"})", R"({"Principal":{"AWS":["*"]}})", true},
    {"an account is its root", R"({"Principal":{"AWS":"123456789012"}})",
     R"({"Principal":{"AWS":["arn:aws:iam::123456789012:root"]}})", true},
    {"a service is no account", R"({"Principal":{"Service":"123456789012"}})",
     R"({"Principal":{"Service":"arn:aws:iam::123456789012:root"}})", false},
    {"condition keys have no case", R"({"Condition":{"Bool":{"aws:SecureTransport":true}}})",
     R"({"Condition":{"Bool":{"aws:securetransport":["true"]}}})", true},
    {"condition values have", R"({"Condition":{"StringEquals":{"aws:username":"Ann"}}})",
     R"({"Condition":{"StringEquals":{"aws:username":"ann"}}})", false},
    {"no condition", R"({"Action":"s3:*","Condition":{},"Sid":""})", R"({"Action":"s3:*"})", true},
    {"another effect", R"({"Effect":"Allow"})", R"({"Effect":"Deny"})", false},
};

std::string document(std::string_view statement) {
    return R"({"Version":"2012-10-17","Statement":[)" + std::string(statement) + "]}";
}

}  // namespace

TEST_CASE("documents are compared by what they mean") {
    for (const Pair& pair : pairs) {
        CAPTURE(pair.about);
        CHECK(same_policy(document(pair.a), document(pair.b)) == pair.same);
        CHECK(same_policy(document(pair.b), document(pair.a)) == pair.same);
    }
}

TEST_CASE("statements are a set, versions count") {
    CHECK(same_policy(R"({"Statement":{"Effect":"Allow"}})", R"({"Version":"2008-10-17","Statement":[{"Effect":"Allow"}]})"));
    CHECK_FALSE(same_policy(R"({"Statement":[]})", R"({"Version":"2012-10-17","Statement":[]})"));
    CHECK(same_policy(R"({"Statement":[{"Sid":"a"},{"Sid":"b"}]})", R"({"Statement":[{"Sid":"b"},{"Sid":"a"}]})"));
    CHECK_FALSE(same_policy("not json", "not  json"));
    CHECK(same_policy("not json", "not json"));
}

TEST_CASE("documents given as objects become the text that Pulumi would send") {
    using provider::Property;
    const Property document(
        Property::Object{{"Version", "2012-10-17"}, {"Statement", Property::Array{Property::Object{{"Sid", "a<b&c"}}}}});
    CHECK(provider::document_text(document) == R"({"Statement":[{"Sid":"a\u003cb\u0026c"}],"Version":"2012-10-17"})");
}
