// SIGTERM and SIGINT as something a thread can wait for. SIGPIPE is ignored (`sendfile` has no MSG_NOSIGNAL).
#pragma once

namespace server {

class StopSignals {
public:
    StopSignals();  // installs the handlers
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    // Blocks until one arrives; its number.
    int wait();
};

}  // namespace server
