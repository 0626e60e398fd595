#include "deploy/pool.hpp"

#include <algorithm>

#include "base/mutex.hpp"

namespace deploy {

Pool::Pool(int threads_max) : threads_max_(static_cast<size_t>(std::max(threads_max, 1))) {}

Pool::~Pool() {
    {
        const base::Lock lock(mutex_);
        closing_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void Pool::post(std::function<void()> task) {
    const base::Lock lock(mutex_);
    queue_.push_back(std::move(task));
    if (waiting_ < queue_.size() && threads_.size() < threads_max_) threads_.emplace_back([this] { work(); });
    wake_.notify_one();
}

void Pool::drain() {
    base::Lock lock(mutex_);
    idle_.wait(mutex_, [this]() REQUIRES(mutex_) { return queue_.empty() && running_ == 0; });
}

void Pool::work() {
    base::Lock lock(mutex_);
    while (true) {
        ++waiting_;
        wake_.wait(mutex_, [this]() REQUIRES(mutex_) { return closing_ || !queue_.empty(); });
        --waiting_;
        if (queue_.empty()) return;
        std::function<void()> task = std::move(queue_.front());
        queue_.pop_front();
        ++running_;
        lock.unlock();
        task();
        task = nullptr;  // what it holds goes before it counts as done
        lock.lock();
        --running_;
        if (queue_.empty() && running_ == 0) idle_.notify_all();
    }
}

}  // namespace deploy
