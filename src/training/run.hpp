// One job's life, on a thread of its own: download, train (run.cpp), upload, settle (run_end.cpp); from where its record says that
// it is (recover.cpp).
// See job.hpp for the states.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "os/descriptor.hpp"
#include "training/confinement.hpp"
#include "training/failure_text.hpp"
#include "training/inputs.hpp"
#include "training/monitor.hpp"
#include "training/plan.hpp"
#include "training/scope.hpp"
#include "training/session.hpp"
#include "training/training.hpp"
#include "training/volumes.hpp"
#include "training/workers.hpp"

namespace training {

// What a FailureReason may hold, without half a character at its end.
[[nodiscard]] std::string clipped(std::string reason, size_t bytes_max);

class Running {
public:
    // REQUIRES: the lock of `training` is held. `session` is the data mover's.
    Running(Training& training, Job job, Plan plan, std::shared_ptr<RoleSession> session);
    ~Running();  // joins

    void start();
    void stop(StopReason reason);
    void join();
    [[nodiscard]] bool done() const { return done_.load(); }
    [[nodiscard]] const Plan& plan() const { return plan_; }

private:
    static constexpr int64_t no_end = std::numeric_limits<int64_t>::max();
    // How the job ends: what its record says last.
    struct Outcome {
        Status status;
        std::string secondary, message, failure_reason;
        bool keep_folder = false;      // what the workers left is nowhere else
        bool is_server_fault = false;  // a failure of this server, not of the job: RetryStrategy is for these
    };
    void life();
    // Managed spot training: an attempt that was interrupted begins again, if nothing else ends the job.
    [[nodiscard]] bool begin_again(const base::Result<Ended>& trained);
    [[nodiscard]] bool pends_too_long(base::Time since) const;
    [[nodiscard]] bool waited_too_long() const;
    // One attempt, and what follows its interruptions; nothing: the server stops, and the record says where the next one goes on.
    [[nodiscard]] std::optional<Outcome> attempt();
    [[nodiscard]] bool retry(const Outcome& outcome);
    [[nodiscard]] base::Result<Ended> prepare_and_train();
    [[nodiscard]] base::Result<void> prepare();
    [[nodiscard]] base::Result<void> hand_out_credentials();
    void take_back_credentials();
    [[nodiscard]] base::Result<std::vector<Share>> shares_of(size_t host);
    [[nodiscard]] base::Result<Ended> train();
    [[nodiscard]] base::Result<void> start_workers(Workers& workers, JobMonitor& monitor);
    // What is not in the bucket though it should be, and why.
    [[nodiscard]] base::Result<std::vector<std::string>> upload(bool with_model);
    // From now on artifacts move, for so long at most.
    void begin_uploads(Ended::How how);
    [[nodiscard]] bool uploads_are_over() const;
    // How long a job's uploads may take that ended so.
    [[nodiscard]] std::chrono::seconds upload_time(Ended::How how) const;
    void end_uploads_within(std::chrono::seconds time);
    [[nodiscard]] base::Result<void> pin_code();
    // A line of ours in the first worker's log.
    void remark(const std::string& text);
    [[nodiscard]] Outcome without_artifacts(Outcome outcome, const std::string& why);
    [[nodiscard]] std::optional<Outcome> conclude(const base::Result<Ended>& trained);
    [[nodiscard]] std::optional<Outcome> at_shutdown(const base::Result<Ended>& trained);
    [[nodiscard]] std::string algorithm_error(const Ended& ended) const;
    base::Result<void> enter(std::string secondary, std::string message);
    void clean_up();

    Training& training_;
    Job job_;  // as this attempt began: what does not change meanwhile
    Plan plan_;
    std::shared_ptr<RoleSession> session_;
    std::vector<std::string> tokens_;  // of this attempt's workers, while they run
    std::string folder_;               // …/<job>
    std::vector<WorkerPlace> places_;
    std::vector<std::string> workers_;  // their folders
    std::deque<FailureText> failures_;  // by worker
    std::unique_ptr<JobVolumes> volumes_;
    std::unique_ptr<Confinement> confinement_;
    std::unique_ptr<Inputs> inputs_;  // while the workers live
    os::Descriptor wake_;
    std::atomic<StopReason> stop_{StopReason::none};
    std::atomic<bool> cancelled_{false};  // stop_ is not none: what transfers look at
    // Uploads go on after a stop, but not for ever: until the earlier of these, in nanoseconds of the steady clock.
    std::atomic<int64_t> uploads_end_{no_end}, uploads_cut_{no_end};
    std::atomic<bool> uploading_{false};
    std::atomic<bool> done_{false};
    std::thread thread_;
};

}  // namespace training
