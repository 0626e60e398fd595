#include "slurm/overlay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <unordered_map>

#include "base/error_codes.hpp"
#include "net/dtls.hpp"
#include "slurm/link.hpp"
#include "slurm/route.hpp"

namespace slurm {
namespace {

constexpr uint32_t first_address = 0x0a4d0001;  // 10.77.0.1, of the first worker: sandbox/network.hpp

struct Address {
    sockaddr_storage name{};
    socklen_t size = 0;
};

base::Result<Address> parse_address(const std::string& text, uint16_t port) {
    Address out;
    auto& v4 = reinterpret_cast<sockaddr_in&>(out.name);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out.name);
    if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        out.size = sizeof v4;
    } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        out.size = sizeof v6;
    } else {
        return base::fail(base::code::InvalidAddress, "`" + text + "` is not an IP address");
    }
    return out;
}

std::unexpected<base::Error> io_error(const std::string& what) {
    return base::fail(base::code::IoError, what + ": " + std::strerror(errno));
}

// An address and a port, as a key of a map.
std::string key_of(const sockaddr_storage& name) {
    const auto bytes = [](const auto& field) { return std::string(reinterpret_cast<const char*>(&field), sizeof field); };
    if (name.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
        return bytes(v4.sin_addr) + bytes(v4.sin_port);
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    return bytes(v6.sin6_addr) + bytes(v6.sin6_port);
}

class Carrier final : public Overlay {
public:
    Carrier(const os::Descriptor& tunnel, os::Descriptor socket, std::unique_ptr<net::DtlsContext> context, uint16_t self,
            const std::vector<Sibling>& siblings, const std::vector<Address>& addresses)
        : tunnel_(tunnel.number()),
          socket_(std::move(socket)),
          context_(std::move(context)),
          self_(self),
          links_(siblings.size()),
          stop_(::eventfd(0, EFD_CLOEXEC)) {
        for (size_t i = 0; i < siblings.size(); ++i) {
            if (i == self) continue;
            const std::string key = key_of(addresses[i].name);
            numbers_[key] = i;
            links_[i] = std::make_unique<Link>(
                Link::End{.context = context_.get(),
                          .begins = self < i,
                          .address = key,
                          .fingerprint = siblings[i].fingerprint,
                          .send = [this, to = addresses[i]](std::string_view datagram) { send(to, datagram); }},
                LinkLimits{});
        }
        thread_ = std::thread([this] { carry(); });
    }
    ~Carrier() override {
        const uint64_t one = 1;
        ssize_t ignored = ::write(stop_.number(), &one, sizeof one);
        (void)ignored;  // It has room for the one.
        thread_.join();
        for (auto& link : links_)
            if (link) link->say_goodbye();
    }

private:
    void carry() {
        pollfd watched[3] = {{tunnel_, POLLIN, 0}, {socket_.number(), POLLIN, 0}, {stop_.number(), POLLIN, 0}};
        auto tick_at = Link::Time::min();
        for (;;) {
            now_ = std::chrono::steady_clock::now();
            if (now_ >= tick_at) tick_at = now_ + tick();
            const auto patience = std::chrono::ceil<std::chrono::milliseconds>(tick_at - now_).count();
            if (::poll(watched, 3, static_cast<int>(patience)) < 0) {
                if (errno == EINTR) continue;
                return;
            }
            if (watched[2].revents != 0) return;
            now_ = std::chrono::steady_clock::now();
            // A worker that has taken its tunnel away has no siblings any more.
            if ((watched[0].revents & (POLLERR | POLLNVAL)) != 0) watched[0].fd = -1;
            if ((watched[0].revents & POLLIN) != 0) out();
            if ((watched[1].revents & (POLLIN | POLLERR)) != 0) in();
        }
    }

    // How long until the next.
    std::chrono::milliseconds tick() {
        bool is_busy = false;
        for (auto& link : links_) {
            if (!link) continue;
            link->tick(now_);
            is_busy = is_busy || link->is_busy();
        }
        return is_busy ? std::chrono::milliseconds(50) : std::chrono::milliseconds(1'000);
    }

    void send(const Address& to, std::string_view datagram) {
        ssize_t sent = 0;
        do
            sent = ::sendto(socket_.number(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
                            reinterpret_cast<const sockaddr*>(&to.name), to.size);
        while (sent < 0 && errno == EINTR);
        // What could not be sent is lost, as on a wire.
    }

    // A batch at a time, so that neither direction starves the other.
    static constexpr int batch = 64;

    void out() {
        for (int i = 0; i < batch; ++i) {
            const ssize_t got = ::read(tunnel_, buffer_.data(), buffer_.size());
            if (got <= 0) return;
            const std::string_view packet(buffer_.data(), static_cast<size_t>(got));
            const auto route = route_of(packet);
            if (!route || route->source != first_address + self_ || route->destination < first_address) continue;
            const uint32_t to = route->destination - first_address;
            if (to >= links_.size() || to == self_) continue;
            links_[to]->send(packet, now_);
        }
    }

    void in() {
        for (int i = 0; i < batch; ++i) {
            sockaddr_storage from{};
            socklen_t size = sizeof from;
            const ssize_t got = ::recvfrom(socket_.number(), buffer_.data(), buffer_.size(), MSG_DONTWAIT,
                                           reinterpret_cast<sockaddr*>(&from), &size);
            if (got < 0) return;
            const auto sender = numbers_.find(key_of(from));
            if (sender == numbers_.end()) continue;
            links_[sender->second]->take({buffer_.data(), static_cast<size_t>(got)}, now_, packets_);
            for (const auto& packet : packets_) {
                const auto route = route_of(packet);
                if (!route || route->source != first_address + sender->second || route->destination != first_address + self_)
                    continue;
                ssize_t ignored = ::write(tunnel_, packet.data(), packet.size());
                (void)ignored;  // A full queue loses packets, as a wire does.
            }
        }
    }

    int tunnel_;
    os::Descriptor socket_;
    std::unique_ptr<net::DtlsContext> context_;
    uint16_t self_;
    std::vector<std::unique_ptr<Link>> links_;  // nullptr: to itself
    std::unordered_map<std::string, size_t> numbers_;
    os::Descriptor stop_;
    Link::Time now_;
    std::array<char, 65536> buffer_;
    std::vector<std::string> packets_;
    std::thread thread_;
};

}  // namespace

base::Result<std::unique_ptr<Overlay>> Overlay::start(const os::Descriptor& tunnel, os::Descriptor socket,
                                                      const net::PeerIdentity& identity, uint16_t self,
                                                      const std::vector<Sibling>& siblings) {
    std::vector<Address> addresses;
    for (const auto& sibling : siblings) addresses.push_back(TRY(parse_address(sibling.address, sibling.port)));
    auto context = TRY(net::DtlsContext::open(identity));
    return std::make_unique<Carrier>(tunnel, std::move(socket), std::move(context), self, siblings, addresses);
}

base::Result<std::pair<os::Descriptor, uint16_t>> bind_udp(const std::string& address) {
    Address where = TRY(parse_address(address, 0));
    os::Descriptor socket(::socket(where.name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    auto* name = reinterpret_cast<sockaddr*>(&where.name);
    if (!socket.is_open() || ::bind(socket.number(), name, where.size) != 0)
        return io_error("cannot take a UDP port of " + address);
    // Routers may cut what is too large for their next wire: their ICMP errors do not arrive here.
    const int may_be_cut = where.name.ss_family == AF_INET6 ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT;
    if (where.name.ss_family == AF_INET6)
        ::setsockopt(socket.number(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &may_be_cut, sizeof may_be_cut);
    else
        ::setsockopt(socket.number(), IPPROTO_IP, IP_MTU_DISCOVER, &may_be_cut, sizeof may_be_cut);
    // Bursts of many siblings: as much as the machine gives.
    const int bytes = 4 << 20;
    ::setsockopt(socket.number(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    ::setsockopt(socket.number(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    if (::getsockname(socket.number(), name, &where.size) != 0) return io_error("cannot learn a UDP port");
    const uint16_t port = ntohs(where.name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(where.name).sin6_port
                                                                 : reinterpret_cast<sockaddr_in&>(where.name).sin_port);
    return std::pair(std::move(socket), port);
}

uint32_t overlay_mtu(uint32_t interface_mtu) {
    constexpr uint32_t heads = 40 + 8 + net::dtls_overhead, least = 1280, most = net::dtls_packet_bytes_max;
    return std::clamp(interface_mtu > heads ? interface_mtu - heads : 0, least, most);
}

base::Result<Towards> towards(const std::string& other) {
    Address where = TRY(parse_address(other, 9));
    const os::Descriptor socket(::socket(where.name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const bool v6 = where.name.ss_family == AF_INET6;
    auto* name = reinterpret_cast<sockaddr*>(&where.name);
    int mtu = 0;
    socklen_t size = sizeof mtu;
    // Connecting a datagram socket sends nothing; it chooses the route.
    if (!socket.is_open() || ::connect(socket.number(), name, where.size) != 0 ||
        ::getsockopt(socket.number(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &size) != 0 ||
        ::getsockname(socket.number(), name, &where.size) != 0)
        return io_error("no route to " + other);
    char text[INET6_ADDRSTRLEN] = "";
    const void* address = &reinterpret_cast<sockaddr_in&>(where.name).sin_addr;
    if (v6) address = &reinterpret_cast<sockaddr_in6&>(where.name).sin6_addr;
    ::inet_ntop(where.name.ss_family, address, text, sizeof text);
    return Towards{text, static_cast<uint32_t>(mtu)};
}

}  // namespace slurm
