// At most N tasks at a time, on threads that are made when they are needed.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

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
    std::mutex mutex_;
    std::condition_variable wake_, idle_;
    std::deque<std::function<void()>> queue_;
    std::vector<std::thread> threads_;
    size_t threads_max_;
    size_t running_ = 0, waiting_ = 0;
    bool closing_ = false;
};

}  // namespace deploy
