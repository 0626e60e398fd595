// How much of a log is removed for its age at once: in an eighth of the days that records are kept, a quarter of it. A clock that is wrong
// for longer than BelievedTime doubts it would remove all of it else. A log that grows evenly loses an eighth in that time, and never comes
// to the limit. What was removed outlives a restart (retention_state.hpp). Pure; one thread at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace audit {

class AgeRemovals {
public:
    using Steady = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::days kept_max{36'500};  // in nanoseconds, much more is no number
    static constexpr int64_t periods = 8;                 // of the days that records are kept
    static constexpr uint64_t part_of_log = 4;            // of what there was when the period began, its quarter

    explicit AgeRemovals(std::chrono::days kept) : period_(std::chrono::hours(std::min(kept, kept_max)) / periods) {}

    // Other days from now on. A period does not become shorter by that: who may set the days can have no more removed at once.
    void keep_for(std::chrono::days kept) { period_ = std::max(period_, AgeRemovals(kept).period_); }

    // A period that has begun.
    struct State {
        std::chrono::milliseconds elapsed{0};
        uint64_t most = 0, removed = 0;  // bytes
        bool said = false;               // what begins_to_wait asks
    };
    [[nodiscard]] std::optional<State> state(Steady now) const;
    // REQUIRES: began.elapsed <= kept_max
    void resume(const State& began, Steady now);
    // What was removed before is not known: a period begins in which nothing is.
    void begin_with_nothing_left(Steady now);

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
