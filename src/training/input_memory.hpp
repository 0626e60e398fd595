// What FastFile channels hold of this server's memory for one worker: what was fetched and is not read yet, what is on its way, open
// files. However many files a worker opens, and whatever it reads at once, it is not more: what waits longest is given up, and a
// read waits for those that are being answered.
//
// (What the worker's kernel keeps of those files, its page cache, counts against the worker's own memory.)
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "base/mutex.hpp"

namespace training {

class InputMemory {
public:
    // Holds bytes that it can fetch again.
    class Holder {
    public:
        virtual ~Holder() = default;
        // Gives up what it holds, and says how much that was; 0 if it is in use right now. Called with locks held: must not wait, nor
        // call back.
        [[nodiscard]] virtual uint64_t give_up() = 0;

    private:
        friend class InputMemory;
        uint64_t place_ = 0;  // in the order of use; 0: it holds nothing
    };

    InputMemory(uint64_t bytes_max, size_t files_max) : bytes_max_(bytes_max), files_max_(files_max) {}

    // Room for a read's answer. Waits for others that are on their way; false once `stop`. REQUIRES: at most bytes_max.
    [[nodiscard]] bool take(uint64_t bytes, const std::atomic<bool>& stop);
    void give_back(uint64_t bytes);
    // From now on, what it holds (and has taken) may be given up, unless it is in use; it was used just now.
    void hold(const std::shared_ptr<Holder>& holder);
    // It holds nothing any more.
    void forget(Holder& holder);
    // Something that was in use is not any more.
    void let_go() {
        ++changes_;
        room_.notify_all();
    }

    // False: too many are open.
    [[nodiscard]] bool open_file();
    void close_file() { --files_; }

    // The most that one of so many holders should take, so that the others need not give up theirs.
    [[nodiscard]] uint64_t fair_share() const;
    [[nodiscard]] uint64_t bytes_max() const { return bytes_max_; }
    [[nodiscard]] uint64_t bytes() const;

private:
    void forget_locked(Holder& holder) REQUIRES(mutex_);

    const uint64_t bytes_max_;
    const size_t files_max_;
    std::atomic<size_t> files_ = 0;
    std::atomic<uint64_t> changes_ = 0;
    mutable base::Mutex mutex_;
    base::Condition room_;
    uint64_t bytes_ GUARDED_BY(mutex_) = 0;
    uint64_t next_ GUARDED_BY(mutex_) = 1;
    std::map<uint64_t, std::weak_ptr<Holder>> holders_ GUARDED_BY(mutex_);  // in the order of use
};

}  // namespace training
