#include "slurm/packet.hpp"

namespace slurm {
namespace {

void put(std::string& to, uint64_t value, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) to += static_cast<char>(value >> shift);
}

uint64_t get(std::string_view from) {
    uint64_t value = 0;
    for (const char c : from) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

std::string nonce_of(uint16_t sender, uint64_t counter) {
    std::string nonce;
    put(nonce, sender, 4);
    put(nonce, counter, 8);
    return nonce;
}

std::string bound_to(uint16_t sender, uint16_t receiver) {
    std::string bound;
    put(bound, sender, 2);
    put(bound, receiver, 2);
    return bound;
}

}  // namespace

void PacketSealer::seal(uint16_t receiver, std::string_view plain, std::string& out) {
    ++counter_;
    out.clear();
    put(out, self_, 2);
    put(out, counter_, 8);
    aead_.seal(nonce_of(self_, counter_), bound_to(self_, receiver), plain, out);
}

bool ReplayWindow::is_new(uint64_t counter) const {
    if (counter == 0) return false;
    if (counter > highest_) return true;
    if (highest_ - counter >= size) return false;
    return (seen_[counter / 64 % seen_.size()] >> (counter % 64) & 1) == 0;
}

// Words, not bits, are forgotten as the window moves: one word more than the window needs keeps them apart.
void ReplayWindow::mark(uint64_t counter) {
    if (counter > highest_) {
        const uint64_t from = highest_ / 64, to = counter / 64;
        for (uint64_t word = from + 1; word <= to && word - from <= seen_.size(); ++word) seen_[word % seen_.size()] = 0;
        if (to - from > seen_.size()) seen_.fill(0);
        highest_ = counter;
    }
    seen_[counter / 64 % seen_.size()] |= uint64_t{1} << (counter % 64);
}

std::optional<uint16_t> PacketOpener::open(std::string_view packet, std::string& out) {
    out.clear();
    if (packet.size() < packet_overhead) return std::nullopt;
    const auto sender = static_cast<uint16_t>(get(packet.substr(0, 2)));
    const uint64_t counter = get(packet.substr(2, 8));
    if (sender >= windows_.size() || sender == self_ || !windows_[sender].is_new(counter)) return std::nullopt;
    if (!aead_.open(nonce_of(sender, counter), bound_to(sender, self_), packet.substr(packet_head_bytes), out))
        return std::nullopt;
    windows_[sender].mark(counter);  // only now: a forged counter must not close the window
    return sender;
}

std::optional<Route> route_of(std::string_view packet) {
    if (packet.size() < 20 || static_cast<unsigned char>(packet[0]) >> 4 != 4) return std::nullopt;
    return Route{static_cast<uint32_t>(get(packet.substr(12, 4))), static_cast<uint32_t>(get(packet.substr(16, 4)))};
}

}  // namespace slurm
