#include "audit/age_removals.hpp"

namespace audit {

bool AgeRemovals::take(uint64_t segment_bytes, uint64_t log_bytes, Steady now) {
    if (!began_ || now - began_at_ >= period_) {
        began_ = true;
        began_at_ = now;
        most_ = log_bytes / part_of_log;
        removed_ = 0;
        waits_ = said_ = false;
    }
    if (removed_ > 0 && removed_ + segment_bytes > most_) {
        waits_ = true;
        return false;
    }
    removed_ += segment_bytes;
    return true;
}

std::optional<AgeRemovals::State> AgeRemovals::state(Steady now) const {
    if (!began_) return std::nullopt;
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::clamp(now - began_at_, Steady::duration(0), period_));
    return State{.elapsed = elapsed, .most = most_, .removed = removed_, .said = said_};
}

void AgeRemovals::resume(const State& began, Steady now) {
    began_ = true;
    began_at_ = now - began.elapsed;
    most_ = began.most;
    removed_ = began.removed;
    said_ = began.said;
    waits_ = false;
}

void AgeRemovals::begin_with_nothing_left(Steady now) {
    // As if its first segment were gone, and had been all that may go.
    resume({.elapsed = {}, .most = 0, .removed = 1, .said = false}, now);
}

bool AgeRemovals::begins_to_wait() {
    if (!waits_ || said_) return false;
    said_ = true;
    return true;
}

}  // namespace audit
