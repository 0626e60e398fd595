// Packets between the agents of one job: what a worker sends to a sibling, sealed. Pure.
//
//     packet := sender (2 bytes) counter (8 bytes) sealed             big endian
//     sealed := AES-256-GCM of the IP packet; nonce: sender as 4 bytes, counter; bound: sender, receiver
//
// Every attempt at a job has a key of its own, every sender counts from 1: no nonce is used twice. A packet that was changed,
// comes again, is older than the window, or was for another receiver is dropped, as a network would lose it. The window is RFC 6479's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/aead.hpp"

namespace slurm {

constexpr size_t packet_head_bytes = 10;
constexpr size_t packet_overhead = packet_head_bytes + crypto::Aead::tag_bytes;

class PacketSealer {
public:
    PacketSealer(std::string_view key, uint16_t self) : aead_(key), self_(self) {}
    // Replaces `out`.
    void seal(uint16_t receiver, std::string_view plain, std::string& out);

private:
    crypto::Aead aead_;
    uint16_t self_;
    uint64_t counter_ = 0;
};

// Which counters have come: each is good once.
class ReplayWindow {
public:
    static constexpr uint64_t size = 2048;
    [[nodiscard]] bool is_new(uint64_t counter) const;
    void mark(uint64_t counter);  // REQUIRES: is_new(counter)

private:
    uint64_t highest_ = 0;
    std::array<uint64_t, size / 64 + 1> seen_{};
};

class PacketOpener {
public:
    PacketOpener(std::string_view key, uint16_t self, size_t workers) : aead_(key), self_(self), windows_(workers) {}
    // Who sent it; `out` is replaced with what was sent. nullopt: drop it.
    [[nodiscard]] std::optional<uint16_t> open(std::string_view packet, std::string& out);

private:
    crypto::Aead aead_;
    uint16_t self_;
    std::vector<ReplayWindow> windows_;
};

// Of an IPv4 packet: nullopt for anything else.
struct Route {
    uint32_t source = 0, destination = 0;  // host byte order
};
[[nodiscard]] std::optional<Route> route_of(std::string_view ip_packet);

}  // namespace slurm
