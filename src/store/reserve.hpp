// Space that is kept free for what must work on a full disk.
//
// A reserve is two files of allocated, unused blocks beside what it protects: one for reads and administration, which record
// what they did, and one for what makes room: deletes, stopping jobs. Who finds the disk full and may use a part releases it (the file is
// emptied, so its blocks are free); all others are refused until space is back and the reserve whole again. So administration
// that goes on for days takes nothing from deletes.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/mutex.hpp"

namespace store {

// What a thread may use of a reserve, from the least on.
enum class ReserveUse : uint8_t { none, administration, making_room };

class SpaceReserve {
public:
    struct Sizes {
        uint64_t administration = 0, making_room = 0;  // bytes
        // So much of what is for administration is given back at a time, and what is not needed stays reserved: others take what is free, also
        // while no server runs. 0: all at once.
        uint64_t administration_step = 0;
    };

    // Takes the blocks if the disk has them: of `path` for what makes room, at most a quarter of the file system, and of
    // `path` + "-for-administration", at most an eighth. A file system that cannot reserve (no fallocate) is treated as if the reserve were whole.
    SpaceReserve(const std::string& path, Sizes sizes);

    // Whether who may use so much is let on: each part that is kept from it is there. Tries to take what is missing again, once a second.
    [[nodiscard]] bool lets_on(ReserveUse use);
    // Gives the next part that may be used back to the file system, or the next step of it. False: there is none.
    bool release(ReserveUse use);

private:
    struct Part {
        std::string path;
        uint64_t bytes = 0;
        uint64_t step = 0;
        std::atomic<bool> whole = false;
    };
    [[nodiscard]] static bool take(const Part& part);

    // By who may use it: administration, making room.
    std::array<Part, 2> parts_;
    base::Mutex mutex_;
    std::chrono::steady_clock::time_point tried_ GUARDED_BY(mutex_);
};

// While one lives, this thread may use so much of reserves, or what it might before, if that is more. The gate makes one once
// a request is allowed.
class MayUseReserve {
public:
    explicit MayUseReserve(ReserveUse use = ReserveUse::making_room);
    ~MayUseReserve();
    MayUseReserve(const MayUseReserve&) = delete;
    MayUseReserve& operator=(const MayUseReserve&) = delete;

    [[nodiscard]] static ReserveUse here();

private:
    ReserveUse before_;
};

// While one lives, this thread may use nothing of reserves, whatever it might before: it is about to store more, though its request is one
// that makes room (a delete that leaves a delete marker).
class MayNotUseReserve {
public:
    MayNotUseReserve();
    ~MayNotUseReserve();
    MayNotUseReserve(const MayNotUseReserve&) = delete;
    MayNotUseReserve& operator=(const MayNotUseReserve&) = delete;

private:
    ReserveUse before_;
};

}  // namespace store
