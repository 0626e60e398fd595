// The wire between the workers of one job on several machines: carries IP packets between a worker's tunnel (its eth0) and its
// siblings' agents, over UDP, a DTLS record each (link.hpp).
//
// A packet for an address that is not a sibling's is dropped, and so is one from a forged address: there is no
// route out of the job here either. A datagram that does not come from a sibling's address and port is dropped before anything is
// computed for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "net/peer_identity.hpp"
#include "os/descriptor.hpp"

namespace slurm {

// The largest packet inside, where the smallest interface of a job's nodes takes packets of `interface_mtu`: Ethernet's 1500,
// jumbo frames, a loopback. Less IPv6's, UDP's and DTLS's heads, at most one record; what some router on the way finds too large it cuts.
[[nodiscard]] uint32_t overlay_mtu(uint32_t interface_mtu);

struct Sibling {
    std::string address;  // numeric
    uint16_t port = 0;
    std::string fingerprint;  // net::PeerIdentity's
};

class Overlay {
public:
    // `tunnel` and `identity` outlive it; `socket` is UDP and bound. `siblings`: this worker's is among them, at `self`.
    // Errors `InvalidAddress`, `InternalError`.
    [[nodiscard]] static base::Result<std::unique_ptr<Overlay>> start(const os::Descriptor& tunnel, os::Descriptor socket,
                                                                      const net::PeerIdentity& identity, uint16_t self,
                                                                      const std::vector<Sibling>& siblings);
    virtual ~Overlay() = default;  // stops
};

// A UDP socket on this address, any port; the port. Errors `InvalidAddress`, `IoError`.
[[nodiscard]] base::Result<std::pair<os::Descriptor, uint16_t>> bind_udp(const std::string& address);

// This machine's address on the way to another one, and the interface's MTU. Errors `InvalidAddress`, `IoError`.
struct Towards {
    std::string address;
    uint32_t mtu = 0;
};
[[nodiscard]] base::Result<Towards> towards(const std::string& other);

}  // namespace slurm
