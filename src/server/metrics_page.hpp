// What Prometheus reads of a running server: every family by name (docs/operate.md says the same, and a test compares them), and where its values
// come from.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "admin/scrub.hpp"
#include "base/mutex.hpp"
#include "http/server.hpp"
#include "metrics/page.hpp"
#include "net/tls.hpp"
#include "server/request_observer.hpp"
#include "server/store_sizes.hpp"
#include "server/trace_exporter.hpp"
#include "training/training.hpp"

namespace server {

[[nodiscard]] std::span<const metrics::Family> metric_families();

class MetricsPage {
public:
    struct Sources {
        const RequestObserver* requests = nullptr;
        const training::Training* training = nullptr;
        const admin::Scrub* scrub = nullptr;
        std::string_view isolation;             // TrainingService::isolation
        const net::TlsServer* tls = nullptr;    // nullptr: there is none
        const TraceExporter* traces = nullptr;  // nullptr: nothing is traced
        std::function<bool()> is_ready;         // what /readyz says; must not wait
        std::string data_folder;
        std::string version;
    };
    // What the sources name outlives it.
    explicit MetricsPage(Sources sources) : sources_(std::move(sources)), sizes_(sources_.data_folder) {}

    // `name`: port, operator, metrics.
    void add_front(std::string name, std::shared_ptr<http::Front> front) EXCLUDES(mutex_);
    void end_soon() { is_ending_ = true; }
    // Any thread. Asks the system for a few figures, and no disk.
    [[nodiscard]] std::string text() const EXCLUDES(mutex_);

private:
    void add_requests(metrics::Page& page) const;
    void add_fronts(metrics::Page& page) const EXCLUDES(mutex_);
    void add_stores(metrics::Page& page) const;
    void add_scrub(metrics::Page& page) const;
    void add_jobs(metrics::Page& page) const;

    const Sources sources_;
    StoreSizes sizes_;
    std::atomic<bool> is_ending_ = false;
    mutable base::Mutex mutex_;
    std::vector<std::pair<std::string, std::shared_ptr<http::Front>>> fronts_ GUARDED_BY(mutex_);
};

// Is it a scrape: GET or HEAD of /metrics, with no query and no signature? A bucket may have that name.
[[nodiscard]] bool is_scrape(const http::RequestHead& head);
[[nodiscard]] http::Response answer_scrape(const MetricsPage& page);

}  // namespace server
