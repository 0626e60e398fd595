// The workers of one job while they run: their output into the logs, their ends, the signals that end them.
// One thread owns a group; nothing here is shared.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "training/launch.hpp"
#include "training/logs.hpp"

namespace training {

enum class StopReason : uint8_t { none, requested, interrupted, input_failed, disk_full, shutdown };

// How a job's training part ended. `host` and `exit_code` are of the first worker that failed.
struct Ended {
    enum class How : uint8_t { finished, failed, stopped, interrupted, runtime_exceeded, shutdown } how = How::finished;
    size_t host = 0;
    int exit_code = 0;           // 128 + signal for a worker that a signal killed
    std::string last_line;       // of that worker's output
    bool out_of_memory = false;  // it used up its memory
    bool volume_full = false;    // it filled its volume
};

// Who wants to know how workers end. Called by the group's thread.
class EndWatcher {
public:
    virtual ~EndWatcher() = default;
    virtual void before_end(size_t host) = 0;  // it is about to be asked to end, or killed
    virtual void ended(size_t host, int exit_code) = 0;
};

class Workers {
public:
    // `wake` is an eventfd that is written after `stop` has changed.
    Workers(const base::Clock& clock, int wake, const std::atomic<StopReason>& stop) : clock_(clock), wake_(wake), stop_(stop) {}
    ~Workers();  // kills what still runs
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    void watch_ends(EndWatcher* watcher) { watcher_ = watcher; }
    // Takes the process and its descriptors.
    void add(LaunchedProcess process, LogWriter log);
    // Lines of our own in a worker's log.
    void remark(size_t host, const std::string& text);
    // Until every worker has ended. Past `runtime_max` they are stopped as StopTrainingJob stops them.
    [[nodiscard]] Ended wait(std::chrono::seconds runtime_max);

private:
    using Moment = std::chrono::steady_clock::time_point;
    struct One {
        LaunchedProcess process;
        LogWriter log;
        bool running = true;
        int exit_code = 0;
        Moment proxy_ends{};  // the clock's zero, so that time can be taken from it; of a proxy whose worker was killed
    };

    void terminate(std::chrono::seconds grace);
    void kill_all();
    static void await_proxy(const One& one);
    void drain(One& one, size_t bytes_max);
    void reap(size_t host);
    void on_wake();
    [[nodiscard]] bool any_running() const;
    [[nodiscard]] int patience(Moment now) const;  // milliseconds until something is due

    const base::Clock& clock_;
    int wake_;
    const std::atomic<StopReason>& stop_;
    EndWatcher* watcher_ = nullptr;
    std::vector<One> workers_;
    Ended ended_;
    bool terminating_ = false;
    Moment runtime_end_ = Moment::max();
    Moment kill_at_ = Moment::max();
};

}  // namespace training
