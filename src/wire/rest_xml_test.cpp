// Bad requests and the edges of answers; tests/rest_codec compares good ones with botocore's, for every operation.
#include "wire/rest_xml.hpp"

#include <doctest/doctest.h>

#include "model/s3/configuration.hpp"
#include "model/s3/deletion.hpp"
#include "model/s3/listings.hpp"
#include "model/s3/multipart.hpp"
#include "model/s3/objects.hpp"
#include "model/s3/service.hpp"
#include "model/s3control/operations.hpp"

namespace m = model::s3;

namespace {

http::RequestHead head_of(std::string method, std::string target, std::vector<http::Headers::Field> headers = {}) {
    http::RequestHead head{.method = std::move(method), .path = target.substr(0, target.find('?')), .query = {}, .headers = {}};
    if (const auto at = target.find('?'); at != std::string::npos) head.query = target.substr(at + 1);
    for (auto& [name, value] : headers) head.headers.add(name, value);
    return head;
}

// The code of the error before the decision, `later CODE` of one after it; else "".
template <class Operation>
std::string head_error(const http::RequestHead& head, typename Operation::Input& input) {
    const auto request = wire::read_s3_request(head);
    if (!request) return request.error().code;
    const auto checked = wire::check_rest_headers(m::service, head);
    if (!checked) return checked.error().code;
    if (*checked) return "later " + (*checked)->code;
    const auto read = wire::read_rest_head(Operation::operation, head, *request, &input);
    if (!read) return read.error().code;
    return *read ? "later " + (*read)->code : "";
}

template <class Operation>
std::string body_error(std::string_view body) {
    typename Operation::Input input;
    const auto read = wire::read_rest_body(Operation::operation, body, &input);
    return read ? "" : read.error().code + (read.error().notes.empty() ? "" : ": " + read.error().notes.front());
}

}  // namespace

TEST_CASE("REST-XML: parameters that cannot be read") {
    const auto list = [](const std::string& query) {
        m::ListObjectsV2::Input input;
        auto error = head_error<m::ListObjectsV2>(head_of("GET", "/b?list-type=2&" + query), input);
        return error.empty() ? std::to_string(input.max_keys.value_or(-1)) : error;
    };
    CHECK(list("max-keys=7") == "7");
    CHECK(list("prefix=a") == "-1");
    CHECK(list("max-keys=") == "1000");
    for (const char* bad : {"abc", "-1", "1.5", "99999999999", "0x10", "%201"}) {
        CAPTURE(bad);
        CHECK(list("max-keys=" + std::string(bad)) == "InvalidArgument");
    }
    CHECK(list("encoding-type=url") == "-1");
    CHECK(list("encoding-type=") == "-1");
    CHECK(list("encoding-type=URL") == "InvalidArgument");
    // What nobody decides on waits for the decision.
    m::ListParts::Input parts;
    CHECK(head_error<m::ListParts>(head_of("GET", "/b/k?uploadId=u&max-parts=x"), parts) == "later InvalidArgument");
    m::GetObject::Input get;
    CHECK(head_error<m::GetObject>(head_of("GET", "/b/k?versionId=1"), get) == "");
    CHECK(get.version_id == "1");
    // A date that is none is as if it were not sent (RFC 9110); names of parameters have a case, those of headers have not.
    get = {};
    CHECK(head_error<m::GetObject>(
              head_of("GET", "/b/k?PartNumber=1", {{"IF-MODIFIED-SINCE", "tomorrow"}, {"RANGE", "bytes=0-1"}}), get) == "");
    CHECK_FALSE(get.if_modified_since);
    CHECK_FALSE(get.part_number);
    CHECK(get.range == "bytes=0-1");
}

TEST_CASE("REST-XML: an empty header is none, whichever it is") {
    m::GetObjectAttributes::Input attributes;
    CHECK(head_error<m::GetObjectAttributes>(
              head_of("GET", "/b/k?attributes",
                      {{"x-amz-object-attributes", "ETag"}, {"x-amz-max-parts", ""}, {"x-amz-part-number-marker", ""}}),
              attributes) == "");
    CHECK_FALSE(attributes.max_parts);
    CHECK_FALSE(attributes.part_number_marker);
    m::DeleteObject::Input remove;
    CHECK(head_error<m::DeleteObject>(
              head_of("DELETE", "/b/k", {{"x-amz-if-match-size", ""}, {"x-amz-if-match-last-modified-time", ""}}), remove) == "");
    CHECK_FALSE(remove.if_match_size);
    CHECK(head_error<m::DeleteObject>(head_of("DELETE", "/b/k", {{"x-amz-if-match-size", "1"}}), remove) == "");
    CHECK(remove.if_match_size == 1);
    // A condition that cannot be read is not taken for none.
    CHECK(head_error<m::DeleteObject>(head_of("DELETE", "/b/k", {{"x-amz-if-match-size", "one"}}), remove) ==
          "later InvalidArgument");
    CHECK(head_error<m::DeleteObject>(head_of("DELETE", "/b/k", {{"x-amz-if-match-last-modified-time", "x"}}), remove) ==
          "later InvalidArgument");
    CHECK(head_error<m::DeleteObject>(head_of("DELETE", "/b/k", {{"x-amz-bypass-governance-retention", "x"}}), remove) ==
          "InvalidArgument");
    m::PutObject::Input put;
    CHECK(head_error<m::PutObject>(
              head_of("PUT", "/b/k",
                      {{"x-amz-server-side-encryption", ""}, {"If-None-Match", ""}, {"x-amz-tagging", ""}, {"x-amz-acl", ""}}),
              put) == "");
    CHECK_FALSE(put.if_none_match);
    CHECK_FALSE(put.tagging);
    CHECK_FALSE(put.acl);
    CHECK(head_error<m::PutObject>(head_of("PUT", "/b/k", {{"x-amz-server-side-encryption", "AES256"}}), put) == "");
    CHECK(put.server_side_encryption == "AES256");
}

TEST_CASE("REST-XML: headers that say nothing, say it twice, or ask for what is not here") {
    const auto put = [](std::vector<http::Headers::Field> headers) {
        m::PutObject::Input input;
        return head_error<m::PutObject>(head_of("PUT", "/b/k", std::move(headers)), input);
    };
    CHECK(put({{"x-amz-acl", "private"}, {"X-Amz-Acl", "private"}}) == "");
    CHECK(put({{"x-amz-acl", "private"}, {"X-Amz-Acl", "public-read"}}) == "InvalidArgument");
    CHECK(put({{"x-amz-meta-a", "1"}, {"x-amz-meta-A", "2"}}) == "");
    CHECK(put({{"x-amz-object-lock-event-hold", "ON"}}) == "later NotImplemented");
    CHECK(put({{"x-amz-object-lock-mode", ""}}) == "");
    CHECK(put({{"x-amz-object-lock-retain-until-date", "tomorrow"}}) == "InvalidArgument");
    CHECK(put({{"x-amz-if-match-size", "1"}}) == "later NotImplemented");
    CHECK(put({{"x-amz-storage-class", "STANDARD"}}) == "");
    CHECK(put({{"x-amz-storage-class", "GLACIER"}}) == "later InvalidStorageClass");
    CHECK(put({{"x-amz-storage-class", "standard"}}) == "later InvalidStorageClass");
    m::GetObject::Input get;
    CHECK(head_error<m::GetObject>(head_of("GET", "/b/k", {{"x-amz-server-side-encryption-customer-key", "k"}}), get) == "");
    CHECK(head_error<m::GetObject>(head_of("GET", "/b/k", {{"x-amz-server-side-encryption", "AES256"}}), get) ==
          "later InvalidArgument");
    // Said twice: what may stand there once is told first.
    CHECK(put({{"x-amz-server-side-encryption", "AES256"}, {"x-amz-acl", "private"}, {"x-amz-acl", "public-read"}}) ==
          "InvalidArgument");
    m::PutObject::Input input;
    CHECK(
        head_error<m::PutObject>(
            head_of("PUT", "/b/k", {{"x-amz-acl", ""}, {"x-amz-tagging", ""}, {"x-amz-meta-One", "1"}, {"x-amz-meta-one", "2"}}),
            input) == "");
    CHECK_FALSE(input.acl);
    CHECK_FALSE(input.tagging);
    REQUIRE(input.metadata);
    CHECK(*input.metadata == model::Map<std::string>{{"one", "1,2"}});
}

TEST_CASE("REST-XML: members that must be there, and how many there may be") {
    namespace control = model::s3control;
    const auto untag = [](const std::string& query, std::vector<http::Headers::Field> headers) {
        control::UntagResource::Input input;
        const auto head = head_of("DELETE", "/v20180820/tags/arn%3Aaws%3As3%3A%3A%3Ab?" + query, std::move(headers));
        return head_error<control::UntagResource>(head, input) + std::to_string(input.tag_keys.size());
    };
    CHECK(untag("tagKeys=a&tagKeys=b", {{"x-amz-account-id", "1"}}) == "2");
    CHECK(untag("tagKeys=a", {{"Host", "s3-control.localhost"}}) == "InvalidRequest1");
    CHECK(untag("", {{"x-amz-account-id", "1"}}) == "InvalidRequest0");
    std::string many;
    for (int i = 0; i < 51; ++i) many += "tagKeys=" + std::to_string(i) + "&";
    CHECK(untag(many, {{"x-amz-account-id", "1"}}) == "InvalidRequest51");
}

TEST_CASE("REST-XML: documents that are not what the model says name the place") {
    CHECK(body_error<m::DeleteObjects>("<Delete><Object><Key>k</Key></Object><Quiet> TRUE </Quiet></Delete>") == "");
    CHECK(body_error<m::DeleteObjects>("<x:Delete xmlns:x='urn:x'><x:Object><x:Key>k</x:Key></x:Object></x:Delete>") == "");
    CHECK(body_error<m::DeleteObjects>("<Delete/>") == "MalformedXML: Delete lacks Object");
    CHECK(body_error<m::DeleteObjects>("<Delete><Object/></Delete>") == "MalformedXML: Delete/Object lacks Key");
    CHECK(body_error<m::DeleteObjects>("<Delete><Foo/></Delete>") == "MalformedXML: Delete/Foo is not expected there");
    CHECK(body_error<m::DeleteObjects>("<Delete><Quiet>x</Quiet></Delete>") == "MalformedXML: Delete/Quiet is not a boolean");
    CHECK(body_error<m::DeleteObjects>("<Other/>") == "MalformedXML: the document is <Other>, and not <Delete>");
    CHECK(body_error<m::DeleteObjects>("").starts_with("MalformedXML"));
    CHECK(body_error<m::DeleteObjects>("<Delete>").starts_with("MalformedXML"));
    CHECK(body_error<m::PutBucketTagging>("<Tagging><TagSet><Foo/></TagSet></Tagging>") ==
          "MalformedXML: Tagging/TagSet/Foo is not a Tag");
    // Versioning has more elements than we know of; what is open takes them.
    CHECK(body_error<m::PutBucketVersioning>("<VersioningConfiguration><Foo/></VersioningConfiguration>") == "");
    // Optional: nothing sent is nothing said.
    CHECK(body_error<m::CompleteMultipartUpload>(" ") == "");
    CHECK(body_error<m::CompleteMultipartUpload>("<CompleteMultipartUpload><Part><PartNumber>x</PartNumber></Part>"
                                                 "</CompleteMultipartUpload>") ==
          "MalformedXML: CompleteMultipartUpload/Part/PartNumber is not an integer");
    // A text is taken as it is.
    m::PutBucketPolicy::Input policy;
    CHECK(wire::read_rest_body(m::PutBucketPolicy::operation, "<not XML", &policy));
    CHECK(policy.policy == "<not XML");
}

TEST_CASE("REST-XML: answers") {
    const auto get = head_of("GET", "/b/k");
    m::GetObject::Output object{.body = std::string("bytes"), .metadata = model::Map<std::string>{{"a", "1"}}, .status = 206};
    auto response = wire::write_rest(m::GetObject::operation, get, &object);
    CHECK(response.status == 206);
    CHECK(response.headers.get("x-amz-meta-a") == "1");
    CHECK(std::get<std::string>(response.body) == "bytes");
    object.status = 304;
    response = wire::write_rest(m::GetObject::operation, get, &object);
    CHECK(response.status == 304);
    CHECK(std::get<std::string>(response.body).empty());
    object.body = std::vector<model::FileRange>{{nullptr, 3, 5, 7}};
    object.status.reset();
    response = wire::write_rest(m::GetObject::operation, get, &object);
    CHECK(response.status == 200);
    CHECK(std::get<std::vector<http::FileRange>>(response.body).at(0).length == 7);

    const m::HeadObject::Output length{.content_length = 5'000'000'000};
    response = wire::write_rest(m::HeadObject::operation, head_of("HEAD", "/b/k"), &length);
    CHECK(response.content_length == 5'000'000'000u);
    CHECK(response.headers.find("Content-Length") == nullptr);

    const m::DeleteBucketPolicy::Output nothing{};
    response = wire::write_rest(m::DeleteBucketPolicy::operation, get, &nothing);
    CHECK(response.status == 204);
    CHECK(response.headers.fields().empty());
    const m::GetBucketPolicy::Output policy{.policy = "{}"};
    response = wire::write_rest(m::GetBucketPolicy::operation, get, &policy);
    CHECK(response.headers.get("Content-Type") == "application/json");
    CHECK(std::get<std::string>(response.body) == "{}");
}
