// What a worker writes, on its way from its agent into a pipe of the server's:
//
//     gateway → agent   a byte: it is taken
//     agent → gateway   what the worker writes, then the end
//     gateway → agent   the end, when all of it is in the pipe
#pragma once

#include <memory>
#include <string_view>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "net/peer_tls.hpp"
#include "net/socket.hpp"
#include "os/descriptor.hpp"

namespace slurm {

// The server's side. One thread carries.
class Output {
public:
    // Error `FileError`.
    [[nodiscard]] static base::Result<std::unique_ptr<Output>> make();
    virtual ~Output() = default;  // ends it
    // Its reader's end of the pipe, once; reading does not wait.
    [[nodiscard]] virtual os::Descriptor take_reader() = 0;
    // The agent's connection, once: another is closed. Any thread.
    virtual void take(net::Stream stream) = 0;
};

// The agent's side.
class OutputSender {
public:
    // Errors: net::PeerTlsClient::connect's, and `ConnectionClosed`: the gateway does not take it.
    [[nodiscard]] static base::Result<OutputSender> open(const net::PeerTlsClient& client, const std::string& address,
                                                         uint16_t port);
    OutputSender() = default;
    // False: nobody takes it any more.
    [[nodiscard]] bool write(std::string_view text);
    // Says the end, and waits until all has been taken, seconds at most.
    void finish();

private:
    explicit OutputSender(net::Stream stream) : stream_(std::move(stream)) {}
    net::Stream stream_;
};

}  // namespace slurm
