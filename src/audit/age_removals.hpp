// How much of a log is removed for its age at once: in an eighth of the days that records are kept, a quarter of it. A clock that is wrong
// for longer than BelievedTime doubts it would remove all of it else. A log that grows evenly loses an eighth in that time, and never comes
// to the limit. Pure; one thread at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace audit {

class AgeRemovals {
public:
    using Steady = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::days kept_max{36'500};  // in nanoseconds, much more is no number
    static constexpr int64_t periods = 8;                 // of the days that records are kept
    static constexpr uint64_t part_of_log = 4;            // of what there was when the period began, its quarter

    explicit AgeRemovals(std::chrono::days kept) : period_(std::chrono::hours(std::min(kept, kept_max)) / periods) {}
    // Whether a segment of so many bytes may be removed, of a log of so many: then it counts. The first of a period may, however large.
    [[nodiscard]] bool take(uint64_t segment_bytes, uint64_t log_bytes, Steady now);
    // Whether `take` has said no in this period for the first time since this was asked: it is to be said.
    [[nodiscard]] bool begins_to_wait();
    [[nodiscard]] std::chrono::hours period() const { return std::chrono::duration_cast<std::chrono::hours>(period_); }

private:
    std::chrono::steady_clock::duration period_;
    bool began_ = false;
    Steady began_at_{};
    uint64_t most_ = 0, removed_ = 0;
    bool waits_ = false, said_ = false;
};

}  // namespace audit
