// Serves a Monitor to one program over gRPC on a unix socket that no other user of the machine reaches (private_socket.hpp): it
// tells decrypted secrets, and a resource that is registered is made with the credentials of the user who runs `up`.
//
// Thousands of registrations may wait at once (Node sends all that are ready), so calls are gRPC callbacks and hold no thread.
// `stop` answers what still waits with UNAVAILABLE and closes the socket; the Monitor must outlive the server.
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
    [[nodiscard]] const std::string& address() const;  // unix:PATH
    void stop();

private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace deploy::rpc
