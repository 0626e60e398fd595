// The time by which records are old. A clock that jumps ahead, because of an error or of who wants the log gone, would make all records old
// at once: such a time is believed only when the clock has kept to it for a while. Pure; one thread at a time.
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.hpp"

namespace audit {

class BelievedTime {
public:
    using Steady = std::chrono::steady_clock::time_point;
    // More than it should have moved since it was last asked.
    static constexpr std::chrono::minutes jump_min{10};

    explicit BelievedTime(std::chrono::milliseconds after) : after_(after) {}
    // It was so late at least: the newest record's time.
    void begin(base::Time time, Steady steady);
    // `clock`: what it says now.
    [[nodiscard]] base::Time now(base::Time clock, Steady steady);
    // As `begin`, of a run before: for how long the clock had been ahead by then, if it was.
    void resume(base::Time time, std::optional<std::chrono::milliseconds> doubted_for, Steady steady);
    [[nodiscard]] std::optional<base::Time> last() const { return believed_; }   // what `now` said
    [[nodiscard]] std::optional<std::chrono::milliseconds> doubted_for() const;  // when `now` was asked
    [[nodiscard]] bool doubts() const { return doubted_since_.has_value(); }

private:
    std::chrono::milliseconds after_;
    std::optional<base::Time> believed_;
    Steady asked_{};
    std::optional<Steady> doubted_since_;
};

}  // namespace audit
