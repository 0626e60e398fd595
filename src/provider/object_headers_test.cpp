// Objects and copies of objects against AWS's documented wire.
#include "provider/object_headers.hpp"

#include <doctest/doctest.h>

#include "provider/scripted_aws.hpp"

using provider::Property;
using provider::ScriptedAws;
using Object = Property::Object;
using Array = Property::Array;

namespace {

constexpr const char* local = "http://127.0.0.1:4566";
constexpr const char* object = "aws:s3/bucketObjectv2:BucketObjectv2";
constexpr const char* object_copy = "aws:s3/objectCopy:ObjectCopy";

wire::S3Answer head(std::initializer_list<std::pair<const char*, const char*>> fields) {
    wire::S3Answer answer{.status = 200, .headers = {}, .body = {}};
    for (const auto& [name, value] : fields) answer.headers.set(name, value);
    return answer;
}

}  // namespace

TEST_CASE("what an object says of itself goes as headers, and comes back from them") {
    ScriptedAws aws;
    aws.answer_s3("PUT b/k");
    aws.requests["HEAD b/k"].emplace_back(head({{"ETag", "\"e\""},
                                                {"Content-Type", "text/plain"},
                                                {"x-amz-server-side-encryption", "AES256"},
                                                {"x-amz-object-lock-mode", "GOVERNANCE"},
                                                {"x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00.000Z"},
                                                {"x-amz-checksum-crc32c", "yZRlqg=="},
                                                {"x-amz-version-id", "v1"}}));
    const auto provider = aws.provider(local);
    const Property inputs(Object{{"bucket", "b"},
                                 {"key", "k"},
                                 {"content", "hello world"},
                                 {"contentType", "text/plain"},
                                 {"checksumAlgorithm", "CRC32C"},
                                 {"acl", "bucket-owner-full-control"},
                                 {"objectLockMode", "GOVERNANCE"},
                                 {"objectLockRetainUntilDate", "2030-01-01T00:00:00Z"}});
    const auto made = provider->create(object, inputs, false);
    REQUIRE_MESSAGE(made, made.error().describe());
    const auto& sent = aws.s3_calls.front().headers;
    CHECK(sent.get("x-amz-acl") == "bucket-owner-full-control");
    CHECK(sent.get("x-amz-object-lock-mode") == "GOVERNANCE");
    CHECK(sent.get("x-amz-object-lock-retain-until-date") == "2030-01-01T00:00:00Z");
    CHECK(sent.get("x-amz-checksum-crc32c") == "yZRlqg==");
    CHECK(made->outputs["etag"] == Property("e"));
    CHECK(made->outputs["serverSideEncryption"] == Property("AES256"));
    CHECK(made->outputs["checksumCrc32c"] == Property("yZRlqg=="));
    // The same moment in S3's words is no difference, and an encryption that the bucket chose is none.
    const auto read = provider->read(object, made->id, inputs, made->outputs);
    REQUIRE(read->has_value());
    CHECK_FALSE(provider->diff(object, made->id, (*read)->inputs, (*read)->outputs, inputs)->any());
}

TEST_CASE("a hold, a retention and an ACL change in place; content makes the object anew") {
    ScriptedAws aws;
    for (const char* request : {"PUT b/k?legal-hold", "PUT b/k?retention", "PUT b/k?acl", "PUT b/k"}) aws.answer_s3(request);
    aws.requests["HEAD b/k"].emplace_back(head({{"ETag", "\"e\""}}));
    const auto provider = aws.provider(local);
    Property olds(Object{{"bucket", "b"}, {"key", "k"}, {"content", "one"}});
    Property news = olds;
    news.set("objectLockLegalHoldStatus", "ON");
    news.set("objectLockMode", "GOVERNANCE");
    news.set("objectLockRetainUntilDate", "2030-01-01T00:00:00Z");
    news.set("acl", "public-read");
    REQUIRE(provider->update(object, "b/k", olds, news, false));
    CHECK(aws.asked == std::vector<std::string>{"PUT b/k?acl", "PUT b/k?legal-hold", "PUT b/k?retention", "HEAD b/k"});
    CHECK(aws.s3_calls[0].headers.get("x-amz-acl") == "public-read");
    CHECK(aws.s3_calls[1].body.find("<Status>ON</Status>") != std::string::npos);
    CHECK(aws.s3_calls[2].body.find("<Mode>GOVERNANCE</Mode><RetainUntilDate>2030-01-01T00:00:00Z") != std::string::npos);
    aws.asked.clear();
    olds = news;
    news.set("content", "two");
    REQUIRE(provider->update(object, "b/k", olds, news, false));
    CHECK(aws.asked == std::vector<std::string>{"PUT b/k", "HEAD b/k"});
}

TEST_CASE("an object in a bucket with versions goes with all of them, and others of like names stay") {
    ScriptedAws aws;
    aws.answer_s3("GET b?versions&encoding-type=url&prefix=k",
                  "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>"
                  "<NextVersionIdMarker>v1</NextVersionIdMarker><Version><Key>k</Key><VersionId>v1</VersionId></Version>"
                  "<Version><Key>k2</Key><VersionId>x</VersionId></Version></ListVersionsResult>");
    aws.answer_s3(
        "GET b?versions&encoding-type=url&prefix=k&key-marker=k&version-id-marker=v1",
        "<ListVersionsResult><IsTruncated>false</IsTruncated><DeleteMarker><Key>k</Key><VersionId>v2</VersionId></DeleteMarker>"
        "</ListVersionsResult>");
    aws.refuse_s3("DELETE b/k?versionId=v1", "AccessDenied");
    aws.answer_s3("DELETE b/k?versionId=v1");
    aws.answer_s3("DELETE b/k?versionId=v2");
    aws.answer_s3("PUT b/k?legal-hold&versionId=v1");
    aws.answer_s3("DELETE b/k");
    const auto provider = aws.provider(local);
    const Property kept(Object{{"bucket", "b"}, {"key", "k"}, {"versionId", "v1"}});
    // Without force a hold stays, and the error says what would take it away.
    const auto refused = provider->remove(object, "b/k", kept);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().notes.front().find("forceDestroy") != std::string::npos);
    CHECK_FALSE(aws.was_asked("PUT b/k?legal-hold&versionId=v1"));
    aws.requests["DELETE b/k?versionId=v1"].clear();
    aws.refuse_s3("DELETE b/k?versionId=v1", "AccessDenied");
    aws.answer_s3("DELETE b/k?versionId=v1");
    Property forced = kept;
    forced.set("forceDestroy", true);
    const auto gone = provider->remove(object, "b/k", forced);
    CHECK_MESSAGE(gone, gone.error().describe());
    CHECK(aws.was_asked("PUT b/k?legal-hold&versionId=v1"));
    CHECK(aws.s3_calls.back().query == "versionId=v2");
    CHECK_FALSE(aws.was_asked("DELETE b/k2?versionId=x"));
    // Without versions it is one call.
    aws.asked.clear();
    REQUIRE(provider->remove(object, "b/k", Object{{"bucket", "b"}, {"key", "k"}}));
    CHECK(aws.asked == std::vector<std::string>{"DELETE b/k"});
}

TEST_CASE("a copy takes new metadata and tags where the program says some, and tells what the copy told") {
    ScriptedAws aws;
    wire::S3Answer answered = head({{"x-amz-copy-source-version-id", "sv"}});
    answered.body = "<CopyObjectResult><LastModified>2026-01-31T12:00:00.000Z</LastModified><ETag>e</ETag></CopyObjectResult>";
    aws.requests["PUT b/k"].emplace_back(answered);
    aws.requests["HEAD b/k"].emplace_back(head({{"ETag", "\"e\""}, {"x-amz-meta-a", "1"}}));
    const auto provider = aws.provider(local);
    const Property plain(Object{{"bucket", "b"}, {"key", "k"}, {"source", "s/from%20here"}});
    const auto made = provider->create(object_copy, plain, false);
    REQUIRE_MESSAGE(made, made.error().describe());
    CHECK(aws.s3_calls.front().headers.get("x-amz-copy-source") == "s/from%20here");
    CHECK(aws.s3_calls.front().headers.get("x-amz-metadata-directive") == "");
    CHECK(made->outputs["sourceVersionId"] == Property("sv"));
    CHECK(made->outputs["lastModified"] == Property("2026-01-31T12:00:00.000Z"));

    Property said = plain;
    said.set("metadata", Object{{"a", "1"}});
    said.set("tags", Object{{"t &", "1"}});
    aws.answer_s3("GET b/k?tagging", "<Tagging><TagSet><Tag><Key>t &amp;</Key><Value>1</Value></Tag></TagSet></Tagging>");
    said.set("copyIfUnmodifiedSince", "2026-01-31T12:00:00Z");
    aws.requests["PUT b/k"].clear();
    answered.headers.set("x-amz-copy-source-version-id", "sv2");
    aws.requests["PUT b/k"].emplace_back(answered);
    const auto updated = provider->update(object_copy, "b/k", made->outputs, said, false);
    REQUIRE_MESSAGE(updated, updated.error().describe());
    const auto sent =
        std::ranges::find_if(aws.s3_calls, [](const wire::S3Call& call) { return !call.headers.get("x-amz-tagging").empty(); });
    REQUIRE(sent != aws.s3_calls.end());
    CHECK(sent->headers.get("x-amz-metadata-directive") == "REPLACE");
    CHECK(sent->headers.get("x-amz-tagging") == "t%20%26=1");
    CHECK(sent->headers.get("x-amz-tagging-directive") == "REPLACE");
    CHECK(sent->headers.get("x-amz-copy-source-if-unmodified-since") == "Sat, 31 Jan 2026 12:00:00 GMT");
    CHECK(updated->outputs["sourceVersionId"] == Property("sv2"));

    // An error that comes with 200 is an error.
    answered.body = "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>";
    aws.requests["PUT b/k"] = {answered};
    const auto failed = provider->create(object_copy, plain, false);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == "InternalError");
}
