// Checksums of the chunks of a blob, and the reader that compares them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/descriptor.hpp"
#include "store/blobs.hpp"

namespace store {

constexpr size_t file_chunk_bytes = 256u << 10;  // of a file
constexpr size_t log_chunk_bytes = 64u << 10;    // of a record of the log

// The checksums of a stream, chunk by chunk.
class ChunkSums {
public:
    explicit ChunkSums(size_t chunk_bytes) : chunk_bytes_(chunk_bytes) {}
    void update(std::string_view bytes);
    [[nodiscard]] const std::vector<uint32_t>& sums() const { return sums_; }

private:
    size_t chunk_bytes_, in_last_ = 0;
    std::vector<uint32_t> sums_;
};

[[nodiscard]] std::vector<uint32_t> sums_of(std::string_view bytes, size_t chunk_bytes);

// Reads all of [at, at + length). Error `InternalError`, also where the file ends before.
[[nodiscard]] base::Result<void> read_exactly(int file, uint64_t at, char* into, size_t length);

// Bytes of a file with the sums of their chunks; without sums, nothing is compared.
class ChunkReader final : public BlobReader {
public:
    struct Bytes {
        std::shared_ptr<const os::Descriptor> file;
        uint64_t begin = 0, size = 0;
        size_t chunk_bytes = file_chunk_bytes;
        std::vector<uint32_t> sums;
    };
    // `done`: called when nobody reads any more.
    explicit ChunkReader(Bytes bytes, std::function<void()> done = {});
    ~ChunkReader() override;
    ChunkReader(const ChunkReader&) = delete;
    ChunkReader& operator=(const ChunkReader&) = delete;

    [[nodiscard]] uint64_t size() const override { return bytes_.size; }
    [[nodiscard]] int descriptor() const override { return bytes_.file->number(); }
    [[nodiscard]] uint64_t begins_at() const override { return bytes_.begin; }
    [[nodiscard]] base::Result<std::string> read(uint64_t offset, size_t length) const override;
    [[nodiscard]] base::Result<size_t> read_into(uint64_t offset, std::span<char> into) const override;
    [[nodiscard]] base::Result<void> verify(uint64_t offset, uint64_t length) const override;

private:
    // The chunk's bytes, compared; `into` has room for them.
    [[nodiscard]] base::Result<void> read_chunk(size_t chunk, char* into) const;
    [[nodiscard]] size_t bytes_of(size_t chunk) const;

    const Bytes bytes_;
    const std::function<void()> done_;
    const std::unique_ptr<std::atomic<bool>[]> verified_;  // a chunk
};

}  // namespace store
