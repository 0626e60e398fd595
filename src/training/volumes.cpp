#include "training/volumes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <set>
#include <utility>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "os/descriptor.hpp"

namespace training {
namespace {

constexpr std::chrono::milliseconds between_looks{1000};
constexpr int rest_factor = 4;           // a look that takes long is followed by so many times its length of rest
constexpr int measured_depth_max = 256;  // a descriptor a level
constexpr size_t many_names_max = 1'000'000;

class Measure {
public:
    explicit Measure(uint64_t enough) : enough_(enough) {}

    // Takes the descriptor.
    void folder(int opened, dev_t device, int depth) {
        DIR* directory = ::fdopendir(opened);
        if (directory == nullptr) {
            ::close(opened);
            return;
        }
        while (const dirent* entry = total_ > enough_ ? nullptr : ::readdir(directory)) {
            const std::string name = entry->d_name;
            if (name == "." || name == "..") continue;
            struct stat info{};
            // What is gone meanwhile takes nothing; what is mounted here is not the worker's.
            if (::fstatat(opened, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_dev != device) continue;
            if (info.st_nlink > 1 && !S_ISDIR(info.st_mode) && seen_.size() < many_names_max && !seen_.insert(info.st_ino).second)
                continue;
            total_ += static_cast<uint64_t>(info.st_blocks) * 512;
            if (!S_ISDIR(info.st_mode)) continue;
            if (depth == measured_depth_max) {
                total_ = enough_ + 1;
                break;
            }
            const int below = ::openat(opened, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (below >= 0) folder(below, device, depth + 1);
        }
        ::closedir(directory);
    }
    [[nodiscard]] uint64_t total() const { return total_; }

private:
    uint64_t enough_, total_ = 0;
    std::set<ino_t> seen_;
};

std::string gibibytes(uint64_t bytes) { return std::to_string(bytes >> 30) + " GiB"; }

}  // namespace

uint64_t allocated_below(const std::string& folder, uint64_t enough) {
    const int top = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info{};
    if (top < 0) return 0;
    if (::fstat(top, &info) != 0) {
        ::close(top);
        return 0;
    }
    Measure measure(enough);
    measure.folder(top, info.st_dev, 0);
    return measure.total();
}

DiskUse::DiskUse(std::string folder, const Limits& limits)
    : folder_(std::move(folder)),
      jobs_bytes_max_(limits.jobs_bytes_max),
      free_bytes_min_(limits.disk_free_bytes_min),
      kept_bytes_max_(limits.kept_bytes_max) {
    struct statvfs disk{};
    if (::statvfs(folder_.c_str(), &disk) != 0) return;
    const uint64_t size = uint64_t{disk.f_blocks} * disk.f_frsize;
    free_bytes_min_ = std::min<uint64_t>(free_bytes_min_, size / disk_free_share);
    kept_bytes_max_ = std::min<uint64_t>(kept_bytes_max_, size / kept_share);
}

uint64_t DiskUse::free_bytes() const {
    struct statvfs disk{};
    if (::statvfs(folder_.c_str(), &disk) != 0) return free_bytes_min_;
    return uint64_t{disk.f_bavail} * disk.f_frsize;
}

void DiskUse::set(const std::string& job, uint64_t bytes, bool may_end) {
    const base::Lock lock(mutex_);
    used_[job] = {.bytes = bytes, .may_end = may_end};
}

void DiskUse::keep(const std::string& job, uint64_t bytes) {
    const base::Lock lock(mutex_);
    used_[job] = {.bytes = bytes, .is_kept = true};
}

void DiskUse::leave(const std::string& job) {
    const base::Lock lock(mutex_);
    used_[job].is_leaving = true;
}

void DiskUse::forget(const std::string& job) {
    const base::Lock lock(mutex_);
    used_.erase(job);
}

std::optional<std::string> DiskUse::must_end(const std::string& job) const {
    const uint64_t left = free_bytes();
    const base::Lock lock(mutex_);
    uint64_t all = 0, mine = 0;
    std::string most;
    uint64_t most_bytes = 0;
    for (const auto& [name, used] : used_) {
        if (used.is_leaving && name != job) return std::nullopt;
        all += used.bytes;
        if (name == job) mine = used.bytes;
        if (used.may_end && used.bytes > most_bytes) most = name, most_bytes = used.bytes;
    }
    if (job != most) return std::nullopt;
    if (all > jobs_bytes_max_)
        return "training jobs have taken more than the " + gibibytes(jobs_bytes_max_) +
               " that they may have of this server's disk together, and this job the most of them";
    // What it would give back must help.
    if (left < free_bytes_min_ && mine > free_bytes_min_)
        return "the disk of this server is nearly full, and of its jobs this one has taken the most";
    return std::nullopt;
}

std::optional<std::string> DiskUse::must_wait() const {
    const base::Lock lock(mutex_);
    const uint64_t all = std::accumulate(used_.begin(), used_.end(), uint64_t{0},
                                         [](uint64_t sum, const auto& entry) { return sum + entry.second.bytes; });
    if (all < jobs_bytes_max_) return std::nullopt;
    return "training jobs have taken the " + gibibytes(jobs_bytes_max_) + " that they may have of this server's disk together";
}

bool DiskUse::must_make_room() const {
    const uint64_t left = free_bytes();
    const base::Lock lock(mutex_);
    uint64_t all = 0, kept_bytes = 0;
    size_t kept = 0;
    for (const auto& [name, used] : used_) {
        all += used.bytes;
        if (!used.is_kept) continue;
        kept_bytes += used.bytes;
        ++kept;
    }
    if (kept == 0 || !remove_oldest_kept_) return false;
    return kept > kept_folders_max || kept_bytes > kept_bytes_max_ || all >= jobs_bytes_max_ || left < free_bytes_min_;
}

void DiskUse::make_room() {
    const base::Lock one_at_a_time(making_room_);
    while (must_make_room() && remove_oldest_kept_ && remove_oldest_kept_()) {
    }
}

JobVolumes::JobVolumes(DiskUse& use, std::string folder, std::vector<std::string> workers, uint64_t gigabytes, bool mounted)
    : use_(use), folder_(std::move(folder)), workers_(std::move(workers)), gigabytes_(gigabytes), mounted_(mounted) {}

JobVolumes::~JobVolumes() {
    end_watch();
    volumes_.clear();
    use_.forget(folder_);
}

base::Result<void> JobVolumes::make() {
    {
        const base::Lock lock(mutex_);
        failure_.reset();
    }
    use_.make_room();
    if (const auto why = use_.must_wait()) return base::fail(base::code::CapacityError, *why);
    if (!mounted_) return {};
    for (const auto& worker : workers_) {
        auto made = sandbox::Volumes::make(worker, gigabytes_ << 30);
        if (!made && made.error().code == sandbox::disk_full)
            return base::fail(base::code::CapacityError, "the disk of this server is full");
        volumes_.push_back(TRY(std::move(made)));
    }
    return {};
}

base::Result<void> JobVolumes::find() {
    for (const auto& worker : workers_) {
        if (auto found = TRY(sandbox::Volumes::find(worker))) volumes_.push_back(std::move(found));
    }
    const base::Lock lock(mutex_);
    use_.set(folder_, measure(), false);  // for its place among the others
    return {};
}

void JobVolumes::watch(std::function<void()> on_full) {
    on_full_ = std::move(on_full);
    {
        const base::Lock lock(mutex_);
        is_watched_ = true;
    }
    thread_ = std::thread([this] { run(); });
}

void JobVolumes::end_watch() {
    {
        const base::Lock lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    const base::Lock lock(mutex_);
    stop_ = false;
    // What was written since the last look counts as well.
    if (std::exchange(is_watched_, false) && !failure_) use_.set(folder_, measure(), false);
}

void JobVolumes::keep() {
    end_watch();
    const base::Lock lock(mutex_);
    use_.keep(folder_, measure());
}

void JobVolumes::run() {
    base::Lock lock(mutex_);
    auto rest = between_looks;
    while (!wake_.wait_for(mutex_, rest, [this]() REQUIRES(mutex_) { return stop_; })) {
        const auto began = std::chrono::steady_clock::now();
        look();
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
        rest = std::max(between_looks, took * rest_factor);
        if (std::exchange(wants_room_, false)) {
            lock.unlock();
            use_.make_room();
            lock.lock();
        }
        if (!failure_) continue;
        lock.unlock();
        on_full_();
        return;
    }
}

uint64_t JobVolumes::measure() {
    const uint64_t size = gigabytes_ << 30;
    uint64_t all = 0;
    for (size_t worker = 0; worker < workers_.size(); ++worker) {
        if (mounted_) {
            // What is in the file, or will be.
            all += std::max(sandbox::volume_allocated(workers_[worker]),
                            volumes_.empty() ? 0 : sandbox::volume_used(workers_[worker]));
            continue;
        }
        const uint64_t bytes = allocated_below(workers_[worker], size);
        all += bytes;
        if (bytes > size && is_watched_ && !failure_) {
            failure_ = base::Error(base::code::ClientError, "A worker (algo-" + std::to_string(worker + 1) +
                                                                ") has written more than its ML storage volume holds "
                                                                "(VolumeSizeInGB is " +
                                                                std::to_string(gigabytes_) + "). Please use a larger volume.");
        }
    }
    return all;
}

void JobVolumes::look() {
    use_.set(folder_, measure(), is_watched_);
    if (failure_) return use_.leave(folder_);
    // What others have left goes first.
    wants_room_ = use_.must_make_room();
    if (wants_room_) return;
    if (auto why = use_.must_end(folder_)) {
        failure_ = base::Error(base::code::CapacityError, *why);
        use_.leave(folder_);
    }
}

std::optional<base::Error> JobVolumes::failure() const {
    const base::Lock lock(mutex_);
    return failure_;
}

bool JobVolumes::was_filled(size_t worker, const std::string& said) const {
    if (!mounted_) return false;
    if (sandbox::volume_is_full(workers_[worker])) return true;
    // Who asks for more at once than there is, is refused before it is full.
    return said.find("No space left on device") != std::string::npos &&
           sandbox::volume_free(workers_[worker]) < (gigabytes_ << 30) / 4;
}

void JobVolumes::remove() {
    end_watch();
    volumes_.clear();
    for (const auto& worker : workers_) sandbox::remove_volume(worker);
    use_.forget(folder_);
}

}  // namespace training
