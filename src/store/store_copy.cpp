#include "store/store_copy.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>

#include <algorithm>
#include <cstdarg>

#include "base/error_codes.hpp"

namespace store {
namespace {

constexpr size_t entries_at_once = 1000;

// RocksDB's log of events would be a file in the folder.
class NoEvents final : public rocksdb::Logger {
public:
    using Logger::Logv;
    void Logv(const char*, va_list) override {}
};

std::unexpected<base::Error> corrupt(const std::string& directory, const rocksdb::Status& status) {
    return base::fail(base::code::CorruptRecord, "the metadata store in `" + directory + "`: " + status.ToString());
}

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

class RocksCopy final : public StoreCopy {
public:
    RocksCopy(std::unique_ptr<rocksdb::DB> db, std::string directory) : db_(std::move(db)), directory_(std::move(directory)) {}

    base::Result<std::optional<std::string>> get(std::string_view key) const override {
        std::string value;
        const auto status = db_->Get({}, db_->DefaultColumnFamily(), slice(key), &value);
        if (status.IsNotFound()) return std::nullopt;
        if (!status.ok()) return corrupt(directory_, status);
        return value;
    }

    base::Result<std::vector<Entry>> scan(const Scan& scan) const override {
        std::vector<Entry> entries;
        const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
        for (at->Seek(slice(std::max(scan.from, scan.prefix))); at->Valid() && entries.size() < scan.limit; at->Next()) {
            if (!at->key().starts_with(slice(scan.prefix))) break;
            entries.push_back({at->key().ToString(), at->value().ToString()});
        }
        if (!at->status().ok()) return corrupt(directory_, at->status());
        return entries;
    }

    base::Result<void> verify() const override {
        const auto status = db_->VerifyChecksum();
        if (!status.ok()) return corrupt(directory_, status);
        return {};
    }

private:
    std::unique_ptr<rocksdb::DB> db_;
    std::string directory_;
};

}  // namespace

base::Result<std::unique_ptr<StoreCopy>> open_store_copy(const std::string& directory) {
    rocksdb::Options options;
    options.info_log = std::make_shared<NoEvents>();
    options.max_open_files = 256;
    options.paranoid_checks = true;
    rocksdb::DB* db = nullptr;
    const auto status = rocksdb::DB::OpenForReadOnly(options, directory, &db);
    if (!status.ok()) return corrupt(directory, status);
    return std::make_unique<RocksCopy>(std::unique_ptr<rocksdb::DB>(db), directory);
}

base::Result<void> each_entry(const Snapshot& snapshot, const std::string& prefix,
                              const std::function<base::Result<void>(const Entry&)>& visit) {
    for (std::string from = prefix;;) {
        const auto page = TRY(snapshot.scan({.prefix = prefix, .from = from, .limit = entries_at_once}));
        for (const auto& entry : page) TRY(visit(entry));
        if (page.size() < entries_at_once) return {};
        from = page.back().key + '\0';
    }
}

}  // namespace store
