// The disks of one job's workers, and what all jobs together take of the server's disk.
//
// VolumeSizeInGB is what each worker may write (AWS: the size of its ML storage volume): /opt/ml, /tmp, /var/tmp and its home are one
// folder of the server's disk. Where the machine permits it, that is a file system of its own, of this size (sandbox/volume.hpp).
// Where not (a user who is not root, a worker on another machine), the folders are measured, and a job that has more is ended:
// late by what it can write between two looks, and blind to files that were deleted while they are open.
//
// Volumes cost what is written to them, so jobs could still fill the disk together: past limits.hpp's jobs_bytes_max, or where the
// disk has less than disk_free_bytes_min left, the job that has taken most is ended. Before that, what failed jobs have left there (their
// artifacts could not be uploaded) goes, the oldest first: no job ends for what others have left. Of that there is kept_bytes_max at most.
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

    // What the job of this folder takes now. One whose workers do not run any more cannot be ended.
    void set(const std::string& job, uint64_t bytes, bool may_end);
    // It has failed, and what it left stays for now.
    void keep(const std::string& job, uint64_t bytes);
    // It is being ended for what it takes: until that is given back, nobody else is.
    void leave(const std::string& job);
    void forget(const std::string& job);
    // Why this job is to be ended for the sake of the others; nothing if it is not the one.
    [[nodiscard]] std::optional<std::string> must_end(const std::string& job) const;
    // Why no job may begin; nothing if one may.
    [[nodiscard]] std::optional<std::string> must_wait() const;

    // Removes what the job has left that failed first of those of which anything is kept, and forgets it. False: there is none.
    using RemoveOldestKept = std::function<bool()>;
    void remove_kept_by(RemoveOldestKept remove) { remove_oldest_kept_ = std::move(remove); }
    // Is something to go of what is kept: more than there may be, or needed by jobs that run or begin?
    [[nodiscard]] bool must_make_room() const;
    // Removes until that is not so, or nothing is kept. Takes long; one thread at a time.
    void make_room();

private:
    [[nodiscard]] uint64_t free_bytes() const;
    std::string folder_;
    uint64_t jobs_bytes_max_, free_bytes_min_, kept_bytes_max_;
    RemoveOldestKept remove_oldest_kept_;
    base::Mutex making_room_;
    mutable base::Mutex mutex_;
    struct Used {
        uint64_t bytes = 0;
        bool may_end = false, is_leaving = false, is_kept = false;
    };
    std::map<std::string, Used> used_ GUARDED_BY(mutex_);
};

// Of what is kept. A tree that cannot be walked counts as so much; all that are kept can be added up.
constexpr uint64_t of_any_size = uint64_t{1} << 20;

class JobVolumes {
public:
    // `folder`: the job's; `workers`: their folders in it; `mounted`: as volumes of this size each, else they are measured. `gigabytes`
    // is of_any_size where it is not known.
    JobVolumes(DiskUse& use, std::string folder, std::vector<std::string> workers, uint64_t gigabytes, bool mounted);
    // Unmounts; the files stay.
    ~JobVolumes();

    // The job has failed, and what it wrote stays, mounted as it is: measured once more, and counted as that.
    void keep();
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
    [[nodiscard]] uint64_t measure() REQUIRES(mutex_);
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
    bool wants_room_ GUARDED_BY(mutex_) = false;  // before it is asked who must end
    std::optional<base::Error> failure_ GUARDED_BY(mutex_);
    std::thread thread_;
};

// The blocks of all that is below a folder, links not followed, other file systems left out; a file of many names counts once. Ends
// early past `enough`; a tree that cannot be walked (too deep) is counted as more than that.
[[nodiscard]] uint64_t allocated_below(const std::string& folder, uint64_t enough);

}  // namespace training
