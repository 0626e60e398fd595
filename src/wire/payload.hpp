// The payload of an S3 request, as the client meant it: aws-chunked framing removed, every declaration about it verified.
//
// Source: "Signature calculations … transferring payload in multiple chunks" and "Checking object integrity" (Amazon S3).
// x-amz-content-sha256 says how the payload is protected:
//
//   <64 hex digits>                             the sha256 of the payload
//   UNSIGNED-PAYLOAD                            nothing
//   STREAMING-AWS4-HMAC-SHA256-PAYLOAD          chunks, each signed
//   STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER  chunks, each signed, then signed trailers
//   STREAMING-UNSIGNED-PAYLOAD-TRAILER          chunks, then trailers
//
//   chunk    = hex-size [";chunk-signature=" 64hex] CRLF bytes CRLF        the last has size 0 and no bytes
//   trailer  = name ":" value CRLF … ["x-amz-trailer-signature:" 64hex CRLF] CRLF
//
// Beside that, Content-MD5, x-amz-checksum-* (header, or trailer if x-amz-trailer names it) and x-amz-decoded-content-length are
// verified. The last read() (the one that would return 0) fails when anything does not hold: what was read before it is not to be
// kept. A signed chunk is handed out only after its signature held, if it fits in memory (1 MiB); a larger one fails at its end.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "http/message.hpp"
#include "wire/sigv4.hpp"

namespace wire {

enum class ChecksumKind : uint8_t { crc32, crc32c, crc64nvme, sha1, sha256 };
[[nodiscard]] std::string_view name_of(ChecksumKind kind);                       // CRC32, CRC32C, CRC64NVME, SHA1, SHA256
[[nodiscard]] std::string_view header_of(ChecksumKind kind);                     // x-amz-checksum-crc32, …
[[nodiscard]] std::optional<ChecksumKind> checksum_kind(std::string_view name);  // by name, any case

// Computes one of the checksums; the value is base64 as in the headers.
class Checksum {
public:
    explicit Checksum(ChecksumKind kind);
    ~Checksum();
    Checksum(Checksum&&) noexcept;
    Checksum& operator=(Checksum&&) noexcept;
    void update(std::string_view bytes);
    [[nodiscard]] std::string finish();  // once
    [[nodiscard]] ChecksumKind kind() const { return kind_; }

private:
    struct State;
    ChecksumKind kind_;
    std::unique_ptr<State> state_;
};

class PayloadReader : public http::BodyReader {
public:
    // `verified`: nullptr for anonymous requests only; signed streaming modes are refused for them.
    // Errors at once: `InvalidRequest`, `InvalidDigest`, `MissingContentLength`, `NotImplemented` (an unknown mode or algorithm).
    [[nodiscard]] static base::Result<std::unique_ptr<PayloadReader>> open(const http::RequestHead& head, http::BodyReader& body,
                                                                           const Verified* verified);

    // length() is the decoded length.
    // read(): `XAmzContentSHA256Mismatch`, `BadDigest`, `SignatureDoesNotMatch`, `IncompleteBody`, `InvalidRequest`,
    // `InvalidChunkSizeError`, `MalformedTrailerError`.

    // After the end: the checksums that the client declared (all verified), and the one it asked for by
    // x-amz-sdk-checksum-algorithm even if it sent no value. Base64 values.
    [[nodiscard]] virtual const std::vector<std::pair<ChecksumKind, std::string>>& checksums() const = 0;
};

}  // namespace wire
