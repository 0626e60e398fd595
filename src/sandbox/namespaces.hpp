// Namespaces as descriptors: made, entered and used in forked children, so that the server itself never leaves its own.
//
// Nothing here has a name in the file system: a namespace lives as long as a descriptor of it or a process in it does. When the
// server is killed, even with SIGKILL, its descriptors close, its workers die, and the kernel takes the namespaces away with
// every interface, address and socket in them.
//
// A child calls only what is async-signal-safe: the server has many threads. A user namespace is made by a program of its own:
// inside/namespaces.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/descriptor.hpp"

namespace sandbox {

struct Namespaces {
    os::Descriptor user;                   // not open: the server is root and needs none
    std::vector<os::Descriptor> networks;  // all of them owned by `user`
};

// Who a server that is not root is in the user namespace that it makes: root, who sets up networks, or the same user.
enum class UserInside : uint8_t { root, same };

// Error `SandboxUnavailable`: says which step the kernel refused.
[[nodiscard]] base::Result<Namespaces> make_namespaces(size_t networks, UserInside user = UserInside::root);

struct SocketAddress {
    std::string address;  // numeric IPv4 or IPv6
    uint16_t port = 0;
};

// TCP sockets that listen inside a network, one for each address, in their order. Error `SandboxUnavailable`.
[[nodiscard]] base::Result<std::vector<os::Descriptor>> listen_inside(int user, int network,
                                                                      const std::vector<SocketAddress>& addresses);

// A device inside a network whose other end is the descriptor: IP packets without a header (Linux: Documentation/networking/
// tuntap.rst). It goes when the descriptor is closed. Error `SandboxUnavailable`.
[[nodiscard]] base::Result<os::Descriptor> open_tunnel(int user, int network, const std::string& name);

// /proc/net/tcp of a network, for reading: from its start each time. Error `SandboxUnavailable`.
[[nodiscard]] base::Result<os::Descriptor> open_connections(int user, int network);

// Runs `ip -batch` with these lines inside a network. `passed` are descriptors that the lines may name as /proc/self/fd/N.
// Error `SandboxUnavailable` with what `ip` said.
[[nodiscard]] base::Result<void> configure_inside(int user, int network, const std::string& lines,
                                                  const std::vector<int>& passed);

// For children: enters both (`user` -1: stay). Async-signal-safe; false with errno.
[[nodiscard]] bool enter(int user, int network);

}  // namespace sandbox
