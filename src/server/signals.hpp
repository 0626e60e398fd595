// SIGTERM and SIGINT as something a thread can wait for. SIGPIPE is ignored (`sendfile` has no MSG_NOSIGNAL).
#pragma once

#include <chrono>
#include <optional>

namespace server {

class StopSignals {
public:
    StopSignals();  // installs the handlers
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    // Blocks until one arrives, at most so long; its number. nullopt: none has.
    std::optional<int> wait(std::chrono::milliseconds most);
};

}  // namespace server
