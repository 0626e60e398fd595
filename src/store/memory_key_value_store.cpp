// KeyValueStore in a std::map: the contract of key_value_store.hpp without a disk, for the tests of the rooms above.
// A snapshot is the map itself: commits copy it if a reader still holds it.
#include <map>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "store/key_value_store.hpp"

namespace store {
namespace {

using Map = std::map<std::string, std::string, std::less<>>;

std::optional<std::string> get_from(const Map& map, std::string_view key) {
    const auto found = map.find(key);
    if (found == map.end()) return std::nullopt;
    return found->second;
}

std::vector<Entry> scan_of(const Map& map, const Scan& scan) {
    std::vector<Entry> entries;
    const auto& first = scan.from > scan.prefix ? scan.from : scan.prefix;
    for (auto at = map.lower_bound(first); at != map.end() && entries.size() < scan.limit; ++at) {
        if (!at->first.starts_with(scan.prefix)) break;
        entries.push_back({at->first, at->second});
    }
    return entries;
}

class MemorySnapshot final : public Snapshot {
public:
    explicit MemorySnapshot(std::shared_ptr<const Map> map) : map_(std::move(map)) {}
    base::Result<std::optional<std::string>> get(std::string_view key) const override { return get_from(*map_, key); }
    base::Result<std::vector<Entry>> scan(const Scan& scan) const override { return scan_of(*map_, scan); }

private:
    std::shared_ptr<const Map> map_;
};

class MemoryKeyValueStore final : public KeyValueStore {
public:
    base::Result<std::optional<std::string>> get(std::string_view key) const override {
        const base::Lock lock(mutex_);
        return get_from(*map_, key);
    }
    base::Result<std::vector<Entry>> scan(const Scan& scan) const override {
        const base::Lock lock(mutex_);
        return scan_of(*map_, scan);
    }
    std::unique_ptr<Snapshot> snapshot() const override {
        const base::Lock lock(mutex_);
        return std::make_unique<MemorySnapshot>(map_);
    }
    base::Result<void> commit(const Batch& batch) override {
        const base::Lock lock(mutex_);
        for (const auto& [key, value] : batch.expectations()) {
            if (get_from(*map_, key) != value) return base::fail(base::code::Conflict, "another writer changed `" + key + "`");
        }
        if (map_.use_count() > 1) map_ = std::make_shared<Map>(*map_);
        for (const auto& [key, value] : batch.writes()) {
            if (value) {
                map_->insert_or_assign(key, *value);
            } else {
                map_->erase(key);
            }
        }
        return {};
    }

private:
    mutable base::Mutex mutex_;
    std::shared_ptr<Map> map_ GUARDED_BY(mutex_) = std::make_shared<Map>();
};

}  // namespace

std::unique_ptr<KeyValueStore> make_memory_store() { return std::make_unique<MemoryKeyValueStore>(); }

}  // namespace store
