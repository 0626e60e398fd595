// The disks of one job's workers, and what all jobs together take of the server's disk.
//
// VolumeSizeInGB is what each worker may write (AWS: the size of its ML storage volume): /opt/ml, /tmp, /var/tmp and its home are one
// folder of the server's disk. Where the machine permits it, that is a file system of its own, of this size (sandbox/volume.hpp).
// Where not (a user who is not root, a worker on another machine), the folders are measured, and a job that has more is ended:
// late by what it can write between two looks, and blind to files that were deleted while they are open.
//
// Volumes cost what is written to them, so jobs could still fill the disk together: past limits.hpp's jobs_bytes_max, or where the
// disk has less than disk_free_bytes_min left, the job that has taken most is ended.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "sandbox/volume.hpp"
#include "training/limits.hpp"

namespace training {

// Of all jobs of this server. Any thread.
class DiskUse {
public:
    // `folder`: where they lie.
    DiskUse(std::string folder, const Limits& limits);

    // What the job of this folder takes now. One that does not run any more (what it left is kept) cannot be ended.
    void set(const std::string& job, uint64_t bytes, bool may_end);
    // It is being ended for what it takes: until that is given back, nobody else is.
    void leave(const std::string& job);
    void forget(const std::string& job);
    // Why this job is to be ended for the sake of the others; nothing if it is not the one.
    [[nodiscard]] std::optional<std::string> must_end(const std::string& job) const;
    // Why no job may begin; nothing if one may.
    [[nodiscard]] std::optional<std::string> must_wait() const;

private:
    [[nodiscard]] uint64_t free_bytes() const;
    std::string folder_;
    uint64_t jobs_bytes_max_, free_bytes_min_;
    mutable base::Mutex mutex_;
    struct Used {
        uint64_t bytes = 0;
        bool may_end = false, is_leaving = false;
    };
    std::map<std::string, Used> used_ GUARDED_BY(mutex_);
};

class JobVolumes {
public:
    // `folder`: the job's; `workers`: their folders in it; `mounted`: as volumes of this size each, else they are measured.
    JobVolumes(DiskUse& use, std::string folder, std::vector<std::string> workers, uint64_t gigabytes, bool mounted);
    // Unmounts; the files stay.
    ~JobVolumes();

    // Anew, empty. Errors `CapacityError` (the disk has no room), `InternalError`.
    [[nodiscard]] base::Result<void> make();
    // What an earlier server left, where it did. Error `InternalError`.
    [[nodiscard]] base::Result<void> find();
    // Looks at them from now on, on a thread of its own, and calls `on_full`, once, when the job must end for what it has written.
    void watch(std::function<void()> on_full);
    void end_watch();
    // Why: `ClientError` (more than its size), `CapacityError` (all jobs together).
    [[nodiscard]] std::optional<base::Error> failure() const;
    // A worker has ended: had it filled its volume? `said`: the last that it said.
    [[nodiscard]] bool was_filled(size_t worker, const std::string& said) const;
    // With all that is in them; workers' folders stay.
    void remove();

private:
    void run();
    void look() REQUIRES(mutex_);

    DiskUse& use_;
    std::string folder_;
    std::vector<std::string> workers_;
    uint64_t gigabytes_;
    bool mounted_;
    std::vector<std::unique_ptr<sandbox::Volume>> volumes_;
    std::function<void()> on_full_;
    mutable base::Mutex mutex_;
    base::Condition wake_;
    bool stop_ GUARDED_BY(mutex_) = false;
    bool is_watched_ GUARDED_BY(mutex_) = false;
    uint64_t used_ GUARDED_BY(mutex_) = 0;
    std::optional<base::Error> failure_ GUARDED_BY(mutex_);
    std::thread thread_;
};

// The blocks of all that is below a folder, links not followed, other file systems left out; a file of many names counts once. Ends
// early past `enough`; a tree that cannot be walked (too deep) is counted as more than that.
[[nodiscard]] uint64_t allocated_below(const std::string& folder, uint64_t enough);

}  // namespace training
