// How an agent on another machine comes to its task, and its worker's connections to their endpoints (training::WorkerEndpoints): the
// agent listens inside the worker's network and carries each connection over TLS 1.3 (net/peer_tls.hpp) to the server's gateway.
//
// Gateway and agents know each other by their fingerprints, which Slurm has carried (message.hpp). What a connection is for is agreed on
// in its handshake:
//
//     trainwarden/task        gateway → agent   the task, as JSON, then the end
//     trainwarden/output      agent → gateway   what the worker writes (output.hpp)
//     trainwarden/aws …       the worker's connection to that endpoint, both ways
//
// Anybody on the network can connect. What that costs before the handshake is done has limits (GatewayLimits): one thread for all,
// and keys are made only for who names an agent of a worker that runs here. The names are in no place that a worker or another user of a
// node sees.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/peer_tls.hpp"
#include "net/socket.hpp"
#include "slurm/output.hpp"
#include "training/confinement.hpp"

namespace slurm {

// Of connections whose handshakes are not done.
struct GatewayLimits {
    std::chrono::milliseconds handshake = std::chrono::seconds(5);  // from its beginning to its end
    size_t strangers = 256, strangers_per_peer = 64;                // that have not named anybody: beyond it the oldest is closed
    size_t handshakes_per_worker = 64;                              // that have named this worker's agent: more are refused
    size_t tasks_per_worker = 2;                                    // on their way at once: more are refused
    std::chrono::milliseconds task = std::chrono::seconds(60);      // for sending a task
    // A peer (net::network_of) may begin so many at once, and then so many a second; more are closed unread.
    double greetings_at_once = 1'024, greetings_per_second = 256;
    // And of handshakes that named somebody and failed; while it has no more, it names nobody.
    double failures_at_once = 32, failures_per_second = 1;
};

// What came of limits and strangers so far.
struct GatewayCounts {
    uint64_t accepted = 0;  // connections
    uint64_t done = 0;      // handshakes
    uint64_t refused = 0;   // they named nobody, or did not prove it, or speak something else
    uint64_t late = 0;      // not done in time
    uint64_t crowded = 0;   // closed for others, or unread
};

constexpr std::string_view task_protocol = "trainwarden/task", output_protocol = "trainwarden/output";
// In the order of training::WorkerEndpoints::Which.
constexpr std::array<std::string_view, 3> endpoint_protocols = {"trainwarden/aws", "trainwarden/container",
                                                                "trainwarden/metadata"};

class Gateway {
public:
    // On any free port of every address of this machine. Errors as net::Listener::open and net::PeerIdentity::make.
    [[nodiscard]] static base::Result<std::unique_ptr<Gateway>> start(const GatewayLimits& limits = {});
    virtual ~Gateway() = default;  // closes every connection that is still its own
    [[nodiscard]] virtual uint16_t port() const = 0;
    [[nodiscard]] virtual const std::string& fingerprint() const = 0;
    [[nodiscard]] virtual GatewayCounts counts() const = 0;
    struct Worker {
        std::string task;
        std::shared_ptr<training::WorkerEndpoints::Opened> endpoints;  // nullptr: it has none
        Output* output = nullptr;                                      // outlives the dismissal; nullptr: nobody reads it
    };
    // The agent with this fingerprint gets its task and its worker's endpoints until it is dismissed, which closes them.
    // Error `InternalError`: another worker's agent has it, says its node.
    [[nodiscard]] virtual base::Result<void> admit(const std::string& fingerprint, Worker worker) = 0;
    virtual void dismiss(const std::string& fingerprint) = 0;
};

// The agent's side.
struct GatewayPlace {
    std::string address;
    uint16_t port = 0;
};
// Error `InvalidMessage`: the task does not end; else those of net::PeerTlsClient::connect.
[[nodiscard]] base::Result<std::string> fetch_task(const net::PeerTlsClient& client, const GatewayPlace& gateway);

class RemoteEndpoints {
public:
    // Carries what comes to these listeners, in the order of Which, until it is destroyed. `client` outlives it.
    [[nodiscard]] static std::unique_ptr<RemoteEndpoints> open(std::vector<net::Listener> listeners, GatewayPlace gateway,
                                                               const net::PeerTlsClient& client);
    virtual ~RemoteEndpoints() = default;
};

}  // namespace slurm
