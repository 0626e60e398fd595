#include "wire/s3_error.hpp"

#include <doctest/doctest.h>

#include "wire/errors.hpp"

namespace {

http::RequestHead request(std::string method, std::string path, std::string query = "") {
    http::RequestHead head{.method = std::move(method), .path = std::move(path), .query = std::move(query), .headers = {}};
    head.headers.add("Host", "127.0.0.1:4566");
    return head;
}

std::string told(const base::Error& error, const http::RequestHead& head) {
    const auto body = std::get<std::string>(wire::encode_error("s3", error, head, "r1").body);
    const std::string_view from = "<Error>", to = "<RequestId>";
    const size_t at = body.find(from) + from.size();
    return body.substr(at, body.find(to) - at);
}

}  // namespace

TEST_CASE("an error of S3 names what the request names") {
    const auto get = request("GET", "/b/a%20%3C");
    CHECK(told({"NoSuchKey", "gone"}, get) == "<Code>NoSuchKey</Code><Message>gone</Message><Key>a &lt;</Key>");
    CHECK(told({"NoSuchBucket", "gone"}, get) == "<Code>NoSuchBucket</Code><Message>gone</Message><BucketName>b</BucketName>");
    CHECK(told({"NoSuchUpload", "gone"}, request("GET", "/b/k", "uploadId=u%2F1")) ==
          "<Code>NoSuchUpload</Code><Message>gone</Message><UploadId>u/1</UploadId>");
    CHECK(told({"NoSuchUpload", "gone"}, get) == "<Code>NoSuchUpload</Code><Message>gone</Message>");
    CHECK(told({"MethodNotAllowed", "no"}, request("POST", "/")) ==
          "<Code>MethodNotAllowed</Code><Message>no</Message><Method>POST</Method><ResourceType>SERVICE</ResourceType>");
    CHECK(told({"MethodNotAllowed", "no"}, request("POST", "/b")).ends_with("<ResourceType>BUCKET</ResourceType>"));
    CHECK(told({"MethodNotAllowed", "no"}, request("POST", "/b/k")).ends_with("<ResourceType>OBJECT</ResourceType>"));
    // A bucket that stands in the host.
    auto host = request("GET", "/k");
    host.headers.set("Host", "b.localhost:4566");
    CHECK(told({"NoSuchBucket", "gone"}, host).ends_with("<BucketName>b</BucketName>"));
    // In a path of S3 Control there is none, nor where escapes are broken.
    auto control = request("GET", "/v20180820/tags/x");
    control.headers.add("x-amz-account-id", "111122223333");
    CHECK(wire::s3_error_members("NoSuchBucket", {}, control).members.empty());
    CHECK(wire::s3_error_members("NoSuchKey", {}, request("GET", "/b/%zz")).members.empty());
}

TEST_CASE("what a room knows stands before what the request says") {
    const auto copy = request("PUT", "/to/k");
    CHECK(told(base::Error("NoSuchBucket", "gone").note("BucketName: from"), copy).ends_with("<BucketName>from</BucketName>"));
    auto part = request("GET", "/b/k");
    part.headers.add("Range", "bytes=9-");
    CHECK(told(base::Error("InvalidRange", "no").note("ActualObjectSize: 3"), part) ==
          "<Code>InvalidRange</Code><Message>no</Message><RangeRequested>bytes=9-</RangeRequested>"
          "<ActualObjectSize>3</ActualObjectSize>");
    // A note that is no member of this error stays one, and a name is not a prefix.
    const auto more = wire::s3_error_members("NoSuchKey", {"Condition: x", "Keys: y"}, part);
    CHECK(more.members == std::vector<std::pair<std::string, std::string>>{{"Key", "k"}});
    CHECK(more.notes == std::vector<std::string>{"Condition: x", "Keys: y"});
    CHECK(wire::s3_error_members("SlowDown", {"Key: x"}, part).members.empty());
}
