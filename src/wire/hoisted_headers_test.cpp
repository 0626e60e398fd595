#include "wire/hoisted_headers.hpp"

#include <doctest/doctest.h>

#include "text/time.hpp"

using namespace std::chrono_literals;

namespace {

constexpr wire::SigningKeys keys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const base::Time now = *text::parse_amz_date("20260131T120000Z");
const std::vector<std::string> regions{"us-east-1"};

http::RequestHead presigned(std::string query) {
    http::RequestHead head{.method = "PUT", .path = "/b/k", .query = std::move(query), .headers = {}};
    head.headers.add("Host", "127.0.0.1:4566");
    head.query = wire::presign(head, keys, "us-east-1", "s3", now, 60s);
    return head;
}

std::string take(http::RequestHead& head) {
    const auto signature = wire::read_signature(head);
    if (!signature) return signature.error().code;
    const auto taken = wire::take_hoisted_headers(head, **signature);
    return taken ? "" : taken.error().code;
}

std::string verify(const http::RequestHead& head) {
    const auto signature = wire::read_signature(head);
    const auto verified = wire::verify(
        **signature, head, {.secret_access_key = keys.secret_access_key, .service = "s3", .now = now, .regions = regions});
    return verified ? "" : verified.error().code;
}

}  // namespace

TEST_CASE("x-amz-* of a presigned query are signed headers") {
    auto head = presigned("x-amz-acl=public-read&X-Amz-Meta-Colour=dark%20%20red&x-amz-copy-source=a%252Fk&x-id=PutObject");
    CHECK(take(head) == "");
    CHECK(head.headers.get("x-amz-acl") == "public-read");
    CHECK(head.headers.get("x-amz-meta-colour") == "dark  red");
    CHECK(head.headers.get("x-amz-copy-source") == "a%2Fk");
    CHECK(head.headers.fields().size() == 4);  // with Host: nothing of the signature, no x-id
    CHECK(verify(head) == "");
    CHECK(take(head) == "");  // once more: the same
    CHECK(head.headers.fields().size() == 4);

    auto changed = head;
    changed.headers.set("x-amz-acl", "private");
    CHECK(verify(changed) == "AccessDenied");
    CHECK(take(changed) == "InvalidArgument");
    changed = head;
    changed.headers.add("x-amz-tagging", "a=b");
    CHECK(verify(changed) == "AccessDenied");
    changed = head;
    changed.query += "&x-amz-tagging=a%3Db";
    CHECK(take(changed) == "");
    CHECK(verify(changed) == "SignatureDoesNotMatch");
}

TEST_CASE("a payload hash in the query is the one that was signed") {
    auto head = presigned("X-Amz-Content-Sha256=UNSIGNED-PAYLOAD");
    CHECK(take(head) == "");
    CHECK(head.headers.get("x-amz-content-sha256") == "UNSIGNED-PAYLOAD");
    CHECK(verify(head) == "");
}

TEST_CASE("what no header could be, or two headers at once, is refused") {
    for (const auto* query : {"x-amz-acl=a&X-Amz-Acl=b", "x-amz-meta-a=1&X-Amz-Meta-A=2", "x-amz-meta-a%0D%0ASet-Cookie=b",
                              "x-amz-meta-a=b%0D%0ASet-Cookie:%20c", "x-amz-meta-a=%00", "x-amz-meta%20a=b", "x-amz-=b"}) {
        CAPTURE(query);
        auto head = presigned(query);
        CHECK(take(head) == "InvalidArgument");
        CHECK(head.headers.get("Set-Cookie").empty());
    }
    for (const auto* query : {"x-amz-security-token=t", "x-amz-date=20260131T120000Z", "X-Amz-expires=1", "x-amz-signature=0"}) {
        CAPTURE(query);
        auto head = presigned(query);
        CHECK(take(head) == "AuthorizationQueryParametersError");
    }
    std::string many;
    for (size_t i = 0; i <= wire::hoisted_headers_max; ++i) many += "&x-amz-meta-" + std::to_string(i) + "=v";
    auto head = presigned(many.substr(1));
    CHECK(take(head) == "InvalidArgument");
}

TEST_CASE("only of presigned requests") {
    http::RequestHead head{.method = "PUT", .path = "/b/k", .query = "x-amz-acl=private", .headers = {}};
    head.headers.add("Host", "127.0.0.1:4566");
    wire::sign(head, keys, "us-east-1", "s3", now, "UNSIGNED-PAYLOAD");
    CHECK(take(head) == "");
    CHECK(head.headers.find("x-amz-acl") == nullptr);
    CHECK(wire::stands_for_header({"x-amz-acl", "private"}));
    CHECK(wire::stands_for_header({"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}));
    for (const auto* name : {"X-Amz-Date", "x-amz-security-token", "x-id", "acl", "amz-x"})
        CHECK_FALSE(wire::stands_for_header({name, "v"}));
}

TEST_CASE("the checksum of a body that the presigner hasn't is none") {
    auto head = presigned("x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32");
    CHECK(take(head) == "");
    CHECK(head.headers.find("x-amz-checksum-crc32") == nullptr);
    CHECK(head.headers.get("x-amz-sdk-checksum-algorithm") == "CRC32");
    CHECK(verify(head) == "");
    head.headers.add("x-amz-checksum-crc32", "AAAAAA==");  // nobody signed this one
    CHECK(verify(head) == "AccessDenied");
    auto known = presigned("x-amz-checksum-crc32=DUoRhQ%3D%3D");
    CHECK(take(known) == "");
    CHECK(known.headers.get("x-amz-checksum-crc32") == "DUoRhQ==");
    CHECK_FALSE(wire::stands_for_header({"x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}));
    CHECK(wire::stands_for_header({"x-amz-checksum-sha256", "AAAAAA=="}));
    CHECK(wire::stands_for_header({"x-amz-checksum-mode", "ENABLED"}));
}

TEST_CASE("a query of Version 2 has content-type and content-md5 as headers") {
    http::RequestHead head{
        .method = "PUT",
        .path = "/b/k",
        .query = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x&Expires=1800000000&content-type=text%2Fplain",
        .headers = {}};
    head.headers.add("Host", "127.0.0.1:4566");
    CHECK(take(head) == "");
    CHECK(head.headers.get("content-type") == "text/plain");
    auto other = head;
    other.headers.set("Content-Type", "text/html");
    CHECK(take(other) == "InvalidArgument");
    // Version 4 signs these headers: in its query they say nothing.
    auto four = presigned("content-type=text%2Fplain");
    CHECK(take(four) == "");
    CHECK(four.headers.find("content-type") == nullptr);
}
