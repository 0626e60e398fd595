#include "net/socket.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error_codes.hpp"

namespace net {

using base::fail;
using base::Result;

namespace {

std::unexpected<base::Error> io_error(std::string_view what) {
    switch (errno) {
        case EAGAIN:
            return fail(base::code::Timeout, std::string(what) + " made no progress in time");
        case EPIPE:
        case ECONNRESET:
        case ENOTCONN:
            return fail(base::code::ConnectionClosed, "the peer closed the connection");
        default:
            return fail(base::code::IoError, std::string(what) + ": " + std::strerror(errno));
    }
}

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
    [[nodiscard]] int family() const { return storage.ss_family; }
    [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<Address> parse_address(const std::string& text, uint16_t port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICSERV | (text == "localhost" ? 0 : AI_NUMERICHOST);
    hints.ai_family = text == "localhost" ? AF_INET : AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(text.c_str(), std::to_string(port).c_str(), &hints, &found) != 0 || !found)
        return fail(
            base::Error(base::code::InvalidAddress, "`" + text + "` is not an IP address")
                .note("write localhost or a number: 127.0.0.1 for this machine alone, 0.0.0.0 for every network it is in"));
    Address out;
    std::memcpy(&out.storage, found->ai_addr, found->ai_addrlen);
    out.length = found->ai_addrlen;
    ::freeaddrinfo(found);
    return out;
}

std::string text_of(const sockaddr_storage& storage) {
    char text[INET6_ADDRSTRLEN] = "";
    if (storage.ss_family == AF_INET) {
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, text, sizeof text);
    } else {
        const auto& address = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&address))
            ::inet_ntop(AF_INET, address.s6_addr + 12, text, sizeof text);
        else
            ::inet_ntop(AF_INET6, &address, text, sizeof text);
    }
    return text;
}

void set_no_delay(int socket) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

void Stream::set_timeout(std::chrono::seconds timeout) {
    const timeval value{.tv_sec = timeout.count(), .tv_usec = 0};
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value);
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value);
}

Result<size_t> Stream::read_some(std::span<char> into) {
    while (true) {
        const ssize_t got = ::recv(socket_.number(), into.data(), into.size(), 0);
        if (got >= 0) return static_cast<size_t>(got);
        if (errno != EINTR) return io_error("reading");
    }
}

Result<void> Stream::write_all(std::string_view bytes, bool more_follows) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
        if (sent >= 0)
            bytes.remove_prefix(static_cast<size_t>(sent));
        else if (errno != EINTR)
            return io_error("writing");
    }
    return {};
}

Result<void> Stream::write_all(std::string_view first, std::string_view second) {
    while (!first.empty()) {
        std::array<iovec, 2> parts{
            {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        const ssize_t sent = ::sendmsg(socket_.number(), &message, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EINTR) return io_error("writing");
            continue;
        }
        const auto of_first = std::min(static_cast<size_t>(sent), first.size());
        first.remove_prefix(of_first);
        second.remove_prefix(static_cast<size_t>(sent) - of_first);
    }
    return write_all(second);
}

Result<void> Stream::send_file(int file, uint64_t offset, uint64_t length) {
    auto at = static_cast<off_t>(offset);
    while (length > 0) {
        const ssize_t sent = ::sendfile(socket_.number(), file, &at, static_cast<size_t>(std::min<uint64_t>(length, 1u << 30)));
        if (sent > 0)
            length -= static_cast<uint64_t>(sent);
        else if (sent == 0)
            return fail(base::code::IoError, "the file ends before its " + std::to_string(length) + " last bytes");
        else if (errno != EINTR)
            return io_error("sending a file");
    }
    return {};
}

void Stream::shutdown_write() { ::shutdown(socket_.number(), SHUT_WR); }
void Stream::shutdown_read() { ::shutdown(socket_.number(), SHUT_RD); }
void Stream::shutdown_both() { ::shutdown(socket_.number(), SHUT_RDWR); }

Result<Listener> Listener::open(const std::string& address, uint16_t port) {
    const Address where = TRY(parse_address(address, port));
    Listener out;
    out.socket_ = os::Descriptor(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!out.socket_.is_open()) return io_error("making a socket");
    const int on = 1;
    ::setsockopt(out.socket_.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const std::string name = address + ":" + std::to_string(port);
    if (::bind(out.socket_.number(), where.raw(), where.length) != 0 || ::listen(out.socket_.number(), 1024) != 0) {
        if (errno == EADDRINUSE)
            return fail(
                base::Error(base::code::AddressInUse, name + " is in use")
                    .note("another server listens there: stop it, or choose another address (port 0 takes any free one)"));
        return io_error("listening on " + name);
    }
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    ::getsockname(out.socket_.number(), reinterpret_cast<sockaddr*>(&bound), &length);
    out.port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                                  : reinterpret_cast<sockaddr_in&>(bound).sin_port);
    return out;
}

Listener Listener::adopt(os::Descriptor listening, uint16_t port) {
    Listener out;
    out.socket_ = std::move(listening);
    out.port_ = port;
    return out;
}

std::optional<Stream> Listener::accept() {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    os::Descriptor socket(::accept4(socket_.number(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));
    if (!socket.is_open()) return std::nullopt;
    set_no_delay(socket.number());
    return Stream(std::move(socket), text_of(peer));
}

// On Linux, shutting a listening socket down wakes the threads that accept on it.
void Listener::wake() { ::shutdown(socket_.number(), SHUT_RDWR); }

Result<Stream> connect(const std::string& address, uint16_t port, std::chrono::seconds timeout) {
    const Address where = TRY(parse_address(address, port));
    Stream out(os::Descriptor(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)), address);
    if (!out.is_open()) return io_error("making a socket");
    out.set_timeout(timeout);
    if (::connect(out.number(), where.raw(), where.length) != 0) {
        if (errno == ECONNREFUSED)
            return fail(base::code::ConnectionRefused, "nothing listens on " + address + ":" + std::to_string(port));
        if (errno == EINPROGRESS) errno = EAGAIN;  // What a connect past SO_SNDTIMEO says.
        return io_error("connecting to " + address + ":" + std::to_string(port));
    }
    set_no_delay(out.number());
    return out;
}

void ignore_broken_pipes() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace net
