#include "store/bounded.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "store/reserve.hpp"

namespace store {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds between_measures{5};
constexpr uint64_t stat_block_bytes = 512;       // stat(2)
constexpr uint64_t between_looks = 16ULL << 20;  // of a blob that is written, at the disk

std::unexpected<base::Error> over_quota() {
    return base::fail(
        base::code::InsufficientStorage,
        "This kind of data has taken all that it may of the server's disk: nothing new can be stored until there is "
        "space. Deletes work.");
}

std::unexpected<base::Error> nearly_full() {
    return base::fail(base::code::InsufficientStorage,
                      "The server's disk is full: nothing new can be stored until there is space. Deletes work.");
}

uint64_t bytes_below(const std::string& directory) {
    uint64_t bytes = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
        std::error_code gone;  // A file that is removed meanwhile has no size.
        struct stat facts{};
        if (!at->is_regular_file(gone) || ::stat(at->path().c_str(), &facts) != 0) continue;
        // A segment of the log of blobs has holes.
        bytes += std::min(static_cast<uint64_t>(facts.st_size), static_cast<uint64_t>(facts.st_blocks) * stat_block_bytes);
    }
    return bytes;
}

class Disk {
public:
    Disk(std::string directory, const Bounds& bounds) : directory_(std::move(directory)), least_(bounds.disk_free_bytes_min) {
        struct statvfs disk{};
        if (::statvfs(directory_.c_str(), &disk) == 0)
            least_ = std::min<uint64_t>(least_, uint64_t{disk.f_blocks} * disk.f_frsize / bounds.disk_free_share);
    }
    [[nodiscard]] bool is_nearly_full() const {
        struct statvfs disk{};
        return ::statvfs(directory_.c_str(), &disk) == 0 && uint64_t{disk.f_bavail} * disk.f_frsize < least_;
    }
    [[nodiscard]] const std::string& directory() const { return directory_; }

private:
    std::string directory_;
    uint64_t least_;
};

struct Used {
    std::atomic<uint64_t> bytes = 0;
    uint64_t bytes_max = 0;
    [[nodiscard]] bool take(uint64_t more) {
        if (bytes.fetch_add(more) + more <= bytes_max) return true;
        bytes -= more;
        return false;
    }
};

class BoundedWriter final : public BlobWriter {
public:
    BoundedWriter(std::unique_ptr<BlobWriter> inner, Used& used, const Disk& disk)
        : inner_(std::move(inner)), used_(used), disk_(disk) {}
    ~BoundedWriter() override {
        if (!is_kept_) used_.bytes -= taken_;
    }
    base::Result<void> write(std::string_view bytes) override {
        if (!used_.take(bytes.size())) return over_quota();
        taken_ += bytes.size();
        if (taken_ - looked_ >= between_looks) {
            looked_ = taken_;
            if (disk_.is_nearly_full()) return nearly_full();
        }
        return inner_->write(bytes);
    }
    base::Result<BlobId> commit() override {
        auto id = inner_->commit();
        is_kept_ = id.has_value();
        return id;
    }

private:
    std::unique_ptr<BlobWriter> inner_;
    Used& used_;
    const Disk& disk_;
    uint64_t taken_ = 0, looked_ = 0;
    bool is_kept_ = false;
};

class BoundedBlobs final : public Blobs {
public:
    BoundedBlobs(std::unique_ptr<Blobs> inner, const std::string& directory, const Bounds& bounds)
        : inner_(std::move(inner)), disk_(directory, bounds) {
        used_.bytes_max = bounds.bytes_max;
        used_.bytes = bytes_below(directory);
    }
    base::Result<std::unique_ptr<BlobWriter>> create() override {
        if (used_.bytes >= used_.bytes_max) return over_quota();
        if (disk_.is_nearly_full()) return nearly_full();
        return std::make_unique<BoundedWriter>(TRY(inner_->create()), used_, disk_);
    }
    base::Result<std::shared_ptr<BlobReader>> open(const BlobId& id) const override { return inner_->open(id); }
    base::Result<void> remove(const BlobId& id) override {
        const auto blob = inner_->open(id);
        TRY(inner_->remove(id));
        // Of two that remove it at once, the counter is cut at zero; the next start counts anew.
        const uint64_t size = blob ? (*blob)->size() : 0;
        uint64_t before = used_.bytes;
        while (!used_.bytes.compare_exchange_weak(before, before - std::min(before, size))) {
        }
        return {};
    }
    base::Result<std::vector<BlobId>> list() const override { return inner_->list(); }

private:
    std::unique_ptr<Blobs> inner_;
    Disk disk_;
    Used used_;
};

class BoundedKeys final : public KeyValueStore {
public:
    BoundedKeys(KeyValueStore& inner, const std::string& directory, const Bounds& bounds)
        : inner_(inner), disk_(directory, bounds), bytes_max_(bounds.bytes_max) {}
    base::Result<std::optional<std::string>> get(std::string_view key) const override { return inner_.get(key); }
    base::Result<std::vector<Entry>> scan(const Scan& scan) const override { return inner_.scan(scan); }
    std::unique_ptr<Snapshot> snapshot() const override { return inner_.snapshot(); }
    base::Result<void> commit(const Batch& batch) override {
        const bool stores = std::ranges::any_of(batch.writes(), [](const auto& write) { return write.value.has_value(); });
        if (stores && MayUseReserve::here() == ReserveUse::none) {
            if (is_over()) return over_quota();
            if (disk_.is_nearly_full()) return nearly_full();
        }
        return inner_.commit(batch);
    }

private:
    [[nodiscard]] bool is_over() {
        const base::Lock lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        if (!measured_ || now - *measured_ > between_measures) {
            measured_ = now;
            is_over_ = bytes_below(disk_.directory()) > bytes_max_;
        }
        return is_over_;
    }

    KeyValueStore& inner_;
    Disk disk_;
    uint64_t bytes_max_;
    base::Mutex mutex_;
    std::optional<std::chrono::steady_clock::time_point> measured_ GUARDED_BY(mutex_);
    bool is_over_ GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<Blobs> bound_blobs(std::unique_ptr<Blobs> inner, const std::string& directory, const Bounds& bounds) {
    return std::make_unique<BoundedBlobs>(std::move(inner), directory, bounds);
}

std::unique_ptr<KeyValueStore> bound_keys(KeyValueStore& inner, const std::string& directory, const Bounds& bounds) {
    return std::make_unique<BoundedKeys>(inner, directory, bounds);
}

}  // namespace store
