// How the connections of a worker on another machine come to its endpoints (training::WorkerEndpoints): its agent listens inside the worker's
// network and carries each connection, sealed, to the server's gateway.
//
//     agent → gateway   worker's id (16 bytes), 32 random bytes
//     gateway → agent   32 random bytes
//     both              frames := length (4 bytes, big endian) sealed;  a frame of nothing: the sender is done
//
// Each direction has a key of its own, HMAC-SHA-256 of both sides' random bytes under the worker's key, which only its agent has;
// nonces count the frames. The agent's first frame is one byte, WorkerEndpoints::Which. Someone on the network can
// neither read, change, cut short, repeat nor open a connection. A connection whose frames do not open is closed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "crypto/random.hpp"
#include "net/socket.hpp"
#include "training/confinement.hpp"

namespace slurm {

constexpr size_t worker_id_bytes = 16;

class Gateway {
public:
    // On any free port of every address of this machine. `random` outlives it. Errors as net::Listener::open.
    [[nodiscard]] static base::Result<std::unique_ptr<Gateway>> start(crypto::Random& random);
    virtual ~Gateway() = default;  // closes every connection
    [[nodiscard]] virtual uint16_t port() const = 0;
    // A worker's connections go to `endpoints` until it is dismissed, which closes them.
    virtual void admit(const std::string& id, const std::string& key,
                       std::shared_ptr<training::WorkerEndpoints::Opened> endpoints) = 0;
    virtual void dismiss(const std::string& id) = 0;
};

// The agent's side.
struct GatewayPlace {
    std::string address;
    uint16_t port = 0;
    std::string id, key;
};
class RemoteEndpoints {
public:
    // Carries what comes to these listeners, in the order of Which, until it is destroyed. `random` outlives it.
    [[nodiscard]] static std::unique_ptr<RemoteEndpoints> open(std::vector<net::Listener> listeners, GatewayPlace gateway,
                                                               crypto::Random& random);
    virtual ~RemoteEndpoints() = default;
};

}  // namespace slurm
