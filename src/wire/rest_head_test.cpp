// A head that was written of an input is read as that input.
#include "wire/rest_head.hpp"

#include <doctest/doctest.h>

#include "model/s3/copies.hpp"
#include "model/s3/listings.hpp"
#include "model/s3/multipart.hpp"
#include "model/s3/objects.hpp"
#include "model/s3control/operations.hpp"
#include "wire/rest_xml.hpp"
#include "wire/s3_request.hpp"

namespace m = model::s3;

namespace {

// The same input, by way of a head. `operation`: as which the head is read.
template <class Operation>
typename Operation::Input by_head(const typename Operation::Input& input, std::string* operation = nullptr) {
    const auto head = wire::write_rest_head(Operation::operation, &input);
    const auto request = wire::read_s3_request(head);
    REQUIRE(request);
    if (operation != nullptr) *operation = request->operation;
    typename Operation::Input out{};
    const auto read = wire::read_rest_head(Operation::operation, head, *request, &out);
    REQUIRE(read);
    CHECK_FALSE(read->has_value());
    return out;
}

}  // namespace

TEST_CASE("path, headers and parameters come through, whatever is in them") {
    m::PutObject::Input put;
    put.bucket = "b";
    put.key = "a dir/k\xc3\xa9y+1?x=%20";
    put.acl = "private";
    put.metadata = model::Map<std::string>{{"one", "1"}, {"two", "a b"}};
    put.tagging = "team=red&x=%20";
    std::string operation;
    const auto read = by_head<m::PutObject>(put, &operation);
    CHECK(operation == "PutObject");
    CHECK(read.bucket == put.bucket);
    CHECK(read.key == put.key);
    CHECK(read.acl == put.acl);
    CHECK(read.metadata == put.metadata);
    CHECK(read.tagging == put.tagging);
    CHECK_FALSE(read.storage_class);

    m::ListObjectsV2::Input list;
    list.bucket = "b";
    list.prefix = "a/\xe2\x82\xac &b=";
    list.max_keys = 7;
    const auto listed = by_head<m::ListObjectsV2>(list, &operation);
    CHECK(operation == "ListObjectsV2");
    CHECK(listed.prefix == list.prefix);
    CHECK(listed.max_keys == list.max_keys);

    m::GetObject::Input get;
    get.bucket = "b";
    get.key = "k";
    get.version_id = "null";
    get.if_modified_since = base::Time(std::chrono::seconds(1'700'000'000));
    const auto got = by_head<m::GetObject>(get, &operation);
    CHECK(operation == "GetObject");
    CHECK(got.version_id == get.version_id);
    CHECK(got.if_modified_since == get.if_modified_since);
}

TEST_CASE("what chooses an operation is there once, as a member or as a parameter of its own") {
    std::string operation;
    m::UploadPartCopy::Input copy;
    copy.bucket = "b";
    copy.key = "k";
    copy.copy_source = "b/other";
    copy.upload_id = "u";
    copy.part_number = 2;
    const auto copied = by_head<m::UploadPartCopy>(copy, &operation);
    CHECK(operation == "UploadPartCopy");
    CHECK(copied.upload_id == "u");
    CHECK(copied.part_number == 2);
    CHECK(copied.copy_source == "b/other");

    m::CreateMultipartUpload::Input create;
    create.bucket = "b";
    create.key = "k";
    by_head<m::CreateMultipartUpload>(create, &operation);
    CHECK(operation == "CreateMultipartUpload");

    model::s3control::UntagResource::Input untag;
    untag.resource_arn = "arn:aws:s3:::b";
    untag.account_id = "111122223333";
    untag.tag_keys = {"a", "b c"};
    const auto untagged = by_head<model::s3control::UntagResource>(untag, &operation);
    CHECK(operation == "UntagResource");
    CHECK(untagged.resource_arn == untag.resource_arn);
    CHECK(untagged.tag_keys == untag.tag_keys);
}

TEST_CASE("an input without a key is another operation's request, as it is on the wire") {
    m::GetObject::Input get;
    get.bucket = "b";
    const auto request = wire::read_s3_request(wire::write_rest_head(m::GetObject::operation, &get));
    REQUIRE(request);
    CHECK(request->operation == "ListObjects");
}
