#include "wire/payload.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/base64.hpp"
#include "wire/aws_chunked.hpp"

namespace wire {

using base::fail;
using base::Result;

namespace {

enum class Mode : uint8_t { literal_hash, unsigned_payload, chunks };

// How the payload is protected, from the one value that was signed.
struct Protection {
    Mode mode = Mode::unsigned_payload;
    bool chunk_signatures = false;
    bool trailers = false;
    std::string sha256;  // literal_hash: raw hex as declared
};

Result<Protection> parse_protection(const std::string& declared) {
    if (declared == "UNSIGNED-PAYLOAD") return Protection{};
    if (declared == "STREAMING-UNSIGNED-PAYLOAD-TRAILER") return Protection{.mode = Mode::chunks, .trailers = true};
    if (declared == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") return Protection{.mode = Mode::chunks, .chunk_signatures = true};
    if (declared == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
        return Protection{.mode = Mode::chunks, .chunk_signatures = true, .trailers = true};
    if (declared.starts_with("STREAMING-"))
        return fail(base::code::NotImplemented, "The payload signing mode " + declared +
                                                    " is not implemented; use STREAMING-AWS4-HMAC-SHA256-PAYLOAD, its "
                                                    "-TRAILER form, or STREAMING-UNSIGNED-PAYLOAD-TRAILER.");
    if (declared.size() == 64 && declared.find_first_not_of("0123456789abcdef") == std::string::npos)
        return Protection{.mode = Mode::literal_hash, .sha256 = declared};
    return fail(base::code::InvalidArgument,
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.");
}

size_t digest_bytes(ChecksumKind kind) {
    switch (kind) {
        case ChecksumKind::crc32:
        case ChecksumKind::crc32c:
            return 4;
        case ChecksumKind::crc64nvme:
            return 8;
        case ChecksumKind::sha1:
            return 20;
        case ChecksumKind::sha256:
            return 32;
    }
    return 0;
}

bool is_checksum_value(ChecksumKind kind, const std::string& value) {
    const auto raw = text::decode_base64(value);
    return raw && raw->size() == digest_bytes(kind);
}

// One checksum to compute, and what the client said it is; "" until its trailer came, or if it only asked for it.
struct Expected {
    Checksum checksum;
    std::string declared;
    bool in_trailer = false;
};

// CompleteMultipartUpload's x-amz-checksum-* describe the object that it makes, not the XML that it sends.
bool headers_describe_payload(const http::RequestHead& head) {
    return !(head.method == "POST" &&
             (head.query.starts_with("uploadId=") || head.query.find("&uploadId=") != std::string::npos));
}

std::optional<ChecksumKind> kind_of_header(std::string_view lower_name) {
    constexpr std::string_view prefix = "x-amz-checksum-";
    return lower_name.starts_with(prefix) ? checksum_kind(lower_name.substr(prefix.size())) : std::nullopt;
}

Result<void> expect_header_checksums(const http::RequestHead& head, std::vector<Expected>& expected) {
    for (const auto& [name, value] : head.headers.fields()) {
        const auto lower = base::lower(name);
        if (!lower.starts_with("x-amz-checksum-") || lower == "x-amz-checksum-algorithm" || lower == "x-amz-checksum-type" ||
            lower == "x-amz-checksum-mode" || value.empty())
            continue;
        const auto kind = kind_of_header(lower);
        if (!kind)
            return fail(
                base::code::InvalidRequest,
                "The checksum header " + lower +
                    " is not supported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
        if (!expected.empty())
            return fail(base::code::InvalidRequest,
                        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
        if (!is_checksum_value(*kind, value))
            return fail(base::code::InvalidRequest, "Value for " + lower + " header is invalid.");
        expected.push_back({Checksum(*kind), value, false});
    }
    return {};
}

Result<void> expect_trailer_checksum(const http::RequestHead& head, std::vector<Expected>& expected) {
    const auto* named = head.headers.find("x-amz-trailer");
    if (!named) return {};
    for (const auto part : base::split(*named, ',')) {
        const auto lower = base::lower(base::trim(part));
        const auto kind = kind_of_header(lower);
        if (!kind) return fail(base::code::InvalidRequest, "The value specified in the x-amz-trailer header is not supported");
        if (!expected.empty())
            return fail(base::code::InvalidRequest,
                        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
        expected.push_back({Checksum(*kind), "", true});
    }
    return {};
}

Result<void> expect_asked_checksum(const http::RequestHead& head, std::vector<Expected>& expected) {
    const auto* algorithm = head.headers.find("x-amz-sdk-checksum-algorithm");
    if (!algorithm || algorithm->empty()) return {};
    const auto kind = checksum_kind(*algorithm);
    if (!kind)
        return fail(base::code::InvalidRequest,
                    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
                    "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
    if (expected.empty()) {
        expected.push_back({Checksum(*kind), "", false});
    } else if (expected.front().checksum.kind() != *kind) {
        return fail(base::code::InvalidRequest, "Value for x-amz-sdk-checksum-algorithm header is invalid.");
    }
    return {};
}

class VerifyingReader final : public PayloadReader {
public:
    [[nodiscard]] Result<size_t> read(std::span<char> into) override {
        if (finished_ || into.empty()) return size_t{0};
        // An error is final: what follows a broken payload is not content.
        if (failed_) return fail(*failed_);
        auto got = read_verified(into);
        if (!got) failed_ = got.error();
        return got;
    }
    [[nodiscard]] std::optional<uint64_t> length() const override { return expected_length_; }
    [[nodiscard]] Result<void> reserve(size_t bytes) override { return body_->reserve(bytes); }
    [[nodiscard]] const std::vector<std::pair<ChecksumKind, std::string>>& checksums() const override { return checksums_; }

    [[nodiscard]] Result<size_t> read_verified(std::span<char> into) {
        const size_t got = TRY(chunks_ ? chunks_->read(into) : body_->read(into));
        if (got == 0) {
            TRY(finish());
            finished_ = true;
            return got;
        }
        const std::string_view part(into.data(), got);
        seen_ += got;
        if (expected_length_ && seen_ > *expected_length_)
            return fail(incomplete("The request body is longer than the length that was declared for it"));
        if (sha256_) sha256_->update(part);
        if (md5_) md5_->update(part);
        for (auto& expected : expected_) expected.checksum.update(part);
        return got;
    }

    [[nodiscard]] base::Error incomplete(const char* why) const {
        return base::Error(base::code::IncompleteBody, why)
            .note("NumberBytesExpected: " + std::to_string(*expected_length_))
            .note("NumberBytesProvided: " + std::to_string(seen_));
    }

    [[nodiscard]] Result<void> finish() {
        if (expected_length_ && seen_ != *expected_length_) return fail(incomplete("The request body terminated unexpectedly"));
        if (sha256_)
            if (const auto computed = crypto::hex(sha256_->finish()); !crypto::equal_in_constant_time(computed, declared_sha256_))
                return fail(base::Error(base::code::XAmzContentSHA256Mismatch,
                                        "The provided 'x-amz-content-sha256' header does not match what was computed.")
                                .note("ClientComputedContentSHA256: " + declared_sha256_)
                                .note("S3ComputedContentSHA256: " + computed));
        if (md5_)
            if (const auto computed = md5_->finish(); computed != declared_md5_)
                return fail(base::Error(base::code::BadDigest, "The Content-MD5 you specified did not match what we received.")
                                .note("ExpectedDigest: " + text::encode_base64(declared_md5_))
                                .note("CalculatedDigest: " + text::encode_base64(computed)));
        if (chunks_) TRY(take_trailers());
        for (auto& expected : expected_) {
            auto computed = expected.checksum.finish();
            const auto kind = expected.checksum.kind();
            if (!expected.declared.empty() && computed != expected.declared)
                return fail(base::code::BadDigest,
                            "The " + std::string(name_of(kind)) + " you specified did not match the calculated checksum.");
            checksums_.emplace_back(kind, std::move(computed));
        }
        return {};
    }

    // Exactly the trailers that x-amz-trailer announced, each once.
    [[nodiscard]] Result<void> take_trailers() {
        const auto malformed = [] {
            return fail(
                base::code::MalformedTrailerError,
                "The request contained trailing data that was not well-formed or did not conform to our published schema.");
        };
        for (const auto& [name, value] : chunks_->trailers()) {
            const auto found = std::ranges::find_if(expected_, [&](const Expected& expected) {
                return expected.in_trailer && header_of(expected.checksum.kind()) == name;
            });
            if (found == expected_.end() || !found->declared.empty()) return malformed();
            if (!is_checksum_value(found->checksum.kind(), value))
                return fail(base::code::InvalidRequest, "Value for " + name + " trailing header is invalid.");
            found->declared = value;
        }
        for (const auto& expected : expected_)
            if (expected.in_trailer && expected.declared.empty()) return malformed();
        return {};
    }

    http::BodyReader* body_ = nullptr;
    std::unique_ptr<AwsChunkedReader> chunks_;
    std::optional<uint64_t> expected_length_;
    uint64_t seen_ = 0;
    std::optional<crypto::Digest> sha256_, md5_;
    std::string declared_sha256_, declared_md5_;
    std::vector<Expected> expected_;
    std::vector<std::pair<ChecksumKind, std::string>> checksums_;
    std::optional<base::Error> failed_;
    bool finished_ = false;
};

Result<uint64_t> decoded_length(const http::RequestHead& head) {
    const auto* text = head.headers.find("x-amz-decoded-content-length");
    if (!text) return fail(base::code::MissingContentLength, "You must provide the Content-Length HTTP header.");
    uint64_t length = 0;
    const auto got = std::from_chars(text->data(), text->data() + text->size(), length);
    if (text->empty() || got.ec != std::errc() || got.ptr != text->data() + text->size() || length > INT64_MAX)
        return fail(base::code::InvalidArgument, "x-amz-decoded-content-length is not a number");
    return length;
}

}  // namespace

Result<std::unique_ptr<PayloadReader>> PayloadReader::open(const http::RequestHead& head, http::BodyReader& body,
                                                           const Verified* verified) {
    const auto* declared = head.headers.find("x-amz-content-sha256");
    const auto protection = TRY(parse_protection(verified   ? verified->payload_hash()
                                                 : declared ? *declared
                                                            : "UNSIGNED-PAYLOAD"));
    if (protection.chunk_signatures && !verified)
        return fail(base::code::InvalidRequest, "A payload with chunk signatures needs a signed request");
    auto out = std::make_unique<VerifyingReader>();
    out->body_ = &body;
    if (protection.mode == Mode::chunks) {
        out->expected_length_ = TRY(decoded_length(head));
        out->chunks_ = std::make_unique<AwsChunkedReader>(body, protection.chunk_signatures ? verified : nullptr,
                                                          protection.trailers, *out->expected_length_);
    } else {
        out->expected_length_ = body.length();
    }
    if (protection.mode == Mode::literal_hash) {
        out->sha256_.emplace(crypto::DigestKind::sha256);
        out->declared_sha256_ = protection.sha256;
    }
    if (const auto* md5 = head.headers.find("Content-MD5"); md5 != nullptr && !md5->empty()) {
        const auto raw = text::decode_base64(*md5);
        if (!raw || raw->size() != 16)
            return fail(base::Error(base::code::InvalidDigest, "The Content-MD5 you specified was invalid.")
                            .note("Content-MD5: " + *md5));
        out->declared_md5_ = *raw;
        out->md5_.emplace(crypto::DigestKind::md5);
    }
    if (headers_describe_payload(head)) {
        TRY(expect_header_checksums(head, out->expected_));
        if (protection.trailers) TRY(expect_trailer_checksum(head, out->expected_));
        TRY(expect_asked_checksum(head, out->expected_));
    }
    return out;
}

}  // namespace wire
