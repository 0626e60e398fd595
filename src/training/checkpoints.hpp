// Keeps the checkpoint prefix as the workers' /opt/ml/checkpoints is, while the job trains.
//
// Source: SageMaker Developer Guide, "Checkpoints in Amazon SageMaker AI": what is written to the local path is uploaded
// continuously; "if a checkpoint is deleted from the SageMaker AI container, it will also be deleted in the S3 folder".
//
// An object is replaced by a whole file only. A file counts as whole when no process has it open for writing and it has been the
// same at two looks, or when its writers have ended by themselves. What a worker that was killed had in hand is not uploaded: the
// object that is there stays.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "training/job_data.hpp"
#include "training/openat_beneath.hpp"
#include "training/session.hpp"

namespace training {

class CheckpointSync {
public:
    CheckpointSync(JobData& data, RoleSession& session, S3Uri prefix, std::vector<std::string> workers, Cancelled cancelled);
    ~CheckpointSync();
    CheckpointSync(const CheckpointSync&) = delete;
    CheckpointSync& operator=(const CheckpointSync&) = delete;

    // A worker that runs is about to be asked to end, or killed: remembers which files it is writing. Any thread.
    void before_end(size_t worker);
    // It has ended, by itself or by a signal (as its exit code says: 128 and the signal's number). Any thread.
    void ended(size_t worker, int exit_code);
    // All workers have ended: the last round. `all_killed`: whatever their exit codes say. Error: the last upload that failed.
    [[nodiscard]] base::Result<void> finish(bool all_killed);
    // For the job's log, once it has finished: what is not in the bucket as it was in the folder, and why.
    [[nodiscard]] std::vector<std::string> remarks() {
        const base::Lock lock(rounds_);
        return remarks_;
    }

private:
    // How far a worker is. `terminated`: by the SIGTERM that it was asked to end with, at which it may have written more.
    enum class State : uint8_t { running, ended, terminated, killed };
    struct Seen {
        int64_t modified = 0;
        uint64_t size = 0;
        uint64_t inode = 0;
        bool uploaded = false;   // this very content
        bool open = false;       // a process had it open for writing
        bool in_bucket = false;  // the object is there, whatever its content
        [[nodiscard]] bool is(const FoundFile& file) const {
            return modified == file.modified && size == file.size && inode == file.inode;
        }
    };
    void run();
    void end_rounds(bool all_killed);
    void round(bool last) REQUIRES(rounds_);
    void look_at(size_t worker, const FoundFile& file) REQUIRES(rounds_);
    void forget_deleted(size_t worker, const Listing& listing) REQUIRES(rounds_);
    void upload(size_t worker, const FoundFile& file, Seen& seen) REQUIRES(rounds_);
    [[nodiscard]] S3Uri object_of(const std::string& path) const;
    void remark(std::string text) REQUIRES(rounds_);

    JobData& data_;
    RoleSession& session_;
    S3Uri prefix_;
    std::vector<std::string> workers_;
    Cancelled cancelled_;
    std::vector<std::atomic<State>> states_;                             // by worker
    base::Mutex rounds_;                                                 // one round, or one look, at a time
    std::vector<std::map<std::string, Seen>> seen_ GUARDED_BY(rounds_);  // by worker, by path
    std::map<std::string, size_t> owners_ GUARDED_BY(rounds_);  // by path: the worker whose file the object is; none: restored
    std::vector<std::string> remarks_ GUARDED_BY(rounds_);
    bool last_ GUARDED_BY(rounds_) = false;  // the round is the last: what it leaves out is not in the bucket
    base::Result<void> outcome_ GUARDED_BY(rounds_);
    base::Result<void> deletion_ GUARDED_BY(rounds_);  // the first that was refused
    base::Mutex mutex_;
    base::Condition wake_;
    bool stop_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace training
