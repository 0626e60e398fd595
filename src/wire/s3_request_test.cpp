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

TEST_CASE("the server's own domains: what stands before them is a bucket, and no other host has one") {
    CHECK(wire::bucket_of_host("minio.s3.lab.internal") == "minio");
    wire::set_s3_domains({"s3.lab.internal", "Minio.s3.lab.internal", "data.example"});
    CHECK(wire::bucket_of_host("minio.s3.lab.internal") == "");
    CHECK(wire::bucket_of_host("MINIO.s3.lab.internal:9000") == "");
    CHECK(wire::bucket_of_host("b.minio.s3.lab.internal") == "b");
    CHECK(wire::bucket_of_host("b.c.Data.Example:443") == "b.c");
    CHECK(wire::bucket_of_host("other.s3.lab.internal") == "other");
    CHECK(wire::bucket_of_host("xdata.example") == "");
    CHECK(wire::bucket_of_host(".data.example") == "");
    CHECK(wire::bucket_of_host("b.s3.us-east-1.amazonaws.com") == "");
    CHECK(wire::bucket_of_host("b.localhost:4566") == "b");
    CHECK(wire::bucket_of_host("storage.localhost") == "");
    CHECK(wire::bucket_of_host("10.0.0.1:80") == "");
    wire::set_s3_domains({});
    CHECK(wire::bucket_of_host("minio.s3.lab.internal") == "minio");
    for (const char* good : {"a.b", "s3.lab.internal", "X-1.y"}) CHECK_MESSAGE(wire::is_domain(good), good);
    for (const char* bad :
         {"", "localhost", "1.2.3.4", "a..b", ".a.b", "a.b.", "-a.b", "a-.b", "a.b:80", "a_b.c", "https://a.b", "[::1]"})
        CHECK_MESSAGE(!wire::is_domain(bad), bad);
}

TEST_CASE("S3 Control: the public access block of an account, by method and path") {
    const auto operation = [](const char* method, const std::string& path) {
        http::RequestHead head{.method = method, .path = path, .query = "", .headers = {}};
        head.headers.add("Host", "s3-control.localhost");
        const auto read = wire::read_s3_request(head);
        return read ? read->operation + " " + read->bucket : read.error().code;
    };
    const std::string block = "/v20180820/configuration/publicAccessBlock", tags = "/v20180820/tags/arn%3Aaws%3As3%3A%3A%3Ab";
    CHECK(operation("GET", block) == "GetAccountPublicAccessBlock ");
    CHECK(operation("PUT", block) == "PutAccountPublicAccessBlock ");
    CHECK(operation("DELETE", block) == "DeleteAccountPublicAccessBlock ");
    CHECK(operation("POST", block) == "MethodNotAllowed");
    CHECK(operation("GET", block + "/x") == "NotImplemented");
    CHECK(operation("GET", tags) == "ListTagsForResource b");
    CHECK(operation("DELETE", tags) == "UntagResource b");
    CHECK(operation("PUT", tags) == "MethodNotAllowed");
}

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
             {"PUT", "/b/k", "storage.localhost:4566", "PutObject", "b", "k"},
             {"GET", "/", "storage.localhost:4566", "ListBuckets", "", ""},
             {"GET", "/k", "b.storage.localhost:4566", "GetObject", "b", "k"},
             {"GET", "/b/k?partNumber=2", local, "GetObject", "b", "k"},
             {"HEAD", "/b/k?partNumber=2&versionId=null", local, "HeadObject", "b", "k"},
             {"DELETE", "/b/k?versionId=null&x-id=DeleteObject", local, "DeleteObject", "b", "k"},
             {"DELETE", "/b/k?tagging&versionId=null", local, "DeleteObjectTagging", "b", "k"},
             {"GET", "/b/k?from=mail", local, "GetObject", "b", "k"},
             {"GET", "/b/k?id=3f2a", local, "GetObject", "b", "k"},
             {"PUT", "/b?inventory&id=1", local, "PutBucketInventoryConfiguration", "b", ""},
             {"DELETE", "/b?id=1&analytics", local, "DeleteBucketAnalyticsConfiguration", "b", ""},
             {"PUT", "/b/k?x-reason=backup", local, "PutObject", "b", "k"},
             {"PUT", "/b/k?AWSAccessKeyId=a&Signature=b&Expires=1", local, "PutObject", "b", "k"},
             {"GET", "/b?prefix=a&prefix=a", local, "ListObjects", "b", ""},
             {"GET", "/v20180820/tags/arn", local, "GetObject", "v20180820", "tags/arn"},
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

TEST_CASE("what a query says of headers is in the head, or refused") {
    for (const auto* target : {"/b/k?x-amz-acl=public-read", "/b/k?X-Amz-Copy-Source=a/k",
                               "/b?x-amz-bucket-object-lock-enabled=true", "/b/k?x-amz-date=20260101T000000Z"}) {
        CAPTURE(target);
        const auto refused = wire::read_s3_request(head("PUT", target));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == "InvalidArgument");
    }
    auto taken = head("PUT", "/b/k?x-amz-copy-source=a%2Fk");
    taken.headers.add("x-amz-copy-source", "a/k");
    CHECK(wire::read_s3_request(taken)->operation == "CopyObject");
    taken.headers.set("x-amz-copy-source", "a/other");
    CHECK(wire::read_s3_request(taken).error().code == "InvalidArgument");
}

TEST_CASE("a copy source makes a put a copy") {
    auto put = head("PUT", "/b/k");
    put.headers.add("X-Amz-Copy-Source", "a/k");
    CHECK(wire::read_s3_request(put)->operation == "CopyObject");
    auto part = head("PUT", "/b/k?uploadId=u&partNumber=1");
    part.headers.add("X-Amz-Copy-Source", "a/k");
    CHECK(wire::read_s3_request(part)->operation == "UploadPartCopy");
    // Never a copy of the whole object where a part was meant, nor anything else where a copy was.
    for (const auto& [method, target] :
         {std::pair("PUT", "/b/k?partNumber=1"), std::pair("PUT", "/b/k?uploadId=u"), std::pair("PUT", "/b"),
          std::pair("PUT", "/b/k?tagging"), std::pair("POST", "/b/k?uploads"), std::pair("DELETE", "/b/k"),
          std::pair("PUT", "/b/k?versionId=null")}) {
        CAPTURE(target);
        auto wrong = head(method, target);
        wrong.headers.add("X-Amz-Copy-Source", "a/k");
        const auto request = wire::read_s3_request(wrong);
        REQUIRE_FALSE(request.has_value());
        CHECK(request.error().code == "InvalidArgument");
    }
}

TEST_CASE("S3 Control: the tags of buckets") {
    const auto read = [](std::string method, std::string target, std::string host = "127.0.0.1:4566") {
        auto request = head(std::move(method), std::move(target), std::move(host));
        request.headers.add("x-amz-account-id", "111122223333");
        CHECK(wire::is_s3_control(request));
        return wire::read_s3_request(request);
    };
    for (const std::string host :
         {"127.0.0.1:4566", "111122223333.localhost:4566", "111122223333.s3-control.us-east-1.amazonaws.com"}) {
        for (const auto& [method, operation] :
             {std::pair("GET", "ListTagsForResource"), std::pair("POST", "TagResource"), std::pair("DELETE", "UntagResource")}) {
            const auto request = read(method, "/v20180820/tags/arn%3Aaws%3As3%3A%3A%3Amy-bucket", host);
            REQUIRE(request.has_value());
            CHECK(request->operation == operation);
            CHECK(request->bucket == "my-bucket");
            CHECK(request->key.empty());
        }
    }
    CHECK(read("GET", "/v20180820/tags/arn:aws:s3:::b")->bucket == "b");
    CHECK(read("DELETE", "/v20180820/tags/arn:aws:s3:::b?tagKeys=a&tagKeys=b")->query.size() == 2);
    for (const char* target :
         {"/v20180820/accesspoint", "/v20180820/configuration/storageLens", "/v20180820/tags/arn:aws:s3:::b/k",
          "/v20180820/tags/arn:aws:s3:us-east-1:111122223333:accesspoint/a", "/v20180820/tags/x"})
        CHECK(read("GET", target).error().code == "NotImplemented");
    CHECK(read("PUT", "/v20180820/tags/arn:aws:s3:::b").error().code == "MethodNotAllowed");
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
             {"PUT", "/b/k?partNumber=2", "InvalidArgument", "uploadId"},
             {"PUT", "/b/k?uploadId=u", "InvalidArgument", "partNumber"},
             {"PUT", "/b/k?partnumber=2", "NotImplemented", "partnumber"},
             {"PUT", "/b/k?UploadId=u", "NotImplemented", "UploadId"},
             {"DELETE", "/b/k?partNumber=2", "InvalidArgument", "partNumber"},
             {"POST", "/b/k?uploads&partNumber=2", "InvalidArgument", "partNumber"},
             {"POST", "/b/k?uploadId=u&partNumber=2", "InvalidArgument", "partNumber"},
             {"PUT", "/b/k?versionId=null", "InvalidArgument", "versionId"},
             {"POST", "/b/k?uploads&versionId=null", "InvalidArgument", "versionId"},
             {"DELETE", "/b?versionId=null", "InvalidArgument", "versionId"},
             {"PUT", "/b/k?append&position=1", "NotImplemented", "append"},
             {"PUT", "/b/k?position=1", "NotImplemented", "position"},
             {"DELETE", "/b/k?force=true", "NotImplemented", "force"},
             {"DELETE", "/b/k?Tagging=", "NotImplemented", "Tagging"},
             {"DELETE", "/b?prefix=a", "InvalidArgument", "prefix"},
             {"DELETE", "/b?id=x", "InvalidArgument", "id"},
             {"DELETE", "/b?id", "InvalidArgument", "id"},
             {"DELETE", "/b/k?id=x", "InvalidArgument", "id"},
             {"PUT", "/b?id=x", "InvalidArgument", "id"},
             {"PUT", "/b?tagging&id=x", "InvalidArgument", "id"},
             {"GET", "/b?abac=1", "NotImplemented", "abac"},
             {"GET", "/b?metadataTable=x", "NotImplemented", "metadataTable"},
             {"HEAD", "/b?metadataConfiguration=x", "NotImplemented", "metadataConfiguration"},
             {"GET", "/b/k?abac=1", "NotImplemented", "abac"},
             {"PUT", "/b?list-type=2", "MethodNotAllowed", "list-type"},
             {"GET", "/b?list-type=3", "InvalidArgument", ""},
             {"GET", "/b?uploadId=u", "MethodNotAllowed", "uploadId"},
             {"DELETE", "/b?uploadId=u", "MethodNotAllowed", "uploadId"},
             {"POST", "/b?uploads", "MethodNotAllowed", "uploads"},
             {"PUT", "/b/k?uploads", "MethodNotAllowed", "uploads"},
             {"DELETE", "/b/k?acl", "MethodNotAllowed", "acl"},
             {"DELETE", "/b/k?policy=1", "MethodNotAllowed", "policy"},
             {"HEAD", "/b/k?tagging", "MethodNotAllowed", "tagging"},
             {"HEAD", "/b/k?uploadId=u", "MethodNotAllowed", "uploadId"},
             {"GET", "/b?acl&policy", "InvalidArgument", "policy"},
             {"DELETE", "/b/k?tagging&uploadId=u", "InvalidArgument", "tagging"},
             {"GET", "/?policy", "MethodNotAllowed", "policy"},
             {"GET", "/b?prefix=a&prefix=b", "InvalidArgument", "prefix"},
             {"PUT", "/b/k?uploadId=u&partNumber=1&partNumber=2", "InvalidArgument", "partNumber"},
         }) {
        CAPTURE(c.target);
        const auto request = wire::read_s3_request(head(c.method, c.target));
        REQUIRE_FALSE(request.has_value());
        CHECK(request.error().code == c.code);
        CHECK(request.error().message.find(c.names) != std::string::npos);
    }
}
