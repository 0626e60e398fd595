// The network of one job: a namespace a worker, joined by a bridge that stands in a namespace of its own.
//
//       algo-1                 (bridge)               algo-2
//     ┌─ lo  127.0.0.1        ┌─────────┐           ┌─ lo …
//     │      169.254.169.254  │ siblings│           │
//     │      169.254.170.2    │         │           │
//     └─ eth0 10.77.0.1 ──────┤         ├────────── └─ eth0 10.77.0.2
//                             └─────────┘
//
// A job of one worker has no bridge: its eth0 ends in its own namespace.
//
// No wire leads to the machine's own network: the bridge has neither address nor uplink. What a worker reaches of the server are
// sockets that the server itself listens on inside the worker's namespace (listen()), on the worker's own loopback. So a worker
// has its siblings and those sockets, and nothing to filter: no port of the machine, no metadata address of its cloud, no other
// job. Who connects to such a socket is that worker: the socket is the identity.
//
// Where a job's workers are on several machines (room `slurm`) there is no bridge: eth0 is a tunnel, the rest is the same.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/socket.hpp"
#include "sandbox/namespaces.hpp"

namespace sandbox {

constexpr std::string_view network_interface = "eth0";
constexpr std::string_view container_credentials_address = "169.254.170.2";
constexpr std::string_view instance_metadata_address = "169.254.169.254";

class Network {
public:
    // `addresses`: what the server will listen on inside; those that are not of the loopback are added to it.
    // Error `SandboxUnavailable`.
    [[nodiscard]] static base::Result<std::unique_ptr<Network>> make(size_t workers, const std::vector<std::string>& addresses);

    // The network of one worker whose siblings are on other machines: its eth0 is a tunnel, and the holder of the descriptor
    // carries the packets. `mtu`: the largest. Error `SandboxUnavailable`.
    [[nodiscard]] static base::Result<std::unique_ptr<Network>> make_alone(size_t worker,
                                                                           const std::vector<std::string>& addresses, int mtu);
    [[nodiscard]] const os::Descriptor& tunnel() const { return tunnel_; }

    [[nodiscard]] base::Result<std::vector<net::Listener>> listen(size_t worker,
                                                                  const std::vector<SocketAddress>& addresses) const;
    [[nodiscard]] static std::string address_of(size_t worker);  // of its eth0
    [[nodiscard]] int user_namespace() const { return namespaces_.user.is_open() ? namespaces_.user.number() : -1; }
    [[nodiscard]] int namespace_of(size_t worker) const { return namespaces_.networks[worker].number(); }

private:
    Network() = default;
    Namespaces namespaces_;  // the workers' networks, then the bridge's
    os::Descriptor tunnel_;  // of make_alone
};

}  // namespace sandbox
