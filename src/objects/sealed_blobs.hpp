// Blobs whose bytes are sealed by chunks (crypto/chunks.hpp), behind the same interfaces: who writes and who reads sees plain bytes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "crypto/chunks.hpp"
#include "store/blobs.hpp"

namespace objects {

class SealingWriter final : public store::BlobWriter {
public:
    // REQUIRES: the key is used for nothing else.
    SealingWriter(std::unique_ptr<store::BlobWriter> inner, std::string key)
        : inner_(std::move(inner)), sealer_(std::move(key)) {}
    [[nodiscard]] base::Result<void> write(std::string_view plain) override;
    [[nodiscard]] base::Result<store::BlobId> commit() override;
    // Of what lies in the blob. REQUIRES: commit
    [[nodiscard]] uint32_t ciphertext_crc32c() const { return crc32c_; }

private:
    [[nodiscard]] base::Result<void> pass_on();
    const std::unique_ptr<store::BlobWriter> inner_;
    crypto::ChunkSealer sealer_;
    std::string sealed_;
    uint32_t crc32c_ = 0;
};

class OpeningReader final : public store::BlobReader {
public:
    // REQUIRES: inner->size() == crypto::sealed_bytes_of(size)
    OpeningReader(std::shared_ptr<store::BlobReader> inner, std::string key, uint64_t size)
        : inner_(std::move(inner)), key_(std::move(key)), size_(size) {}
    [[nodiscard]] uint64_t size() const override { return size_; }
    [[nodiscard]] base::Result<std::string> read(uint64_t offset, size_t length) const override;
    // At least one byte unless `offset` is the end; as many as reach to the end of a chunk where it begins within one. Whole chunks are
    // opened where they are to be. Error `InternalError`: the bytes are not those that were stored.
    [[nodiscard]] base::Result<size_t> read_into(uint64_t offset, std::span<char> into) const override;
    // As the store does it, without a key: whoever reads them opens them.
    [[nodiscard]] base::Result<void> verify(uint64_t offset, uint64_t length) const override;

private:
    const std::shared_ptr<store::BlobReader> inner_;
    const std::string key_;
    const uint64_t size_;
};

}  // namespace objects
