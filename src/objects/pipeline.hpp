// Two hands for a large body: the caller receives into one buffer while a thread of the pipeline digests and stores the one
// before.
//
// Why: receiving verifies (SHA-256, checksums), storing digests (MD5) and copies to the page cache; one after the other they
// halve the speed of a single upload. Order is kept: one thread consumes, in the order of submission.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <thread>

#include "base/mutex.hpp"
#include "base/result.hpp"

namespace objects {

class Pipeline {
public:
    using Consume = std::function<base::Result<void>(std::string_view)>;
    // `consume` runs on the pipeline's thread, never twice at once.
    Pipeline(size_t buffer_bytes, Consume consume);
    ~Pipeline();  // waits for the thread; what was submitted may be left undone
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    // A free buffer; waits for one. Error: consume's first.
    [[nodiscard]] base::Result<std::span<char>> buffer();
    // The first `filled` bytes of the buffer that buffer() gave last.
    void submit(size_t filled);
    // Waits until everything submitted is consumed. Error: consume's first.
    [[nodiscard]] base::Result<void> finish();

private:
    static constexpr size_t slots = 3;
    struct Slot {
        std::unique_ptr<char[]> bytes;
        size_t filled = 0;
    };

    void run();

    size_t buffer_bytes_;
    Consume consume_;
    std::array<Slot, slots> slots_;
    base::Mutex mutex_;
    base::Condition changed_;
    size_t submitted_ GUARDED_BY(mutex_) = 0;  // counts; slot = count % slots
    size_t consumed_ GUARDED_BY(mutex_) = 0;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::optional<base::Error> error_ GUARDED_BY(mutex_);
    std::thread thread_;
};

}  // namespace objects
