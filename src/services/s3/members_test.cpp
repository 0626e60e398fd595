// What members of requests mean, and what decisions are told of them.
#include "services/s3/members.hpp"

#include <doctest/doctest.h>

#include "model/s3/objects.hpp"
#include "services/s3/acl.hpp"

using namespace services::s3;

namespace {

const std::string account = "111122223333";

template <class Function>
std::string values(Function function, const std::optional<std::string>& argument) {
    const auto found = function(model::RequestOrigin{}, std::span(&argument, 1));
    if (!found) return found.error().code;
    std::string out;
    for (const auto& [name, value] : *found) out += (out.empty() ? "" : ";") + name + "=" + value;
    return out;
}

std::string code(const base::Result<void>& result) { return result ? "" : result.error().code; }

http::Headers headers_of(std::vector<http::Headers::Field> fields) {
    http::Headers headers;
    for (auto& [name, value] : fields) headers.add(name, value);
    return headers;
}

std::string acl_error(std::vector<http::Headers::Field> fields) {
    return code(check_acl(acl_in(headers_of(std::move(fields))), account));
}

}  // namespace

TEST_CASE("condition keys have the values that the operation will use") {
    CHECK(values(location_constraint, "EU") == "=eu-west-1");
    CHECK(values(location_constraint, "eu-central-1") == "=eu-central-1");
    CHECK(values(location_constraint, "") == "");
    CHECK(values(location_constraint, std::nullopt) == "");
    CHECK(values(said, "/x") == "=/x");
    CHECK(values(said, "") == "");
    CHECK(values(header_tags, "team=a&cls=b%20c+d") == "team=a;cls=b c d");
    CHECK(values(header_tag_keys, "team=a&cls=b") == "=team;=cls");
    CHECK(values(header_tags, "") == "");
    CHECK(values(header_tags, "a=%zz") == "InvalidArgument");
    CHECK(values(header_tags, "a=1&a=2") == "InvalidTag");
    CHECK(values(header_tag_keys, "aws:a=1") == "InvalidTag");
    CHECK(values(max_keys, "7") == "=7");
    CHECK(values(max_keys, "5000") == "=1000");
    CHECK(values(max_keys, std::nullopt) == "");
}

TEST_CASE("how a body came is no part of what it is") {
    CHECK(read_content_encoding("aws-chunked") == "");
    CHECK(read_content_encoding("gzip, aws-chunked,br,") == "gzip,br");
    CHECK(read_content_encoding(std::nullopt) == "");
}

TEST_CASE("the checksum that a client sends or asks for") {
    const auto kind = [](m::PutObject::Input in) {
        const auto read = checksum_kind_of(in);
        return !read ? read.error().code : *read ? std::string(objects::name_of(**read)) : std::string();
    };
    CHECK(kind({}) == "");
    CHECK(kind({.checksum_sha1 = "x"}) == "SHA1");
    CHECK(kind({.trailer = " X-Amz-Checksum-CRC32C "}) == "CRC32C");
    CHECK(kind({.checksum_sha1 = "x", .trailer = "x-amz-checksum-crc32"}) == "InvalidRequest");
    CHECK(kind({.checksum_algorithm = "crc64nvme"}) == "CRC64NVME");
    CHECK(kind({.checksum_algorithm = "none"}) == "InvalidRequest");
    CHECK(kind({.also_checksum_algorithm = "SHA256"}) == "SHA256");
    m::PutObject::Output out;
    show_checksum(out, {objects::ChecksumKind::crc64nvme, objects::ChecksumType::full_object, "v"});
    CHECK(out.checksum_crc64_nvme == "v");
    CHECK(out.checksum_type == "FULL_OBJECT");
}

TEST_CASE("a write's If-None-Match is a star") {
    CHECK(write_conditions("\"a\"", "*")->if_match == "\"a\"");
    CHECK(write_conditions(std::nullopt, "\"a\"").error().code == "NotImplemented");
}

TEST_CASE("ACLs that say what is so anyway change nothing; others are refused") {
    const std::string owner = "id=\"" + canonical_id(account) + "\"";
    CHECK(acl_error({}) == "");
    CHECK(acl_error({{"x-amz-acl", ""}, {"x-amz-grant-read", ""}}) == "");
    CHECK(acl_error({{"X-Amz-Acl", "private"}}) == "");
    CHECK(acl_error({{"x-amz-acl", "bucket-owner-full-control"}}) == "");
    CHECK(acl_error({{"x-amz-acl", "public-read"}}) == "AccessControlListNotSupported");
    CHECK(acl_error({{"x-amz-grant-full-control", owner + ", id=" + canonical_id(account)}}) == "");
    CHECK(acl_error({{"x-amz-grant-full-control", owner + ",id=x"}}) == "AccessControlListNotSupported");
    CHECK(acl_error({{"x-amz-grant-read", owner}}) == "AccessControlListNotSupported");
    CHECK(acl_error({{"x-amz-grant-anything", owner}}) == "AccessControlListNotSupported");
    CHECK(acl_error({{"x-amz-acl", "private"}, {"x-amz-grant-full-control", owner}}) == "InvalidRequest");
    const auto id = canonical_id(account), other = canonical_id("444455556666");
    for (const auto& value : {"id=" + other, owner + ",id=" + other, owner + ",", "id=" + id + "x", "uri=" + id,
                              std::string("id="), "id=\"" + id, std::string(",")}) {
        CAPTURE(value);
        CHECK(acl_error({{"x-amz-grant-full-control", value}}) == "AccessControlListNotSupported");
    }
    CHECK(acl_error({{"x-amz-acl", "Private"}}) == "AccessControlListNotSupported");
    CHECK(code(check_new_bucket_acl(headers_of({{"x-amz-acl", "private"}}), account)) == "");
    CHECK(code(check_new_bucket_acl(headers_of({{"x-amz-acl", "bucket-owner-full-control"}}), account)) ==
          "InvalidBucketAclWithObjectOwnership");
    CHECK(code(check_new_bucket_acl(headers_of({{"x-amz-grant-full-control", owner}}), account)) == "");
}
