// What a job measures while it trains: values that its log lines show (MetricDefinitions), and what its workers use of the
// machine.
//
// Sources: SageMaker Developer Guide, "Use Amazon CloudWatch Metrics to Monitor and Analyze Training Jobs" (a regular expression
// a metric, its first group is the value), "Monitor Amazon SageMaker with Amazon CloudWatch" (CPUUtilization, MemoryUtilization,
// dimension Host). InputBytes is ours: what FastFile and Pipe channels delivered.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "training/job.hpp"
#include "training/plan.hpp"

namespace training {

struct MetricPoint {
    std::string name;
    double value = 0;
    base::Time time;
    std::string host;  // algo-1; empty: of the whole job
    std::string unit = "None";
};

// Pure: the values that lines of output show.
class MetricPatterns {
public:
    // REQUIRES: the patterns compile (plan() has seen to that).
    explicit MetricPatterns(const std::vector<MetricDefinition>& definitions);
    ~MetricPatterns();
    void find(std::string_view line, base::Time time, std::vector<MetricPoint>& out) const;

    // Error `ValidationException` for a pattern that does not compile, or has no group.
    [[nodiscard]] static base::Result<void> check(const MetricDefinition& definition);

private:
    struct State;
    std::unique_ptr<State> state_;
};

// CPU time and memory of a process and all its descendants.
struct Usage {
    double cpu_seconds = 0;  // those that have ended and were waited for included
    uint64_t resident_bytes = 0;
};
[[nodiscard]] std::map<int, Usage> usage_of(const std::vector<int>& processes);

class JobMonitor {
public:
    using Publish = std::function<void(std::vector<MetricPoint>)>;
    using BytesRead = std::function<uint64_t(size_t host)>;

    // `publish` is called from the monitor's thread, and by finish().
    JobMonitor(const base::Clock& clock, const Plan& plan, BytesRead bytes_read, Publish publish);
    ~JobMonitor();  // finish()

    void line(std::string_view text, base::Time time);
    void watch(size_t host, int process);
    // Publishes what is left. The last value of each metric of the log, in order of name.
    [[nodiscard]] std::vector<FinalMetric> finish();

private:
    struct Watched {
        size_t host = 0;
        int process = 0;
        double cpu_seconds = 0;
        uint64_t bytes_read = 0;
        base::Time since;
    };
    void run();
    void sample(std::vector<MetricPoint>& out) REQUIRES(mutex_);

    const base::Clock& clock_;
    std::vector<std::string> hosts_;
    MetricPatterns patterns_;
    BytesRead bytes_read_;
    Publish publish_;
    base::Mutex mutex_;
    base::Condition wake_;
    std::vector<MetricPoint> waiting_ GUARDED_BY(mutex_);
    std::map<std::string, FinalMetric> last_ GUARDED_BY(mutex_);
    std::vector<Watched> watched_ GUARDED_BY(mutex_);
    bool stop_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace training
