// A database that nobody writes: a checkpoint (KeyValueStore::checkpoint), a copy of one in a backup, or the folder of a server that is
// stopped. Reading changes nothing in its folder.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "store/key_value_store.hpp"

namespace store {

class StoreCopy : public Snapshot {
public:
    // Reads all of it and compares the checksums that the database keeps of its blocks. Error `CorruptRecord`, with the file.
    [[nodiscard]] virtual base::Result<void> verify() const = 0;
};

// Error `CorruptRecord`: it cannot be opened as a database.
[[nodiscard]] base::Result<std::unique_ptr<StoreCopy>> open_store_copy(const std::string& directory);

// Every entry with this prefix, in order, a page at a time: as many as there are, in the memory of a few.
[[nodiscard]] base::Result<void> each_entry(const Snapshot& snapshot, const std::string& prefix,
                                            const std::function<base::Result<void>(const Entry&)>& visit);

}  // namespace store
