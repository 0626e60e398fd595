// Keys in RocksDB.
//
// Durability: every commit is one WriteBatch with sync=true: written ahead, fsynced, then visible. RocksDB itself groups
// the batches of waiting threads behind one fsync, so nothing here may serialise commits that have nothing to do with each other.
//
// Preconditions: between the check and the write nobody else may write an expected key. Keys are hashed to striped
// reader-writer locks: a commit takes the stripes of the keys it writes exclusively and those it only expects shared, in
// ascending order (no deadlock), checks, writes, releases. So a thousand uploads that all expect `this bucket exists` run side by
// side, and a delete of the bucket waits for them.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <shared_mutex>

#include "store/folders.hpp"
#include "store/keys.hpp"

// Debian's librocksdb is not instrumented: ThreadSanitizer cannot see its barriers and takes its memtable for a race.
#if __has_feature(thread_sanitizer)
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:librocksdb.so\n"; }
#endif

namespace store {
namespace {

constexpr size_t stripes = 4096;
constexpr size_t block_cache_bytes = 64u << 20;

base::Error broken(const rocksdb::Status& status) { return {"InternalError", "the metadata store failed: " + status.ToString()}; }

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
    explicit RocksSnapshot(rocksdb::DB& db) : db_(db), snapshot_(db.GetSnapshot()) { options_.snapshot = snapshot_; }
    ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }
    RocksSnapshot(const RocksSnapshot&) = delete;
    RocksSnapshot& operator=(const RocksSnapshot&) = delete;
    base::Result<std::optional<std::string>> get(std::string_view key) const override { return get_from(db_, options_, key); }
    base::Result<std::vector<Entry>> scan(const Scan& scan) const override { return scan_of(db_, options_, scan); }

private:
    rocksdb::DB& db_;
    const rocksdb::Snapshot* snapshot_;
    rocksdb::ReadOptions options_;
};

class RocksKeys final : public Keys {
public:
    explicit RocksKeys(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {}

    base::Result<std::optional<std::string>> get(std::string_view key) const override { return get_from(*db_, {}, key); }
    base::Result<std::vector<Entry>> scan(const Scan& scan) const override { return scan_of(*db_, {}, scan); }
    std::unique_ptr<Snapshot> snapshot() const override { return std::make_unique<RocksSnapshot>(*db_); }

    base::Result<void> commit(const Batch& batch) override {
        const Held held(*this, batch);
        for (const auto& [key, wanted] : batch.expectations()) {
            const auto present = TRY(get(key));
            if (present != wanted) return base::fail("Conflict", "somebody else changed `" + key + "`");
        }
        rocksdb::WriteBatch writes;
        for (const auto& [key, value] : batch.writes()) {
            const auto status = value ? writes.Put(slice(key), slice(*value)) : writes.Delete(slice(key));
            if (!status.ok()) return base::fail(broken(status));
        }
        rocksdb::WriteOptions options;
        options.sync = true;
        const auto status = db_->Write(options, &writes);
        if (!status.ok()) return base::fail(broken(status));
        return {};
    }

private:
    // The stripes of one batch, locked for as long as this lives. A batch without expectations needs its exclusive locks too:
    // it must not write between somebody else's check and write.
    class Held {
    public:
        Held(RocksKeys& keys, const Batch& batch) : keys_(keys) {
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
        RocksKeys& keys_;
        std::map<size_t, bool> exclusive_;  // ordered: the order of locking
    };

    std::unique_ptr<rocksdb::DB> db_;
    std::array<std::shared_mutex, stripes> locks_;
};

}  // namespace

base::Result<std::unique_ptr<Keys>> open_rocks_keys(const std::string& directory) {
    TRY(make_folders(directory));

    rocksdb::Options options;
    options.create_if_missing = true;
    options.keep_log_file_num = 4;
    options.max_open_files = 256;
    // A torn last record is what kill -9 leaves; anything worse than that must not be skipped over in silence.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(block_cache_bytes);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

    rocksdb::DB* db = nullptr;
    const auto status = rocksdb::DB::Open(options, directory, &db);
    if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
        return base::fail("StoreBusy", "another process uses the data directory `" + directory + "`");
    }
    if (!status.ok())
        return base::fail("InternalError", "cannot open the metadata store in `" + directory + "`: " + status.ToString());
    return std::make_unique<RocksKeys>(std::unique_ptr<rocksdb::DB>(db));
}

}  // namespace store
