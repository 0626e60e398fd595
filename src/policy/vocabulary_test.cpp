#include "policy/vocabulary.hpp"

#include <doctest/doctest.h>

using policy::find_key;
using policy::has_format;
using policy::has_type;
using policy::KeyType;

TEST_CASE("condition keys and their types") {
    const auto type = [](std::string_view key) {
        const auto found = find_key(key);
        REQUIRE_MESSAGE(found, key);
        return found->type;
    };
    CHECK(type("aws:sourceip") == KeyType::address);
    CHECK(find_key("AWS:SOURCEIP")->name == "aws:SourceIp");
    CHECK(type("aws:MultiFactorAuthAge") == KeyType::number);
    CHECK(type("aws:SecureTransport") == KeyType::boolean);
    CHECK(type("aws:PrincipalArn") == KeyType::arn);
    CHECK(type("aws:CurrentTime") == KeyType::date);
    CHECK(type("s3:prefix") == KeyType::text);
    CHECK(type("s3:max-keys") == KeyType::number);
    CHECK(find_key("aws:principaltag/Team")->name == "aws:PrincipalTag/Team");
    CHECK(type("s3:ExistingObjectTag/class") == KeyType::text);
    CHECK(type("accounts.google.com:aud") == KeyType::text);
    for (const char* unknown : {"aws:SourceIpp", "aws:nosuchkey", "s3:nosuchkey", "nosuch:key", "aws:PrincipalTag",
                                "aws:PrincipalTag/", "aws:", ":", "", "prefix", "s3:prefix/x"}) {
        CAPTURE(unknown);
        CHECK_FALSE(find_key(unknown));
    }
}

TEST_CASE("what a request can bring as a value") {
    CHECK(has_type("3600", KeyType::number));
    CHECK_FALSE(has_type("an hour", KeyType::number));
    CHECK(has_type("TRUE", KeyType::boolean));
    CHECK_FALSE(has_type("yes", KeyType::boolean));
    CHECK(has_type("2026-01-31T12:00:00Z", KeyType::date));
    CHECK_FALSE(has_type("yesterday", KeyType::date));
    CHECK(has_type("2001:db8::1", KeyType::address));
    CHECK_FALSE(has_type("10.0.0.0/8", KeyType::address));
    CHECK_FALSE(has_type("10.0.0.256", KeyType::address));
    CHECK_FALSE(has_type("trainer", KeyType::arn));
    CHECK_FALSE(has_type("1.5", KeyType::epoch));
}

TEST_CASE("the ARNs that an action works on") {
    const auto fits = [](const char* action, const char* arn) {
        for (const auto format : policy::resource_formats(action))
            if (has_format(arn, format)) return true;
        return false;
    };
    CHECK(fits("s3:GetObject", "arn:aws:s3:::bucket/a/key:with/all"));
    CHECK_FALSE(fits("s3:GetObject", "arn:aws:s3:::bucket"));
    CHECK_FALSE(fits("s3:GetObject", "arn:aws:s3:::bucket/"));
    CHECK_FALSE(fits("s3:GetObject", "arn:aws:iam::111122223333:role/r"));
    CHECK(fits("s3:listbucket", "arn:aws:s3:::bucket"));
    CHECK_FALSE(fits("s3:ListBucket", "arn:aws:s3:::bucket/key"));
    CHECK(fits("sts:AssumeRole", "arn:aws:iam::111122223333:role/path/r"));
    CHECK_FALSE(fits("sts:AssumeRole", "arn:aws:iam::111122223333:user/u"));
    CHECK(fits("sagemaker:StopTrainingJob", "arn:aws:sagemaker:us-east-1:111122223333:training-job/j"));
    CHECK_FALSE(fits("sagemaker:StopTrainingJob", "arn:aws:sagemaker::111122223333:training-job/j"));
    CHECK(policy::resource_formats("s3:ListAllMyBuckets").empty());
    CHECK(policy::resource_formats("s3:NoSuchAction").empty());
}
