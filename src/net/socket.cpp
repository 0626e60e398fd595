#include "net/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
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

Stream::Stream(os::Descriptor socket, std::string peer_address)
    : socket_(std::move(socket)), peer_address_(std::move(peer_address)) {
    if (const int flags = ::fcntl(socket_.number(), F_GETFL); flags >= 0 && (flags & O_NONBLOCK) == 0)
        ::fcntl(socket_.number(), F_SETFL, flags | O_NONBLOCK);
}

Stream::For Stream::awaits(For what) const {
    if (!tls_ || tls_->wants() == TlsSession::Wants::nothing) return what;
    return tls_->wants() == TlsSession::Wants::reading ? For::reading : For::writing;
}

Result<std::optional<size_t>> Stream::peek(std::span<char> into) const {
    const ssize_t got = ::recv(socket_.number(), into.data(), into.size(), MSG_PEEK);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno == EAGAIN || errno == EINTR) return std::nullopt;
    return io_error("reading");
}

Result<bool> Stream::wait(For what, std::chrono::milliseconds most) const {
    const bool for_ever = most.count() == 0;
    const auto until = std::chrono::steady_clock::now() + most;
    pollfd one{
        .fd = socket_.number(), .events = static_cast<short>(awaits(what) == For::reading ? POLLIN : POLLOUT), .revents = 0};
    while (true) {
        // A part of a millisecond is one: never a wait of nothing, again and again.
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        if (!for_ever && left <= 0) return false;
        const int ready = ::poll(&one, 1, for_ever ? -1 : static_cast<int>(std::min<int64_t>(left, INT_MAX)));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return io_error("waiting for a socket");
    }
}

Result<void> Stream::wait_for(For what, std::string_view doing) const {
    if (TRY(wait(what, timeout_))) return {};
    errno = EAGAIN;
    return io_error(doing);
}

Result<std::optional<size_t>> Stream::try_read(std::span<char> into) {
    if (tls_) return tls_->try_read(into);
    while (true) {
        const ssize_t got = ::recv(socket_.number(), into.data(), into.size(), 0);
        if (got >= 0) return static_cast<size_t>(got);
        if (errno == EAGAIN) return std::nullopt;
        if (errno != EINTR) return io_error("reading");
    }
}

Result<std::optional<size_t>> Stream::try_write(std::string_view first, std::string_view second, bool more_follows) {
    if (tls_) return tls_->try_write(first, second);
    std::array<iovec, 2> parts{
        {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = second.empty() ? 1 : 2;
    while (true) {
        const ssize_t sent = ::sendmsg(socket_.number(), &message, MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
        if (sent >= 0) return static_cast<size_t>(sent);
        if (errno == EAGAIN) return std::nullopt;
        if (errno != EINTR) return io_error("writing");
    }
}

Result<std::optional<size_t>> Stream::try_send_file(int file, uint64_t offset, uint64_t length) {
    if (tls_) return tls_->try_send_file(file, offset, length);
    auto at = static_cast<off_t>(offset);
    while (true) {
        const ssize_t sent = ::sendfile(socket_.number(), file, &at, static_cast<size_t>(std::min<uint64_t>(length, 1u << 30)));
        if (sent > 0) return static_cast<size_t>(sent);
        if (sent == 0) return fail(base::code::IoError, "the file ends before its " + std::to_string(length) + " last bytes");
        if (errno == EAGAIN) return std::nullopt;
        if (errno != EINTR) return io_error("sending a file");
    }
}

Result<size_t> Stream::read_some(std::span<char> into) {
    while (true) {
        if (const auto got = TRY(try_read(into))) return *got;
        TRY(wait_for(For::reading, "reading"));
    }
}

Result<void> Stream::write_all(std::string_view bytes, bool more_follows) {
    while (!bytes.empty()) {
        if (const auto sent = TRY(try_write(bytes, {}, more_follows)))
            bytes.remove_prefix(*sent);
        else
            TRY(wait_for(For::writing, "writing"));
    }
    return {};
}

Result<void> Stream::write_all(std::string_view first, std::string_view second) {
    while (!first.empty()) {
        const auto sent = TRY(try_write(first, second));
        if (!sent) {
            TRY(wait_for(For::writing, "writing"));
            continue;
        }
        const auto of_first = std::min(*sent, first.size());
        first.remove_prefix(of_first);
        second.remove_prefix(*sent - of_first);
    }
    return write_all(second);
}

Result<void> Stream::send_file(int file, uint64_t offset, uint64_t length) {
    while (length > 0) {
        const auto sent = TRY(try_send_file(file, offset, length));
        if (!sent) {
            TRY(wait_for(For::writing, "sending a file"));
            continue;
        }
        offset += *sent;
        length -= *sent;
    }
    return {};
}

uint64_t Stream::unacknowledged() const {
    int bytes = 0;
    return ::ioctl(socket_.number(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<uint64_t>(bytes) : 0;
}

void Stream::shutdown_write() {
    if (tls_) tls_->say_goodbye();
    ::shutdown(socket_.number(), SHUT_WR);
}
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

// A name of a socket has room for 107 characters; a folder that is open has a short one.
Result<Listener> Listener::open_unix(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string name = path.substr(slash + 1);
    const os::Descriptor folder(
        ::open(slash == std::string::npos ? "." : path.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open()) return io_error("the folder of " + path);
    const std::string near = "/proc/self/fd/" + std::to_string(folder.number()) + "/" + name;
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    if (near.size() >= sizeof where.sun_path) return fail(base::code::IoError, "the name of the socket " + path + " is too long");
    std::memcpy(where.sun_path, near.data(), near.size());
    Listener out;
    out.socket_ = os::Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!out.socket_.is_open()) return io_error("making a socket");
    if (::unlinkat(folder.number(), name.c_str(), 0) != 0 && errno != ENOENT) return io_error("replacing " + path);
    // Mode 0600 from the first moment: what is bound gets the mode that its socket has.
    if (::fchmod(out.socket_.number(), 0600) != 0 ||
        ::bind(out.socket_.number(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0 ||
        ::listen(out.socket_.number(), 128) != 0)
        return io_error("listening on " + path);
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
    os::Descriptor socket(::accept4(socket_.number(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.is_open()) return std::nullopt;
    if (peer.ss_family == AF_UNIX) return Stream(std::move(socket), "");
    set_no_delay(socket.number());
    return Stream(std::move(socket), text_of(peer));
}

void Listener::do_not_wait() { ::fcntl(socket_.number(), F_SETFL, O_NONBLOCK); }

// On Linux, shutting a listening socket down wakes the threads that accept on it.
void Listener::wake() { ::shutdown(socket_.number(), SHUT_RDWR); }

Result<Stream> connect(const std::string& address, uint16_t port, std::chrono::seconds timeout) {
    const Address where = TRY(parse_address(address, port));
    const std::string name = address + ":" + std::to_string(port);
    Stream out(os::Descriptor(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), address);
    if (!out.is_open()) return io_error("making a socket");
    out.set_timeout(timeout);
    if (::connect(out.number(), where.raw(), where.length) != 0) {
        if (errno == EINPROGRESS) {
            if (!TRY(out.wait(Stream::For::writing, timeout)))
                errno = EAGAIN;
            else {
                socklen_t length = sizeof errno;
                ::getsockopt(out.number(), SOL_SOCKET, SO_ERROR, &errno, &length);
            }
        }
        if (errno == ECONNREFUSED) return fail(base::code::ConnectionRefused, "nothing listens on " + name);
        if (errno != 0) return io_error("connecting to " + name);
    }
    set_no_delay(out.number());
    return out;
}

std::string network_of(const std::string& address) {
    in6_addr raw{};
    if (::inet_pton(AF_INET6, address.c_str(), &raw) != 1) return address;
    std::memset(raw.s6_addr + 8, 0, 8);
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET6, &raw, text, sizeof text);
    return std::string(text) + "/64";
}

std::string text_of_address(const sockaddr& address) {
    sockaddr_storage storage{};
    if (address.sa_family != AF_INET && address.sa_family != AF_INET6) return "";
    std::memcpy(&storage, &address, address.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    return text_of(storage);
}

void ignore_broken_pipes() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace net
