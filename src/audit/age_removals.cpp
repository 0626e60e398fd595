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

bool AgeRemovals::begins_to_wait() {
    if (!waits_ || said_) return false;
    said_ = true;
    return true;
}

}  // namespace audit
