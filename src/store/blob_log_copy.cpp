// The log of blobs: sealed segments of which little lives are copied without the rest, at a rate, by a thread of the log.
//
// A copy has its records at the same offsets, with holes between, so ids stay. It is written beside the segment, synced, and renamed over it:
// a crash leaves one or the other. What was deleted while it was written is marked in it before the renaming, under the lock under which
// blobs are deleted. Readers have the descriptor of what they opened.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "base/log.hpp"
#include "os/file.hpp"
#include "store/blob_log_segment.hpp"

namespace store {

using log_format::Header;
using log_format::State;
using log_format::Trailer;

void BlobLog::copy_segments() {
    for (;;) {
        SegmentPtr next;
        {
            const base::Lock lock(mutex_);
            to_copy_.wait(mutex_, [this]() REQUIRES(mutex_) { return ends_ || !sparse_.empty(); });
            if (ends_) return;
            next = sparse_.front();
            sparse_.pop_front();
        }
        if (const auto copied = copy_without_deleted(*next); !copied)
            base::log_warn("a segment of the log of blobs keeps what was deleted for now: " + copied.error().describe());
        const base::Lock lock(mutex_);
        next->waits_for_copy = false;
    }
}

bool BlobLog::wait_for_rate(uint64_t bytes) {
    const base::Lock lock(mutex_);
    const auto pause = std::chrono::microseconds(bytes * 1'000'000 / options_.copied_bytes_per_second);
    return !to_copy_.wait_for(mutex_, pause, [this]() REQUIRES(mutex_) { return ends_; });
}

base::Result<void> BlobLog::copy_without_deleted(Segment& segment) {
    const auto path = path_of(segment.number), copy = path + std::string(copy_suffix);
    std::shared_ptr<const os::Descriptor> from;
    {
        const base::Lock lock(mutex_);
        if (!segments_.contains(segment.number)) return {};
        from = TRY(file_of(segment));
    }
    const os::Descriptor to(::open(copy.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600));
    if (!to.is_open()) return base::fail(disk_error("make", copy, errno));
    std::string bytes;
    const auto take = [&](uint64_t at, size_t length) -> base::Result<void> {
        bytes.resize(length);
        TRY(read_exactly(from->number(), at, bytes.data(), length));
        return write_exactly(to.number(), at, bytes.data(), length, copy);
    };
    bool ends = false;
    const auto done = [&]() -> base::Result<void> {
        const auto entries = TRY(read_some<Entry>(from->number(), *segment.table_at, segment.count));
        for (const auto& entry : entries) {
            if (entry.state != State::live) continue;
            TRY(take(entry.offset, sizeof(Header) + entry.length));
            ends = !wait_for_rate(entry.length);
            if (ends) return {};
        }
        TRY(take(*segment.table_at, segment.count * sizeof(Entry) + sizeof(Trailer)));
        if (::fdatasync(to.number()) != 0) return base::fail(disk_error("sync", copy, errno));
        const base::Lock lock(mutex_);
        return put_in_place(segment, to.number(), entries);
    }();
    if (!done || ends) ::unlink(copy.c_str());
    return done;
}

base::Result<void> BlobLog::put_in_place(Segment& segment, int copy_file, const std::vector<Entry>& copied) {
    const auto path = path_of(segment.number), copy = path + std::string(copy_suffix);
    if (!segments_.contains(segment.number)) {  // its last blob was deleted
        ::unlink(copy.c_str());
        return {};
    }
    const auto from = TRY(file_of(segment));
    const auto now = TRY(read_some<Entry>(from->number(), *segment.table_at, segment.count));
    for (size_t i = 0; i < now.size(); ++i) {
        if (now[i].state == copied[i].state) continue;
        TRY(write_exactly(copy_file, *segment.table_at + i * sizeof(Entry), &now[i], sizeof(Entry), copy));
        TRY(write_exactly(copy_file, now[i].offset, &now[i].state, sizeof now[i].state, copy));
    }
    if (::rename(copy.c_str(), path.c_str()) != 0) return base::fail(disk_error("rename", copy, errno));
    segment.file.reset();
    std::erase(recent_, from);
    segment.held_bytes = segment.live_bytes;
    return os::sync_folder(directory_);
}

}  // namespace store
