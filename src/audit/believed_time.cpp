#include "audit/believed_time.hpp"

#include <algorithm>

namespace audit {

void BelievedTime::begin(base::Time time, Steady steady) {
    believed_ = time;
    asked_ = steady;
}

void BelievedTime::resume(base::Time time, std::optional<std::chrono::milliseconds> doubted_for, Steady steady) {
    begin(time, steady);
    if (doubted_for) doubted_since_ = steady - *doubted_for;
}

std::optional<std::chrono::milliseconds> BelievedTime::doubted_for() const {
    if (!doubted_since_) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::milliseconds>(asked_ - *doubted_since_);
}

base::Time BelievedTime::now(base::Time clock, Steady steady) {
    if (!believed_) begin(clock, steady);
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(steady - asked_);
    asked_ = steady;
    const base::Time expected = *believed_ + passed;
    if (clock <= expected + jump_min) {  // back, too: less is old then
        doubted_since_.reset();
        believed_ = clock;
        return clock;
    }
    if (!doubted_since_) doubted_since_ = steady;
    if (steady - *doubted_since_ < after_) {
        believed_ = expected;
        return expected;
    }
    doubted_since_.reset();
    believed_ = clock;
    return clock;
}

}  // namespace audit
