#include "training/checkpoints.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "training/limits.hpp"
#include "training/transfer.hpp"

namespace training {
namespace {

constexpr std::chrono::seconds interval{2};
// A file that a killed worker changed so shortly before its end may not be whole.
constexpr std::chrono::nanoseconds settling = std::chrono::seconds(3);
constexpr const char* folder = "ml/checkpoints";

bool is_written_now(const std::string& worker, const std::string& path) {
    auto opened = open_beneath(worker, std::string(folder) + "/" + path);
    if (!opened) return true;  // replaced or removed just now: the next look tells
    return is_open_for_writing(opened->number());
}

bool is_same(int descriptor, const FoundFile& file) {
    struct stat info{};
    return ::fstat(descriptor, &info) == 0 && info.st_ino == file.inode && static_cast<uint64_t>(info.st_size) == file.size &&
           int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec == file.modified &&
           !is_open_for_writing(descriptor);
}

}  // namespace

CheckpointSync::CheckpointSync(JobData& data, RoleSession& session, S3Uri prefix, std::vector<std::string> workers,
                               Cancelled cancelled)
    : data_(data),
      session_(session),
      prefix_(std::move(prefix)),
      workers_(std::move(workers)),
      cancelled_(std::move(cancelled)),
      states_(workers_.size()),
      seen_(workers_.size()) {
    while (prefix_.key.ends_with('/')) prefix_.key.pop_back();
    // What was restored is in S3 already.
    for (size_t worker = 0; worker < workers_.size(); ++worker) {
        for (const auto& file : files_beneath(workers_[worker], folder).files)
            seen_[worker][file.path] = {file.modified, file.size, file.inode, true, false, true};
    }
    thread_ = std::thread([this] { run(); });
}

CheckpointSync::~CheckpointSync() { (void)finish(true); }

void CheckpointSync::run() {
    base::Lock lock(mutex_);
    while (!wake_.wait_for(mutex_, interval, [this]() REQUIRES(mutex_) { return stop_; })) {
        lock.unlock();
        {
            const base::Lock one_at_a_time(rounds_);
            round(false);
        }
        lock.lock();
    }
}

void CheckpointSync::before_end(size_t worker) {
    // A round that is uploading holds the lock; a worker's end does not wait for it.
    if (!rounds_.try_lock()) return;
    const base::Lock lock(rounds_, std::adopt_lock);
    for (const auto& file : files_beneath(workers_[worker], folder).files) {
        if (file.is_link || file.is_folder) continue;
        Seen& seen = seen_[worker][file.path];
        if (seen.is(file) && seen.uploaded) continue;
        seen = {file.modified, file.size, file.inode, false, is_written_now(workers_[worker], file.path), seen.in_bucket};
    }
}

void CheckpointSync::ended(size_t worker, int exit_code) {
    states_[worker] = exit_code == 128 + SIGTERM ? State::terminated : exit_code > 128 ? State::killed : State::ended;
}

base::Result<void> CheckpointSync::finish(bool all_killed) {
    if (thread_.joinable()) end_rounds(all_killed);
    const base::Lock lock(rounds_);
    return outcome_;
}

void CheckpointSync::end_rounds(bool all_killed) {
    {
        const base::Lock lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
    for (auto& state : states_) {
        if (all_killed || state == State::running) state = State::killed;
    }
    const base::Lock lock(rounds_);
    outcome_ = {};
    round(true);
    if (!deletion_) {
        remark("deleted checkpoints stay in " + prefix_.text() + ": S3 answered the role " + deletion_.error().code + ": " +
               deletion_.error().message);
    }
}

void CheckpointSync::remark(std::string text) {
    base::log_warn("checkpoints: " + text);
    if (remarks_.size() < reported_files_max) remarks_.push_back(std::move(text));
}

S3Uri CheckpointSync::object_of(const std::string& path) const {
    return {prefix_.bucket, prefix_.key + (prefix_.key.empty() ? "" : "/") + key_name(path)};
}

void CheckpointSync::round(bool last) {
    last_ = last;
    for (size_t worker = 0; worker < workers_.size(); ++worker) {
        // What a worker leaves that was killed while others run is for the last round: no process has it open any more.
        if (!last && states_[worker] != State::running) continue;
        const Listing listing = files_beneath(workers_[worker], folder);
        if (last) {
            for (const auto& what : listing.unread) remark("not uploaded: " + what);
            for (const auto& name : listing.special) remark("not uploaded: " + name + " is not a regular file");
            for (const auto& file : listing.files) {
                if (file.is_link) remark("not uploaded: " + file.path + " is a symbolic link");
            }
        }
        for (const auto& file : listing.files) {
            if (cancelled_()) {
                outcome_ = base::fail(base::code::Cancelled, "the job was stopped");
                return;
            }
            if (!last && states_[worker] != State::running) break;
            if (!file.is_link && !file.is_folder) look_at(worker, file);
        }
        // What could not be looked at may still be there.
        if (listing.unread.empty() && listing.is_folder) forget_deleted(worker, listing);
    }
}

void CheckpointSync::look_at(size_t worker, const FoundFile& file) {
    Seen& before = seen_[worker][file.path];
    const bool same = before.is(file);
    if (same && before.uploaded) return;
    const State state = states_[worker];
    const bool open = state == State::running && is_written_now(workers_[worker], file.path);
    bool whole = state == State::ended;
    if (state == State::running) {
        whole = same && !open && !before.open;
    } else if (state != State::ended && same) {
        whole = !before.open;  // a process that had it open when it was killed had not finished it
    } else if (state != State::ended) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const bool settled = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - file.modified > settling.count();
        // Written after the worker was asked to end: it handled that, and then chose the exit code of one that does not.
        whole = settled || (state == State::terminated && !before.open);
    }
    before = {file.modified, file.size, file.inode, false, open, before.in_bucket};
    if (whole) {
        upload(worker, file, before);
    } else if (state != State::running) {
        remark(file.path + " was being written when its worker was killed: not uploaded" +
               std::string(before.in_bucket ? ", the one before stays" : ""));
    }
}

void CheckpointSync::upload(size_t worker, const FoundFile& file, Seen& seen) {
    const std::string& root = workers_[worker];
    auto failed = [&](base::Error error) REQUIRES(rounds_) {
        if (last_) {
            remark("not uploaded: " + file.path + ": " + error.message);
        } else {
            base::log_warn("the checkpoint " + file.path + " was not uploaded: " + error.describe());
        }
        outcome_ = base::fail(std::move(error));
    };
    if (file.size > checkpoint_bytes_max) {
        return failed({"EntityTooLarge", file.path + " is larger than " + std::to_string(checkpoint_bytes_max >> 30) + " GiB"});
    }
    {
        auto sparse = open_beneath(root, std::string(folder) + "/" + file.path);
        if (!sparse) return;  // Replaced or removed meanwhile: the next round sees.
        if (holes_of(sparse->number(), file.size) > holes_bytes_max) {
            return failed({"EntityTooLarge", file.path + " is sparse: an object would hold more than " +
                                                 std::to_string(holes_bytes_max >> 30) + " GiB of zeros"});
        }
    }
    auto opened = open_beneath(root, std::string(folder) + "/" + file.path);
    if (!opened) {
        if (opened.error().code == base::code::NotAFile) return;  // Replaced or removed meanwhile: the next round sees.
        return failed(std::move(opened).error());
    }
    auto begun = data_.upload([this] { return session_.current(); }, object_of(file.path), cancelled_);
    base::Result<void> sent = begun ? send_file(opened->number(), **begun) : base::Result<void>(base::fail(begun.error()));
    // A worker that runs may write to the file any moment. It becomes the object only if it is what it was when it was found, after
    // the last byte was read as before the first.
    if (sent && states_[worker] == State::running && !is_same(opened->number(), file)) return;
    if (sent) sent = (*begun)->finish();
    if (!sent) return failed(std::move(sent).error());
    seen.uploaded = seen.in_bucket = true;
    owners_[file.path] = worker;
}

// A checkpoint that a worker deletes is deleted in the bucket, unless another worker's has taken its place there.
void CheckpointSync::forget_deleted(size_t worker, const Listing& listing) {
    std::erase_if(seen_[worker], [&](const auto& entry) REQUIRES(rounds_) {
        const auto& [path, last] = entry;
        const auto found = std::ranges::lower_bound(listing.files, path, {}, &FoundFile::path);
        if (found != listing.files.end() && found->path == path) return false;
        const auto owner = owners_.find(path);
        if (!last.in_bucket || (owner != owners_.end() && owner->second != worker)) return true;
        auto credentials = session_.current();
        base::Result<void> removed =
            credentials ? data_.remove(*credentials, object_of(path)) : base::Result<void>(base::fail(credentials.error()));
        if (!removed && deletion_) deletion_ = base::fail(removed.error());
        owners_.erase(path);
        return true;
    });
}

}  // namespace training
