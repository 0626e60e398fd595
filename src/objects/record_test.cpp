// Records that earlier and later versions wrote. The hexadecimal texts are what the first release stored: they never change.
#include "objects/record.hpp"

#include <doctest/doctest.h>

#include "crypto/digest.hpp"
#include "objects/bucket.hpp"
#include "policy/print.hpp"

namespace {

std::string bytes_of(std::string_view hex) {
    std::string out;
    for (size_t at = 0; at + 1 < hex.size(); at += 2)
        out += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    return out;
}

template <class T>
std::string code(const base::Result<T>& result) {
    return result ? "" : result.error().code;
}

objects::Object example() {
    objects::Object object;
    object.size = 300;
    object.etag = "0123456789abcdef0123456789abcdef-1";
    object.last_modified = base::Time(std::chrono::milliseconds(1'700'000'000'123));
    object.checksum = objects::Checksum{objects::ChecksumKind::sha1, objects::ChecksumType::composite, "x-2"};
    object.attributes.content_type = "text/plain";
    object.attributes.user_metadata = {{"n", "v"}};
    object.tags = {{"cls", "public"}};
    object.upload_id = "00ff";
    object.segments = {{"blob", 300, "sum"}};
    return object;
}

constexpr std::string_view object_v1 =
    "01ac022230313233343536373839616263646566303132333435363738396162636465662d31fbd095ffbc3101030103782d320a746578742f706c61696e"
    "00000000000001016e01760103636c73067075626c69630430306666000104626c6f62ac020373756d";
constexpr std::string_view upload_v1 =
    "01fbd095ffbc310c3131313132323232333333331e61726e3a6177733a69616d3a3a3131313132323232333333333a726f6f740000000000000000010161"
    "0131010101";
constexpr std::string_view part_v1 = "0104626c6f6205036162630373756dfbd095ffbc31";
// As a version 2 wrote it that knew a tag 7: an object that is otherwise the same.
const std::string extension = std::string("\x07\x05") + "later" + std::string("\x99\x01\x00", 3);

std::string with_extension(std::string record) {
    record.front() = 2;
    return record + extension;
}

}  // namespace

TEST_CASE("records of the first release are read and written as they were") {
    const auto object = objects::read_object(bytes_of(object_v1));
    REQUIRE(object.has_value());
    const auto expected = example();
    CHECK(object->size == expected.size);
    CHECK(object->etag == expected.etag);
    CHECK(object->last_modified == expected.last_modified);
    CHECK(object->checksum == expected.checksum);
    CHECK(object->attributes.content_type == "text/plain");
    CHECK(object->attributes.user_metadata == expected.attributes.user_metadata);
    CHECK(object->tags == expected.tags);
    CHECK(object->upload_id == "00ff");
    REQUIRE(object->segments.size() == 1);
    CHECK(object->segments[0].blob == "blob");
    CHECK(object->segments[0].size == 300);
    CHECK(object->segments[0].checksum == "sum");
    CHECK(crypto::hex(objects::write_record(*object)) == object_v1);

    const auto upload = objects::read_upload(bytes_of(upload_v1));
    REQUIRE(upload.has_value());
    CHECK(upload->account == "111122223333");
    CHECK(upload->initiator == "arn:aws:iam::111122223333:root");
    CHECK(upload->checksum_kind == objects::ChecksumKind::crc32c);
    CHECK(upload->checksum_type == objects::ChecksumType::composite);
    CHECK(upload->checksum_declared);
    CHECK(crypto::hex(objects::write_record(*upload)) == upload_v1);

    const auto part = objects::read_part(bytes_of(part_v1));
    REQUIRE(part.has_value());
    CHECK(part->blob == "blob");
    CHECK(part->size == 5);
    CHECK(part->etag == "abc");
    CHECK(part->checksum == "sum");
    CHECK(crypto::hex(objects::write_record(*part)) == part_v1);
}

TEST_CASE("what a later version added is kept, not lost and not an error") {
    const auto later = with_extension(bytes_of(object_v1));
    auto object = objects::read_object(later);
    REQUIRE(object.has_value());
    CHECK(object->etag == example().etag);
    CHECK(objects::write_record(*object) == later);
    object->tags = {{"cls", "secret"}};  // a change keeps it, too
    CHECK(objects::write_record(*object).ends_with(extension));

    const auto upload = with_extension(bytes_of(upload_v1)), part = with_extension(bytes_of(part_v1));
    CHECK(objects::write_record(*objects::read_upload(upload)) == upload);
    CHECK(objects::write_record(*objects::read_part(part)) == part);
}

TEST_CASE("damaged records and unknown formats are errors, never crashes") {
    const auto record = bytes_of(object_v1);
    for (size_t size = 0; size < record.size(); ++size)
        CHECK(code(objects::read_object(record.substr(0, size))) == "InternalError");
    CHECK(code(objects::read_object(record + "x")) == "InternalError");
    const auto later = with_extension(record);
    for (size_t size = record.size() + 1; size < later.size(); ++size)
        CHECK((size == record.size() + 7 || code(objects::read_object(later.substr(0, size))) == "InternalError"));
    auto unknown = record;
    unknown.front() = 4;
    const auto read = objects::read_object(unknown);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().message.find("format 4") != std::string::npos);
}

TEST_CASE("buckets of the first release, and of one that added members") {
    for (const std::string end : {"}", R"(,"AddedLater":{"a":[1]}})"}) {
        const auto bucket = objects::read_bucket(
            "b", R"({"Account":"111122223333","Region":"eu-central-1","CreatedMs":1700000000123)" + end,
            R"({"PublicAccessBlock":{"BlockPublicAcls":true,"IgnorePublicAcls":true,"BlockPublicPolicy":true,"RestrictPublicBuckets":true},)"
            R"("ObjectOwnership":"BucketOwnerEnforced","Versioning":"Suspended","Tags":[["cls","public"]])" +
                end);
        REQUIRE(bucket.has_value());
        CHECK(bucket->account == "111122223333");
        CHECK(bucket->region == "eu-central-1");
        CHECK(bucket->configuration.public_access_block->restrict_public_buckets);
        CHECK(bucket->configuration.versioning == "Suspended");
        CHECK(bucket->configuration.tags == objects::Tags{{"cls", "public"}});
    }
    const auto bare = objects::read_bucket("b", R"({"Account":"1","Region":"r","CreatedMs":1})", std::nullopt);
    REQUIRE(bare.has_value());
    CHECK_FALSE(bare->configuration.public_access_block);
    CHECK_FALSE(bare->configuration_record);
}

TEST_CASE("whom a bucket's policy names is who it was when the policy was put") {
    const auto bucket = objects::read_bucket(
        "b", R"({"Account":"111122223333","Region":"r","CreatedMs":1})",
        R"({"Policy":"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/R\"},)"
        R"(\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b/*\"}}","PolicyPrincipals":{"arn:aws:iam::111122223333:role/R":"AROA1"}})");
    REQUIRE(bucket.has_value());
    REQUIRE(bucket->policy);
    CHECK(bucket->configuration.policy.contains("role/R"));
    CHECK(policy::print(*bucket->policy).contains("AROA1"));
    CHECK_FALSE(policy::print(*bucket->policy).contains("role/R"));
}
