// Every line goes into the file with one write(2), under one lock, before its writer goes on; a batch of lines (definitions and the
// record that needs them) is there whole or not at all. What is on the disk is another matter: make_durable.
//
// A sync that fails tells that the kernel could not write, and it will not try again: a later sync would succeed without the
// bytes. So what was written since the last good sync is kept in memory, and after a failure it is written once more, to the same
// places, and synced (mend). Until that holds, nothing new is recorded, so nothing is done.
#include "audit/stream.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/utf8.hpp"
#include "crypto/digest.hpp"
#include "metrics/disk.hpp"
#include "os/file.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

constexpr int format_version = 1;
constexpr size_t torn_bytes_noted = 1024;
constexpr size_t bytes_of_a_line_guess = 512;
// Taken from the disk at a time, ahead of what is written, and of that left for the answers of what was decided: what has happened
// is recorded on a full disk too.
constexpr uint64_t allocated_at_once = 1u << 20;
constexpr uint64_t left_for_answers = 64u << 10;
constexpr std::chrono::seconds between_mendings{1};

// The path is for the log of the server's operator: messages travel to clients.
std::unexpected<base::Error> broken(const std::string& what, const std::string& path) {
    const int error = errno;
    if (error == ENOSPC || error == EDQUOT) {
        base::log_error(what + " `" + path + "`: " + std::strerror(error));
        return base::fail(base::code::InsufficientStorage,
                          "The server's disk is full: the decision cannot be recorded, so nothing is done. Deletes work.");
    }
    return base::fail(base::code::AuditUnavailable, what + " `" + path + "`: " + std::strerror(error));
}

}  // namespace

struct Stream::Batch {
    Batch(Chain last, uint64_t last_number) : chain(std::move(last)), number(last_number) {}

    std::string bytes;
    Chain chain;
    uint64_t number = 0;                                          // of its last line
    size_t last_line_at = 0;                                      // in bytes
    std::vector<std::pair<const SharedText*, uint32_t>> defined;  // and its offset in `bytes`

    void begin() {
        last_line_at = bytes.size();
        begin_line(bytes, ++number);
    }
    void end() {
        end_line(bytes, last_line_at, chain);
        bytes += '\n';
    }
    void add(std::string_view members) {
        begin();
        bytes += members;
        end();
    }
};

Stream::Stream(StreamOptions options) : options_(std::move(options)), key_id_(options_.key->public_key().id()) {}
Stream::~Stream() {
    if (tail_) (void)::ftruncate(tail_->file->number(), static_cast<off_t>(size_));  // gives back what was allocated ahead
}

std::string Stream::path_of(uint64_t number) const { return options_.directory + "/" + segment_name(options_.name, number); }

std::string Stream::index_path_of(uint64_t number) const {
    std::string path = path_of(number);
    return path.substr(0, path.rfind('.')) + ".index";
}

base::Result<void> Stream::open(base::Time now) {
    const base::Lock lock(mutex_);
    const auto numbers = TRY(segment_numbers(options_.directory, options_.name));
    for (size_t i = 0; i + 1 < numbers.size(); ++i) TRY(load_full(numbers[i]));
    if (numbers.empty() && ::access(path_of(1).c_str(), F_OK) == 0)
        return broken("cannot find", path_of(1));  // it would be emptied
    if (numbers.empty()) return begin_segment(1, now);
    return take_up(numbers.back(), now);
}

base::Result<void> Stream::load_full(uint64_t number) {
    auto segment = std::make_shared<FullSegment>();
    segment->number = number;
    segment->path = path_of(number);
    struct stat status{};
    if (::stat(segment->path.c_str(), &status) != 0) return broken("cannot read", segment->path);
    const auto bytes = static_cast<uint64_t>(status.st_size);
    segment->index = open_index(index_path_of(number), bytes, segment->summary);
    if (!segment->index) {
        Scan scan = TRY(scan_segment(segment->path, std::nullopt, 0));
        segment->summary = scan.summary();
        segment->summary.bytes = bytes;
        segment->index = std::make_shared<GrowingIndex>(std::move(scan.index));
        without_index_file_.push_back(number);
    }
    full_bytes_ += bytes;
    last_number_ = segment->summary.first_number + segment->summary.lines - 1;
    chain_ = segment->summary.chain;
    full_.push_back(std::move(segment));
    return {};
}

base::Result<void> Stream::take_up(uint64_t number, base::Time now) {
    const std::string path = path_of(number);
    Scan scan = TRY(scan_segment(path, std::nullopt, 0, true));
    auto file = std::make_shared<os::Descriptor>(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC, 0600));
    if (!file->is_open()) return broken("cannot open", path);
    if (!scan.torn.empty() && ::ftruncate(file->number(), static_cast<off_t>(scan.bytes)) != 0)
        return broken("cannot write", path);
    if (scan.lines == 0) return begin_segment(number, now);
    // What the process before has left is on the disk from here on, whatever its last sync was.
    if (::fdatasync(file->number()) != 0) return broken("cannot sync", path);
    tail_ = std::make_shared<Tail>(Tail{.file = std::move(file), .path = path, .durable_bytes = scan.bytes, .bytes = ""});
    number_ = number;
    size_ = scan.bytes;
    first_number_ = scan.first_number;
    last_number_ = std::max(scan.last_number, scan.first_number + scan.lines - 1);
    first_time_ = scan.first_time;
    last_time_ = scan.last_time;
    chain_ = scan.chain;
    index_ = std::make_unique<GrowingIndex>(std::move(scan.index));
    // New records refer to definitions that this process made: what the segment has is read, not extended.
    definitions_.begin_segment(scan.next_definition);
    signed_line_ = scan.heads.empty() ? 0 : scan.heads.back().first;
    if (!scan.heads.empty()) last_head_ = scan.heads.back().second;
    if (!scan.torn.empty())
        TRY(note_locked("torn",
                        std::string(scan.torn.contains('\0') ? "a loss of power took what was not on the disk yet: "
                                                             : "a crash cut off a record that was being written: ") +
                            std::to_string(scan.torn.size()) + " bytes, sha256 " + crypto::hex(crypto::sha256(scan.torn)) + ": " +
                            base::printable(scan.torn.substr(0, torn_bytes_noted)),
                        true, now));
    if (!scan.finding.empty()) {
        base::log_error("the audit log " + path + " is not as it was written: " + scan.finding +
                        "; `trainwarden audit verify` says more");
        TRY(note_locked("broken",
                        "at the start of the server, " + segment_name(options_.name, number) +
                            " was not as it had been written: " + scan.finding,
                        true, now));
    }
    return {};
}

base::Result<void> Stream::begin_segment(uint64_t number, base::Time now) {
    const std::string path = path_of(number);
    auto file = std::make_shared<os::Descriptor>(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
    if (!file->is_open()) return broken("cannot open", path);
    const TailPtr left = std::exchange(tail_, std::make_shared<Tail>(Tail{.file = std::move(file), .path = path, .bytes = ""}));
    const uint64_t had = std::exchange(size_, 0);
    Batch header(chain_, last_number_);
    text::Json said = text::Json::object({{"format", format_version},
                                          {"stream", options_.name},
                                          {"number", number},
                                          {"previous", crypto::hex(chain_)},
                                          {"time", now.time_since_epoch().count()},
                                          {"key", key_id_}});
    if (!options_.made_by.empty()) said.set("by", options_.made_by);
    header.add("\"segment\":" + said.dump());
    if (auto written = write(header.bytes); !written) {
        tail_ = left;
        size_ = had;
        ::unlink(path.c_str());
        return written;
    }
    // Nothing can fail from here on.
    allocated_ = 0;
    if (left) {
        (void)::ftruncate(left->file->number(), static_cast<off_t>(had));  // gives back what was allocated ahead
        left_.push_back(left);
        auto full = std::make_shared<FullSegment>();
        full->number = number_;
        full->path = path_of(number_);
        full->summary = {.bytes = had,
                         .first_number = first_number_,
                         .lines = last_number_ - first_number_ + 1,
                         .first_time = first_time_,
                         .last_time = last_time_,
                         .chain = chain_};
        full->index = std::shared_ptr<const SegmentIndex>(index_.release());
        full_.push_back(std::move(full));
        full_bytes_ += had;
        without_index_file_.push_back(number_);
    }
    number_ = number;
    size_ = header.bytes.size();
    tail_->bytes = std::move(header.bytes);
    chain_ = header.chain;
    last_number_ = first_number_ = header.number;
    first_time_ = last_time_ = 0;
    index_ = std::make_unique<GrowingIndex>();
    definitions_.begin_segment(0);
    return {};
}

base::Result<void> Stream::make_room(size_t bytes, base::Time now) {
    TRY(mend());
    if (last_number_ - signed_line_ >= lines_between_heads_max) TRY(sign_locked(now));
    while (last_number_ != first_number_ && size_ + bytes > options_.segment_bytes_max) {
        // A sync that is under way would hide from the next one that it failed.
        if (syncing_) {
            synced_.wait(mutex_);
            TRY(mend());
            continue;
        }
        TRY(leave_segment(now));
    }
    return allocate(bytes);
}

// What a loss of power takes is at the end of the stream, and nowhere before: a segment is on the disk before the next one is there.
base::Result<void> Stream::leave_segment(base::Time now) {
    TRY(sign_locked(now));
    if (::fdatasync(tail_->file->number()) != 0) {
        tail_->is_lost = true;
        return broken("cannot sync", tail_->path);
    }
    tail_->durable_bytes = size_;
    tail_->bytes.clear();
    return begin_segment(number_ + 1, now);
}

base::Result<void> Stream::allocate(size_t bytes) {
    if (size_ + bytes + left_for_answers <= allocated_) return {};
    const uint64_t least = size_ + bytes + left_for_answers;
    uint64_t end = least + allocated_at_once;
    const auto take = [&]() REQUIRES(mutex_) {
        return ::fallocate(tail_->file->number(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size_),
                           static_cast<off_t>(end - size_)) == 0 ||
               (errno != ENOSPC && errno != EDQUOT);  // a file system that cannot: the write will tell
    };
    bool taken = take();
    if (!taken) {
        end = least;  // the disk's last blocks
        taken = take();
    }
    while (!taken && options_.reserve != nullptr && options_.reserve->release(store::MayUseReserve::here())) taken = take();
    if (!taken) {
        errno = ENOSPC;
        return broken("cannot write", path_of(number_));
    }
    allocated_ = end;
    return {};
}

base::Result<void> Stream::write(const std::string& bytes) {
    const auto use = store::MayUseReserve::here();
    if (options_.reserve != nullptr && !options_.reserve->lets_on(use)) {
        errno = ENOSPC;
        return broken("cannot write", options_.directory);
    }
    auto written = write_all(bytes);
    while (!written && written.error().code == base::code::InsufficientStorage && options_.reserve != nullptr &&
           options_.reserve->release(use))
        written = write_all(bytes);
    return written;
}

// Leaves no part behind.
base::Result<void> Stream::write_all(const std::string& bytes) {
    size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = ::write(tail_->file->number(), bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            auto error = broken("cannot write", path_of(number_));
            // If a torn line cannot be taken back, nothing is written behind it before it is.
            if (done > 0 && ::ftruncate(tail_->file->number(), static_cast<off_t>(size_)) != 0) tail_->is_lost = true;
            allocated_ = 0;
            return error;
        }
        done += static_cast<size_t>(n);
    }
    return {};
}

void Stream::add_record(Batch& batch, const Definitions& definitions, const RecordText& text, std::string_view answer) {
    const auto number_of = [&](const SharedText& shared) -> std::optional<uint32_t> {
        if (const auto known = definitions.find(shared)) return known;
        const auto same = std::ranges::find_if(batch.defined, [&](const auto& one) { return one.first->text == shared.text; });
        if (same == batch.defined.end()) return std::nullopt;
        return definitions.next() + static_cast<uint32_t>(same - batch.defined.begin());
    };
    // Definitions stand before the line that refers to them.
    for (const auto& [at, shared] : text.shared) {
        if (number_of(*shared) || !definitions.takes(batch.defined.size(), shared->text.size())) continue;
        const auto offset = static_cast<uint32_t>(batch.bytes.size());
        batch.add("\"def\":" + std::to_string(definitions.next() + batch.defined.size()) + ",\"v\":" + shared->text);
        batch.defined.emplace_back(shared, offset);
    }
    batch.begin();
    append_record(batch.bytes, text, number_of);
    if (!answer.empty()) {
        batch.bytes += ',';
        batch.bytes += answer;
    }
    batch.end();
}

base::Result<void> Stream::commit(Batch& batch) {
    TRY(write(batch.bytes));
    tail_->bytes += batch.bytes;
    for (const auto& [text, offset] : batch.defined) {
        index_->define(definitions_.next(), static_cast<uint32_t>(size_) + offset);
        definitions_.add(*text);
    }
    size_ += batch.bytes.size();
    chain_ = std::move(batch.chain);
    last_number_ = batch.number;
    return {};
}

void Stream::saw_time(int64_t time) {
    // Clocks go back, too: the earliest and the latest, for who asks by time.
    first_time_ = first_time_ == 0 ? time : std::min(first_time_, time);
    last_time_ = std::max(last_time_, time);
}

// REQUIRES: the batch is committed; the entry is of its last line.
uint32_t Stream::add_entry(const Batch& batch, int64_t time, uint32_t flags, std::span<const Term> terms) {
    saw_time(time);
    const auto position = static_cast<uint32_t>(last_number_ - first_number_);
    return index_->add({.decided_at = static_cast<uint32_t>(size_ - batch.bytes.size() + batch.last_line_at),
                        .time = time,
                        .first_line = position,
                        .last_line = position,
                        .flags = flags},
                       terms);
}

base::Result<Place> Stream::append(const RecordText& text, std::string_view answer, std::string_view outcome, base::Time time) {
    const base::Lock lock(mutex_);
    return append_locked(text, answer, outcome, time);
}

base::Result<Place> Stream::append_locked(const RecordText& text, std::string_view answer, std::string_view outcome,
                                          base::Time time) {
    const size_t bytes = answer.size() + text.bytes();
    TRY(make_room(bytes, time));
    Batch batch(chain_, last_number_);
    batch.bytes.reserve(bytes_of_a_line_guess);
    add_record(batch, definitions_, text, answer);
    TRY(commit(batch));
    const uint32_t entry =
        add_entry(batch, time.time_since_epoch().count(), answer.empty() ? 0u : uint32_t{entry_answered}, text.terms);
    if (!answer.empty()) index_->add_term(entry, outcome_term(outcome));
    return Place{.segment = number_, .entry = entry, .line = last_number_, .bytes = batch.bytes.size()};
}

base::Result<void> Stream::answer(Place& place, const RecordText& text, std::string_view answer, std::string_view outcome,
                                  base::Time time) {
    const base::Lock lock(mutex_);
    if (place.segment != number_) {
        const store::MayUseReserve done_already;
        place = TRY(append_locked(text, answer, outcome, time));
        return {};
    }
    // Not make_room: the answer stays with its record.
    TRY(mend());
    // It tells of what has been done.
    const store::MayUseReserve done_already;
    Batch batch(chain_, last_number_);
    std::string members =
        "\"of\":" + std::to_string(place.line) + ",\"t\":" + std::to_string(time.time_since_epoch().count()) + ",";
    members += answer;
    batch.add(members);
    const auto offset = static_cast<uint32_t>(size_);
    TRY(commit(batch));
    Entry& entry = index_->entry(place.entry);
    entry.answered_at = offset;
    entry.last_line = static_cast<uint32_t>(last_number_ - first_number_);
    entry.flags |= entry_answered;
    index_->add_term(place.entry, outcome_term(outcome));
    saw_time(time.time_since_epoch().count());
    place.line = last_number_;
    return {};
}

base::Result<void> Stream::note(std::string_view what, const std::string& said, bool shown, base::Time time, uint64_t segment) {
    const base::Lock lock(mutex_);
    TRY(make_room(said.size(), time));
    return note_locked(what, said, shown, time, segment);
}

base::Result<void> Stream::note_locked(std::string_view what, const std::string& said, bool shown, base::Time time,
                                       uint64_t segment) {
    std::string members = "\"note\":{\"time\":" + std::to_string(time.time_since_epoch().count());
    append_member(members, "what", what);
    append_member(members, "text", said, 4 * value_bytes_max);
    if (segment != 0) append_raw_member(members, "segment", std::to_string(segment));
    members += shown ? ",\"shown\":true}" : "}";
    Batch batch(chain_, last_number_);
    batch.add(members);
    TRY(commit(batch));
    const Term term = term_of(TermKind::note, "");
    add_entry(batch, time.time_since_epoch().count(), shown ? uint32_t{entry_note} : entry_note | entry_hidden,
              shown ? std::span<const Term>(&term, 1) : std::span<const Term>());
    return {};
}

base::Result<void> Stream::take_over(const std::string& json, std::span<const Term> terms, std::string_view outcome,
                                     int64_t time) {
    const base::Lock lock(mutex_);
    TRY(make_room(json.size(), base::Time(std::chrono::milliseconds(time))));
    Batch batch(chain_, last_number_);
    batch.add("\"old\":" + json);
    TRY(commit(batch));
    const uint32_t entry = add_entry(batch, time, entry_answered, terms);
    index_->add_term(entry, outcome_term(outcome));
    return {};
}

base::Result<void> Stream::sign(base::Time now) {
    const base::Lock lock(mutex_);
    if (last_number_ == signed_line_) return {};
    return sign_locked(now);
}

base::Result<Stream::End> Stream::end_now(base::Time now) {
    End end;
    uint64_t line = 0;
    {
        const base::Lock lock(mutex_);
        if (last_number_ != signed_line_ || !last_head_) TRY(sign_locked(now));
        for (const auto& full : full_) end.full.push_back(full->path);
        end.current = path_of(number_);
        end.bytes = size_;
        end.head = *last_head_;
        line = last_number_;
    }
    TRY(make_durable(line));
    return end;
}

base::Result<void> Stream::sign_locked(base::Time now) {
    Head head{.stream = options_.name,
              .lines = last_number_,
              .chain = chain_,
              .time = now.time_since_epoch().count(),
              .key = key_id_,
              .signature = ""};
    head.signature = options_.key->sign(signed_text(head));
    Batch batch(chain_, last_number_);
    batch.add("\"head\":" + to_json(head).dump());
    TRY(commit(batch));
    signed_line_ = last_number_;
    last_head_ = std::move(head);
    return {};
}

base::Result<void> Stream::mend(Tail& tail) {
    // Not by the descriptor that appends.
    const os::Descriptor file(::open(tail.path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.is_open() && errno == ENOENT) {  // it was old enough to be removed
        tail.is_lost = false;
        tail.bytes.clear();
        return {};
    }
    if (!file.is_open()) return broken("cannot open", tail.path);
    const uint64_t end = tail.durable_bytes + tail.bytes.size();
    if (::ftruncate(file.number(), static_cast<off_t>(end)) != 0) return broken("cannot write", tail.path);
    for (uint64_t done = 0; done < tail.bytes.size();) {
        const ssize_t n = ::pwrite(file.number(), tail.bytes.data() + done, tail.bytes.size() - done,
                                   static_cast<off_t>(tail.durable_bytes + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return broken("cannot write", tail.path);
        done += static_cast<uint64_t>(n);
    }
    if (::fdatasync(file.number()) != 0) return broken("cannot sync", tail.path);
    base::log_info("what a sync of `" + tail.path + "` had lost was written once more: " + std::to_string(tail.bytes.size()) +
                   " bytes");
    tail.is_lost = false;
    tail.durable_bytes = end;
    tail.bytes.clear();
    return {};
}

base::Result<void> Stream::mend() {
    const auto is_whole = [](const TailPtr& tail) { return !tail->is_lost; };
    if (is_whole(tail_) && std::ranges::all_of(left_, is_whole)) return {};
    const auto now = std::chrono::steady_clock::now();
    if (!mending_ && now - mended_ < between_mendings) return mending_;
    mended_ = now;
    mending_ = {};
    for (const auto& left : left_)
        if (left->is_lost && mending_) mending_ = mend(*left);
    if (tail_->is_lost && mending_) {
        mending_ = mend(*tail_);
        allocated_ = 0;
    }
    return mending_;
}

base::Result<void> Stream::make_durable(uint64_t line) {
    base::Lock lock(mutex_);
    while (durable_line_ < line) {
        if (syncing_) {
            synced_.wait(mutex_);
            continue;
        }
        TRY(mend());
        // This thread synchronizes for all who have come by now.
        syncing_ = true;
        const uint64_t target = last_number_;
        const auto head = last_head_;
        struct Syncing {
            TailPtr tail;
            std::shared_ptr<os::Descriptor> file;
            uint64_t bytes;  // of it
            bool good = false;
        };
        std::vector<Syncing> files;
        for (const auto& left : left_) files.push_back({left, left->file, left->durable_bytes + left->bytes.size()});
        files.push_back({tail_, tail_->file, size_});
        const bool is_new = files.size() > 1 || durable_line_ == 0;
        lock.unlock();
        bool good = true;
        bool named = true;
        {
            const metrics::DiskWait waited(metrics::Written::audit);
            for (auto& one : files) good = (one.good = ::fdatasync(one.file->number()) == 0) && good;
            named = !is_new || os::sync_folder(options_.directory).has_value();
        }
        lock.lock();
        syncing_ = false;
        for (const auto& one : files) {
            if (one.good && one.bytes > one.tail->durable_bytes) {
                one.tail->bytes.erase(0, one.bytes - one.tail->durable_bytes);
                one.tail->durable_bytes = one.bytes;
            } else if (!one.good) {
                one.tail->is_lost = true;
            }
        }
        if (good && named) {
            std::erase_if(left_, [](const TailPtr& left) { return left->bytes.empty(); });
            if (target > durable_line_) durable_head_ = head;
            durable_line_ = std::max(durable_line_, target);
        }
        synced_.notify_all();
        // A folder is synced anew: names are not lost.
        if (!named) return base::fail(base::code::AuditUnavailable, "the audit log could not be synchronized with the disk");
    }
    return {};
}

base::Result<void> Stream::make_all_durable() { return make_durable(last_line()); }

uint64_t Stream::last_line() const {
    const base::Lock lock(mutex_);
    return last_number_;
}

base::Result<bool> Stream::has_records_of(const Head& head) const {
    const uint64_t line = head.lines + 1;  // the one that holds the head
    std::string path;
    {
        const base::Lock lock(mutex_);
        if (line >= first_number_) path = path_of(number_);
        for (const auto& full : full_)
            if (line >= full->summary.first_number && line < full->summary.first_number + full->summary.lines) path = full->path;
    }
    if (path.empty()) return true;
    const Scan scan = TRY(scan_segment(path, std::nullopt, 0));
    const auto at = scan.chains_before_heads.find(line);
    return at != scan.chains_before_heads.end() && at->second == head.chain;
}

int64_t Stream::newest_time() const {
    const base::Lock lock(mutex_);
    return last_time_ == 0 && !full_.empty() ? full_.back()->summary.last_time : last_time_;
}

bool Stream::has_unsigned() const {
    const base::Lock lock(mutex_);
    return last_number_ != signed_line_;
}

bool Stream::has_unsynced() const {
    const base::Lock lock(mutex_);
    return last_number_ != durable_line_;
}

std::optional<Head> Stream::last_head() const {
    const base::Lock lock(mutex_);
    return last_head_;
}

std::optional<Head> Stream::durable_head() const {
    const base::Lock lock(mutex_);
    return durable_head_;
}

uint64_t Stream::bytes() const {
    const base::Lock lock(mutex_);
    return full_bytes_ + size_;
}

void Stream::save_indexes() {
    std::vector<FullSegmentPtr> due;
    {
        const base::Lock lock(mutex_);
        for (const auto& segment : full_)
            if (std::ranges::find(without_index_file_, segment->number) != without_index_file_.end()) due.push_back(segment);
        without_index_file_.clear();
    }
    for (const auto& segment : due) {
        const auto* index = dynamic_cast<const GrowingIndex*>(segment->index.get());
        if (index == nullptr) continue;
        const std::string path = index_path_of(segment->number);
        if (auto written = os::replace_file(path, index->saved(segment->summary)); !written) {
            base::log_warn("an index of the audit log could not be saved and stays in memory: " + written.error().describe());
            continue;
        }
        auto saved = std::make_shared<FullSegment>(*segment);
        SegmentSummary same;
        saved->index = open_index(path, segment->summary.bytes, same);
        if (!saved->index) continue;
        const base::Lock lock(mutex_);
        std::ranges::replace(full_, segment, FullSegmentPtr(saved));
    }
}

base::Result<void> Stream::remove_oldest() {
    const base::Lock lock(mutex_);
    if (full_.empty()) return {};
    const FullSegmentPtr oldest = full_.front();
    if (::unlink(oldest->path.c_str()) != 0 && errno != ENOENT) return broken("cannot delete", oldest->path);
    ::unlink(index_path_of(oldest->number).c_str());  // of no use alone; if it stays, it is not read
    full_bytes_ -= oldest->summary.bytes;
    full_.erase(full_.begin());
    return {};
}

std::vector<FullSegmentPtr> Stream::full_segments() const {
    const base::Lock lock(mutex_);
    return full_;
}

Stream::Current Stream::current() const {
    const base::Lock lock(mutex_);
    return {.number = number_, .first_number = first_number_, .path = path_of(number_)};
}

bool Stream::with_current_index(uint64_t segment, const std::function<void(const GrowingIndex&)>& use) const {
    const base::Lock lock(mutex_);
    if (segment != number_) return false;
    use(*index_);
    return true;
}

}  // namespace audit
