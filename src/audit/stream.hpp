// One stream of records: its segments, the chain through them, the signed heads, and what of it is durable.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/definitions.hpp"
#include "audit/line.hpp"
#include "audit/record_text.hpp"
#include "audit/segment.hpp"
#include "audit/segment_index.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "crypto/signing.hpp"
#include "os/descriptor.hpp"
#include "store/reserve.hpp"

namespace audit {

// A head is signed at the latest after so many lines.
constexpr uint64_t lines_between_heads_max = 4096;
struct StreamOptions {
    std::string directory;
    std::string name;  // requests, unauthenticated
    uint64_t segment_bytes_max = 0;
    std::shared_ptr<const crypto::SigningKey> key;
    store::SpaceReserve* reserve = nullptr;
    std::string made_by;  // the version of this program
};

// A record in a stream.
struct Place {
    uint64_t segment = 0;
    uint32_t entry = 0;
    uint64_t line = 0;  // its last
    size_t bytes = 0;   // that it took in the file, with the definitions that are new
};

// Segments that are full; the one that is written is not among them.
struct FullSegment {
    uint64_t number = 0;
    std::string path;
    SegmentSummary summary;
    std::shared_ptr<const SegmentIndex> index;
};
using FullSegmentPtr = std::shared_ptr<const FullSegment>;

// Safe from any thread.
class Stream {
public:
    explicit Stream(StreamOptions options);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Takes up the last segment, or begins the first one. What a crash cut off is cut away and noted.
    [[nodiscard]] base::Result<void> open(base::Time now);

    // A record with what was decided, and with its answer if that is known (else `answer` and `outcome` are empty).
    [[nodiscard]] base::Result<Place> append(const RecordText& text, std::string_view answer, std::string_view outcome,
                                             base::Time time);
    // The answer of a record. Where the segment has been left since, the record stands once more, whole, in the new one.
    [[nodiscard]] base::Result<void> answer(Place& place, const RecordText& text, std::string_view answer,
                                            std::string_view outcome, base::Time time);
    // Something that is not a request. `shown`: in lists of records. `segment`: that it is about; 0: none.
    [[nodiscard]] base::Result<void> note(std::string_view what, const std::string& said, bool shown, base::Time time,
                                          uint64_t segment = 0);
    // A line of an earlier version's log.
    [[nodiscard]] base::Result<void> take_over(const std::string& json, std::span<const Term> terms, std::string_view outcome,
                                               int64_t time);
    [[nodiscard]] base::Result<void> sign(base::Time now);  // if there is anything that is not signed
    // Where it ends, behind a head that is signed for all before it; durable. Paths.
    struct End {
        std::vector<std::string> full;
        std::string current;
        uint64_t bytes = 0;  // of the current one
        Head head;
    };
    [[nodiscard]] base::Result<End> end_now(base::Time now);

    // Waits until the line is on the disk; those who wait at once share an fsync.
    [[nodiscard]] base::Result<void> make_durable(uint64_t line);
    [[nodiscard]] base::Result<void> make_all_durable();

    [[nodiscard]] uint64_t last_line() const;
    [[nodiscard]] int64_t newest_time() const;  // of its records and notes; 0: there are none
    [[nodiscard]] bool has_unsigned() const;
    [[nodiscard]] bool has_unsynced() const;
    [[nodiscard]] std::optional<Head> last_head() const;
    // The newest that is on the disk with all that it was signed for. Only such a one is kept elsewhere: of any other a loss of power makes
    // an accusation.
    [[nodiscard]] std::optional<Head> durable_head() const;
    [[nodiscard]] uint64_t bytes() const;  // of all segments
    // A sync has failed, and what it lost is not written again yet.
    [[nodiscard]] bool is_broken() const {
        const base::Lock lock(mutex_);
        return tail_ && tail_->is_lost;
    }
    // Are the records up to head.lines those that the head was signed for? Reads the segment that holds it; true if that was removed.
    // REQUIRES: head.lines <= last_line()
    [[nodiscard]] base::Result<bool> has_records_of(const Head& head) const;

    // Writes the indexes of segments that have become full since.
    void save_indexes();
    // Removes the oldest full segment. Error `AuditUnavailable`.
    [[nodiscard]] base::Result<void> remove_oldest();

    // For questions, newest last.
    [[nodiscard]] std::vector<FullSegmentPtr> full_segments() const;
    struct Current {
        uint64_t number = 0;
        uint64_t first_number = 0;
        std::string path;
    };
    [[nodiscard]] Current current() const;
    // The index of the current segment, under the lock: be quick. False: it is no longer the current one.
    bool with_current_index(uint64_t segment, const std::function<void(const GrowingIndex&)>& use) const;

private:
    struct Batch;  // lines on their way into the file
    // A file that is written, or was, and what of it is perhaps not on the disk: those bytes are kept, since a sync that fails
    // may have lost them.
    struct Tail {
        std::shared_ptr<os::Descriptor> file;
        std::string path;
        uint64_t durable_bytes = 0;
        std::string bytes;     // behind those
        bool is_lost = false;  // a sync failed, or a line that was torn could not be taken back
    };
    using TailPtr = std::shared_ptr<Tail>;  // what it points to is guarded by mutex_

    [[nodiscard]] std::string path_of(uint64_t number) const;
    [[nodiscard]] std::string index_path_of(uint64_t number) const;
    [[nodiscard]] base::Result<void> load_full(uint64_t number) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> take_up(uint64_t number, base::Time now) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> begin_segment(uint64_t number, base::Time now) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> make_room(size_t bytes, base::Time now) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> leave_segment(base::Time now) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> allocate(size_t bytes) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> write(const std::string& bytes) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> write_all(const std::string& bytes) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> commit(Batch& batch) REQUIRES(mutex_);
    // Writes once more what a sync has lost. At most once a second: it fails as it did before then.
    [[nodiscard]] base::Result<void> mend() REQUIRES(mutex_);
    [[nodiscard]] static base::Result<void> mend(Tail& tail);
    static void add_record(Batch& batch, const Definitions& definitions, const RecordText& text, std::string_view answer);
    [[nodiscard]] base::Result<Place> append_locked(const RecordText& text, std::string_view answer, std::string_view outcome,
                                                    base::Time time) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> note_locked(std::string_view what, const std::string& said, bool shown, base::Time time,
                                                 uint64_t segment = 0) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> sign_locked(base::Time now) REQUIRES(mutex_);
    uint32_t add_entry(const Batch& batch, int64_t time, uint32_t flags, std::span<const Term> terms) REQUIRES(mutex_);
    void saw_time(int64_t time) REQUIRES(mutex_);

    StreamOptions options_;
    std::string key_id_;

    mutable base::Mutex mutex_;
    base::Condition synced_;
    TailPtr tail_ GUARDED_BY(mutex_);               // of the segment that is written
    std::vector<TailPtr> left_ GUARDED_BY(mutex_);  // of those before it, until they are on the disk
    uint64_t number_ GUARDED_BY(mutex_) = 0;        // of the segment that is written
    uint64_t size_ GUARDED_BY(mutex_) = 0;
    uint64_t allocated_ GUARDED_BY(mutex_) = 0;                                          // up to where in the file
    uint64_t first_number_ GUARDED_BY(mutex_) = 1, last_number_ GUARDED_BY(mutex_) = 0;  // of lines: of the segment, and of all
    int64_t first_time_ GUARDED_BY(mutex_) = 0, last_time_ GUARDED_BY(mutex_) = 0;
    Chain chain_ GUARDED_BY(mutex_) = first_chain();
    std::unique_ptr<GrowingIndex> index_ GUARDED_BY(mutex_);
    Definitions definitions_ GUARDED_BY(mutex_);
    uint64_t signed_line_ GUARDED_BY(mutex_) = 0;  // the last line that is covered by a head, or is one
    std::optional<Head> last_head_ GUARDED_BY(mutex_), durable_head_ GUARDED_BY(mutex_);
    uint64_t durable_line_ GUARDED_BY(mutex_) = 0;
    bool syncing_ GUARDED_BY(mutex_) = false;
    std::chrono::steady_clock::time_point mended_ GUARDED_BY(mutex_);  // or tried
    base::Result<void> mending_ GUARDED_BY(mutex_);                    // what came of it
    uint64_t full_bytes_ GUARDED_BY(mutex_) = 0;
    std::vector<FullSegmentPtr> full_ GUARDED_BY(mutex_);
    std::vector<uint64_t> without_index_file_ GUARDED_BY(mutex_);
};

}  // namespace audit
