#include "server/readiness.hpp"

#include "base/log.hpp"

namespace server {

Readiness::Readiness(Probe probe, ReadinessTimes times) : probe_(std::move(probe)), times_(times), thread_([this] { run(); }) {}

Readiness::~Readiness() {
    {
        const base::Lock lock(mutex_);
        ending_ = true;
        ending_changed_.notify_all();
    }
    asked_ = true;
    asked_.notify_one();
    thread_.join();
}

bool Readiness::is_ready() {
    if (!asked_.exchange(true)) asked_.notify_one();
    const Clock::rep began = began_;
    const bool hangs = began != 0 && Clock::now() - Clock::time_point(Clock::duration(began)) > times_.probe_most;
    return went_well_ && !hangs;
}

void Readiness::run() {
    while (true) {
        asked_.wait(false);
        {
            const base::Lock lock(mutex_);
            if (ending_) return;
        }
        asked_ = false;
        began_ = Clock::now().time_since_epoch().count();
        const auto result = probe_();
        began_ = 0;
        if (const bool well = result.has_value(); went_well_.exchange(well) != well) {
            if (well)
                base::log_info("requests can be served again");
            else
                base::log_error("requests cannot be served, and /readyz says so: " + result.error().describe());
        }
        const base::Lock lock(mutex_);
        if (ending_changed_.wait_for(mutex_, times_.apart, [this]() REQUIRES(mutex_) { return ending_; })) return;
    }
}

}  // namespace server
