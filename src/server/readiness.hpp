// Whether requests can be served, for /readyz: whether a probe (of the store, of the audit log) has come back, and well.
//
// Anybody may ask, as often as they like, so asking costs nothing: the answer is what is known, and a probe is made by a thread of its own, at
// most every `apart`, and only if somebody has asked since the last. While nobody asks, nothing happens.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "base/mutex.hpp"
#include "base/result.hpp"

namespace server {

struct ReadinessTimes {
    std::chrono::milliseconds apart{5'000};
    std::chrono::milliseconds probe_most{10'000};  // a probe that takes longer has not come back
};

class Readiness {
public:
    using Probe = std::function<base::Result<void>()>;
    explicit Readiness(Probe probe, ReadinessTimes times = {});
    ~Readiness();  // waits for a probe that is under way
    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;

    // Any thread; does not wait. True at first: who has started has written and read.
    [[nodiscard]] bool is_ready();

private:
    using Clock = std::chrono::steady_clock;
    void run() EXCLUDES(mutex_);

    const Probe probe_;
    const ReadinessTimes times_;
    std::atomic<bool> asked_ = false, went_well_ = true;
    std::atomic<Clock::rep> began_ = 0;  // of the probe that is under way; 0: none is
    base::Mutex mutex_;
    base::Condition ending_changed_;
    bool ending_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace server
