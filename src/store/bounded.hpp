// Blobs and metadata that take no more of the disk than they may, so that jobs, logs and the record find room: new ones are refused
// like on a full disk (`InsufficientStorage`), deletes are not.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "store/blobs.hpp"
#include "store/key_value_store.hpp"

namespace store {

struct Bounds {
    uint64_t bytes_max = uint64_t{1} << 60;  // of the folder
    uint64_t disk_free_bytes_min = 0;        // what is left of the disk for the others …
    uint64_t disk_free_share = 25;           // … but at most one part in so many of it
};

// `inner` has its files in `directory`; they are counted at once.
[[nodiscard]] std::unique_ptr<Blobs> bound_blobs(std::unique_ptr<Blobs> inner, const std::string& directory,
                                                 const Bounds& bounds);
// Refuses batches that put something while `directory` holds more, measured every few seconds: `inner`'s other users are not
// refused. `inner` outlives it.
[[nodiscard]] std::unique_ptr<KeyValueStore> bound_keys(KeyValueStore& inner, const std::string& directory, const Bounds& bounds);

}  // namespace store
