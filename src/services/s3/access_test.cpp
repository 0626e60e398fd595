// What an access to a bucket or an object is asked as.
#include <doctest/doctest.h>

#include "services/s3/service.hpp"

using namespace services::s3;

namespace {

std::vector<std::string> values(const policy::Context& context, const char* key) {
    const auto* entry = context.find(key);
    return entry == nullptr ? std::vector<std::string>{} : entry->values;
}

using Values = std::vector<std::string>;

}  // namespace

TEST_CASE("an access is to the bucket's account, whoever asks") {
    objects::Bucket bucket;
    bucket.name = "bucket";
    bucket.account = "999988887777";
    bucket.configuration.public_access_block = objects::PublicAccessBlock{.restrict_public_buckets = true};
    bucket.policy_is_public = true;
    for (const auto& access : {bucket_access(bucket, "s3:ListBucket"), object_access(bucket, "a/b", "s3:GetObject")}) {
        CHECK(access.resource_account == "999988887777");
        CHECK(values(access.context, "s3:ResourceAccount") == Values{"999988887777"});
        CHECK(access.restrict_public);
        CHECK(access.resource_policy_is_public);
        CHECK_FALSE(access.resource_policy);
    }
    CHECK(bucket_access(bucket, "s3:ListBucket").resource == "arn:aws:s3:::bucket");
    CHECK(object_access(bucket, "a/b", "s3:GetObject").resource == "arn:aws:s3:::bucket/a/b");
}

TEST_CASE("condition keys of tags and headers") {
    policy::Context context;
    add_request_tags(context, {{"team", "a"}, {"cls", "b"}});
    CHECK(values(context, "s3:RequestObjectTag/team") == Values{"a"});
    CHECK(values(context, "s3:RequestObjectTagKeys") == Values{"team", "cls"});
    CHECK(values(context, "s3:ExistingObjectTag/team").empty());
    add_existing_tags(context, {{"team", "old"}});
    CHECK(values(context, "s3:ExistingObjectTag/team") == Values{"old"});
    policy::Context none;
    add_request_tags(none, {});
    CHECK(none.find("s3:RequestObjectTagKeys") == nullptr);

    http::Headers headers;
    headers.add("x-amz-acl", "public-read");
    headers.add("x-amz-storage-class", "STANDARD");
    headers.add("If-None-Match", "*");
    add_write_keys(context, headers);
    CHECK(values(context, "s3:x-amz-acl") == Values{"public-read"});
    CHECK(values(context, "s3:x-amz-storage-class") == Values{"STANDARD"});
    CHECK(context.find("s3:if-none-match") == nullptr);
    add_condition_keys(context, headers);
    CHECK(values(context, "s3:if-none-match") == Values{"*"});
    add_creation_key(context, true);
    CHECK(values(context, "s3:ObjectCreationOperation") == Values{"true"});
}
