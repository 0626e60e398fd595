// A segment as its process knows it, and calls about its file; for the log's own files.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/blob_log.hpp"
#include "store/disk_error.hpp"

namespace store {

constexpr std::string_view copy_suffix = ".new";

struct BlobLog::Segment {
    uint64_t number = 0;
    uint64_t end = 0;            // of the records
    std::vector<Entry> entries;  // until it is sealed
    std::optional<uint64_t> table_at;
    uint32_t count = 0;  // of the table
    size_t live = 0;
    uint64_t live_bytes = 0, held_bytes = 0;  // of records; of the file, without its holes
    bool waits_for_copy = false;
    std::weak_ptr<const os::Descriptor> file;
};

inline base::Result<void> write_exactly(int file, uint64_t at, const void* bytes, size_t length, const std::string& path) {
    const auto* from = static_cast<const char*>(bytes);
    while (length > 0) {
        const auto written = ::pwrite(file, from, length, static_cast<off_t>(at));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return base::fail(disk_error("write", path, errno));
        from += written;
        at += static_cast<uint64_t>(written);
        length -= static_cast<size_t>(written);
    }
    return {};
}

template <class Record>
base::Result<Record> read_one(int file, uint64_t at) {
    Record record;
    TRY(read_exactly(file, at, reinterpret_cast<char*>(&record), sizeof record));
    return record;
}

template <class Record>
base::Result<std::vector<Record>> read_some(int file, uint64_t at, size_t count) {
    std::vector<Record> records(count);
    TRY(read_exactly(file, at, reinterpret_cast<char*>(records.data()), count * sizeof(Record)));
    return records;
}

}  // namespace store
