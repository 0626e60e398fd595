// The server reads everything that it has stored again and again, slowly, and compares: a disk that loses bytes is found while there is
// still a backup that has them. One pass walks over all objects and parts as they are at each moment.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "store/blobs.hpp"
#include "store/key_value_store.hpp"

namespace admin {

constexpr size_t damaged_said_max = 100;

struct ScrubState {
    uint64_t passes = 0;              // that are done since the server began
    uint64_t blobs = 0, bytes = 0;    // verified since the server began
    uint64_t damaged = 0;             // of the pass that goes on, or the last
    std::optional<base::Time> began;  // the pass that goes on; nothing: none does
    std::optional<base::Time> ended;  // the last pass
    std::vector<std::string> places;  // of damaged ones, as `admin check` names them
};

class Scrub {
public:
    struct Dependencies {
        const store::KeyValueStore* keys = nullptr;
        const store::Blobs* blobs = nullptr;
        const base::Clock* clock = nullptr;
        uint64_t bytes_per_second = 0;  // 0: nothing is read
        // Between two passes, from the begin of one to that of the next at the earliest.
        std::chrono::seconds between_passes = std::chrono::hours(24);
    };
    explicit Scrub(Dependencies dependencies) : dependencies_(dependencies) {}

    // One pass; waits so that no more is read than the rate allows. `wait`: sleeps so long, or says false: the server ends.
    void pass(const std::function<bool(std::chrono::milliseconds)>& wait);
    [[nodiscard]] ScrubState state() const;
    [[nodiscard]] const Dependencies& dependencies() const { return dependencies_; }

private:
    void check(const store::Entry& entry, const std::function<base::Result<void>(size_t)>& read);
    [[nodiscard]] bool is_as_it_was(const store::Entry& entry) const;

    const Dependencies dependencies_;
    mutable base::Mutex mutex_;
    ScrubState state_ GUARDED_BY(mutex_);
};

}  // namespace admin
