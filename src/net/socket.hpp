// Sockets with deadlines: a listening one and one connection. What waits, waits for a limited time: a deadline that passes is an error, never
// a hang. What does not wait (`try_…`) is for who has more than one connection to look after.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/tls.hpp"
#include "os/descriptor.hpp"

struct sockaddr;

namespace net {

// One connection. Errors of its calls: `Timeout`, `ConnectionClosed` (reset, broken pipe), `IoError`.
class Stream {
public:
    Stream() = default;
    Stream(os::Descriptor socket, std::string peer_address);

    // The most that one read or write may wait for progress; 0, as at first: for ever.
    void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }
    // At least one byte; 0: the peer sent all it will send.
    [[nodiscard]] base::Result<size_t> read_some(std::span<char> into);
    [[nodiscard]] base::Result<void> write_all(std::string_view bytes, bool more_follows = false);
    // Both in one system call where the kernel takes them.
    [[nodiscard]] base::Result<void> write_all(std::string_view first, std::string_view second);
    base::Result<void> write_all(std::string_view first, const char* second) = delete;  // it would be taken for the flag
    // From a file, without copying through us. REQUIRES: SIGPIPE is ignored.
    [[nodiscard]] base::Result<void> send_file(int file, uint64_t offset, uint64_t length);

    // The same without waiting: how many bytes; nullopt: none now, until `wait` or an event says otherwise.
    [[nodiscard]] base::Result<std::optional<size_t>> try_read(std::span<char> into);
    [[nodiscard]] base::Result<std::optional<size_t>> try_write(std::string_view first, std::string_view second = {},
                                                                bool more_follows = false);
    [[nodiscard]] base::Result<std::optional<size_t>> try_send_file(int file, uint64_t offset, uint64_t length);
    enum class For : uint8_t { reading, writing };
    // False: the time is over (0: there is none).
    [[nodiscard]] base::Result<bool> wait(For what, std::chrono::milliseconds most) const;
    // What an event has to tell of before the call that gave nullopt goes on: TLS may have to write before it reads.
    [[nodiscard]] For awaits(For what) const;
    // Bytes that have come and that no event will tell of.
    [[nodiscard]] bool has_pending() const { return tls_ && tls_->has_pending(); }
    // The bytes that come next stay there for who reads. Without waiting.
    [[nodiscard]] base::Result<std::optional<size_t>> peek(std::span<char> into) const;
    // From here on all goes through TLS, whose handshake is the caller's to see to its end.
    void start_tls(std::unique_ptr<TlsSession> session) { tls_ = std::move(session); }
    [[nodiscard]] TlsSession* tls() const { return tls_.get(); }  // nullptr: in the clear
    // Of what was written, what the peer's machine has not acknowledged yet.
    [[nodiscard]] uint64_t unacknowledged() const;

    void shutdown_write();
    void shutdown_read();  // wakes a thread that reads
    void shutdown_both();
    [[nodiscard]] const std::string& peer_address() const { return peer_address_; }
    // Who is behind a proxy, and whether it came to the proxy over TLS, as the proxy says.
    void set_client(std::string address, bool uses_tls) {
        peer_address_ = std::move(address);
        client_uses_tls_ = uses_tls;
    }
    [[nodiscard]] bool is_secure() const { return tls_ != nullptr || client_uses_tls_; }
    [[nodiscard]] bool is_open() const { return socket_.is_open(); }
    [[nodiscard]] int number() const { return socket_.number(); }

private:
    [[nodiscard]] base::Result<void> wait_for(For what, std::string_view doing) const;
    os::Descriptor socket_;
    std::string peer_address_;  // textual IP, no port
    bool client_uses_tls_ = false;
    std::chrono::milliseconds timeout_{0};
    std::unique_ptr<TlsSession> tls_;  // goes first
};

class Listener {
public:
    // `address` is a numeric IPv4 or IPv6 address or `localhost`; port 0 takes any free one.
    // Errors: `AddressInUse`, `InvalidAddress`, `IoError`.
    [[nodiscard]] static base::Result<Listener> open(const std::string& address, uint16_t port);
    // A Unix socket at this path, for this user alone; what lay there is replaced. The path may be of any length. It has no port, and its
    // connections no peer address. Error `IoError`.
    [[nodiscard]] static base::Result<Listener> open_unix(const std::string& path);
    // A socket that listens already, made elsewhere: in another network namespace, by a supervisor.
    [[nodiscard]] static Listener adopt(os::Descriptor listening, uint16_t port);
    [[nodiscard]] uint16_t port() const { return port_; }
    // nullopt: close() was called, or the system is out of descriptors for a moment (ask again).
    [[nodiscard]] std::optional<Stream> accept();
    // From here on accept() returns at once if nobody is there; errno says EAGAIN then.
    void do_not_wait();
    [[nodiscard]] int number() const { return socket_.number(); }
    void wake();  // from another thread: a waiting accept() returns nullopt, and nobody can connect any more

private:
    os::Descriptor socket_;
    uint16_t port_ = 0;
};

// Connects; `Timeout`, `ConnectionRefused`.
[[nodiscard]] base::Result<Stream> connect(const std::string& address, uint16_t port, std::chrono::seconds timeout);

// Whose connections count together: an IPv4 address, or the 64 bits of an IPv6 address that name a network. Anything else as it is.
[[nodiscard]] std::string network_of(const std::string& address);

// Without the port; empty: no address of the Internet.
[[nodiscard]] std::string text_of_address(const sockaddr& address);

// Writes to a closed connection are errors, not signals.
void ignore_broken_pipes();

}  // namespace net
