#include <doctest/doctest.h>

#include "proof/compare.hpp"

using policy::Policy;
using policy::PolicyKind;
using proof::Answer;

namespace {

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
    // Both values of a key that is always there, together, are everything.
    CHECK(includes(with(R"({"Bool":{"aws:SecureTransport":"true"}})") + "," + with(R"({"Bool":{"aws:SecureTransport":"false"}})"),
                   allow(get, all)));
}

TEST_CASE("variables of unknown value are never a no that is not proved") {
    const std::string home = allow(R"("s3:GetObject")", R"("arn:aws:s3:::home/${aws:username}/*")");
    CHECK(includes(allow(R"("s3:GetObject")", R"("arn:aws:s3:::home/*")"), home));
}
