// Metadata: ordered keys with snapshot reads and atomic commits. Embedded: RocksDB (rocks_key_value_store.cpp).
//
// A commit is durable when it returns (written ahead and fsynced; concurrent commits share one fsync) and visible to every later
// read. Conflicts are found by preconditions in the batch, never by locks the caller holds: read, decide, commit with
// `expect`, and on `Conflict` read again.
// Key layout: each room owns a prefix that ends in '/', e.g. `iam/`, `s3/`; see the room's README.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace store {

struct Entry {
    std::string key;
    std::string value;
};

struct Scan {
    std::string prefix;       // only keys that start with this
    std::string from;         // the first key wanted (inclusive); empty: the prefix's first
    size_t limit = SIZE_MAX;  // at most this many entries
};

class Batch {
public:
    Batch& put(std::string key, std::string value);
    Batch& erase(std::string key);
    // The commit fails with `Conflict` unless the key holds exactly this value (nullopt: is absent) at that moment.
    Batch& expect(std::string key, std::optional<std::string> value);

    struct Write {
        std::string key;
        std::optional<std::string> value;
    };
    [[nodiscard]] const std::vector<Write>& writes() const { return writes_; }
    [[nodiscard]] const std::vector<Write>& expectations() const { return expectations_; }

private:
    std::vector<Write> writes_;
    std::vector<Write> expectations_;
};

// Reads as of one moment.
class Snapshot {
public:
    virtual ~Snapshot() = default;
    [[nodiscard]] virtual base::Result<std::optional<std::string>> get(std::string_view key) const = 0;
    [[nodiscard]] virtual base::Result<std::vector<Entry>> scan(const Scan& scan) const = 0;
};

class KeyValueStore {
public:
    virtual ~KeyValueStore() = default;
    [[nodiscard]] virtual base::Result<std::optional<std::string>> get(std::string_view key) const = 0;
    [[nodiscard]] virtual base::Result<std::vector<Entry>> scan(const Scan& scan) const = 0;
    [[nodiscard]] virtual std::unique_ptr<Snapshot> snapshot() const = 0;
    // Errors: `Conflict` (a precondition failed; nothing was written), `InsufficientStorage` (the disk is full; nothing was
    // written), `InternalError` (unknown: it is not seen now, but a crash might bring it back until a later commit has succeeded).
    // On a full disk, batches that only erase and those of threads that may use the reserve (reserve.hpp) are still written.
    [[nodiscard]] virtual base::Result<void> commit(const Batch& batch) = 0;
    // All that is committed, as of one moment, as a database in a new folder that shares its files with this one where the file system
    // can (store_copy.hpp reads it). Errors: `NotImplemented` (nothing is on disk), `InternalError`.
    [[nodiscard]] virtual base::Result<void> checkpoint(const std::string& directory);
};

// Opens (makes) the database in `directory`. One process at a time: a second gets `StoreBusy` naming the directory.
[[nodiscard]] base::Result<std::unique_ptr<KeyValueStore>> open_rocks_store(const std::string& directory);
// Nothing on disk; for tests of rooms above.
[[nodiscard]] std::unique_ptr<KeyValueStore> make_memory_store();

}  // namespace store
