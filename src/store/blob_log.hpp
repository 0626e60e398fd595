// Small and medium blobs in a log: one flush of the disk for all that wait, instead of two and a new file for each.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "store/blob_log_format.hpp"
#include "store/blobs.hpp"

namespace store {

struct BlobLogOptions {
    uint64_t segment_bytes = 64u << 20;  // a segment that has as many takes no more
    bool frees_blocks = true;            // false: as on a file system that cannot; for tests
    // Of copying segments of which little lives. 0: none is copied.
    uint64_t copied_bytes_per_second = 32u << 20;
};

// Any thread. Readers may outlive it.
class BlobLog : public std::enable_shared_from_this<BlobLog> {
public:
    // `directory` is the log's own; it is made. Segments of a process that was killed are read through.
    [[nodiscard]] static base::Result<std::shared_ptr<BlobLog>> open(const std::string& directory,
                                                                     const BlobLogOptions& options = {});
    ~BlobLog();
    BlobLog(const BlobLog&) = delete;
    BlobLog& operator=(const BlobLog&) = delete;

    // Durable when it returns. REQUIRES: at most logged_bytes_max.
    [[nodiscard]] base::Result<BlobId> append(std::string_view bytes);
    // Whether the id is of one of the log's segments.
    [[nodiscard]] bool has_segment_of(const BlobId& id) const;
    // Error `NoSuchBlob`.
    [[nodiscard]] base::Result<std::shared_ptr<BlobReader>> open_blob(const BlobId& id) const;
    // Readers are not disturbed. Its blocks are free when it returns, or when the last reader is done.
    [[nodiscard]] base::Result<void> remove(const BlobId& id);
    [[nodiscard]] base::Result<std::vector<BlobId>> list() const;

private:
    using Entry = log_format::Entry;
    using Place = log_format::Place;
    struct Segment;
    struct Waiting;
    using SegmentPtr = std::shared_ptr<Segment>;

    BlobLog(std::string directory, BlobLogOptions options) : directory_(std::move(directory)), options_(options) {}
    base::Result<void> open_segments();
    base::Result<void> open_segment(uint64_t number);
    base::Result<SegmentPtr> new_segment() const;
    // What the leader does: all of them in one write and one flush. Nothing of them is there if it fails.
    base::Result<void> write(const std::vector<Waiting*>& together);
    base::Result<void> write_records(Segment& segment, const std::vector<Waiting*>& together, std::vector<Entry>& entries);
    base::Result<void> seal(Segment& segment) const;
    void done_reading(const SegmentPtr& segment, uint32_t offset) const;
    void free_blocks(Segment& segment, const Entry& entry) const REQUIRES(mutex_);
    base::Result<void> after_removal(const SegmentPtr& segment, const Entry& entry) REQUIRES(mutex_);
    void copy_segments();  // the copier's thread
    base::Result<void> copy_without_deleted(Segment& segment);
    base::Result<void> put_in_place(Segment& segment, int copy, const std::vector<Entry>& copied) REQUIRES(mutex_);
    // False: the log ends.
    bool wait_for_rate(uint64_t bytes);
    base::Result<std::shared_ptr<const os::Descriptor>> file_of(Segment& segment) const REQUIRES(mutex_);
    [[nodiscard]] std::string path_of(uint64_t segment) const { return directory_ + "/" + log_format::segment_name(segment); }

    const std::string directory_;
    const BlobLogOptions options_;
    mutable base::Mutex mutex_;
    mutable std::unordered_map<uint64_t, SegmentPtr> segments_ GUARDED_BY(mutex_);
    struct Readers {
        size_t count = 0;
        bool removed = false;  // its blocks are freed by the last
    };
    mutable std::map<std::pair<uint64_t, uint32_t>, Readers> readers_ GUARDED_BY(mutex_);
    mutable std::vector<std::shared_ptr<const os::Descriptor>> recent_ GUARDED_BY(mutex_);  // descriptors that stay open
    mutable size_t next_recent_ GUARDED_BY(mutex_) = 0;
    mutable bool frees_blocks_ GUARDED_BY(mutex_) = true;
    base::Condition to_copy_;
    std::deque<SegmentPtr> sparse_ GUARDED_BY(mutex_);  // to be copied
    bool ends_ GUARDED_BY(mutex_) = false;
    std::thread copier_;  // from the first that is to be copied on

    base::Mutex queue_mutex_;
    base::Condition written_;
    std::deque<Waiting*> queue_ GUARDED_BY(queue_mutex_);
    bool has_leader_ GUARDED_BY(queue_mutex_) = false;
    SegmentPtr active_;  // the leader's
};

// A record in a segment's file. Error `NoSuchBlob`: it was deleted, or nothing of it is there; `InternalError`: it is damaged.
[[nodiscard]] base::Result<ChunkReader::Bytes> read_logged(const std::shared_ptr<const os::Descriptor>& file,
                                                           const log_format::Place& place);

// The records of a segment's file: by its table, or, where it has none, by their headers.
struct SegmentContent {
    std::vector<log_format::Entry> entries;
    uint64_t end = 0;  // of the records
    std::optional<uint64_t> table_at;
};
[[nodiscard]] base::Result<SegmentContent> read_segment(int file, uint64_t number);

}  // namespace store
