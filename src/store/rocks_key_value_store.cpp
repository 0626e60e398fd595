// KeyValueStore in RocksDB.
//
// Durability: every commit is one WriteBatch with sync=true: written ahead, fsynced, then visible. RocksDB itself groups
// the batches of waiting threads behind one fsync, so nothing here may serialise commits that have nothing to do with each other.
//
// Preconditions: between the check and the write no other writer may write an expected key. Keys are hashed to striped
// reader-writer locks: a commit takes the stripes of the keys it writes exclusively and those it only expects shared, in
// ascending order (no deadlock), checks, writes, releases. So a thousand uploads that all expect `this bucket exists` run side by
// side, and a delete of the bucket waits for them.
//
// A full disk. After a write-ahead that failed RocksDB refuses every write. Its own way on (Resume) leaves the broken log in
// use where nothing is unflushed, and the next write aborts the process. So the database is closed and opened again: everything
// that was committed is in its log, a record that was cut off is not. Readers wait meanwhile. A reserve of space (reserve.hpp)
// lets commits that only erase, and those of threads that may use it, go through on a full disk; all others get
// `InsufficientStorage`. RocksDB's own log of events is sent to ours: it would be a file on the full disk, and RocksDB does not
// survive its failure. Where the database cannot be opened again, it is opened for reading, until a commit can.
//
// A record whose sync failed may stand in the log all the same, and then it is there when the database is opened again, though its
// commit was told to have failed: rooms above would not know of it. So what the keys of such a commit held before is
// remembered, and put back before anybody sees the database.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <thread>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "metrics/disk.hpp"
#include "os/file.hpp"
#include "store/key_value_store.hpp"
#include "store/reserve.hpp"

// Debian's librocksdb is not instrumented: ThreadSanitizer cannot see its barriers and takes its memtable for a race.
#if __has_feature(thread_sanitizer)
// NOLINTBEGIN(readability-identifier-naming): the runtime's name
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:librocksdb.so\n"; }
// NOLINTEND(readability-identifier-naming)
#endif

namespace store {
namespace {

constexpr size_t stripes = 4096;
constexpr size_t block_cache_bytes = 64u << 20;
// The log is preallocated and, when the database is opened, flushed at this size: what the reserve must have room for, twice.
constexpr size_t write_buffer_bytes = 16u << 20;
constexpr SpaceReserve::Sizes reserved_bytes{.administration = 32u << 20, .making_room = 64u << 20};
constexpr uint64_t opening_bytes_min = 1u << 20;  // beside what is to be flushed
constexpr size_t message_bytes_max = 1024;        // of RocksDB's log
constexpr size_t doubtful_keys_max = 1u << 16;
constexpr std::chrono::seconds between_repairs{5};
constexpr std::chrono::seconds between_openings{1};  // of one that cannot even be read
constexpr std::chrono::milliseconds give_way{100};   // how long readers let an opening go first

base::Error full() {
    return {base::code::InsufficientStorage,
            "The server's disk is full: nothing new can be stored until there is space. Deletes work."};
}

bool is_full(const base::Error& error) { return error.code == base::code::InsufficientStorage; }

// What RocksDB says names files of the server: it goes to the log, not to clients.
base::Error broken(const rocksdb::Status& status) {
    base::log_error("the metadata store failed: " + status.ToString());
    // What was cut off while it was appended is certainly not there; anything else is unknown. RocksDB says which it was in its
    // text alone.
    if (status.IsNoSpace() && status.ToString().find("While appending") != std::string::npos) return full();
    return {base::code::InternalError, "the metadata store failed"};
}

class Events final : public rocksdb::Logger {
public:
    Events() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
    using Logger::Logv;
    void Logv(const char* format, va_list arguments) override {
        char line[message_bytes_max];
        std::vsnprintf(line, sizeof line, format, arguments);
        if (std::string_view(line).contains("File Deletions "))
            return;  // of a checkpoint, which stops them for a moment: no trouble
        base::log_warn(std::string("metadata store: ") + line);
    }
};

class Trouble final : public rocksdb::EventListener {
public:
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* automatically) override {
        *automatically = false;  // see above
    }
    void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status*) override { happened = true; }
    std::atomic<bool> happened = false;
};

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

base::Result<std::optional<std::string>> get_from(rocksdb::DB& db, const rocksdb::ReadOptions& options, std::string_view key) {
    std::string value;
    const auto status = db.Get(options, db.DefaultColumnFamily(), slice(key), &value);
    if (status.ok()) return value;
    if (status.IsNotFound()) return std::nullopt;
    return base::fail(broken(status));
}

base::Result<std::vector<Entry>> scan_of(rocksdb::DB& db, const rocksdb::ReadOptions& options, const Scan& scan) {
    std::vector<Entry> entries;
    const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(options));
    for (at->Seek(slice(scan.from > scan.prefix ? scan.from : scan.prefix)); at->Valid() && entries.size() < scan.limit;
         at->Next()) {
        if (!at->key().starts_with(slice(scan.prefix))) break;
        entries.push_back({at->key().ToString(), at->value().ToString()});
    }
    if (!at->status().ok()) return base::fail(broken(at->status()));
    return entries;
}

class RocksSnapshot final : public Snapshot {
public:
    // `open` keeps the database from being closed.
    RocksSnapshot(rocksdb::DB& db, std::shared_lock<base::SharedMutex> open)
        : open_(std::move(open)), db_(db), snapshot_(db.GetSnapshot()) {
        options_.snapshot = snapshot_;
    }
    ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }
    RocksSnapshot(const RocksSnapshot&) = delete;
    RocksSnapshot& operator=(const RocksSnapshot&) = delete;
    base::Result<std::optional<std::string>> get(std::string_view key) const override { return get_from(db_, options_, key); }
    base::Result<std::vector<Entry>> scan(const Scan& scan) const override { return scan_of(db_, options_, scan); }

private:
    std::shared_lock<base::SharedMutex> open_;
    rocksdb::DB& db_;
    const rocksdb::Snapshot* snapshot_;
    rocksdb::ReadOptions options_;
};

// Of a moment at which the database could not be opened.
class NoSnapshot final : public Snapshot {
public:
    base::Result<std::optional<std::string>> get(std::string_view) const override { return base::fail(not_open()); }
    base::Result<std::vector<Entry>> scan(const Scan&) const override { return base::fail(not_open()); }
    static base::Error not_open() { return {base::code::InternalError, "the metadata store is not open"}; }
};

// `for_reading`: nothing is written to the disk.
base::Result<std::unique_ptr<rocksdb::DB>> open_database(const std::string& directory, const std::shared_ptr<Trouble>& trouble,
                                                         bool for_reading = false) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.max_open_files = 256;
    options.write_buffer_size = write_buffer_bytes;
    options.info_log = std::make_shared<Events>();
    options.listeners.push_back(trouble);
    // A torn last record is what kill -9 leaves; anything worse than that must not be skipped over in silence.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(block_cache_bytes);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

    rocksdb::DB* db = nullptr;
    if (for_reading) {
        const auto status = rocksdb::DB::OpenForReadOnly(options, directory, &db);
        if (!status.ok()) return base::fail(broken(status));
        return std::unique_ptr<rocksdb::DB>(db);
    }
    // Open() distinguishes a lock that is held from any other failure only in its message.
    rocksdb::FileLock* lock = nullptr;
    if (const auto locked = options.env->LockFile(directory + "/LOCK", &lock); !locked.ok()) {
        if (locked.IsNoSpace()) return base::fail(full());
        if (locked.ToString().find("while open a file for lock") != std::string::npos)
            return base::fail(base::code::InternalError,
                              "cannot lock the metadata store in `" + directory + "`: " + locked.ToString());
        return base::fail(base::code::StoreBusy, "another process uses the data directory `" + directory + "`");
    }
    // Of files that could not be written whole, RocksDB leaves these.
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error))
        if (entry.path().extension() == ".dbtmp") std::filesystem::remove(entry.path(), error);
    (void)options.env->UnlockFile(lock);
    const auto status = rocksdb::DB::Open(options, directory, &db);
    if (!status.ok())
        return base::fail(status.IsNoSpace() ? base::code::InsufficientStorage : base::code::InternalError,
                          "cannot open the metadata store in `" + directory + "`: " + status.ToString());
    return std::unique_ptr<rocksdb::DB>(db);
}

class RocksKeyValueStore final : public KeyValueStore {
public:
    explicit RocksKeyValueStore(std::string directory)
        : directory_(std::move(directory)), reserve_(directory_ + "/reserved-space", reserved_bytes) {}

    base::Result<void> open() {
        auto opened = open_database(directory_, trouble_);
        while (!opened && is_full(opened.error()) && reserve_.release(ReserveUse::making_room))
            opened = open_database(directory_, trouble_);
        db_ = TRY(std::move(opened));
        return {};
    }

    base::Result<std::optional<std::string>> get(std::string_view key) const override {
        const auto open = reading();
        if (!db_) return base::fail(NoSnapshot::not_open());
        return get_from(*db_, {}, key);
    }
    base::Result<std::vector<Entry>> scan(const Scan& scan) const override {
        const auto open = reading();
        if (!db_) return base::fail(NoSnapshot::not_open());
        return scan_of(*db_, {}, scan);
    }
    std::unique_ptr<Snapshot> snapshot() const override {
        auto open = reading();
        if (!db_) return std::make_unique<NoSnapshot>();
        return std::make_unique<RocksSnapshot>(*db_, std::move(open));
    }

    base::Result<void> commit(const Batch& batch) override {
        const auto stores = [](const Batch::Write& write) { return write.value.has_value(); };
        const ReserveUse use = std::ranges::none_of(batch.writes(), stores) ? ReserveUse::making_room : MayUseReserve::here();
        if (!reserve_.lets_on(use)) return base::fail(full());
        // What failed in the background (a compaction) stops later, when writers wait for it: mended as soon as there is space.
        if (trouble_->happened && reserve_.lets_on(ReserveUse::none)) (void)open_again(generation_, between_repairs);
        for (;;) {
            const auto generation = generation_.load();
            auto committed = try_commit(batch);
            if (is_done(committed)) return committed;
            if (open_again(generation, {})) {
                committed = try_commit(batch);
                if (is_done(committed)) return committed;
            }
            // After the first refusal RocksDB does not say any more what it was for.
            const bool no_space = is_full(committed.error()) || !has_space_to_open();
            if (!no_space || !reserve_.release(use)) return committed;
        }
    }

    base::Result<void> checkpoint(const std::string& directory) override {
        const auto open = reading();
        if (!db_) return base::fail(NoSnapshot::not_open());
        rocksdb::Checkpoint* made = nullptr;
        auto status = rocksdb::Checkpoint::Create(db_.get(), &made);
        const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
        if (status.ok()) status = checkpoint->CreateCheckpoint(directory);
        if (!status.ok()) return base::fail(broken(status));
        return {};
    }

private:
    static bool is_done(const base::Result<void>& committed) {
        return committed || committed.error().code == base::code::Conflict;
    }

    std::shared_lock<base::SharedMutex> reading() const {
        // Lets an opening go first: readers that come all the time would keep it from ever beginning.
        const auto until = std::chrono::steady_clock::now() + give_way;
        while (opening_now_ && std::chrono::steady_clock::now() < until) std::this_thread::yield();
        std::shared_lock open(opening_);
        if (db_ != nullptr) return open;
        open.unlock();
        (void)open_again(generation_, between_openings);
        open.lock();
        return open;
    }

    base::Result<void> try_commit(const Batch& batch) {
        const auto open = reading();
        if (!db_) return base::fail(NoSnapshot::not_open());
        if (for_reading_) return base::fail(full());
        const Held held(*this, batch);
        for (const auto& [key, wanted] : batch.expectations()) {
            const auto present = TRY(get_from(*db_, {}, key));
            if (present != wanted) return base::fail(base::code::Conflict, "another writer changed `" + key + "`");
        }
        rocksdb::WriteBatch writes;
        for (const auto& [key, value] : batch.writes()) {
            const auto status = value ? writes.Put(slice(key), slice(*value)) : writes.Delete(slice(key));
            if (!status.ok()) return base::fail(broken(status));
        }
        rocksdb::WriteOptions options;
        options.sync = true;
        const metrics::DiskWait waited(metrics::Written::keys);
        const auto status = db_->Write(options, &writes);
        if (!status.ok()) {
            remember_before(batch);
            return base::fail(broken(status));
        }
        if (has_doubtful_) forget_before(batch);
        return {};
    }

    // REQUIRES: the batch's stripes are held, and it was not written as far as RocksDB says
    void remember_before(const Batch& batch) {
        const base::Lock lock(doubtful_mutex_);
        for (const auto& write : batch.writes()) {
            if (doubtful_.contains(write.key)) continue;  // nothing was written since
            auto before = get_from(*db_, {}, write.key);
            if (before && doubtful_.size() < doubtful_keys_max)
                has_doubtful_ = doubtful_.emplace(write.key, std::move(*before)).second;
            else
                base::log_error("what `" + write.key + "` held before a commit that failed is not known");
        }
    }

    // Where RocksDB went on by itself, what is committed since stays.
    void forget_before(const Batch& batch) {
        const base::Lock lock(doubtful_mutex_);
        for (const auto& write : batch.writes()) doubtful_.erase(write.key);
        has_doubtful_ = !doubtful_.empty();
    }

    // What commits that failed have left in the log is taken back.
    base::Result<void> take_back(rocksdb::DB& db) const {
        const base::Lock lock(doubtful_mutex_);
        rocksdb::WriteBatch back;
        for (const auto& [key, before] : doubtful_) {
            if (TRY(get_from(db, {}, key)) == before) continue;
            const auto status = before ? back.Put(slice(key), slice(*before)) : back.Delete(slice(key));
            if (!status.ok()) return base::fail(broken(status));
        }
        if (back.Count() > 0) {
            rocksdb::WriteOptions options;
            options.sync = true;
            if (const auto status = db.Write(options, &back); !status.ok()) return base::fail(broken(status));
            base::log_info("commits that had failed were taken back: " + std::to_string(back.Count()) + " keys");
        }
        doubtful_.clear();
        has_doubtful_ = false;
        return {};
    }

    [[nodiscard]] bool has_space_to_open() {
        const base::SharedLock lock(opening_);
        return has_space_to_open_locked();
    }
    [[nodiscard]] bool has_space_to_open_locked() const {
        uint64_t unflushed = 0;
        if (db_) (void)db_->GetIntProperty("rocksdb.cur-size-all-mem-tables", &unflushed);
        struct statvfs disk{};
        return ::statvfs(directory_.c_str(), &disk) == 0 &&
               uint64_t{disk.f_bavail} * disk.f_frsize >= unflushed + opening_bytes_min;
    }

    // Closes and opens the database, unless another thread did since `generation`, or less than `pause` ago, or there is no space
    // for it. False: it is as it was, or can only be read.
    bool open_again(uint64_t generation, std::chrono::seconds pause) const {
        opening_now_ = true;
        const base::Lock lock(opening_);
        opening_now_ = false;
        if (generation_ != generation) return true;
        const auto now = std::chrono::steady_clock::now();
        if (now - opened_ < pause || !has_space_to_open_locked()) return false;
        db_.reset();
        trouble_->happened = false;
        opened_ = now;
        auto opened = open_database(directory_, trouble_);
        if (opened) {
            if (auto taken_back = take_back(**opened); !taken_back) opened = base::fail(std::move(taken_back).error());
        }
        for_reading_ = !opened;
        if (!opened) {
            base::log_error(opened.error().describe());
            // With what stands in the log and should not, it is not shown.
            const base::Lock doubts(doubtful_mutex_);
            if (auto readable = open_database(directory_, trouble_, true); readable && doubtful_.empty())
                db_ = std::move(*readable);
            return false;
        }
        db_ = std::move(*opened);
        ++generation_;
        base::log_info("the metadata store was opened again after an error");
        return true;
    }

    // The stripes of one batch, locked for as long as this lives. A batch without expectations needs its exclusive locks too:
    // it must not write between another thread's check and write.
    class Held {
    public:
        Held(RocksKeyValueStore& keys, const Batch& batch) : keys_(keys) {
            for (const auto& write : batch.expectations()) exclusive_.try_emplace(stripe_of(write.key), false);
            for (const auto& write : batch.writes()) exclusive_[stripe_of(write.key)] = true;
            for (const auto& [stripe, exclusive] : exclusive_) {
                exclusive ? keys_.locks_[stripe].lock() : keys_.locks_[stripe].lock_shared();
            }
        }
        ~Held() {
            for (const auto& [stripe, exclusive] : exclusive_) {
                exclusive ? keys_.locks_[stripe].unlock() : keys_.locks_[stripe].unlock_shared();
            }
        }
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;

    private:
        static size_t stripe_of(const std::string& key) { return std::hash<std::string>{}(key) % stripes; }
        RocksKeyValueStore& keys_;
        std::map<size_t, bool> exclusive_;  // ordered: the order of locking
    };

    const std::string directory_;
    SpaceReserve reserve_;
    const std::shared_ptr<Trouble> trouble_ = std::make_shared<Trouble>();
    // Readers open it again, too: what follows is no part of what is stored.
    mutable base::SharedMutex opening_;  // shared: the database is in use
    mutable std::atomic<bool> opening_now_ = false;
    mutable std::atomic<uint64_t> generation_ = 0;  // how often it was opened again
    mutable std::chrono::steady_clock::time_point opened_;
    mutable std::unique_ptr<rocksdb::DB> db_;  // null: it could not be opened again; the next call tries
    mutable bool for_reading_ = false;         // it could not, but can be read
    mutable base::Mutex doubtful_mutex_;
    mutable std::atomic<bool> has_doubtful_ = false;
    // What these keys have to hold: the last commit to each failed.
    mutable std::map<std::string, std::optional<std::string>> doubtful_ GUARDED_BY(doubtful_mutex_);
    std::array<base::SharedMutex, stripes> locks_;
};

}  // namespace

base::Result<std::unique_ptr<KeyValueStore>> open_rocks_store(const std::string& directory) {
    TRY(os::make_folders(directory));

    auto keys = std::make_unique<RocksKeyValueStore>(directory);
    TRY(keys->open());
    return keys;
}

}  // namespace store
