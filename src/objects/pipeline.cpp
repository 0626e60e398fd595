#include "objects/pipeline.hpp"

#include "base/mutex.hpp"

namespace objects {

Pipeline::Pipeline(size_t buffer_bytes, Consume consume)
    : buffer_bytes_(buffer_bytes), consume_(std::move(consume)), thread_([this] { run(); }) {}

Pipeline::~Pipeline() {
    {
        const base::Lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

base::Result<std::span<char>> Pipeline::buffer() {
    base::Lock lock(mutex_);
    changed_.wait(mutex_, [&]() REQUIRES(mutex_) { return error_ || submitted_ - consumed_ < slots; });
    if (error_) return base::fail(*error_);
    auto& slot = slots_[submitted_ % slots];
    if (!slot.bytes) slot.bytes = std::make_unique_for_overwrite<char[]>(buffer_bytes_);
    return std::span(slot.bytes.get(), buffer_bytes_);
}

void Pipeline::submit(size_t filled) {
    {
        const base::Lock lock(mutex_);
        slots_[submitted_++ % slots].filled = filled;
    }
    changed_.notify_all();
}

base::Result<void> Pipeline::finish() {
    base::Lock lock(mutex_);
    changed_.wait(mutex_, [&]() REQUIRES(mutex_) { return error_ || submitted_ == consumed_; });
    if (error_) return base::fail(*error_);
    return {};
}

void Pipeline::run() {
    base::Lock lock(mutex_);
    for (;;) {
        changed_.wait(mutex_, [&]() REQUIRES(mutex_) { return stopping_ || submitted_ > consumed_; });
        if (stopping_) return;
        const auto& slot = slots_[consumed_ % slots];
        lock.unlock();
        auto done = consume_({slot.bytes.get(), slot.filled});
        lock.lock();
        if (!done) error_ = std::move(done).error();
        ++consumed_;
        changed_.notify_all();
        if (error_) return;
    }
}

}  // namespace objects
