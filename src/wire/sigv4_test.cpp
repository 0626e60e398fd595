// AWS's published examples (Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)"), then every way to be
// wrong.
#include "wire/sigv4.hpp"

#include <doctest/doctest.h>

#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/time.hpp"
#include "wire/hoisted_headers.hpp"
#include "wire/region.hpp"

using namespace std::chrono_literals;

namespace {

const std::vector<std::string> served_regions{"us-east-1"};

constexpr wire::SigningKeys example_keys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const base::Time example_time = *text::parse_amz_date("20130524T000000Z");
const std::string empty_hash = crypto::hex(crypto::sha256(""));

http::RequestHead request(std::string method, std::string path, std::string query = "",
                          std::string host = "examplebucket.s3.amazonaws.com") {
    http::RequestHead head{.method = std::move(method), .path = std::move(path), .query = std::move(query), .headers = {}};
    head.headers.add("Host", std::move(host));
    return head;
}

std::string signature_of(const http::RequestHead& head) {
    const auto authorization = head.headers.get("Authorization");
    return authorization.substr(authorization.find("Signature=") + 10);
}

base::Result<wire::Verified> check(const http::RequestHead& head, std::string_view service = "s3", base::Time now = example_time,
                                   std::string_view secret = example_keys.secret_access_key,
                                   std::string_view body_sha256 = empty_hash) {
    auto signature = wire::read_signature(head);
    if (!signature) return base::fail(std::move(signature).error());
    REQUIRE(signature->has_value());
    return wire::verify(
        **signature, head,
        {.secret_access_key = secret, .service = service, .now = now, .body_sha256 = body_sha256, .regions = served_regions});
}

std::string code_of(const base::Result<wire::Verified>& result) { return result ? "" : result.error().code; }

http::RequestHead signed_get(std::string_view service = "s3") {
    auto head = request("GET", service == "s3" ? "/test.txt" : "/");
    if (service != "s3") head.headers.add("X-Amz-Target", "SageMaker.ListTrainingJobs");
    wire::sign(head, example_keys, "us-east-1", service, example_time, empty_hash);
    return head;
}

http::RequestHead presigned_get(std::chrono::seconds expires = 86400s) {
    auto head = request("GET", "/test.txt");
    head.query = wire::presign(head, example_keys, "us-east-1", "s3", example_time, expires);
    return head;
}

// By the published steps, whatever a client of ours would sign.
void sign_only(http::RequestHead& head, const std::vector<std::string>& names, const std::string& payload_hash,
               const std::string& service) {
    const wire::Scope scope{"20130524", "us-east-1", service};
    head.headers.set("X-Amz-Date", "20130524T000000Z");
    const auto to_sign = wire::string_to_sign("20130524T000000Z", scope,
                                              wire::canonical_request(head, names, payload_hash, service == "s3", false));
    const auto key = wire::signing_key(example_keys.secret_access_key, scope);
    head.headers.set("Authorization", "AWS4-HMAC-SHA256 Credential=" + std::string(example_keys.access_key_id) + "/" +
                                          scope.text() + ", SignedHeaders=" + base::join(names, ";") +
                                          ", Signature=" + crypto::hex(crypto::hmac_sha256(key, to_sign)));
}

}  // namespace

TEST_CASE("published example: GET object with a range") {
    auto head = request("GET", "/test.txt");
    head.headers.add("Range", "bytes=0-9");
    wire::sign(head, example_keys, "us-east-1", "s3", example_time, empty_hash);
    CHECK(head.headers.get("Authorization") ==
          "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
          "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
          "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    CHECK(check(head));
}

TEST_CASE("published example: PUT object") {
    auto head = request("PUT", "/test%24file.text");
    head.headers.add("Date", "Fri, 24 May 2013 00:00:00 GMT");
    head.headers.add("x-amz-storage-class", "REDUCED_REDUNDANCY");
    wire::sign(head, example_keys, "us-east-1", "s3", example_time, crypto::hex(crypto::sha256("Welcome to Amazon S3.")));
    CHECK(signature_of(head) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    // The path may also come unencoded where RFC 3986 lets it.
    head.path = "/test$file.text";
    CHECK(check(head));
}

TEST_CASE("without X-Amz-Date the Date header counts, also with a numeric zone") {
    const auto read = [](const std::string& date) -> std::string {
        auto head = request("GET", "/test.txt");
        wire::sign(head, example_keys, "us-east-1", "s3", example_time, empty_hash);
        http::Headers headers;
        for (const auto& [name, value] : head.headers.fields())
            if (!base::equals_ignoring_case(name, "X-Amz-Date")) headers.add(name, value);
        headers.add("Date", date);
        head.headers = std::move(headers);
        const auto signature = wire::read_signature(head);
        return signature ? (*signature)->amz_date : signature.error().code;
    };
    for (const auto* same :
         {"Fri, 24 May 2013 00:00:00 GMT", "Fri, 24 May 2013 00:00:00 -0000", "Fri, 24 May 2013 00:00:00 +0000",
          "Fri, 24 May 2013 05:45:00 +0545", "Thu, 23 May 2013 14:30:00 -0930", "20130524T000000Z"}) {
        CAPTURE(same);
        CHECK(read(same) == "20130524T000000Z");
    }
    for (const auto* bad :
         {"", " +0000", "Fri, 24 May 2013 00:00:00", "Fri, 24 May 2013 00:00:00 0000", "Fri, 24 May 2013 00:00:00 +000",
          "Fri, 24 May 2013 00:00:00 +00000", "Fri, 24 May 2013 00:00:00 +00:00", "Fri, 24 May 2013 00:00:00 +0060",
          "Fri, 24 May 2013 00:00:00 +2400", "Fri, 24 May 2013 00:00:00+0000", "Fri, 24 May 2013 00:00:00 GMT +0000",
          "Fri, 24 May 2013 00:00:00  +0000", "Fri, 24 May 2013 00:00:00 EST", "20130524T000000 +0000"}) {
        CAPTURE(bad);
        CHECK(read(bad) == "AccessDenied");
    }
}

TEST_CASE("published examples: sub-resource and list") {
    auto lifecycle = request("GET", "/", "lifecycle");
    wire::sign(lifecycle, example_keys, "us-east-1", "s3", example_time, empty_hash);
    CHECK(signature_of(lifecycle) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    auto list = request("GET", "/", "prefix=J&max-keys=2");
    wire::sign(list, example_keys, "us-east-1", "s3", example_time, empty_hash);
    CHECK(signature_of(list) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("published example: presigned GET") {
    const auto head = presigned_get();
    CHECK(head.query ==
          "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
          "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
          "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    const auto verified = check(head, "s3", example_time + 86400s);
    REQUIRE(verified);
    CHECK(verified->payload_hash() == "UNSIGNED-PAYLOAD");
    CHECK(verified->place() == wire::SignaturePlace::query);
}

TEST_CASE("published example: IAM ListUsers, query of a service other than S3") {
    // IAM User Guide, "Examples of the complete Version 4 signing process".
    auto head = request("GET", "/", "Action=ListUsers&Version=2010-05-08", "iam.amazonaws.com");
    head.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    const auto time = *text::parse_amz_date("20150830T123600Z");
    wire::sign(head, {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""}, "us-east-1", "iam", time, empty_hash);
    CHECK(signature_of(head) == "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    CHECK(check(head, "iam", time, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
}

TEST_CASE("anything that was signed cannot change") {
    for (const auto* service : {"s3", "sagemaker"}) {
        CAPTURE(service);
        REQUIRE(check(signed_get(service), service));
        auto head = signed_get(service);
        head.method = "PUT";
        CHECK(code_of(check(head, service)) == "SignatureDoesNotMatch");
        head = signed_get(service);
        head.path += "x";
        CHECK(code_of(check(head, service)) == "SignatureDoesNotMatch");
        head = signed_get(service);
        head.query = "acl";
        CHECK(code_of(check(head, service)) == "SignatureDoesNotMatch");
        head = signed_get(service);
        head.headers.set("Host", "elsewhere");
        CHECK(code_of(check(head, service)) == "SignatureDoesNotMatch");
        CHECK(code_of(check(signed_get(service), service, example_time, "another-secret")) == "SignatureDoesNotMatch");
    }
    auto head = signed_get();
    head.headers.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    CHECK(code_of(check(head)) == "SignatureDoesNotMatch");
    CHECK(code_of(check(signed_get("sagemaker"), "sagemaker", example_time, example_keys.secret_access_key,
                        crypto::hex(crypto::sha256("x")))) == "SignatureDoesNotMatch");
}

TEST_CASE("headers that mean something must be signed") {
    auto head = signed_get();
    head.headers.add("x-amz-acl", "public-read");
    CHECK(code_of(check(head)) == "AccessDenied");
    head = presigned_get();
    head.headers.add("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    CHECK(code_of(check(head)) == "AccessDenied");
    head = signed_get("sagemaker");
    auto unsigned_target = request("POST", "/");
    wire::sign(unsigned_target, example_keys, "us-east-1", "sagemaker", example_time, empty_hash);
    unsigned_target.headers.add("X-Amz-Target", "SageMaker.StopTrainingJob");
    CHECK(code_of(check(unsigned_target, "sagemaker")) == "SignatureDoesNotMatch");
}

TEST_CASE("the host must be signed") {
    auto head = request("GET", "/test.txt");
    head.headers.add("x-amz-content-sha256", empty_hash);
    sign_only(head, {"host", "x-amz-content-sha256", "x-amz-date"}, empty_hash, "s3");
    CHECK(check(head));
    sign_only(head, {"x-amz-content-sha256", "x-amz-date"}, empty_hash, "s3");
    CHECK(code_of(check(head)) == "AccessDenied");
    head = request("GET", "/");
    sign_only(head, {"x-amz-date"}, empty_hash, "sagemaker");
    CHECK(check(head, "sagemaker").error().message ==
          "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

TEST_CASE("the payload is what the request declares in S3, what came elsewhere") {
    auto head = request("GET", "/test.txt");
    sign_only(head, {"host", "x-amz-date"}, "UNSIGNED-PAYLOAD", "s3");
    CHECK(code_of(check(head)) == "InvalidRequest");

    head = request(
        "GET", "/test.txt",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-content-sha256"
        "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Signature=" +
            std::string(64, '0'));
    head.headers.add("x-amz-content-sha256", empty_hash);
    CHECK(code_of(check(head)) == "InvalidRequest");
    head.headers.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    CHECK(code_of(check(head)) == "SignatureDoesNotMatch");

    const auto another = crypto::hex(crypto::sha256("another body"));
    head = request("POST", "/");
    head.headers.add("x-amz-content-sha256", another);
    sign_only(head, {"host", "x-amz-content-sha256", "x-amz-date"}, another, "sagemaker");
    CHECK(check(head, "sagemaker", example_time, example_keys.secret_access_key, another));
    CHECK(code_of(check(head, "sagemaker")) == "SignatureDoesNotMatch");
}

TEST_CASE("the steps of a signature") {
    auto head = request("GET", "/", "a=1&&b=2&");
    head.headers.add("X-Note", "  two   words ");
    CHECK(wire::canonical_request(head, {"host", "x-note"}, "h", true, false) ==
          "GET\n/\na=1&b=2\nhost:examplebucket.s3.amazonaws.com\nx-note:two words\n\nhost;x-note\nh");
    // The first is published (IAM User Guide, "Create a signed AWS API request").
    const std::string_view secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    CHECK(crypto::hex(wire::signing_key(secret, {"20150830", "us-east-1", "iam"})) ==
          "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    CHECK(crypto::hex(wire::signing_key(secret, {"20150830", "eu-west-1", "iam"})) ==
          "a08bee1c2ce6e084be38708bd90614b1cd3a36a67c8350cc123709b3ccfc82f4");
}

TEST_CASE("time") {
    CHECK(check(signed_get(), "s3", example_time + 15min));
    CHECK(check(signed_get(), "s3", example_time - 15min));
    CHECK(code_of(check(signed_get(), "s3", example_time + 15min + 1s)) == "RequestTimeTooSkewed");
    CHECK(code_of(check(signed_get(), "s3", example_time - 15min - 1s)) == "RequestTimeTooSkewed");
    CHECK(check(presigned_get(10s), "s3", example_time + 10s));
    CHECK(check(presigned_get(10s), "s3", example_time + 11s).error().message == "Request has expired");
    CHECK(code_of(check(presigned_get(10s), "s3", example_time - 16min)) == "AccessDenied");
    const auto late = check(signed_get("sagemaker"), "sagemaker", example_time + 20min);
    REQUIRE_FALSE(late);
    CHECK(late.error().code == "SignatureDoesNotMatch");
    CHECK(late.error().message ==
          "Signature expired: 20130524T000000Z is now earlier than 20130524T000500Z (20130524T002000Z - 15 min.)");
    const auto early = check(signed_get("sagemaker"), "sagemaker", example_time - 20min);
    CHECK(early.error().message ==
          "Signature not yet current: 20130524T000000Z is still later than 20130523T235500Z (20130523T234000Z + 15 min.)");
}

TEST_CASE("scope") {
    CHECK(code_of(check(signed_get("iam"), "s3")) == "AuthorizationHeaderMalformed");
    CHECK(check(signed_get("s3"), "iam").error().message == "Credential should be scoped to correct service: 'iam'.");
    auto head = signed_get();
    auto authorization = head.headers.get("Authorization");
    authorization.replace(authorization.find("20130524"), 8, "20130523");
    head.headers.set("Authorization", authorization);
    CHECK(code_of(check(head)) == "AuthorizationHeaderMalformed");
    CHECK(code_of(check(head, "iam")) == "SignatureDoesNotMatch");
}

TEST_CASE("one place for credentials") {
    const auto read = [](const http::RequestHead& head) {
        const auto signature = wire::read_signature(head);
        return signature ? (signature->has_value() ? "read" : "anonymous") : signature.error().code;
    };
    CHECK(read(request("GET", "/")) == "anonymous");
    CHECK(read(signed_get()) == "read");
    CHECK(read(presigned_get()) == "read");
    auto both = presigned_get();
    both.headers.add("Authorization", signed_get().headers.get("Authorization"));
    CHECK(read(both) == "InvalidArgument");
    auto twice = signed_get();
    twice.headers.add("Authorization", twice.headers.get("Authorization"));
    CHECK(read(twice) == "InvalidArgument");
    auto header_and_marker = signed_get();
    header_and_marker.query = "X-Amz-Algorithm=none";
    CHECK(read(header_and_marker) == "InvalidArgument");
    auto doubled = presigned_get();
    doubled.query += "&X-Amz-Credential=AKIAOTHER%2F20130524%2Fus-east-1%2Fs3%2Faws4_request";
    CHECK(read(doubled) == "AuthorizationQueryParametersError");
    auto other_token = presigned_get();
    other_token.query += "&X-Amz-Security-Token=a";
    other_token.headers.add("X-Amz-Security-Token", "b");
    CHECK(read(other_token) == "AuthorizationQueryParametersError");
}

TEST_CASE("credentials that are no credentials") {
    const auto header = [](std::string value, bool with_date = true) {
        auto head = request("GET", "/");
        head.headers.add("Authorization", std::move(value));
        if (with_date) head.headers.add("X-Amz-Date", "20130524T000000Z");
        const auto signature = wire::read_signature(head);
        return signature ? std::string("read") : signature.error().code;
    };
    const std::string hex(64, 'a'), credential = "Credential=AKIA/20130524/us-east-1/s3/aws4_request";
    CHECK(header("AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host, Signature=" + hex) == "read");
    CHECK(header("AWS4-HMAC-SHA256 " + credential + ",SignedHeaders=host,Signature=" + hex) == "read");
    CHECK(header("AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host, Signature=" + hex, false) == "AccessDenied");
    CHECK(header("AWS AKIA:c2ln") == "InvalidRequest");  // Signature Version 2
    CHECK(header("AWS4-ECDSA-P256-SHA256 " + credential) == "InvalidRequest");
    CHECK(header("Bearer abc") == "InvalidArgument");
    for (const std::string& bad :
         {std::string(" "), " " + credential, " " + credential + ", SignedHeaders=host", " SignedHeaders=host, Signature=" + hex,
          " " + credential + ", SignedHeaders=host, Signature=short", " " + credential + ", SignedHeaders=Host, Signature=" + hex,
          " " + credential + ", SignedHeaders=, Signature=" + hex,
          " " + credential + ", " + credential + ", SignedHeaders=host, Signature=" + hex,
          " Credential=AKIA/20130524/us-east-1/s3, SignedHeaders=host, Signature=" + hex,
          " Credential=AKIA/2013/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + hex,
          " Credential=/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + hex,
          " Credential=A/B/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + hex}) {
        CAPTURE(bad);
        CHECK(header("AWS4-HMAC-SHA256" + bad) == "AuthorizationHeaderMalformed");
    }
    const auto query = [](const std::string& from, const std::string& to) {
        auto head = presigned_get();
        head.query.replace(head.query.find(from), from.size(), to);
        const auto signature = wire::read_signature(head);
        return signature ? std::string("read") : signature.error().code + ": " + signature.error().message;
    };
    CHECK(query("Expires=86400", "Expires=604800") == "read");
    CHECK(query("Expires=86400", "Expires=604801").find("604800 seconds") != std::string::npos);
    CHECK(query("Expires=86400", "Expires=-1") == "AuthorizationQueryParametersError: X-Amz-Expires must be non-negative");
    CHECK(query("Expires=86400", "Expires=1x") == "AuthorizationQueryParametersError: X-Amz-Expires should be a number");
    CHECK(query("&X-Amz-Expires=86400", "")
              .starts_with("AuthorizationQueryParametersError: Query-string authentication version 4 requires"));
    CHECK(query("20130524T000000Z", "yesterday").starts_with("AuthorizationQueryParametersError: X-Amz-Date must be"));
    CHECK(query("X-Amz-Algorithm=AWS4-HMAC-SHA256", "AWSAccessKeyId=A").starts_with("InvalidArgument"));
    auto version_2 = request("POST", "/", "AWSAccessKeyId=AKIA&Signature=c2ln&Expires=1");
    version_2.headers.add("X-Amz-Target", "SageMaker.ListTrainingJobs");
    CHECK(wire::read_signature(version_2).error().code == "InvalidRequest");  // S3 only
}

TEST_CASE("presigned URLs of Signature Version 2, as boto3 makes them by default") {
    const auto expires = base::Time(std::chrono::seconds(1175139620));
    const auto check_v2 = [&](http::RequestHead head, base::Time now) { return check(head, "s3", now); };
    const auto path_style = request(
        "GET", "/johnsmith/photos/puppy.jpg",
        "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620", "s3.amazonaws.com");
    // Published example: "Query string request authentication alternative"; above, the same bucket in the path.
    const auto published =
        request("GET", "/photos/puppy.jpg",
                "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620",
                "johnsmith.s3.us-west-1.amazonaws.com");
    for (const auto& head : {path_style, published}) {
        const auto verified = check_v2(head, expires);
        CAPTURE(code_of(verified));
        REQUIRE(verified);
        CHECK(verified->payload_hash() == "UNSIGNED-PAYLOAD");
        CHECK(check_v2(head, expires + 1ms).error().message == "Request has expired");
        CHECK(code_of(check(head, "s3", expires, "another secret")) == "SignatureDoesNotMatch");
        auto changed = head;
        changed.method = "DELETE";
        CHECK(code_of(check_v2(changed, expires)) == "SignatureDoesNotMatch");
        changed = head;
        changed.headers.add("x-amz-acl", "public-read");
        CHECK(code_of(check_v2(changed, expires)) == "SignatureDoesNotMatch");
        changed = head;
        changed.query += "&acl";
        CHECK(code_of(check_v2(changed, expires)) == "SignatureDoesNotMatch");
        // What Version 2 does not sign must not choose another operation.
        for (const auto* added : {"publicAccessBlock", "ownershipControls", "encryption", "X-Amz-Security-Token=t"}) {
            changed = head;
            changed.query += std::string("&") + added;
            CHECK(wire::read_signature(changed).error().code == "AccessDenied");
        }
        for (const auto* added : {"X-Amz-Foo=1", "x-amz-copy-source=%2Fa%2Fb"}) {
            changed = head;
            changed.query += std::string("&") + added;
            CHECK(code_of(check_v2(changed, expires)) == "AccessDenied");
            const auto signature = wire::read_signature(changed);
            REQUIRE(signature);
            REQUIRE(wire::take_hoisted_headers(changed, **signature));
            CHECK(code_of(check_v2(changed, expires)) == "SignatureDoesNotMatch");
        }
        changed = head;
        changed.query += "&Expires=9999999999";
        CHECK(wire::read_signature(changed).error().code == "InvalidRequest");
    }
    CHECK(wire::read_signature(request("GET", "/b/k", "AWSAccessKeyId=AKIA&Signature=x")).error().code == "AccessDenied");
    CHECK(wire::read_signature(request("GET", "/b/k", "AWSAccessKeyId=AKIA&Signature=x&Expires=soon")).error().code ==
          "AccessDenied");
    // Signed so, but chunks need Version 4.
    auto chunks = path_style;
    chunks.query = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=q%2Bh5%2FubqhucD48pAKd%2FWq1ZtYfo%3D&Expires=1175139620";
    chunks.headers.add("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    CHECK(code_of(check_v2(chunks, expires)) == "InvalidRequest");
}

TEST_CASE("other services normalise the path and encode it twice") {
    const auto head = request("GET", "/a/./b/../c%20d//e/");
    const auto canonical = wire::canonical_request(head, {"host"}, "h", false, false);
    CHECK(canonical.starts_with("GET\n/a/c%2520d/e/\n"));
    CHECK(wire::canonical_request(head, {"host"}, "h", true, false).starts_with("GET\n/a/./b/../c%20d//e/\n"));
}

TEST_CASE("a signature counts in the regions that are served; IAM's in its own, too") {
    const auto signed_for = [](std::string_view service, std::string_view region) {
        auto head = request("GET", "/");
        wire::sign(head, example_keys, region, service, example_time, empty_hash);
        return head;
    };
    const auto ask = [](const http::RequestHead& head, std::string_view service, const std::vector<std::string>& regions) {
        const auto signature = wire::read_signature(head);
        REQUIRE(signature);
        const auto found = wire::verify(**signature, head,
                                        {.secret_access_key = example_keys.secret_access_key,
                                         .service = service,
                                         .now = example_time,
                                         .body_sha256 = empty_hash,
                                         .regions = regions});
        return found ? wire::region_that_serves(service, &**signature, regions)
                     : found.error().code + ": " + found.error().message;
    };
    const std::vector<std::string> two{"eu-central-1", "eu-west-1"};
    CHECK(ask(signed_for("s3", "eu-west-1"), "s3", two) == "eu-west-1");
    CHECK(ask(signed_for("s3", "us-east-1"), "s3", two) ==
          "AuthorizationHeaderMalformed: The authorization header is malformed; the region 'us-east-1' is wrong; expecting "
          "'eu-central-1'");
    CHECK(ask(signed_for("sts", "us-east-1"), "sts", two) ==
          "SignatureDoesNotMatch: Credential should be scoped to a valid region, not 'us-east-1'.");
    CHECK(ask(signed_for("sts", "EU-WEST-1"), "sts", two).starts_with("SignatureDoesNotMatch"));
    CHECK(ask(signed_for("iam", "us-east-1"), "iam", two) == "us-east-1");
    CHECK(ask(signed_for("iam", "eu-west-1"), "iam", two) == "us-east-1");
    CHECK(ask(signed_for("iam", "us-west-2"), "iam", two).starts_with("SignatureDoesNotMatch"));
    CHECK(wire::region_that_serves("s3", nullptr, two) == "eu-central-1");
    for (const auto* name : {"", "Mars", "eu_west_1", "-x", "x-", "a/b", "eu west", "abcdefghijklmnopqrstuvwxyzabcdefghij"})
        CHECK_FALSE(wire::is_region_name(name));
    CHECK(wire::is_region_name("us-gov-west-1"));
}

TEST_CASE("what is presigned outside S3 holds fifteen minutes, whatever it says") {
    for (const auto& [service, expires, minutes, holds] : std::vector<std::tuple<std::string, int, int, bool>>{
             {"iam", 604800, 14, true},
             {"iam", 604800, 16, false},
             {"iam", 604800, 60 * 24 * 6, false},
             {"sts", 60, 14, true},  // as EKS's clients presign GetCallerIdentity
             {"sts", 60, 16, false},
             {"s3", 604800, 60 * 24 * 6, true},
             {"s3", 60, 2, false}}) {
        CAPTURE(service);
        CAPTURE(expires);
        CAPTURE(minutes);
        auto head = request("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15");
        head.query = wire::presign(head, example_keys, "us-east-1", service, example_time, std::chrono::seconds(expires));
        CHECK(check(head, service, example_time + std::chrono::minutes(minutes)).has_value() == holds);
    }
}

TEST_CASE("a header that decides something is there once") {
    const auto code = [](std::vector<std::pair<std::string, std::string>> headers) {
        auto head = request("GET", "/");
        for (auto& [name, value] : headers) head.headers.add(name, value);
        const auto result = wire::check_repeated_headers(head);
        return result ? std::string() : result.error().code;
    };
    CHECK(code({{"Referer", "a"}, {"referer", "b"}}) == "InvalidArgument");
    CHECK(code({{"User-Agent", "a"}, {"USER-AGENT", "b"}}) == "InvalidArgument");
    CHECK(code({{"x-amz-acl", "private"}, {"X-Amz-Acl", "public-read"}}) == "InvalidArgument");
    CHECK(code({{"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}, {"X-Amz-Content-Sha256", empty_hash}}) == "InvalidArgument");
    CHECK(code({{"X-Amz-Security-Token", "a"}, {"X-Amz-Security-Token", "b"}}) == "InvalidArgument");
    CHECK(code({{"Referer", "a"},
                {"Referer", "a"},
                {"x-amz-meta-a", "1"},
                {"x-amz-meta-a", "2"},
                {"Accept", "a"},
                {"Accept", "b"}}) == "");
    CHECK(code({{"x-amz-object-attributes", "ETag"}, {"x-amz-object-attributes", "Checksum"}}) == "");
    CHECK(code({{"X-Amz-Target", "a"}, {"X-Amz-Target", "b"}}) == "InvalidRequest");
}

TEST_CASE("what a head may hold of parameters and signed headers is limited") {
    std::string many = "a=b";
    for (size_t i = 1; i < wire::head_parameters_max; ++i) many += "&a=b";
    CHECK(wire::read_signature(request("GET", "/", many)));
    CHECK(wire::read_signature(request("GET", "/", many + "&a=b")).error().code == "InvalidURI");
    auto head = request("GET", "/");
    std::string names = "host";
    for (size_t i = 1; i <= wire::signed_headers_max; ++i) names += ";h";
    head.headers.add("X-Amz-Date", "20130524T000000Z");
    head.headers.add("Authorization",
                     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=" + names +
                         ", Signature=" + std::string(64, '0'));
    CHECK(wire::read_signature(head).error().code == "AuthorizationHeaderMalformed");
}
