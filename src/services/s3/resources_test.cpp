#include "services/s3/resources.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/decision.hpp"
#include "crypto/random.hpp"
#include "gate/gate.hpp"
#include "temporary_folder.hpp"

using gate::Existence;
using services::s3::Located;

namespace {

constexpr const char* deny_all =
    R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bucket/*"}})";

struct S3ResourcesFixture {
    S3ResourcesFixture() {
        blobs = std::move(*store::open_blobs(folder.path));
        storage = std::move(objects::Storage::open({keys.get(), blobs.get(), &clock, &random}).value());
        REQUIRE(storage->create_bucket("bucket", "111122223333", "eu-west-1").has_value());
        const auto set = [](objects::BucketConfiguration& configuration) -> base::Result<void> {
            configuration.policy = deny_all;
            configuration.public_access_block = objects::PublicAccessBlock{.restrict_public_buckets = true};
            return {};
        };
        REQUIRE(storage->configure("bucket", set).has_value());
        REQUIRE(storage
                    ->put({.bucket = "bucket",
                           .key = "a/b",
                           .tags = {{"team", "red"}},
                           .body = [](std::span<char>) -> base::Result<size_t> { return 0; }})
                    .has_value());
        describer.serve({"us-east-1", "eu-west-1"});
        describer.add("s3", std::make_unique<services::s3::Resources>(*storage));
    }

    TemporaryFolder folder;
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'790'000'000'000))};
    crypto::SystemRandom random;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::unique_ptr<store::Blobs> blobs;
    std::unique_ptr<objects::Storage> storage;
    gate::Describer describer;
};

std::string value(const gate::Description& of, std::string_view key) {
    const auto* const own = of.keys.find(key);
    const auto* const entry = own != nullptr ? own : of.bounded_keys.find(key);
    return entry == nullptr ? "(none)" : entry->values.front();
}

}  // namespace

TEST_CASE("a bucket brings its policy, its owner, its restriction and its region to every action on it and what is in it") {
    S3ResourcesFixture fixture;
    for (const char* arn : {"arn:aws:s3:::bucket", "arn:aws:s3:::bucket/a/b", "arn:aws:s3:::bucket/none"}) {
        const auto found = fixture.describer.find(arn, "s3:PutObject", "999988887777");
        REQUIRE(found);
        CHECK(found->arn == arn);
        CHECK(found->owner == "111122223333");
        CHECK(value(*found, "s3:ResourceAccount") == "111122223333");
        REQUIRE(found->policy);
        CHECK(found->policy->name == "bucket policy of bucket");
        CHECK(found->restrict_public);
        CHECK(found->region == "eu-west-1");
        REQUIRE(found->found.as<Located>() != nullptr);
        CHECK(found->found.as<Located>()->bucket->name == "bucket");
        CHECK(found->found.as<Located>()->object == nullptr);
        CHECK(value(*found, "s3:ExistingObjectTag/team") == "(none)");  // no key of PutObject
    }
    fixture.describer.serve({"us-east-1"});
    CHECK(fixture.describer.find("arn:aws:s3:::bucket", "s3:ListBucket", "")->region.empty());
}

TEST_CASE("an object that is there brings its tags to the actions that have them; one that is not is absent") {
    S3ResourcesFixture fixture;
    for (const char* action : {"s3:GetObject", "S3:PUTOBJECTACL", "s3:DeleteObjectTagging"}) {
        const auto found = fixture.describer.find("arn:aws:s3:::bucket/a/b", action, "");
        REQUIRE(found);
        CHECK(found->existence == Existence::there);
        CHECK(value(*found, "s3:ExistingObjectTag/team") == "red");
        CHECK(found->found.as<Located>()->object != nullptr);
        const auto absent = fixture.describer.find("arn:aws:s3:::bucket/a", action, "");
        REQUIRE(absent);
        CHECK(absent->existence == Existence::absent);
        CHECK(value(*absent, "s3:ExistingObjectTag/team") == "(none)");
    }
}

TEST_CASE(
    "an object's tags are found in one look for all that a request needs, and are keys of the actions that have them alone") {
    S3ResourcesFixture fixture;
    const auto beside = std::to_array<std::string_view>({"s3:PutObjectTagging"});
    const auto found = fixture.describer.find("arn:aws:s3:::bucket/a/b", "s3:PutObject", "", beside);
    REQUIRE(found);
    CHECK(gate::access_to("s3:PutObject", *found, {}).context.find("s3:ExistingObjectTag/team") == nullptr);
    const auto tagging = gate::access_to("s3:PutObjectTagging", *found, {});
    REQUIRE(tagging.context.find("s3:ExistingObjectTag/team") != nullptr);
    CHECK(tagging.context.find("s3:ExistingObjectTag/team")->values.front() == "red");
    // Two tags that one key's name stands for stay ambiguous: nothing may decide for one of them.
    gate::Description two{.arn = "arn:aws:s3:::bucket/k"};
    two.bounded_keys.set("s3:ExistingObjectTag/CLS", "public");
    two.bounded_keys.set("s3:ExistingObjectTag/cls", "secret");
    const auto reading = gate::access_to("s3:GetObject", two, {});
    const auto* const both = reading.context.find("s3:ExistingObjectTag/cls");
    CHECK((both != nullptr && both->ambiguous));
    // Who writes holds to the object whose tags were looked at, or to its absence, and where none were, to the bucket alone.
    const base::DecisionScope scope;
    CHECK(fixture.describer.find("arn:aws:s3:::bucket/a/b", "s3:PutObject", "").has_value());
    CHECK(base::DecisionScope::has_seen("bucket", "bucket"));
    CHECK_FALSE(base::DecisionScope::has_seen("object", "bucket/a/b"));
    CHECK(fixture.describer.find("arn:aws:s3:::bucket/a/b", "s3:PutObject", "", beside).has_value());
    CHECK(base::DecisionScope::has_seen("object", "bucket/a/b"));
    CHECK(fixture.describer.find("arn:aws:s3:::bucket/none", "s3:PutObject", "", beside).has_value());
    CHECK(base::DecisionScope::has_seen("object", "bucket/none"));
}

TEST_CASE("a bucket that is not there: an error to a request, an absence to a question; a pattern is unknown") {
    S3ResourcesFixture fixture;
    const auto request = fixture.describer.find("arn:aws:s3:::nosuch/k", "s3:GetObject", "");
    REQUIRE(!request);
    CHECK(request.error().code == "NoSuchBucket");
    CHECK(fixture.describer.describe("arn:aws:s3:::nosuch", "s3:GetObject", "")->existence == Existence::absent);
    CHECK(fixture.describer.describe("arn:aws:s3:::buck*", "s3:GetObject", "")->existence == Existence::unknown);
    const auto asked = gate::asked_access(fixture.describer, "s3:GetObject", "arn:aws:s3:::nosuch/k", "111122223333");
    REQUIRE(!asked);
    CHECK(asked.error().code == "NoSuchResource");
    CHECK(gate::asked_access(fixture.describer, "s3:GetObject", "arn:aws:s3:us-east-1:111122223333:accesspoint/x/object/k",
                             "111122223333")
              .error()
              .code == "NoSuchResource");
    // A key may come at any time: questions about it are answered.
    CHECK(gate::asked_access(fixture.describer, "s3:GetObject", "arn:aws:s3:::bucket/later", "111122223333")
              ->resource_policy.has_value());
}

TEST_CASE("a question about what an action makes knows nothing of what may be there already") {
    S3ResourcesFixture fixture;
    const auto made = gate::asked_access(fixture.describer, "s3:CreateBucket", "arn:aws:s3:::bucket", "111122223333");
    REQUIRE(made);
    CHECK_FALSE(made->resource_policy);
    CHECK(made->resource_account.empty());
}

TEST_CASE("bucket policies are found by AWS's own ARNs alone") {
    S3ResourcesFixture fixture;
    for (const char* arn : {"arn:aws-cn:s3:::bucket/k", "arn:aws:s3-object-lambda:::bucket", "bucket", "", "arn:aws:sqs:::bucket",
                            "arn:aws:s3:eu-west-1::bucket", "arn:aws:s3::111122223333:bucket"}) {
        const auto found = fixture.describer.find(arn, "s3:GetObject", "");
        REQUIRE_MESSAGE(found, arn);
        CHECK_FALSE_MESSAGE(found->policy, arn);
        CHECK_MESSAGE(found->found.as<Located>() == nullptr, arn);
    }
}

TEST_CASE("buckets are what is there, and objects where the pattern names their bucket") {
    S3ResourcesFixture fixture;
    REQUIRE(fixture.storage->create_bucket("another", "111122223333", "us-east-1"));
    REQUIRE(fixture.storage->create_bucket("others", "999988887777", "us-east-1"));
    for (const char* key : {"a/c", "b", "z"})
        REQUIRE(fixture.storage->put(
            {.bucket = "bucket", .key = key, .body = [](std::span<char>) -> base::Result<size_t> { return 0; }}));
    const auto listed = [&](std::string_view pattern, std::string_view after = {}, size_t most = 1000) {
        return fixture.describer.each_resource({.pattern = pattern, .account = "111122223333", .after = after, .most = most})
            .value();
    };
    using Arns = std::vector<std::string>;
    CHECK(listed("*").arns == Arns{"arn:aws:s3:::another", "arn:aws:s3:::bucket"});
    CHECK(listed("arn:aws:s3:::b*").arns == Arns{"arn:aws:s3:::bucket"});
    CHECK(listed("arn:aws:s3:::b*/x").arns.empty());  // which bucket's objects, nobody said
    CHECK(listed("arn:aws:s3:::bucket/a/*").arns == Arns{"arn:aws:s3:::bucket/a/b", "arn:aws:s3:::bucket/a/c"});
    CHECK(listed("arn:aws:s3:::bucket/?").arns == Arns{"arn:aws:s3:::bucket/b", "arn:aws:s3:::bucket/z"});
    CHECK(listed("arn:aws:s3:::bucket/b").arns == Arns{"arn:aws:s3:::bucket/b"});
    CHECK(listed("arn:aws:s3:::others/*").arns.empty());
    CHECK(listed("arn:aws:s3:::nosuch/*").arns.empty());
    const auto first = listed("arn:aws:s3:::bucket/*", "", 3);
    CHECK(first.arns.size() == 3);
    CHECK(first.next == "arn:aws:s3:::bucket/b");
    const auto second = listed("arn:aws:s3:::bucket/*", first.next, 3);
    CHECK(second.arns == Arns{"arn:aws:s3:::bucket/z"});
    CHECK(second.next.empty());
    CHECK(listed("arn:aws:s3:::bucket/*", "arn:aws:s3:::zzz").arns.empty());
}

TEST_CASE("every change of a bucket or an object moves the version; a look does not") {
    S3ResourcesFixture fixture;
    auto& storage = *fixture.storage;
    uint64_t last = fixture.describer.version();
    const auto moved = [&] {
        const uint64_t now = fixture.describer.version();
        return std::exchange(last, now) != now;
    };
    (void)fixture.describer.each_resource({.pattern = "arn:aws:s3:::bucket/*", .account = "111122223333"});
    (void)fixture.describer.find("arn:aws:s3:::bucket/a/b", "s3:GetObject", "111122223333");
    CHECK_FALSE(moved());
    REQUIRE(storage.set_tags("bucket", "a/b", {{"team", "blue"}}));
    CHECK(moved());
    REQUIRE(storage.delete_object("bucket", {.key = "a/b"}));
    CHECK(moved());
    const auto unset = [](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.policy.clear();
        return {};
    };
    REQUIRE(storage.configure("bucket", unset));
    CHECK(moved());
    REQUIRE(storage.delete_bucket("bucket"));
    CHECK(moved());
    REQUIRE(storage.create_bucket("bucket", "111122223333", "eu-west-1"));
    CHECK(moved());
}
