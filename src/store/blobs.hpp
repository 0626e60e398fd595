// Immutable bytes: written once, read by ranges, deleted. Small and medium ones lie in a log (blob_log.cpp), large ones in a file each
// (file_blobs.cpp); a committed blob survives `kill -9` and power loss. A blob that no metadata names is garbage: the owner sweeps with
// `list`.
//
// Every chunk of a blob has a checksum (CRC-32C), taken when its bytes came. What `read` gives was compared with it; who sends from
// `descriptor` calls `verify` first. Blobs of versions before 0.2 have none: the scrub compares those with what their owner knows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace store {

using BlobId = std::string;  // opaque; safe in keys and file names

class BlobWriter {
public:
    virtual ~BlobWriter() = default;  // without commit(): nothing remains
    [[nodiscard]] virtual base::Result<void> write(std::string_view bytes) = 0;
    [[nodiscard]] virtual base::Result<BlobId> commit() = 0;  // durable when it returns
};

class BlobReader {
public:
    virtual ~BlobReader() = default;
    [[nodiscard]] virtual uint64_t size() const = 0;
    // Up to `length` bytes from `offset`; shorter only at the end. Error `InternalError`: they are not those that were written.
    [[nodiscard]] virtual base::Result<std::string> read(uint64_t offset, size_t length) const = 0;
    // The same into a buffer: at least one byte, unless `offset` is the end.
    [[nodiscard]] virtual base::Result<size_t> read_into(uint64_t offset, std::span<char> into) const {
        const auto bytes = TRY(read(offset, into.size()));
        std::ranges::copy(bytes, into.begin());
        return bytes.size();
    }
    // A file descriptor for sendfile, or -1 if the bytes are not in one local file. Owned by the reader.
    [[nodiscard]] virtual int descriptor() const { return -1; }
    // Where in that file the blob begins.
    [[nodiscard]] virtual uint64_t begins_at() const { return 0; }
    // Compares the chunks in which these bytes lie, each once. Error `InternalError`.
    [[nodiscard]] virtual base::Result<void> verify(uint64_t offset, uint64_t length) const = 0;
};

class Blobs {
public:
    virtual ~Blobs() = default;
    [[nodiscard]] virtual base::Result<std::unique_ptr<BlobWriter>> create() = 0;
    // Error `NoSuchBlob`.
    [[nodiscard]] virtual base::Result<std::shared_ptr<BlobReader>> open(const BlobId& id) const = 0;
    [[nodiscard]] virtual base::Result<void> remove(const BlobId& id) = 0;
    [[nodiscard]] virtual base::Result<std::vector<BlobId>> list() const = 0;
};

// Blobs up to this size go into the log: measured, docs/performance.md.
constexpr uint64_t logged_bytes_max = 256u << 10;

// One process at a time.
[[nodiscard]] base::Result<std::unique_ptr<Blobs>> open_blobs(const std::string& directory);

// The blobs of a folder that another process may use, or of a backup: nothing is written.
class StoredBlobs {
public:
    explicit StoredBlobs(std::string directory) : directory_(std::move(directory)) {}
    // Errors `NoSuchBlob`, `InternalError`.
    [[nodiscard]] base::Result<std::shared_ptr<BlobReader>> open(const BlobId& id) const;
    // Of the log alone.
    [[nodiscard]] base::Result<std::vector<BlobId>> logged() const;
    // Where the blob lies: its file, or that of the log; for messages to operators.
    [[nodiscard]] std::string path_of(const BlobId& id) const;

private:
    std::string directory_;
};

// Of a blob that is a file of its own.
[[nodiscard]] std::string blob_path(const std::string& directory, const BlobId& id);
// The blob as such a file, at `path`; synced.
[[nodiscard]] base::Result<void> write_blob_file(const std::string& path, const BlobId& id, const BlobReader& blob);

}  // namespace store
