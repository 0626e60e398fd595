#include "wire/s3_request.hpp"

#include <doctest/doctest.h>

namespace {

http::RequestHead head(std::string method, std::string target, std::string host = "127.0.0.1:4566") {
    http::RequestHead made;
    const auto mark = target.find('?');
    made.method = std::move(method);
    made.path = target.substr(0, mark);
    made.query = mark == std::string::npos ? "" : target.substr(mark + 1);
    made.headers.add("Host", std::move(host));
    return made;
}

}  // namespace

TEST_CASE("operations from method, target and host") {
    struct Case {
        const char *method, *target, *host, *operation, *bucket, *key;
    };
    const auto local = "127.0.0.1:4566";
    for (const Case& c : std::initializer_list<Case>{
             {"GET", "/", local, "ListBuckets", "", ""},
             {"GET", "/?x-id=ListBuckets", local, "ListBuckets", "", ""},
             {"PUT", "/b", local, "CreateBucket", "b", ""},
             {"PUT", "/b/", local, "CreateBucket", "b", ""},
             {"HEAD", "/b", local, "HeadBucket", "b", ""},
             {"GET", "/b", local, "ListObjects", "b", ""},
             {"GET", "/b?prefix=&max-keys=3", local, "ListObjects", "b", ""},
             {"GET", "/b?list-type=2&prefix=a%2F", local, "ListObjectsV2", "b", ""},
             {"GET", "/b?location", local, "GetBucketLocation", "b", ""},
             {"GET", "/b?location=", local, "GetBucketLocation", "b", ""},
             {"DELETE", "/b?policy", local, "DeleteBucketPolicy", "b", ""},
             {"POST", "/b?delete", local, "DeleteObjects", "b", ""},
             {"POST", "/b", local, "PostObject", "b", ""},
             {"GET", "/b?metrics", local, "ListBucketMetricsConfigurations", "b", ""},
             {"GET", "/b?metrics&id=1", local, "GetBucketMetricsConfiguration", "b", ""},
             {"GET", "/b/a%20b/c+d%2F", local, "GetObject", "b", "a b/c+d/"},
             {"GET", "/b//x", local, "GetObject", "b", "/x"},
             {"GET", "/b/k?X-Amz-Signature=0&X-Amz-Security-Token=", local, "GetObject", "b", "k"},
             {"GET", "/b/k?response-content-type=", local, "GetObject", "b", "k"},
             {"PUT", "/b/k?partNumber=1&uploadId=u", local, "UploadPart", "b", "k"},
             {"POST", "/b/k?uploads", local, "CreateMultipartUpload", "b", "k"},
             {"POST", "/b/k?uploadId=u", local, "CompleteMultipartUpload", "b", "k"},
             {"GET", "/b/k?attributes", local, "GetObjectAttributes", "b", "k"},
             {"GET", "/k/l", "my.bucket.s3.us-east-1.amazonaws.com", "GetObject", "my.bucket", "k/l"},
             {"GET", "/", "b.localhost:4566", "ListObjects", "b", ""},
             {"GET", "/", "b.s3.localhost:4566", "ListObjects", "b", ""},
             {"GET", "/", "s3.localhost:4566", "ListBuckets", "", ""},
             {"GET", "/b/k", "s3.us-east-1.amazonaws.com", "GetObject", "b", "k"},
             {"GET", "/b/k", "localhost:4566", "GetObject", "b", "k"},
             {"GET", "/b/k", "[::1]:4566", "GetObject", "b", "k"},
             {"GET", "/b/k", "storage.example.com", "GetObject", "b", "k"},
         }) {
        CAPTURE(c.method);
        CAPTURE(c.target);
        CAPTURE(c.host);
        const auto request = wire::read_s3_request(head(c.method, c.target, c.host));
        REQUIRE(request.has_value());
        CHECK(request->operation == c.operation);
        CHECK(request->bucket == c.bucket);
        CHECK(request->key == c.key);
    }
}

TEST_CASE("a copy source makes a put a copy") {
    auto put = head("PUT", "/b/k");
    put.headers.add("X-Amz-Copy-Source", "a/k");
    CHECK(wire::read_s3_request(put)->operation == "CopyObject");
    auto part = head("PUT", "/b/k?uploadId=u&partNumber=1");
    part.headers.add("X-Amz-Copy-Source", "a/k");
    CHECK(wire::read_s3_request(part)->operation == "UploadPartCopy");
}

TEST_CASE("what is not an operation is refused by name") {
    struct Case {
        const char *method, *target, *code, *names;
    };
    for (const Case& c : std::initializer_list<Case>{
             {"GET", "/b?frobnicate", "NotImplemented", "frobnicate"},
             {"GET", "/b/k?publicAccessBlock", "NotImplemented", "publicAccessBlock"},
             {"POST", "/b?policy", "MethodNotAllowed", "policy"},
             {"PUT", "/b/k?attributes", "MethodNotAllowed", "attributes"},
             {"PATCH", "/b/k", "MethodNotAllowed", ""},
             {"POST", "/", "MethodNotAllowed", ""},
             {"GET", "/b/%zz", "InvalidURI", ""},
         }) {
        CAPTURE(c.target);
        const auto request = wire::read_s3_request(head(c.method, c.target));
        REQUIRE_FALSE(request.has_value());
        CHECK(request.error().code == c.code);
        CHECK(request.error().message.find(c.names) != std::string::npos);
    }
}
