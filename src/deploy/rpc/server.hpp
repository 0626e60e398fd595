// Serves a Monitor to one program over gRPC on a loopback port of its own.
//
// Thousands of registrations may wait at once (Node sends all that are ready), so calls are gRPC callbacks and hold no thread.
// `stop` answers what still waits with UNAVAILABLE and closes the port; the Monitor must outlive the server.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "deploy/rpc/monitor.hpp"

namespace deploy::rpc {

class Server {
public:
    [[nodiscard]] static base::Result<std::unique_ptr<Server>> start(Monitor& monitor);
    ~Server();
    [[nodiscard]] const std::string& address() const;  // 127.0.0.1:PORT
    void stop();

private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace deploy::rpc
