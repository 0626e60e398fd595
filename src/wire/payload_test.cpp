#include "wire/payload.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "crypto/digest.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"

namespace {

const std::vector<std::string> served_regions{"us-east-1"};

constexpr wire::SigningKeys example_keys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const base::Time example_time = *text::parse_amz_date("20130524T000000Z");

// Hands out at most `step` bytes a read, as sockets do; remembers whether anybody read.
class Dripping final : public http::BodyReader {
public:
    Dripping(std::string content, size_t step, bool knows_length = true)
        : content_(std::move(content)), step_(step), knows_length_(knows_length) {}
    base::Result<size_t> read(std::span<char> into) override {
        touched = true;
        const auto count = std::min(std::min(into.size(), step_), content_.size() - at_);
        std::copy_n(content_.data() + at_, count, into.data());
        at_ += count;
        return count;
    }
    [[nodiscard]] std::optional<uint64_t> length() const override {
        return knows_length_ ? std::optional<uint64_t>(content_.size()) : std::nullopt;
    }
    bool touched = false;

private:
    std::string content_;
    size_t step_, at_ = 0;
    bool knows_length_;
};

http::RequestHead put(std::vector<std::pair<std::string, std::string>> headers) {
    http::RequestHead head{.method = "PUT", .path = "/examplebucket/chunkObject.txt", .query = "", .headers = {}};
    head.headers.add("Host", "s3.amazonaws.com");
    for (auto& [name, value] : headers) head.headers.add(name, value);
    return head;
}

base::Result<wire::Verified> verified_of(const http::RequestHead& head,
                                         std::string_view secret = example_keys.secret_access_key) {
    auto signature = wire::read_signature(head);
    REQUIRE(signature);
    REQUIRE(signature->has_value());
    return wire::verify(**signature, head,
                        {.secret_access_key = secret, .service = "s3", .now = example_time, .regions = served_regions});
}

struct Read {
    std::string code;  // of the error; empty: none
    std::string content;
    std::vector<std::pair<wire::ChecksumKind, std::string>> checksums;
};

Read read_with(const http::RequestHead& head, const wire::Verified* verified, const std::string& body, size_t step,
               bool knows_length = true) {
    Dripping source(body, step, knows_length);
    auto reader = wire::PayloadReader::open(head, source, verified);
    if (!reader) return {.code = reader.error().code};
    Read out;
    char buffer[3000];
    while (true) {
        const auto got = (*reader)->read(buffer);
        if (!got) {
            out.code = got.error().code;
            CHECK_FALSE((*reader)->read(buffer).has_value());  // an error is final
            return out;
        }
        if (*got == 0) break;
        out.content.append(buffer, *got);
    }
    out.checksums = (*reader)->checksums();
    return out;
}

// Signs the head for `protection` and reads the body whole and byte by byte: both must agree.
Read read(std::vector<std::pair<std::string, std::string>> headers, const std::string& protection, const std::string& body) {
    auto head = put(std::move(headers));
    wire::sign(head, example_keys, "us-east-1", "s3", example_time, protection);
    const auto verified = verified_of(head);
    REQUIRE(verified);
    const auto once = read_with(head, &*verified, body, 1 << 20);
    const auto dripped = read_with(head, &*verified, body, 1);
    CHECK(once.code == dripped.code);
    if (once.code.empty()) CHECK(once.content == dripped.content);
    return once;
}

std::string hash(std::string_view text) { return crypto::hex(crypto::sha256(text)); }

const std::string example_bytes(66560, 'a');

std::string example_chunks(const std::string& first, const std::string& second, const std::string& last,
                           const std::string& trailers = "") {
    return "10000;chunk-signature=" + first + "\r\n" + std::string(65536, 'a') + "\r\n400;chunk-signature=" + second + "\r\n" +
           std::string(1024, 'a') + "\r\n0;chunk-signature=" + last + "\r\n" + trailers + "\r\n";
}

http::RequestHead example_put(bool trailer) {
    auto head = put({{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                     {"Content-Encoding", "aws-chunked"},
                     {"x-amz-decoded-content-length", "66560"}});
    if (trailer) head.headers.add("x-amz-trailer", "x-amz-checksum-crc32c");
    wire::sign(head, example_keys, "us-east-1", "s3", example_time,
               trailer ? "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" : "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    return head;
}

}  // namespace

TEST_CASE("published example: signed chunks") {
    // The example signs Content-Length too, which our own client does not: its Authorization header stands here as printed.
    auto head = put({{"x-amz-date", "20130524T000000Z"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                     {"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
                     {"Content-Encoding", "aws-chunked"},
                     {"x-amz-decoded-content-length", "66560"},
                     {"Content-Length", "66824"},
                     {"Authorization",
                      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                      "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-"
                      "length;x-amz-storage-class,"
                      "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"}});
    const auto verified = verified_of(head);
    REQUIRE(verified);
    const auto body = example_chunks("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                                     "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                                     "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
    CHECK(body.size() == 66824);
    const auto good = read_with(head, &*verified, body, 1 << 20);
    CHECK(good.code.empty());
    CHECK(good.content == example_bytes);

    // A chunk is handed out only when its signature held.
    auto tampered = body;
    tampered[200] = 'b';
    const auto bad = read_with(head, &*verified, tampered, 1 << 20);
    CHECK(bad.code == "SignatureDoesNotMatch");
    CHECK(bad.content.empty());
    auto second = body;
    second[66000] = 'b';
    CHECK(read_with(head, &*verified, second, 700).content.size() == 65536);
    // Chunks dropped at the end, or in the middle.
    CHECK(read_with(head, &*verified, body.substr(0, body.size() - 86), 1 << 20).code == "IncompleteBody");
    CHECK(read_with(head, &*verified, body.substr(0, 10), 1 << 20).code == "IncompleteBody");
    CHECK(read_with(head, &*verified, body + "x", 1 << 20).code == "InvalidRequest");
    auto dropped = body;
    dropped.erase(0, body.find("400;"));
    CHECK(read_with(head, &*verified, dropped, 1 << 20).code == "SignatureDoesNotMatch");
    // No signature at all.
    CHECK(read_with(head, &*verified, "10400\r\n" + example_bytes + "\r\n0\r\n\r\n", 1 << 20).code == "InvalidRequest");
}

TEST_CASE("published example: signed chunks and a signed trailer") {
    const auto head = example_put(true);
    const auto verified = verified_of(head);
    REQUIRE(verified);
    CHECK(verified->seed_signature() == "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
    const std::string crc = "x-amz-checksum-crc32c:sOO8/Q==\r\n";
    const auto body = [&](const std::string& trailers) {
        return example_chunks("b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                              "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                              "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992", trailers);
    };
    const std::string signature = "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n";
    const auto good = read_with(head, &*verified, body(crc + signature), 1 << 20);
    CHECK(good.code.empty());
    CHECK(good.content == example_bytes);
    REQUIRE(good.checksums.size() == 1);
    CHECK(good.checksums[0] == std::pair(wire::ChecksumKind::crc32c, std::string("sOO8/Q==")));

    CHECK(read_with(head, &*verified, body(crc), 1 << 20).code == "SignatureDoesNotMatch");
    CHECK(read_with(head, &*verified, body("x-amz-checksum-crc32c:AAAAAA==\r\n" + signature), 1 << 20).code ==
          "SignatureDoesNotMatch");
    CHECK(read_with(head, &*verified, body(""), 1 << 20).code == "SignatureDoesNotMatch");
}

TEST_CASE("unsigned chunks with a trailing checksum, as the SDKs send by default") {
    const std::string mode = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    const std::vector<std::pair<std::string, std::string>> headers = {{"x-amz-decoded-content-length", "5"},
                                                                      {"x-amz-trailer", "x-amz-checksum-crc32"},
                                                                      {"x-amz-sdk-checksum-algorithm", "CRC32"}};
    const auto good = read(headers, mode, "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n");
    CHECK(good.code.empty());
    CHECK(good.content == "hello");
    REQUIRE(good.checksums.size() == 1);
    CHECK(good.checksums[0].second == "NhCmhg==");
    struct Case {
        std::string body, code;
    };
    for (const auto& [body, code] : std::vector<Case>{
             {"2\r\nhe\r\n3\r\nllo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", ""},
             {"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "BadDigest"},
             {"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n", "InvalidRequest"},
             {"5\r\nhello\r\n0\r\nx-amz-checksum-sha1:qvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n\r\n", "MalformedTrailerError"},
             {"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
              "MalformedTrailerError"},
             {"5\r\nhello\r\n0\r\nnonsense\r\n\r\n", "MalformedTrailerError"},
             {"5\r\nhello\r\n0\r\n\r\n", "MalformedTrailerError"},
             {"4\r\nhell\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "IncompleteBody"},
             {"6\r\nhello!\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "IncompleteBody"},
             {"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n", "IncompleteBody"},
             {"5\r\nhello\r\n", "IncompleteBody"},
             {"", "IncompleteBody"},
             {"5\r\nhello!\r\n0\r\n\r\n", "InvalidRequest"},
             {"5\nhello\n0\n\n", "InvalidRequest"},
             {"5;chunk-signature=aa\r\nhello\r\n0\r\n\r\n", "InvalidRequest"},
             {"fffffffffffffffff\r\nhello\r\n0\r\n\r\n", "InvalidRequest"},
             {"-5\r\nhello\r\n0\r\n\r\n", "InvalidRequest"},
         }) {
        CAPTURE(body);
        CHECK(read(headers, mode, body).code == code);
    }
    // A chunk that is longer than the whole gives out none of its bytes.
    auto head = put({{"x-amz-decoded-content-length", "5"}});
    wire::sign(head, example_keys, "us-east-1", "s3", example_time, mode);
    const auto verified = verified_of(head);
    REQUIRE(verified);
    const auto longer = read_with(head, &*verified, "6\r\nhello!\r\n0\r\n\r\n", 1);
    CHECK(longer.code == "IncompleteBody");
    CHECK(longer.content.empty());
    CHECK(read({{"x-amz-trailer", "x-amz-checksum-crc32"}}, mode, "").code == "MissingContentLength");
    CHECK(read({{"x-amz-decoded-content-length", "5x"}}, mode, "").code == "InvalidArgument");
    CHECK(read({{"x-amz-decoded-content-length", "5"}, {"x-amz-trailer", "x-evil"}}, mode, "").code == "InvalidRequest");
}

TEST_CASE("every declaration about a plain payload is verified") {
    struct Case {
        std::string name, value, body, code;
    };
    const auto md5 = text::encode_base64(crypto::md5("hello"));
    const auto sha256 = text::encode_base64(crypto::sha256("hello"));
    const auto sha1 = text::encode_base64(crypto::sha1("hello"));
    for (const auto& [name, value, body, code] : std::vector<Case>{
             {"x-none", "", "hello", ""},
             {"Content-MD5", md5, "hello", ""},
             {"Content-MD5", md5, "hellO", "BadDigest"},
             {"Content-MD5", "nonsense", "hello", "InvalidDigest"},
             {"x-amz-checksum-crc32", "NhCmhg==", "hello", ""},
             {"x-amz-checksum-crc32", "NhCmhg==", "hellO", "BadDigest"},
             {"x-amz-checksum-crc32c", "mnG7TA==", "hello", ""},
             {"x-amz-checksum-crc32c", "NhCmhg==", "hello", "BadDigest"},
             {"x-amz-checksum-sha1", sha1, "hello", ""},
             {"x-amz-checksum-sha1", sha1, "hellO", "BadDigest"},
             {"x-amz-checksum-sha256", sha256, "hello", ""},
             {"x-amz-checksum-sha256", sha256, "hellO", "BadDigest"},
             {"x-amz-checksum-sha256", md5, "hello", "InvalidRequest"},
             {"x-amz-checksum-crc64nvme", "AAAAAAAAAAA=", "hello", "BadDigest"},
             {"x-amz-checksum-sha512", "AAAA", "hello", "InvalidRequest"},
             {"x-amz-sdk-checksum-algorithm", "MD17", "hello", "InvalidRequest"},
         }) {
        CAPTURE(name);
        CAPTURE(body);
        CHECK(read({{name, value}}, "UNSIGNED-PAYLOAD", body).code == code);
    }
    CHECK(read({}, hash("hello"), "hello").code.empty());
    CHECK(read({}, hash("hello"), "hellO").code == "XAmzContentSHA256Mismatch");
    CHECK(read({}, hash("hello"), "").code == "XAmzContentSHA256Mismatch");
    CHECK(read({}, "nonsense", "hello").code == "InvalidArgument");
    CHECK(read({}, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "hello").code == "NotImplemented");
    CHECK(read({{"x-amz-checksum-crc32", "NhCmhg=="}, {"x-amz-checksum-sha1", sha1}}, "UNSIGNED-PAYLOAD", "hello").code ==
          "InvalidRequest");
    const auto asked = read({{"x-amz-sdk-checksum-algorithm", "SHA256"}}, "UNSIGNED-PAYLOAD", "hello");
    REQUIRE(asked.checksums.size() == 1);
    CHECK(asked.checksums[0].second == sha256);
}

TEST_CASE("a body holds as many bytes as it announced") {
    class Announcing final : public http::BodyReader {
    public:
        explicit Announcing(uint64_t length) : length_(length) {}
        base::Result<size_t> read(std::span<char> into) override { return content_.read(into); }
        [[nodiscard]] std::optional<uint64_t> length() const override { return length_; }

    private:
        Dripping content_{"hello", 1};
        uint64_t length_;
    };
    for (const uint64_t length : {4, 5, 6}) {
        Announcing body(length);
        auto reader = wire::PayloadReader::open(put({}), body, nullptr);
        REQUIRE(reader);
        char buffer[10];
        size_t read = 0;
        bool failed = false;
        for (size_t i = 0; i < 10 && !failed; ++i) {
            const auto got = (*reader)->read(buffer);
            failed = !got;
            read += failed ? 0 : *got;
        }
        CHECK(failed == (length != 5));
        CHECK(read <= length);
    }
}

TEST_CASE("the checksum of CompleteMultipartUpload is the object's, not the body's") {
    auto head = put({{"x-amz-checksum-crc32", "AAAAAA=="}});
    head.method = "POST";
    head.query = "uploadId=1";
    CHECK(read_with(head, nullptr, "<xml/>", 100).code.empty());
}

TEST_CASE("no payload mode and no place of credentials gives out a byte before the head's signature held") {
    // MinIO CVE-2025-31489 and CVE-2026-41145: a known key id with any secret, streaming unsigned payload, header or query.
    for (const auto* mode :
         {"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
          "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}) {
        for (const bool in_query : {false, true}) {
            CAPTURE(mode);
            CAPTURE(in_query);
            auto head = put({{"x-amz-decoded-content-length", "5"}});
            const wire::SigningKeys forged{"AKIAIOSFODNN7EXAMPLE", "any secret at all", ""};
            if (in_query) {
                head.headers.set("x-amz-content-sha256", mode);
                head.query = wire::presign(head, forged, "us-east-1", "s3", example_time, std::chrono::hours(1));
            } else {
                wire::sign(head, forged, "us-east-1", "s3", example_time, mode);
            }
            // Without a Verified there is no reader for a signed request: the type asks for one, and only verify() makes it.
            CHECK_FALSE(verified_of(head).has_value());
        }
    }
}

TEST_CASE("an anonymous request cannot claim signed chunks") {
    const auto head =
        put({{"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, {"x-amz-decoded-content-length", "5"}});
    Dripping source("5\r\nhello\r\n0\r\n\r\n", 100);
    const auto reader = wire::PayloadReader::open(head, source, nullptr);
    REQUIRE_FALSE(reader);
    CHECK(reader.error().code == "InvalidRequest");
    CHECK_FALSE(source.touched);
}
