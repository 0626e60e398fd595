// Life of a segment, DIRECTORY/SEGMENT:
//
//   active   one at a time, of this process. Writers queue; the first becomes the leader, writes the records of all that wait behind
//            each other and flushes once (group commit). What could not be written or flushed is cut off, and after a failed flush the
//            segment takes no more: what the kernel holds of it is not known.
//   sealed   full, or its process ended: a table of its records stands behind them, so that opening and listing read no record. A segment
//            whose process was killed is read through and sealed by the next; no process writes into the records of another.
//
// A deletion is marked in the record's header and its entry, and the blocks between are given back to the file system at once (a hole),
// without space and without copying, so that deletes make room on a full disk. Marks are not flushed: what a loss of power takes of them
// the owner's sweep brings back. A segment without live blobs is removed. Where holes are not enough (blobs smaller than two blocks; a file
// system without them), a sealed segment that holds twice what lives in it is copied without the rest (blob_log_copy.cpp).
//
// A loss of power can damage only what was not flushed, and that lies behind everything that was: the reading through ends at the last header
// that is whole; where a disk has damaged one, those behind it are found.
#include "store/blob_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>
#include <utility>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/log.hpp"
#include "metrics/disk.hpp"
#include "os/file.hpp"
#include "store/blob_log_segment.hpp"
#include "store/disk_error.hpp"

namespace store {

using log_format::Entry;
using log_format::Header;
using log_format::Place;
using log_format::State;
using log_format::Trailer;

namespace {

constexpr size_t together_max = 256;               // records of one flush, each two parts of a pwritev
constexpr uint64_t together_bytes_max = 8u << 20;  // likewise
constexpr size_t records_max = 1u << 18;           // of a segment
constexpr size_t open_files_max = 256;             // descriptors of segments that stay open
constexpr uint64_t block_bytes = 4096;
constexpr size_t searched_bytes = 1u << 20;  // at once, for the next header
constexpr uint64_t held_times_max =
    2;  // what a sealed segment holds, in parts of what lives; beyond, it is copied without the rest

uint64_t random_number() {
    std::random_device device;
    return (uint64_t{device()} << 32) | device();
}

base::Error no_such_blob(const BlobId& id) { return {base::code::NoSuchBlob, "there is no blob `" + id + "`"}; }

base::Result<void> write_parts(int file, uint64_t at, std::vector<iovec>& parts, const std::string& path) {
    for (size_t first = 0; first < parts.size();) {
        const auto written =
            ::pwritev(file, parts.data() + first, static_cast<int>(parts.size() - first), static_cast<off_t>(at));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return base::fail(disk_error("write", path, errno));
        at += static_cast<uint64_t>(written);
        for (auto left = static_cast<size_t>(written); first < parts.size();) {
            auto& part = parts[first];
            const size_t taken = std::min(left, part.iov_len);
            part.iov_base = static_cast<char*>(part.iov_base) + taken;
            part.iov_len -= taken;
            left -= taken;
            if (part.iov_len > 0) break;
            ++first;
        }
    }
    return {};
}

base::Result<uint64_t> size_of(int file) {
    struct stat facts{};
    if (::fstat(file, &facts) != 0) return base::fail(disk_error("look at", "a segment", errno));
    return static_cast<uint64_t>(facts.st_size);
}

}  // namespace

struct BlobLog::Waiting {
    std::string_view bytes;
    Place place;
    std::optional<base::Result<void>> done;
};

namespace {

// Where the next record begins behind one whose header is damaged, or torn; nothing: there is none. A blob's bytes cannot be taken for a
// header: nobody knows the number of a segment.
base::Result<std::optional<uint64_t>> next_header(int file, uint64_t number, uint64_t from, uint64_t size) {
    std::string bytes;
    for (; from + sizeof(Header) <= size; from += bytes.size() - sizeof(Header) + 1) {
        bytes.resize(static_cast<size_t>(std::min<uint64_t>(searched_bytes, size - from)));
        TRY(read_exactly(file, from, bytes.data(), bytes.size()));
        for (size_t at = 0; at + sizeof(Header) <= bytes.size(); ++at) {
            Header header;
            std::memcpy(&header, bytes.data() + at, sizeof header);
            if (header.segment == number && log_format::is_header_of(header, number, from + at)) return from + at;
        }
    }
    return std::nullopt;
}

}  // namespace

base::Result<SegmentContent> read_segment(int file, uint64_t number) {
    SegmentContent content;
    const uint64_t size = TRY(size_of(file));
    if (size >= sizeof(Trailer)) {
        const auto trailer = TRY(read_one<Trailer>(file, size - sizeof(Trailer)));
        if (log_format::is_trailer_of(trailer, number, size)) {
            content.entries = TRY(read_some<Entry>(file, trailer.table_at, trailer.count));
            content.table_at = trailer.table_at;
            content.end = trailer.table_at;
            return content;
        }
    }
    for (std::optional<uint64_t> at = 0; at && *at + sizeof(Header) <= size;) {
        const auto header = TRY(read_one<Header>(file, *at));
        const Entry entry{.offset = static_cast<uint32_t>(*at), .length = header.length, .state = header.state};
        if (!log_format::is_header_of(header, number, *at) || log_format::end_of(entry) > size) {
            at = TRY(next_header(file, number, *at + 1, size));
            continue;
        }
        content.entries.push_back(entry);
        content.end = log_format::end_of(entry);
        at = content.end;
    }
    return content;
}

base::Result<ChunkReader::Bytes> read_logged(const std::shared_ptr<const os::Descriptor>& file, const Place& place) {
    const uint64_t size = TRY(size_of(file->number()));
    const uint64_t begin = uint64_t{place.offset} + sizeof(Header);
    if (begin + place.length > size) return base::fail(no_such_blob(log_format::id_of(place)));
    const auto header = TRY(read_one<Header>(file->number(), place.offset));
    if (header.state == State::deleted || header.state == State::freed) return base::fail(no_such_blob(log_format::id_of(place)));
    if (!log_format::is_header_of(header, place.segment, place.offset) || header.length != place.length)
        return base::fail(base::code::InternalError, "its bytes were altered: the record in the log of blobs is damaged");
    const size_t chunks = (place.length + log_chunk_bytes - 1) / log_chunk_bytes;
    return ChunkReader::Bytes{.file = file,
                              .begin = begin,
                              .size = place.length,
                              .chunk_bytes = log_chunk_bytes,
                              .sums = {header.sums.begin(), header.sums.begin() + static_cast<std::ptrdiff_t>(chunks)}};
}

base::Result<std::shared_ptr<BlobLog>> BlobLog::open(const std::string& directory, const BlobLogOptions& options) {
    std::shared_ptr<BlobLog> log(new BlobLog(directory, options));
    TRY(log->open_segments());
    return log;
}

BlobLog::~BlobLog() {
    {
        const base::Lock lock(mutex_);
        ends_ = true;
    }
    to_copy_.notify_all();
    if (copier_.joinable()) copier_.join();
    if (active_ == nullptr) return;
    if (const auto sealed = seal(*active_); !sealed)
        base::log_warn("a segment of the log of blobs has no table; the next start reads it through: " +
                       sealed.error().describe());
}

base::Result<void> BlobLog::open_segments() {
    TRY(os::make_folders(directory_));
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory_, error), end; !error && at != end; at.increment(error))
        names.push_back(at->path().filename().string());
    if (error) return base::fail(disk_error("list", directory_, error.value()));
    {
        const base::Lock lock(mutex_);
        frees_blocks_ = options_.frees_blocks;
    }
    for (const auto& name : names) {
        if (const auto number = log_format::segment_of(name)) TRY(open_segment(*number));
        // A copy that was cut off: the segment is still there.
        if (name.ends_with(copy_suffix) && ::unlink((directory_ + "/" + name).c_str()) != 0)
            return base::fail(disk_error("remove", directory_ + "/" + name, errno));
    }
    return {};
}

base::Result<void> BlobLog::open_segment(uint64_t number) {
    const auto path = path_of(number);
    auto segment = std::make_shared<Segment>();
    segment->number = number;
    const os::Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file.is_open()) return base::fail(disk_error("open", path, errno));
    auto content = TRY(read_segment(file.number(), number));
    segment->end = segment->held_bytes = content.end;
    segment->table_at = content.table_at;
    segment->count = static_cast<uint32_t>(content.entries.size());
    for (const auto& entry : content.entries) {
        if (entry.state != State::live) continue;
        ++segment->live;
        segment->live_bytes += entry.length;
    }
    if (segment->live == 0) {
        if (::unlink(path.c_str()) != 0) return base::fail(disk_error("remove", path, errno));
        return {};
    }
    if (!content.table_at) {
        segment->entries = std::move(content.entries);
        const auto sealed = seal(*segment);
        if (!sealed) base::log_warn("a segment of the log of blobs cannot be sealed: " + sealed.error().describe());
    }
    const base::Lock lock(mutex_);
    segments_.emplace(number, std::move(segment));
    return {};
}

// Behind all that is in the file: of what stands behind a damaged header nothing is overwritten.
base::Result<void> BlobLog::seal(Segment& segment) const {
    const auto path = path_of(segment.number);
    const os::Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file.is_open()) return base::fail(disk_error("open", path, errno));
    const uint64_t table_at = TRY(size_of(file.number()));
    std::vector<Entry> entries;
    {
        const base::Lock lock(mutex_);
        entries = segment.entries;
    }
    const auto count = static_cast<uint32_t>(entries.size());
    const auto trailer = log_format::make_trailer(segment.number, table_at, count);
    const size_t table_bytes = count * sizeof(Entry);
    auto written = write_exactly(file.number(), table_at, entries.data(), table_bytes, path);
    if (written) written = write_exactly(file.number(), table_at + table_bytes, &trailer, sizeof trailer, path);
    // On the disk before anything relies on it: the headers of deleted records may be freed with their blocks from then on.
    if (written && ::fdatasync(file.number()) != 0) written = base::fail(disk_error("sync", path, errno));
    if (!written) {
        if (::ftruncate(file.number(), static_cast<off_t>(table_at)) != 0) return base::fail(disk_error("cut", path, errno));
        return written;
    }
    const base::Lock lock(mutex_);
    for (size_t i = 0; i < entries.size(); ++i)  // removed meanwhile
        if (entries[i].state != segment.entries[i].state)
            TRY(write_exactly(file.number(), table_at + i * sizeof(Entry), &segment.entries[i], sizeof(Entry), path));
    segment.table_at = table_at;
    segment.count = count;
    segment.entries = {};
    return {};
}

base::Result<std::shared_ptr<const os::Descriptor>> BlobLog::file_of(Segment& segment) const {
    if (auto open = segment.file.lock()) return open;
    const auto path = path_of(segment.number);
    auto file = std::make_shared<const os::Descriptor>(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file->is_open()) return base::fail(disk_error("open", path, errno));
    segment.file = file;
    if (recent_.size() < open_files_max)
        recent_.push_back(file);
    else
        recent_[next_recent_++ % open_files_max] = file;
    return file;
}

base::Result<BlobId> BlobLog::append(std::string_view bytes) {
    INVARIANT(bytes.size() <= logged_bytes_max);
    Waiting own{.bytes = bytes, .place = {}, .done = {}};
    base::Lock lock(queue_mutex_);
    queue_.push_back(&own);
    while (!own.done) {
        if (has_leader_) {
            written_.wait(queue_mutex_);
            continue;
        }
        std::vector<Waiting*> together;
        uint64_t size = 0;
        while (!queue_.empty() && together.size() < together_max && size < together_bytes_max) {
            together.push_back(queue_.front());
            size += queue_.front()->bytes.size();
            queue_.pop_front();
        }
        has_leader_ = true;
        lock.unlock();
        const auto written = write(together);
        lock.lock();
        has_leader_ = false;
        for (auto* each : together) each->done = written;
        written_.notify_all();
    }
    if (!*own.done) return base::fail(own.done->error());
    return log_format::id_of(own.place);
}

base::Result<BlobLog::SegmentPtr> BlobLog::new_segment() const {
    auto segment = std::make_shared<Segment>();
    segment->number = random_number();
    const auto path = path_of(segment->number);
    const os::Descriptor file(::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    if (!file.is_open()) return base::fail(disk_error("make", path, errno));
    const os::Descriptor folder(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open() || ::fsync(folder.number()) != 0) {
        auto error = disk_error("sync", directory_, errno);
        ::unlink(path.c_str());
        return base::fail(std::move(error));
    }
    return segment;
}

base::Result<void> BlobLog::write_records(Segment& segment, const std::vector<Waiting*>& together, std::vector<Entry>& entries) {
    std::shared_ptr<const os::Descriptor> file;
    {
        const base::Lock lock(mutex_);
        file = TRY(file_of(segment));
    }
    std::vector<Header> headers;
    std::vector<iovec> parts;
    headers.reserve(together.size());
    uint64_t at = segment.end;
    for (auto* each : together) {
        each->place = {segment.number, static_cast<uint32_t>(at), static_cast<uint32_t>(each->bytes.size())};
        headers.push_back(log_format::make_header(each->place, each->bytes));
        entries.push_back({.offset = each->place.offset, .length = each->place.length, .state = State::live});
        parts.push_back({&headers.back(), sizeof(Header)});
        if (!each->bytes.empty()) parts.push_back({const_cast<char*>(each->bytes.data()), each->bytes.size()});
        at = log_format::end_of(entries.back());
    }
    const auto path = path_of(segment.number);
    auto written = write_parts(file->number(), segment.end, parts, path);
    const bool flushes = written.has_value();
    if (flushes) {
        const metrics::DiskWait waited(metrics::Written::blobs);
        if (::fdatasync(file->number()) != 0) written = base::fail(disk_error("sync", path, errno));
    }
    if (written) return {};
    const bool cut = ::ftruncate(file->number(), static_cast<off_t>(segment.end)) == 0;
    if (!cut) base::log_error("cannot cut `" + path + "`: " + std::strerror(errno));
    if (flushes || !cut) active_.reset();  // takes no more
    return written;
}

base::Result<void> BlobLog::write(const std::vector<Waiting*>& together) {
    if (active_ != nullptr && (active_->end >= options_.segment_bytes || active_->entries.size() >= records_max)) {
        const auto full = std::exchange(active_, nullptr);
        if (const auto sealed = seal(*full); !sealed)
            base::log_warn("a segment of the log of blobs has no table yet: " + sealed.error().describe());
        const base::Lock lock(mutex_);
        if (full->live == 0) TRY(after_removal(full, {}));
    }
    if (active_ == nullptr) {
        auto made = TRY(new_segment());
        const base::Lock lock(mutex_);
        segments_.emplace(made->number, made);
        active_ = std::move(made);
    }
    const auto segment = active_;
    std::vector<Entry> entries;
    TRY(write_records(*segment, together, entries));
    const base::Lock lock(mutex_);
    segment->end = segment->held_bytes = log_format::end_of(entries.back());
    for (const auto& entry : entries) {
        segment->entries.push_back(entry);
        ++segment->live;
        segment->live_bytes += entry.length;
    }
    return {};
}

bool BlobLog::has_segment_of(const BlobId& id) const {
    const auto place = log_format::place_of(id);
    const base::Lock lock(mutex_);
    return place && segments_.contains(place->segment);
}

base::Result<std::shared_ptr<BlobReader>> BlobLog::open_blob(const BlobId& id) const {
    const auto place = log_format::place_of(id);
    SegmentPtr segment;
    std::shared_ptr<const os::Descriptor> file;
    {
        const base::Lock lock(mutex_);
        const auto found = place ? segments_.find(place->segment) : segments_.end();
        if (found == segments_.end()) return base::fail(no_such_blob(id));
        segment = found->second;
        file = TRY(file_of(*segment));
        ++readers_[{place->segment, place->offset}].count;
    }
    auto bytes = read_logged(file, *place);
    if (!bytes) {
        done_reading(segment, place->offset);
        return base::fail(std::move(bytes).error());
    }
    return std::make_shared<ChunkReader>(std::move(*bytes), [log = weak_from_this(), segment, offset = place->offset] {
        if (const auto still = log.lock()) still->done_reading(segment, offset);
    });
}

void BlobLog::done_reading(const SegmentPtr& segment, uint32_t offset) const {
    const base::Lock lock(mutex_);
    const auto found = readers_.find({segment->number, offset});
    INVARIANT(found != readers_.end() && found->second.count > 0);
    if (--found->second.count > 0) return;
    const bool removed = found->second.removed;
    readers_.erase(found);
    if (!removed || !segments_.contains(segment->number)) return;
    const auto file = file_of(*segment);
    const auto header = file ? read_one<Header>((*file)->number(), offset) : base::fail(file.error());
    if (header) free_blocks(*segment, {.offset = offset, .length = header->length, .state = header->state});
}

base::Result<void> BlobLog::remove(const BlobId& id) {
    const auto place = log_format::place_of(id);
    const base::Lock lock(mutex_);
    const auto found = place ? segments_.find(place->segment) : segments_.end();
    if (found == segments_.end()) return base::fail(no_such_blob(id));
    const auto segment = found->second;
    const auto file = TRY(file_of(*segment));
    const auto path = path_of(segment->number);
    const auto bytes = read_logged(file, *place);
    if (!bytes && bytes.error().code == base::code::NoSuchBlob) return {};
    // Where its header is damaged, too.
    const State deleted = State::deleted;
    TRY(write_exactly(file->number(), place->offset, &deleted, sizeof deleted, path));
    Entry entry{.offset = place->offset, .length = place->length, .state = State::deleted};
    const auto is_it = [&](const Entry& other) { return other.offset == entry.offset && other.length == entry.length; };
    if (segment->table_at) {
        uint32_t low = 0, high = segment->count;
        while (low < high) {
            const uint32_t middle = low + (high - low) / 2;
            const uint64_t at = *segment->table_at + middle * sizeof(Entry);
            const auto other = TRY(read_one<Entry>(file->number(), at));
            if (is_it(other)) {
                if (other.state != State::live) return {};
                TRY(write_exactly(file->number(), at, &entry, sizeof entry, path));
                break;
            }
            other.offset < entry.offset ? low = middle + 1 : high = middle;
        }
        if (low >= high) return {};  // none of its records
    } else {
        const auto other = std::ranges::lower_bound(segment->entries, entry.offset, {}, &Entry::offset);
        if (other == segment->entries.end() || !is_it(*other)) return {};
        other->state = State::deleted;
    }
    --segment->live;
    segment->live_bytes -= entry.length;
    return after_removal(segment, entry);
}

base::Result<void> BlobLog::after_removal(const SegmentPtr& segment, const Entry& entry) {
    const auto path = path_of(segment->number);
    if (segment->live == 0 && segment->table_at) {
        // Readers have their descriptors.
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) return base::fail(disk_error("remove", path, errno));
        segments_.erase(segment->number);
        std::erase(recent_, segment->file.lock());
        return {};
    }
    if (const auto readers = readers_.find({segment->number, entry.offset}); readers != readers_.end()) {
        readers->second.removed = true;
        return {};
    }
    free_blocks(*segment, entry);
    const bool is_sparse = segment->table_at && segment->live_bytes * held_times_max < segment->held_bytes;
    if (!is_sparse || segment->waits_for_copy || options_.copied_bytes_per_second == 0) return {};
    segment->waits_for_copy = true;
    sparse_.push_back(segment);
    if (!copier_.joinable()) copier_ = std::thread([this] { copy_segments(); });
    to_copy_.notify_all();
    return {};
}

void BlobLog::free_blocks(Segment& segment, const Entry& entry) const {
    if (!frees_blocks_) return;
    const auto file = file_of(segment);
    if (!file) return;
    const auto [from, to] = log_format::whole_blocks(entry.offset + sizeof(Header), log_format::end_of(entry), block_bytes);
    if (from >= to) return;
    if (::fallocate((*file)->number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                    static_cast<off_t>(to - from)) == 0) {
        segment.held_bytes -= std::min(segment.held_bytes, to - from);
        return;
    }
    const int error = errno;
    frees_blocks_ = error != EOPNOTSUPP && error != ENOSYS;
    base::log_warn(std::string("what was deleted from the log of blobs keeps its space until its segment is copied: ") +
                   (frees_blocks_ ? std::strerror(error) : "the file system frees no part of a file"));
}

base::Result<std::vector<BlobId>> BlobLog::list() const {
    std::vector<BlobId> ids;
    const base::Lock lock(mutex_);
    for (const auto& [number, segment] : segments_) {
        std::vector<Entry> entries = segment->entries;
        if (segment->table_at) {
            const auto file = TRY(file_of(*segment));
            entries = TRY(read_some<Entry>(file->number(), *segment->table_at, segment->count));
        }
        for (const auto& entry : entries)
            if (entry.state == State::live) ids.push_back(log_format::id_of({number, entry.offset, entry.length}));
    }
    return ids;
}

}  // namespace store
