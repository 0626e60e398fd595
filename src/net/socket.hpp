// TCP with deadlines: a listening socket and one connection. Blocking calls; a deadline that passes is an error, never a hang.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/descriptor.hpp"

namespace net {

// One connection. Errors of its calls: `Timeout`, `ConnectionClosed` (reset, broken pipe), `IoError`.
class Stream {
public:
    Stream() = default;
    Stream(os::Descriptor socket, std::string peer_address)
        : socket_(std::move(socket)), peer_address_(std::move(peer_address)) {}

    // The most that one read or write may wait for progress. Must be set before the first.
    void set_timeout(std::chrono::seconds timeout);
    // At least one byte; 0: the peer sent all it will send.
    [[nodiscard]] base::Result<size_t> read_some(std::span<char> into);
    [[nodiscard]] base::Result<void> write_all(std::string_view bytes, bool more_follows = false);
    // Both in one system call where the kernel takes them.
    [[nodiscard]] base::Result<void> write_all(std::string_view first, std::string_view second);
    base::Result<void> write_all(std::string_view first, const char* second) = delete;  // it would be taken for the flag
    // From a file, without copying through us. REQUIRES: SIGPIPE is ignored.
    [[nodiscard]] base::Result<void> send_file(int file, uint64_t offset, uint64_t length);
    void shutdown_write();
    void shutdown_read();  // wakes a thread that reads
    void shutdown_both();
    [[nodiscard]] const std::string& peer_address() const { return peer_address_; }
    [[nodiscard]] bool is_open() const { return socket_.is_open(); }
    [[nodiscard]] int number() const { return socket_.number(); }

private:
    os::Descriptor socket_;
    std::string peer_address_;  // textual IP, no port
};

class Listener {
public:
    // `address` is a numeric IPv4 or IPv6 address or `localhost`; port 0 takes any free one.
    // Errors: `AddressInUse`, `InvalidAddress`, `IoError`.
    [[nodiscard]] static base::Result<Listener> open(const std::string& address, uint16_t port);
    // A socket that listens already, made elsewhere: in another network namespace, by a supervisor.
    [[nodiscard]] static Listener adopt(os::Descriptor listening, uint16_t port);
    [[nodiscard]] uint16_t port() const { return port_; }
    // nullopt: close() was called, or the system is out of descriptors for a moment (ask again).
    [[nodiscard]] std::optional<Stream> accept();
    [[nodiscard]] int number() const { return socket_.number(); }
    void wake();  // from another thread: a waiting accept() returns nullopt

private:
    os::Descriptor socket_;
    uint16_t port_ = 0;
};

// Connects; `Timeout`, `ConnectionRefused`.
[[nodiscard]] base::Result<Stream> connect(const std::string& address, uint16_t port, std::chrono::seconds timeout);

// Writes to a closed connection are errors, not signals.
void ignore_broken_pipes();

}  // namespace net
