// Bytes of any length, sealed so that every range can be opened by itself: AES-256-GCM by chunks of 64 KiB under a key that is used for nothing
// else.
//
//   sealed = chunk…            at least one; all but the last are of 64 KiB plain bytes, the last has the rest: 0 (only of nothing) to 64 KiB
//   chunk  = ciphertext, tag   16 bytes more than the plain bytes
//   nonce  = last, number      12 bytes: 1 in the last chunk and 0 in the others (4 bytes), the chunk's number from 0 (8 bytes), big-endian
//
// A chunk that was altered, moved, left out, cut off or taken from elsewhere does not open: its place and whether it is the last are in its
// nonce, what it belongs to is its key. The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption
// and its Nonce-Reuse Misuse-Resistance", 2015) with a key for each stream in the place of a random nonce prefix.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/gcm.hpp"

namespace crypto {

constexpr size_t chunk_bytes = 64u << 10;
constexpr size_t sealed_chunk_bytes = chunk_bytes + gcm_tag_bytes;

// Chunks of so many plain bytes; what they take sealed.
[[nodiscard]] constexpr uint64_t chunks_of(uint64_t plain) { return plain == 0 ? 1 : (plain + chunk_bytes - 1) / chunk_bytes; }
[[nodiscard]] constexpr uint64_t sealed_bytes_of(uint64_t plain) { return plain + chunks_of(plain) * gcm_tag_bytes; }

// Appends one chunk. REQUIRES: plain.size() <= chunk_bytes; == chunk_bytes unless it is the last.
void seal_chunk(std::string_view key, uint64_t number, bool is_last, std::string_view plain, std::string& sealed);
// False: it is not that chunk of what was sealed with this key.
[[nodiscard]] bool open_chunk(std::string_view key, uint64_t number, bool is_last, std::string_view sealed,
                              std::span<char> plain);

// Of bytes that come in pieces.
class ChunkSealer {
public:
    explicit ChunkSealer(std::string key) : key_(std::move(key)) {}
    // Appends the chunks that are known not to be the last.
    void update(std::string_view plain, std::string& sealed);
    // Appends the last one. Once, at the end.
    void finish(std::string& sealed);

private:
    std::string key_, pending_;  // at most one chunk
    uint64_t number_ = 0;
};

// All of what is small. Error `InvalidSeal`.
[[nodiscard]] std::string seal_chunks(const std::string& key, std::string_view plain);
[[nodiscard]] base::Result<std::string> open_chunks(std::string_view key, std::string_view sealed);

}  // namespace crypto
