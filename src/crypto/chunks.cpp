#include "crypto/chunks.hpp"

#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"

namespace crypto {
namespace {

using Nonce = std::array<char, gcm_nonce_bytes>;

Nonce nonce_of(uint64_t number, bool is_last) {
    Nonce nonce{};
    nonce[3] = is_last ? 1 : 0;
    for (size_t at = nonce.size(); at > 4; number >>= 8) nonce[--at] = static_cast<char>(number & 0xff);
    return nonce;
}

std::string_view text(const Nonce& nonce) { return {nonce.data(), nonce.size()}; }

}  // namespace

void seal_chunk(std::string_view key, uint64_t number, bool is_last, std::string_view plain, std::string& sealed) {
    INVARIANT(plain.size() == chunk_bytes || (is_last && plain.size() < chunk_bytes));
    const size_t before = sealed.size(), size = before + plain.size() + gcm_tag_bytes;
    // Not written twice: all of it is ciphertext. (libstdc++ 12 calls back with the capacity.)
    sealed.resize_and_overwrite(size, [size](char*, size_t) { return size; });
    gcm_seal(key, text(nonce_of(number, is_last)), plain, {}, std::span(sealed).subspan(before));
}

bool open_chunk(std::string_view key, uint64_t number, bool is_last, std::string_view sealed, std::span<char> plain) {
    if (sealed.size() < gcm_tag_bytes || sealed.size() > sealed_chunk_bytes) return false;
    return gcm_open(key, text(nonce_of(number, is_last)), sealed, {}, plain);
}

void ChunkSealer::update(std::string_view plain, std::string& sealed) {
    // What has come is of the last chunk until more has come.
    if (!pending_.empty()) {
        const size_t more = std::min(chunk_bytes - pending_.size(), plain.size());
        pending_.append(plain.substr(0, more));
        plain.remove_prefix(more);
        if (plain.empty()) return;
        seal_chunk(key_, number_++, false, pending_, sealed);
        pending_.clear();
    }
    for (; plain.size() > chunk_bytes; plain.remove_prefix(chunk_bytes))
        seal_chunk(key_, number_++, false, plain.substr(0, chunk_bytes), sealed);
    pending_.assign(plain);
}

void ChunkSealer::finish(std::string& sealed) {
    seal_chunk(key_, number_, true, pending_, sealed);
    pending_.clear();
}

std::string seal_chunks(const std::string& key, std::string_view plain) {
    std::string sealed;
    sealed.reserve(sealed_bytes_of(plain.size()));
    ChunkSealer sealer(key);
    sealer.update(plain, sealed);
    sealer.finish(sealed);
    return sealed;
}

base::Result<std::string> open_chunks(std::string_view key, std::string_view sealed) {
    std::string plain;
    for (uint64_t number = 0;; ++number) {
        const bool is_last = sealed.size() <= sealed_chunk_bytes;
        const auto chunk = sealed.substr(0, sealed_chunk_bytes);
        const size_t before = plain.size();
        plain.resize(before + chunk.size() - std::min(chunk.size(), gcm_tag_bytes));
        if (!open_chunk(key, number, is_last, chunk, std::span(plain).subspan(before)))
            return base::fail(base::code::InvalidSeal, "the sealed bytes were not sealed with this key, or were changed");
        if (is_last) return plain;
        sealed.remove_prefix(chunk.size());
    }
}

}  // namespace crypto
