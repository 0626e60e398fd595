// Time as everyone here speaks it: milliseconds since the Unix epoch, UTC.
// Code that decides takes a Time; code that acts takes a Clock, so that tests hand in their own.
#pragma once

#include <chrono>

namespace base {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Time now() const = 0;
};

class SystemClock final : public Clock {
public:
    [[nodiscard]] Time now() const override {
        return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
};

// A clock that stands still until told; for tests.
class ManualClock final : public Clock {
public:
    explicit ManualClock(Time start) : now_(start) {}
    [[nodiscard]] Time now() const override { return now_; }
    void advance(std::chrono::milliseconds by) { now_ += by; }
    void set(Time to) { now_ = to; }

private:
    Time now_;
};

}  // namespace base
