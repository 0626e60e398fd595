// So many at once, and so many a second after that. Pure.
#pragma once

#include <algorithm>
#include <chrono>

namespace slurm {

class Pace {
public:
    using Time = std::chrono::steady_clock::time_point;
    Pace(double at_once, double per_second, Time now) : at_once_(at_once), per_second_(per_second), left_(at_once), at_(now) {}

    [[nodiscard]] bool has_any(Time now) const { return left_at(now) >= 1; }
    [[nodiscard]] bool is_whole(Time now) const { return left_at(now) >= at_once_; }
    // False: not now.
    [[nodiscard]] bool take(Time now) {
        if (!has_any(now)) return false;
        left_ = left_at(now) - 1;
        at_ = std::max(at_, now);
        return true;
    }

private:
    [[nodiscard]] double left_at(Time now) const {
        if (now <= at_) return left_;
        return std::min(at_once_, left_ + per_second_ * std::chrono::duration<double>(now - at_).count());
    }
    double at_once_, per_second_, left_;
    Time at_;
};

}  // namespace slurm
