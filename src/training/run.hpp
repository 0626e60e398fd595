// One job's life, on a thread of its own: download, train, upload, settle. See job.hpp for the states.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "training/plan.hpp"
#include "training/session.hpp"
#include "training/training.hpp"
#include "training/workers.hpp"

namespace training {

class Running {
public:
    Running(Training& training, Job job, Plan plan, std::shared_ptr<RoleSession> session, std::vector<std::string> tokens);
    ~Running();  // joins

    void start();
    void stop(StopReason reason);
    void join();
    [[nodiscard]] bool done() const { return done_.load(); }
    [[nodiscard]] const std::vector<std::string>& tokens() const { return tokens_; }
    [[nodiscard]] size_t instances() const { return plan_.hosts.size(); }
    [[nodiscard]] const std::string& instance_type() const { return plan_.instance_type; }

private:
    void life();
    [[nodiscard]] base::Result<void> prepare();
    [[nodiscard]] base::Result<Ended> train();
    [[nodiscard]] base::Result<void> start_workers(Workers& workers);
    [[nodiscard]] base::Result<void> upload(bool with_model);
    // How the job ends: what its record says last.
    struct Outcome {
        Status status;
        std::string secondary, message, failure_reason;
    };
    [[nodiscard]] Outcome conclude(const base::Result<Ended>& trained);
    [[nodiscard]] std::string algorithm_error(const Ended& ended) const;
    void enter(std::string secondary, std::string message);
    void clean_up();

    Training& training_;
    Job job_;  // as it was created: what does not change
    Plan plan_;
    std::shared_ptr<RoleSession> session_;
    std::vector<std::string> tokens_;
    std::string folder_;  // …/<job>
    std::vector<WorkerPlace> places_;
    std::vector<std::string> workers_;  // their folders
    bool private_mounts_ = false;
    int wake_ = -1;
    std::atomic<StopReason> stop_{StopReason::none};
    std::atomic<bool> cancelled_{false};  // stop_ is not none: what transfers look at
    std::atomic<bool> never_{false};      // … except the uploads after a stop
    std::atomic<bool> done_{false};
    std::thread thread_;
};

}  // namespace training
