// The channels of one job while it runs: copied, mounted or streamed, as each asks for.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "training/fastfile.hpp"
#include "training/job_data.hpp"
#include "training/pipe.hpp"
#include "training/plan.hpp"
#include "training/session.hpp"
#include "training/transfer.hpp"

namespace training {

class Inputs {
public:
    // What a host's mounted and streamed channels may hold of this server's memory and descriptors.
    struct Host {
        std::string folder;
        uint64_t memory_bytes = 0;
        size_t files_open_max = 0;
    };
    // `channels`: all that will be opened. `on_failure`: a stream broke while the job ran; called from another thread.
    Inputs(JobData& data, RoleSession& session, const std::vector<Host>& hosts, const std::vector<Channel>& channels,
           std::function<void()> on_failure);
    // Ends every stream and unmounts every channel, and gives the memory back to the machine that they had.
    ~Inputs();
    Inputs(const Inputs&) = delete;
    Inputs& operator=(const Inputs&) = delete;

    // Before the workers start; `transfer` copies what is copied. Errors `ClientError`, `Cancelled`, `InternalError`.
    [[nodiscard]] base::Result<void> open(const Channel& channel, Transfer& transfer);

    // Why a stream broke, if one did.
    [[nodiscard]] std::optional<base::Error> failure() const;
    // What a host got of mounted and streamed channels so far.
    [[nodiscard]] uint64_t bytes_read(size_t host) const { return read_[host].load(); }

private:
    void broke(base::Error error);
    [[nodiscard]] base::Result<void> count_names(size_t more);

    JobData& data_;
    RoleSession& session_;
    std::vector<std::string> workers_;
    std::function<void()> on_failure_;
    size_t names_ = 0;                                         // of objects, in all mounted and streamed channels
    std::vector<std::unique_ptr<InputMemory>> mounts_memory_;  // by host
    std::vector<uint64_t> pipe_memory_;                        // by host: of each of its pipes
    std::vector<std::atomic<uint64_t>> read_;                  // by host
    mutable base::Mutex mutex_;
    std::optional<base::Error> failure_ GUARDED_BY(mutex_);
    // Last, so that they end before what their threads use.
    std::vector<std::unique_ptr<FastFileMount>> mounts_;
    std::vector<std::unique_ptr<Pipe>> pipes_;
};

}  // namespace training
