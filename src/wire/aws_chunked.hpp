// Removes aws-chunked framing and verifies the chunk and trailer signatures. The grammar is in payload.hpp.
//
// Each chunk's signature covers the one before it, the first one's the request's own:
//   HMAC(signing key, "AWS4-HMAC-SHA256-PAYLOAD\n" date "\n" scope "\n" previous "\n" hex(sha256("")) "\n" hex(sha256(chunk)))
//   HMAC(signing key, "AWS4-HMAC-SHA256-TRAILER\n" date "\n" scope "\n" previous "\n" hex(sha256(trailers as name:value\n)))
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "crypto/digest.hpp"
#include "http/message.hpp"
#include "wire/sigv4.hpp"

namespace wire {

constexpr size_t verified_chunk_bytes_max = 1u << 20;

class AwsChunkedReader {
public:
    // `verified`: chunks are signed, and checked against it; nullptr: they are not. `length`: of the content, as declared.
    AwsChunkedReader(http::BodyReader& body, const Verified* verified, bool trailers, uint64_t length)
        : body_(body),
          verified_(verified),
          allows_trailers_(trailers),
          length_left_(length),
          previous_(verified ? verified->seed_signature() : "") {}

    // Content only; 0: the last chunk and the trailers were read and held.
    [[nodiscard]] base::Result<size_t> read(std::span<char> into);
    // After the end; names in lower case, without the signature.
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& trailers() const { return trailers_; }

private:
    [[nodiscard]] base::Result<size_t> take(std::span<char> into);
    [[nodiscard]] base::Result<std::string> take_line(size_t most);
    [[nodiscard]] base::Result<void> begin_chunk();
    [[nodiscard]] base::Result<void> end_chunk();
    [[nodiscard]] base::Result<void> buffer_chunk();
    [[nodiscard]] base::Result<void> read_trailers();
    [[nodiscard]] base::Result<void> check_signature(std::string_view text, std::string_view signature);

    http::BodyReader& body_;
    const Verified* verified_;
    const bool allows_trailers_;
    uint64_t length_left_;  // that chunks may still begin
    std::string previous_;  // signature
    std::string chunk_signature_;
    std::optional<crypto::Digest> chunk_digest_;
    uint64_t chunk_left_ = 0;     // to be read from the body
    std::string verified_bytes_;  // a whole chunk whose signature held
    size_t verified_at_ = 0;
    bool ended_ = false;
    std::vector<std::pair<std::string, std::string>> trailers_;
    std::vector<char> buffer_;  // read from the body, not used yet
    size_t begin_ = 0, end_ = 0;
};

}  // namespace wire
