#include "training/input_memory.hpp"

#include <chrono>

namespace training {
namespace {

// A holder that was in use when it was asked is asked again so often, whoever lets go meanwhile.
constexpr std::chrono::milliseconds patience{20};

}  // namespace

bool InputMemory::take(uint64_t bytes, const std::atomic<bool>& stop) {
    base::Lock lock(mutex_);
    while (bytes_ + bytes > bytes_max_) {
        if (stop) return false;
        const uint64_t seen = changes_;
        // From the one that waits longest.
        for (auto at = holders_.begin(); at != holders_.end() && bytes_ + bytes > bytes_max_;) {
            const auto holder = at->second.lock();
            const uint64_t given = holder ? holder->give_up() : 0;
            bytes_ -= given;
            if (holder && given == 0) {
                ++at;
                continue;
            }
            if (holder) holder->place_ = 0;
            at = holders_.erase(at);
        }
        if (bytes_ + bytes > bytes_max_) (void)room_.wait_for(mutex_, patience, [this, seen] { return changes_ != seen; });
    }
    bytes_ += bytes;
    return true;
}

void InputMemory::give_back(uint64_t bytes) {
    {
        const base::Lock lock(mutex_);
        bytes_ -= bytes;
    }
    let_go();
}

void InputMemory::hold(const std::shared_ptr<Holder>& holder) {
    const base::Lock lock(mutex_);
    forget_locked(*holder);
    holder->place_ = next_++;
    holders_.emplace(holder->place_, holder);
}

void InputMemory::forget(Holder& holder) {
    const base::Lock lock(mutex_);
    forget_locked(holder);
}

void InputMemory::forget_locked(Holder& holder) {
    if (holder.place_ != 0) holders_.erase(holder.place_);
    holder.place_ = 0;
}

bool InputMemory::open_file() {
    if (files_.fetch_add(1) < files_max_) return true;
    --files_;
    return false;
}

uint64_t InputMemory::fair_share() const {
    const base::Lock lock(mutex_);
    return bytes_max_ / 2 / (holders_.size() + 1);
}

uint64_t InputMemory::bytes() const {
    const base::Lock lock(mutex_);
    return bytes_;
}

}  // namespace training
