// Space that is kept free for what must work on a full disk: deletes, stopping jobs, and the record of both.
//
// A reserve is a file of allocated, unused blocks beside what it protects. Who finds the disk full and may use the reserve
// releases it (the file is emptied, so its blocks are free); all others are refused until space is back and the reserve
// whole again. What releases it frees more than it takes, or is small.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/mutex.hpp"

namespace store {

class SpaceReserve {
public:
    // Takes the blocks if the disk has them; at most a quarter of the file system. A file system that cannot reserve (no
    // fallocate) is treated as if the reserve were whole.
    SpaceReserve(std::string path, uint64_t bytes);

    // Whether the space is reserved: otherwise only what may use the reserve is let on. Tries to take it again, once a second.
    [[nodiscard]] bool whole();
    // Gives the blocks back to the file system.
    void release();

private:
    bool take();

    std::string path_;
    uint64_t bytes_;
    std::atomic<bool> whole_ = false;
    base::Mutex mutex_;
    std::chrono::steady_clock::time_point tried_ GUARDED_BY(mutex_);
};

// While one lives, this thread may use reserves. The gate makes one around what frees space, once it is allowed.
class MayUseReserve {
public:
    MayUseReserve();
    ~MayUseReserve();
    MayUseReserve(const MayUseReserve&) = delete;
    MayUseReserve& operator=(const MayUseReserve&) = delete;

    [[nodiscard]] static bool here();
};

}  // namespace store
