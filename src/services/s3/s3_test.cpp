// The pure parts of the folder; the operations are tested with real clients in tests/conformance.
#include <doctest/doctest.h>

#include "policy/rewrite.hpp"
#include "services/s3/copy_source.hpp"
#include "services/s3/ranges.hpp"
#include "services/s3/service.hpp"

namespace {

template <class T>
std::string code(const base::Result<T>& result) {
    return result ? "" : result.error().code;
}

std::string range(std::string_view header, uint64_t size) {
    const auto read = services::s3::read_range_header(header, size);
    if (!read) return read.error().code;
    if (!*read) return "ignored";
    return std::to_string((*read)->offset) + "+" + std::to_string((*read)->length);
}

std::string source(std::string_view header) {
    const auto read = services::s3::read_copy_source(header);
    return read ? read->bucket + "|" + read->key : read.error().code;
}

std::string refusal(const std::string& statement) {
    objects::Bucket bucket;
    bucket.name = "bucket";
    bucket.account = "111122223333";
    const auto checked = services::s3::check_bucket_policy(
        R"({"Version":"2012-10-17","Statement":[)" + statement + "]}", bucket, [](const std::string& arn) {
            return arn == "arn:aws:iam::111122223333:role/here" ? std::optional<std::string>("AROAEXAMPLE") : std::nullopt;
        });
    return checked ? "" : checked.error().message;
}

}  // namespace

TEST_CASE("Range headers") {
    CHECK(range("bytes=0-4", 10) == "0+5");
    CHECK(range("bytes=5-", 10) == "5+5");
    CHECK(range("bytes=-3", 10) == "7+3");
    CHECK(range("bytes=-30", 10) == "0+10");
    CHECK(range("bytes=0-99999999999999999999999", 10) == "0+10");
    CHECK(range("Bytes= 9-9 ", 10) == "9+1");
    CHECK(range("bytes=10-", 10) == "InvalidRange");
    CHECK(range("bytes=99999999999999999999999-", 10) == "InvalidRange");
    CHECK(range("bytes=-0", 10) == "InvalidRange");
    CHECK(range("bytes=0-0", 0) == "InvalidRange");
    for (const char* nonsense :
         {"bytes=4-2", "bytes=0-1,3-4", "items=0-1", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-x", "bytes=--1", "", "bytes"}) {
        CAPTURE(nonsense);
        CHECK(range(nonsense, 10) == "ignored");
    }
    CHECK(services::s3::read_copy_range("bytes=2-4", 10)->length == 3);
    for (const char* bad : {"bytes=2-10", "bytes=4-2", "bytes=2-", "2-4", "bytes=-2", ""})
        CHECK(code(services::s3::read_copy_range(bad, 10)) == "InvalidArgument");
}

TEST_CASE("ranges of objects of several files") {
    struct Reader final : store::BlobReader {
        [[nodiscard]] base::Result<void> verify(uint64_t, uint64_t) const override { return {}; }
        explicit Reader(uint64_t size) : size_(size) {}
        uint64_t size() const override { return size_; }
        base::Result<std::string> read(uint64_t, size_t) const override { return std::string(); }
        uint64_t size_;
    };
    auto object = std::make_shared<objects::Object>();
    object->segments = {{"a", 10, "", {}}, {"b", 5, "", {}}, {"c", 10, "", {}}};
    objects::OpenObject open{
        object, {}, {std::make_shared<Reader>(10), std::make_shared<Reader>(5), std::make_shared<Reader>(10)}};
    const auto all = std::get<std::vector<model::FileRange>>(*services::s3::body_of(open, {0, 25}));
    CHECK(all.size() == 3);
    const auto middle = std::get<std::vector<model::FileRange>>(*services::s3::body_of(open, {8, 4}));
    CHECK(middle.at(0).offset == 8);
    CHECK(middle.at(0).length == 2);
    CHECK(middle.at(1).offset == 0);
    CHECK(middle.at(1).length == 2);
    const auto one = std::get<model::FileRange>(*services::s3::body_of(open, {11, 3}));
    CHECK(one.offset == 1);
    CHECK(one.length == 3);
    CHECK(std::get<std::vector<model::FileRange>>(*services::s3::body_of(open, {25, 0})).empty());
}

TEST_CASE("copy sources, crafted ones too") {
    CHECK(source("bucket/key") == "bucket|key");
    CHECK(source("bucket/a+b%2Bc%20d") == "bucket|a b+c d");
    CHECK(source("/%62ucket/%6bey") == "bucket|key");
    CHECK(source("/bucket/a/b%20c%3Fd") == "bucket|a/b c?d");
    CHECK(source("bucket%2Fkey") == "bucket|key");
    CHECK(source("bucket/key?versionId=null") == "bucket|key");
    CHECK(source("bucket/../other/key") == "bucket|../other/key");
    for (const char* bad : {"", "/", "//", "bucket", "bucket/", "/bucket", "?versionId=null", "bucket/key?versionId=x",
                            "bucket/key?x", "bucket/%zz", "%"}) {
        CAPTURE(bad);
        CHECK(source(bad) == "InvalidArgument");
    }
    CHECK(source("arn:aws:s3:us-east-1:1:accesspoint/a/object/k") == "NotImplemented");
}

TEST_CASE("bucket policies are about this bucket, S3's actions and principals that exist") {
    const std::string everybody = R"("Effect":"Allow","Principal":"*",)";
    CHECK(refusal("{" + everybody + R"("Action":"s3:*","Resource":["arn:aws:s3:::bucket","arn:aws:s3:::bucket/*"]})") == "");
    CHECK(refusal("{" + everybody + R"("Action":"s3:*","Resource":"arn:aws:s3:::bucket/*"})") == "");
    CHECK(refusal("{" + everybody + R"("Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/home/${aws:username}/*"})") == "");
    CHECK(refusal("{" + everybody + R"("Action":"s3:GetObject","Resource":"arn:aws:s3:::buck*"})") == "");
    CHECK(refusal("{" + everybody + R"("Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*"})") ==
          "Policy has invalid resource");
    CHECK(
        refusal("{" + everybody + R"("Action":"s3:GetObject","Resource":["arn:aws:s3:::bucket/*","arn:aws:s3:::bucket2/*"]})") ==
        "Policy has invalid resource");
    CHECK(refusal("{" + everybody + R"("Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket"})") ==
          "Action does not apply to any resource(s) in statement");
    CHECK(refusal("{" + everybody + R"("Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::bucket/*"})") ==
          "Action does not apply to any resource(s) in statement");
    CHECK(refusal("{" + everybody + R"("Action":"s3:Get*","Resource":"arn:aws:s3:::bucket"})") == "");
    CHECK(refusal("{" + everybody + R"("Action":"ec2:RunInstances","Resource":"arn:aws:s3:::bucket/*"})") ==
          "Policy has invalid action");
    CHECK(refusal("{" + everybody + R"("Action":"s3:NoSuchThing","Resource":"arn:aws:s3:::bucket/*"})") ==
          "Policy has invalid action");
    CHECK(
        refusal(
            R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/here"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"})") ==
        "");
    CHECK(
        refusal(
            R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/gone"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"})") ==
        "Invalid principal in policy");
    objects::Bucket bucket;
    bucket.name = "bucket";
    CHECK(code(services::s3::check_bucket_policy("{", bucket, {})) == "MalformedPolicy");
    CHECK(code(services::s3::check_bucket_policy(
              R"({"Version":"2012-10-17","Id":")" + std::string(21000, 'x') + R"(","Statement":[]})", bucket, {})) ==
          "PolicyTooLarge");
    CHECK(code(services::s3::check_bucket_policy(
              R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})", bucket, {})) ==
          "MalformedPolicy");
}

TEST_CASE("conditions of bucket policies are about what their requests have") {
    const auto with = [](const std::string& actions, const std::string& condition, const std::string& effect = "Allow") {
        return refusal(R"({"Effect":")" + effect + R"(","Principal":"*","Action":)" + actions +
                       R"(,"Resource":["arn:aws:s3:::bucket","arn:aws:s3:::bucket/*"],"Condition":)" + condition + "}");
    };
    const std::string unknown = "Policy has an invalid condition key";
    const std::string elsewhere = "Conditions do not apply to combination of actions and resources in statement";
    CHECK(with(R"("s3:GetObject")", R"({"StringEquals":{"s3:nosuchkey":"x"}})") == unknown);
    CHECK(with(R"("s3:GetObject")", R"({"StringEquals":{"aws:nosuchkey":"x"}})") == unknown);
    CHECK(with(R"("s3:*")", R"({"Null":{"ec2:Vpc":"true"}})", "Deny") == unknown);
    CHECK(with(R"("s3:GetObject")", R"({"StringEquals":{"s3:ExistingObjectTag/":"x"}})") == unknown);
    CHECK(with(R"("s3:GetObject")", R"({"StringEquals":{"aws:PrincipalTag":"x"}})") == unknown);
    CHECK(with(R"("s3:GetObject")", R"({"StringEquals":{"s3:prefix":"x"}})") == elsewhere);
    CHECK(with(R"(["s3:ListBucket","s3:GetObject"])", R"({"StringLike":{"s3:prefix":"x*"}})") == elsewhere);
    CHECK(with(R"("s3:Get*")", R"({"StringEquals":{"s3:x-amz-server-side-encryption":"AES256"}})") == elsewhere);
    CHECK(with(R"("s3:ListBucket")", R"({"StringEquals":{"s3:ExistingObjectTag/cls":"public"}})") == elsewhere);
    CHECK(with(R"("s3:ListBucket")", R"({"StringLike":{"S3:Prefix":"x*"},"NumericLessThan":{"s3:max-keys":"10"}})").empty());
    CHECK(with(R"("s3:List*")", R"({"StringLike":{"s3:prefix":"x*"}})").empty());
    CHECK(with(R"("s3:*")", R"({"StringLike":{"s3:prefix":"x*"}})").empty());
    CHECK(with(R"("*")", R"({"StringNotEquals":{"s3:x-amz-acl":"private"}})", "Deny").empty());
    CHECK(with(R"("s3:GetObject")", R"({"StringEquals":{"s3:ExistingObjectTag/cls":"public"}})").empty());
    CHECK(with(R"("s3:PutObject")", R"({"StringEquals":{"s3:RequestObjectTag/cls":"public","s3:x-amz-copy-source":"a/b"}})")
              .empty());
    CHECK(with(R"("s3:GetObjectVersion")", R"({"StringEquals":{"s3:VersionId":"null"}})").empty());
    CHECK(with(R"("s3:GetObject")",
               R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"StringEquals":{"aws:PrincipalTag/t":"x",)"
               R"("saml:aud":"a","token.actions.githubusercontent.com:sub":"b"},"Bool":{"AWS:securetransport":true}})")
              .empty());
    // Where the resource narrows the statement, the keys of what is left count.
    CHECK(refusal(R"({"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bucket/*",)"
                  R"("Condition":{"StringLike":{"s3:prefix":"x*"}}})") == elsewhere);
    CHECK(refusal(R"({"Effect":"Deny","Principal":"*","NotAction":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*",)"
                  R"("Condition":{"StringLike":{"s3:nosuchkey":"x*"}}})") == unknown);
    CHECK(
        refusal(
            R"({"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:ListAllMyBuckets","Resource":"arn:aws:s3:::bucket"})") ==
        "Action does not apply to any resource(s) in statement");
}

TEST_CASE("canonical users and CloudFront's identities in bucket policies") {
    objects::Bucket bucket;
    bucket.name = "bucket";
    bucket.account = "111122223333";
    const auto owner = services::s3::canonical_id(bucket.account);
    const auto document = [](const std::string& effect, const std::string& principal) {
        return R"({"Version":"2012-10-17","Statement":[{"Effect":")" + effect + R"(","Principal":)" + principal +
               R"(,"Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"}]})";
    };
    const auto checked =
        services::s3::check_bucket_policy(document("Allow", R"({"CanonicalUser":")" + owner + R"("})"), bucket, {});
    REQUIRE(checked.has_value());
    CHECK(*checked == std::map<std::string, std::string>{{owner, "111122223333"}});
    // It is decided as the account, and shown as it was given.
    bucket.configuration.policy = document("Allow", R"({"CanonicalUser":")" + owner + R"("})");
    bucket.configuration.policy_principals = *checked;
    CHECK(policy::replace_principals(bucket.configuration.policy, *checked).contains(R"("CanonicalUser":"111122223333")"));
    CHECK(services::s3::shown_bucket_policy(bucket.configuration, {}) == bucket.configuration.policy);
    const std::string stranger(64, 'a');
    CHECK(code(services::s3::check_bucket_policy(document("Allow", R"({"CanonicalUser":")" + stranger + R"("})"), bucket, {}))
              .empty());
    CHECK(code(services::s3::check_bucket_policy(document("Deny", R"({"CanonicalUser":")" + stranger + R"("})"), bucket, {})) ==
          "MalformedPolicy");
    CHECK(code(services::s3::check_bucket_policy(
                   document("Allow", R"({"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity EH1HDMB1FH2TC"})"),
                   bucket, [](const std::string&) { return std::nullopt; }))
              .empty());
    // What would deny nobody, and what would allow nobody anything.
    const auto refused = [&](const char* effect, const std::string& principal) {
        const auto result = services::s3::check_bucket_policy(document(effect, principal), bucket, [](const std::string& name) {
            return name == "AROAEXAMPLE" ? std::optional(name) : std::nullopt;
        });
        return result ? std::string() : result.error().message;
    };
    CHECK(refused("Deny", R"({"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity EH1HDMB1FH2TC"})") ==
          "Invalid principal in policy");
    for (const char* effect : {"Allow", "Deny"}) {
        for (const char* principal :
             {R"({"AWS":"AIDAXXXXXXXXXXXXXXXXX"})", R"({"AWS":"AROAXXXXXXXXXXXXXXXXX"})",
              R"({"AWS":["AROAEXAMPLE","arn:aws-cn:iam::111122223333:root"]})", R"({"Service":"nosuchsvc.amazonaws.com"})",
              R"({"AWS":"arn:aws:sts::111122223333:federated-user/x"})"})
            CHECK_MESSAGE(refused(effect, principal) == "Invalid principal in policy", principal);
        CHECK(refused(effect, R"({"AWS":["AROAEXAMPLE","111122223333","arn:aws:iam::111122223333:root"]})").empty());
        CHECK(refused(effect, R"({"Service":"logging.s3.amazonaws.com"})").empty());
    }
}
