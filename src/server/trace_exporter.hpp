// Sends spans to an OpenTelemetry collector (OTLP over HTTP, JSON). Requests give their spans to a queue and go on: a collector that is slow, or gone,
// costs spans, which are counted, and nothing else.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "traces/span.hpp"

namespace server {

class TraceExporter {
public:
    static constexpr size_t queue_max = 4096;  // spans
    static constexpr size_t batch_max = 512;   // of them in one message

    struct Settings {
        std::string collector;  // http://HOST:4318; without a path: /v1/traces
        std::string sample;     // 0 to 1: this part of all traces
        traces::Resource resource;
    };
    // Error `InvalidConfiguration`.
    [[nodiscard]] static base::Result<std::unique_ptr<TraceExporter>> open(const Settings& settings);
    // Sends what is queued, if the collector takes it at once; one that does not answer holds nobody up for longer than two seconds.
    ~TraceExporter();
    TraceExporter(const TraceExporter&) = delete;
    TraceExporter& operator=(const TraceExporter&) = delete;

    [[nodiscard]] double sample() const { return sample_; }
    // Is the next request that belongs to no trace in the sample?
    [[nodiscard]] bool draws() const;
    // Any thread; never waits for the collector. Where there is no room for all of them, none is queued.
    void offer(std::vector<traces::Span> spans) EXCLUDES(mutex_);

    struct Figures {
        uint64_t sent = 0, dropped = 0, failed = 0;  // spans; dropped: no room, failed: the collector did not take them
        uint64_t queued = 0;
    };
    [[nodiscard]] Figures figures() const EXCLUDES(mutex_);

private:
    TraceExporter(std::string url, double sample, traces::Resource resource);
    void run() EXCLUDES(mutex_);
    [[nodiscard]] bool send(const std::vector<traces::Span>& spans);

    const std::string url_;
    const double sample_;
    const traces::Resource resource_;
    std::atomic<uint64_t> sent_ = 0, dropped_ = 0, failed_ = 0;
    std::atomic<int64_t> sends_until_ = std::numeric_limits<int64_t>::max();  // of the steady clock
    bool complained_ = false;                                                 // of the thread
    mutable base::Mutex mutex_;
    base::Condition changed_;
    std::deque<traces::Span> queue_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace server
