#include "slurm/overlay.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "net/dtls.hpp"
#include "net/socket.hpp"
#include "slurm/route.hpp"

using slurm::Overlay;
using slurm::Sibling;

namespace {

// An IPv4 packet between workers of these numbers.
std::string packet_of(int from, int to, const std::string& text) {
    std::string out(20, '\0');
    out[0] = 0x45;
    out.replace(
        12, 8,
        std::string("\x0a\x4d\0", 3) + static_cast<char>(from + 1) + std::string("\x0a\x4d\0", 3) + static_cast<char>(to + 1));
    return out + text;
}

// Agents of one job; a pair of sockets for each worker's tunnel.
struct Job {
    std::vector<std::unique_ptr<net::PeerIdentity>> identities;
    std::vector<Sibling> siblings;
    std::vector<os::Descriptor> sockets, tunnels, workers;
    std::vector<std::unique_ptr<Overlay>> overlays;

    explicit Job(size_t count) {
        for (size_t i = 0; i < count; ++i) {
            identities.push_back(*net::PeerIdentity::make());
            auto [socket, port] = *slurm::bind_udp("127.0.0.1");
            sockets.push_back(std::move(socket));
            siblings.push_back({"127.0.0.1", port, identities.back()->fingerprint()});
            std::array<int, 2> pair{};
            REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) == 0);
            tunnels.emplace_back(pair[0]);
            workers.emplace_back(pair[1]);
        }
    }
    void start() {
        for (size_t i = 0; i < siblings.size(); ++i)
            overlays.push_back(
                *Overlay::start(tunnels[i], std::move(sockets[i]), *identities[i], static_cast<uint16_t>(i), siblings));
    }
    void send(int from, const std::string& packet) {
        REQUIRE(::write(workers[static_cast<size_t>(from)].number(), packet.data(), packet.size()) ==
                static_cast<ssize_t>(packet.size()));
    }
    // The next packet; empty: none comes.
    std::string next(int at, std::chrono::milliseconds patience) {
        const net::Stream worker(os::Descriptor(::dup(workers[static_cast<size_t>(at)].number())), "");
        std::string buffer(1 << 16, '\0');
        if (!worker.wait(net::Stream::For::reading, patience).value_or(false)) return "";
        const ssize_t got = ::read(worker.number(), buffer.data(), buffer.size());
        return got < 0 ? "" : buffer.substr(0, static_cast<size_t>(got));
    }
};

constexpr std::chrono::seconds patience{20};

}  // namespace

TEST_CASE("packets go to the sibling that they are for, and to no other") {
    Job job(3);
    job.start();
    for (const auto& [from, to] : {std::pair(0, 1), std::pair(1, 0), std::pair(2, 0), std::pair(1, 2)}) {
        const std::string packet = packet_of(from, to, "from " + std::to_string(from));
        job.send(from, packet);
        CHECK(job.next(to, patience) == packet);
    }
    const std::string large = packet_of(0, 1, std::string(slurm::overlay_mtu(65536) - 20, 'x'));
    job.send(0, large);
    CHECK(job.next(1, patience) == large);
    // From a forged address, to nobody, to itself, no IP packet: dropped; what follows arrives.
    job.send(0, packet_of(2, 1, "forged"));
    job.send(0, packet_of(0, 7, "nobody"));
    job.send(0, packet_of(0, 0, "itself"));
    job.send(0, "no packet");
    job.send(0, packet_of(0, 1, "after"));
    CHECK(job.next(1, patience) == packet_of(0, 1, "after"));
    CHECK(job.next(0, std::chrono::milliseconds(50)).empty());
    CHECK(job.next(2, std::chrono::milliseconds(50)).empty());
}

TEST_CASE("a datagram that comes from nowhere of the job gets no answer") {
    Job job(2);
    const uint16_t port = job.siblings[1].port;
    job.start();
    const auto identity = *net::PeerIdentity::make();
    const auto context = *net::DtlsContext::open(*identity);
    auto [socket, own] = *slurm::bind_udp("127.0.0.1");
    const net::Stream stranger(std::move(socket), "");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto session = context->connect(job.siblings[1].fingerprint, [&](std::string_view datagram) {
        REQUIRE(::sendto(stranger.number(), datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to) >
                0);
    });
    REQUIRE(session);
    // A sibling's greeting, sent later, was answered: so this one will not be.
    job.send(0, packet_of(0, 1, "x"));
    CHECK(job.next(1, patience) == packet_of(0, 1, "x"));
    std::array<char, 2000> answer{};
    CHECK(::recv(stranger.number(), answer.data(), answer.size(), MSG_DONTWAIT) == -1);
}

TEST_CASE("the route of an IP packet") {
    std::string packet(20, '\0');
    packet[0] = 0x45;
    packet.replace(12, 8, std::string("\x0a\x4d\x00\x01\x0a\x4d\x00\x02", 8));
    const auto route = slurm::route_of(packet);
    REQUIRE(route);
    CHECK(route->source == 0x0a4d0001);
    CHECK(route->destination == 0x0a4d0002);
    CHECK_FALSE(slurm::route_of(packet.substr(0, 19)));
    packet[0] = 0x60;
    CHECK_FALSE(slurm::route_of(packet));
}

TEST_CASE("what fits through a wire") {
    CHECK(slurm::overlay_mtu(1500) == 1500 - 40 - 8 - net::dtls_overhead);
    CHECK(slurm::overlay_mtu(9000) == 9000 - 40 - 8 - net::dtls_overhead);
    CHECK(slurm::overlay_mtu(65536) == net::dtls_packet_bytes_max);
    CHECK(slurm::overlay_mtu(0) == 1280);
    CHECK(slurm::overlay_mtu(1'000'000) == net::dtls_packet_bytes_max);
    const auto loopback = slurm::towards("127.0.0.1");
    REQUIRE(loopback);
    CHECK(loopback->address == "127.0.0.1");
    CHECK(loopback->mtu >= 1280);
    CHECK_FALSE(slurm::towards("n1"));
}
