// At most N tasks at a time, on threads that are made when they are needed.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.hpp"

namespace deploy {

class Pool {
public:
    explicit Pool(int threads_max);
    ~Pool();  // waits for what was posted
    void post(std::function<void()> task);
    // Waits until nothing is queued or running. Not from a task.
    void drain();

private:
    void work();
    base::Mutex mutex_;
    base::Condition wake_, idle_;
    std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
    std::vector<std::thread> threads_ GUARDED_BY(mutex_);
    size_t threads_max_;
    size_t running_ GUARDED_BY(mutex_) = 0, waiting_ GUARDED_BY(mutex_) = 0;
    bool closing_ GUARDED_BY(mutex_) = false;
};

}  // namespace deploy
