// One direction each of a sealed connection (gateway.hpp says how they look), and the carrying of bytes between it and a plain
// one.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/aead.hpp"
#include "net/socket.hpp"

namespace slurm {

constexpr size_t frame_plain_bytes_max = 64 * 1024;

class FrameWriter {
public:
    explicit FrameWriter(std::string_view key) : aead_(key) {}
    [[nodiscard]] base::Result<void> write(net::Stream& to, std::string_view plain);  // REQUIRES: at most frame_plain_bytes_max

private:
    crypto::Aead aead_;
    uint64_t count_ = 0;
    std::string sealed_;
};

class FrameReader {
public:
    explicit FrameReader(std::string_view key) : aead_(key) {}
    // The next frame's bytes, until the next call. Errors: net::Stream's; `InvalidSeal`; `ConnectionClosed`: no end was said.
    [[nodiscard]] base::Result<std::string_view> read(net::Stream& from);

private:
    crypto::Aead aead_;
    uint64_t count_ = 0;
    std::string sealed_, plain_;
};

// Error `ConnectionClosed` if they do not all come.
[[nodiscard]] base::Result<std::string> read_exactly(net::Stream& from, size_t bytes);

// The keys of one connection, by the direction.
struct ConnectionKeys {
    std::string to_gateway, to_agent;
};
[[nodiscard]] ConnectionKeys connection_keys(std::string_view worker_key, std::string_view agents_random,
                                             std::string_view gateways_random);

// Both directions, until both have ended or one is broken. Then both connections are shut down.
void carry(net::Stream& plain, net::Stream& sealed, FrameWriter& writer, FrameReader& reader);

}  // namespace slurm
