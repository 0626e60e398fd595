// The data mover: channels in, source in, checkpoints both ways, artifacts out. Always as the job's role.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "training/job_data.hpp"
#include "training/plan.hpp"
#include "training/session.hpp"

namespace training {

class Transfer {
public:
    // `scratch` is a folder for files on their way; `cancelled` is looked at between objects.
    Transfer(JobData& data, RoleSession& session, std::string scratch, const std::atomic<bool>& cancelled)
        : data_(data), session_(session), scratch_(std::move(scratch)), cancelled_(cancelled) {}

    // At create time: is there anything in the channel that the role can see? Error: AWS's ValidationException.
    [[nodiscard]] base::Result<void> check_channel(const Channel& channel, const std::string& region);

    // Errors of all: `ClientError` with the FailureReason's text; `Cancelled`.
    // Into WORKER/ml/input/data/<channel> of each host, by the channel's distribution.
    [[nodiscard]] base::Result<void> download_channel(const Channel& channel, const std::vector<std::string>& workers);
    // sourcedir.tar.gz into WORKER/ml/code of each host.
    [[nodiscard]] base::Result<void> download_source(const S3Uri& archive, const std::vector<std::string>& workers);
    // What an earlier job left at the checkpoint prefix, into WORKER/ml/checkpoints of each host.
    [[nodiscard]] base::Result<void> restore_checkpoints(const S3Uri& prefix, const std::vector<std::string>& workers);

    // The files of every host's ml/<folder> as `destination`.tar.gz, or as single objects below `destination`/. Nothing if there
    // are none. Returns remarks for the job's log.
    [[nodiscard]] base::Result<std::vector<std::string>> upload_folder(const std::vector<std::string>& workers,
                                                                       const std::string& folder, const S3Uri& destination,
                                                                       bool compress);
    [[nodiscard]] base::Result<void> upload_file(const std::string& path, const S3Uri& object);

private:
    [[nodiscard]] base::Result<void> download(const S3Uri& object, const std::string& path);
    [[nodiscard]] base::Result<identity::Credentials> credentials();

    JobData& data_;
    RoleSession& session_;
    std::string scratch_;
    const std::atomic<bool>& cancelled_;
};

// Uploads new and changed files of every worker's ml/checkpoints while the job trains, on a thread of its own.
class CheckpointSync {
public:
    CheckpointSync(JobData& data, RoleSession& session, S3Uri prefix, std::vector<std::string> workers);
    ~CheckpointSync();
    // The last round: everything that changed since. Error: the last upload that failed.
    [[nodiscard]] base::Result<void> finish();

private:
    struct Seen {
        int64_t modified = 0;
        uint64_t size = 0;
        bool uploaded = false;
        auto operator<=>(const Seen&) const = default;
    };
    void run();
    void round(bool last);
    void upload(const std::string& worker, const std::string& path);

    JobData& data_;
    RoleSession& session_;
    S3Uri prefix_;
    std::vector<std::string> workers_;
    std::map<std::string, Seen> seen_;  // by path on this machine; only the sync thread and, after it, finish()
    base::Result<void> outcome_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stop_ = false;  // guarded by mutex_
    std::thread thread_;
};

}  // namespace training
