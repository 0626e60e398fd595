// Immutable bytes: written once, read by ranges, deleted. Embedded: one file a blob (file_blobs.cpp), fsynced and renamed
// before its id is handed out, so a committed blob survives `kill -9` and power loss. A blob that no metadata names is garbage:
// the owner sweeps with `list`.
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
    // Up to `length` bytes from `offset`; shorter only at the end.
    [[nodiscard]] virtual base::Result<std::string> read(uint64_t offset, size_t length) const = 0;
    // The same into a buffer: at least one byte, unless `offset` is the end.
    [[nodiscard]] virtual base::Result<size_t> read_into(uint64_t offset, std::span<char> into) const {
        const auto bytes = TRY(read(offset, into.size()));
        std::ranges::copy(bytes, into.begin());
        return bytes.size();
    }
    // A file descriptor for sendfile, or -1 if the bytes are not in one local file. Owned by the reader.
    [[nodiscard]] virtual int descriptor() const { return -1; }
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

[[nodiscard]] base::Result<std::unique_ptr<Blobs>> open_file_blobs(const std::string& directory);

}  // namespace store
