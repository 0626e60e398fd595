#include "server/audit_forwarder.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <utility>

#include "audit/syslog.hpp"
#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "server/data_folder.hpp"

namespace server {
namespace {

constexpr size_t records_at_once = 500;
constexpr std::chrono::milliseconds waits{1000};  // as long as a stop may take
constexpr int pauses = 5;                         // of `waits`, after a server that does not answer
constexpr timeval send_timeout{.tv_sec = 5, .tv_usec = 0};

std::string host_name() {
    char name[256] = "";
    if (::gethostname(name, sizeof name - 1) != 0) return "-";
    return name;
}

}  // namespace

base::Result<SyslogAddress> parse_syslog(const std::string& text) {
    SyslogAddress address;
    if (text.starts_with("unix:/")) {
        address.path = text.substr(5);
        if (address.path.size() < sizeof(sockaddr_un::sun_path)) return address;
    }
    const size_t port = text.rfind(':');
    if ((text.starts_with("udp:") || text.starts_with("tcp:")) && port > 4 && port + 1 < text.size()) {
        address.kind = text.starts_with("udp:") ? SyslogAddress::Kind::udp : SyslogAddress::Kind::tcp;
        address.host = text.substr(4, port - 4);
        if (address.host.starts_with('[') && address.host.ends_with(']'))
            address.host = address.host.substr(1, address.host.size() - 2);
        address.port = text.substr(port + 1);
        if (!address.host.empty() && address.port.find_first_not_of("0123456789") == std::string::npos) return address;
    }
    return base::fail(base::Error(base::code::InvalidConfiguration,
                                  "--audit-syslog takes unix:/dev/log, udp:HOST:PORT or tcp:HOST:PORT, not `" + text + "`"));
}

AuditForwarder::AuditForwarder(const audit::Log& log, SyslogAddress address, std::string sent_file)
    : log_(log), address_(std::move(address)), sent_file_(std::move(sent_file)), thread_([this] { run(); }) {}

AuditForwarder::~AuditForwarder() {
    stopping_ = true;
    thread_.join();
    if (socket_ >= 0) ::close(socket_);
}

void AuditForwarder::run() {
    const std::string host = host_name();
    audit::Query query;
    query.most = records_at_once;
    std::ifstream(sent_file_) >> query.written_since;
    while (!stopping_) {
        auto page = log_.search(query);
        if (!page) {
            // Where nothing has been sent, what comes from now on; so too where the note of it is of another log.
            query.written_since.clear();
            audit::Query newest;
            newest.most = 1;
            page = log_.search(newest);
            if (!page) return base::log_error("records are not sent to syslog: " + page.error().describe());
            page->records.clear();
        } else if (query.written_since.empty()) {
            page->records.clear();
        }
        for (const auto& record : page->records) {
            const std::string message = audit::syslog_message(record, host, ::getpid());
            while (!stopping_ && !send(message)) pause();
            if (stopping_) return;
        }
        if (query.written_since != page->newer) {
            query.written_since = page->newer;
            if (auto kept = write_whole(sent_file_, page->newer + "\n"); !kept)
                base::log_error("syslog: " + kept.error().describe());
        }
        if (page->records.empty() && !log_.wait(page->newer, waits)) pause();
    }
}

void AuditForwarder::pause() {
    for (int i = 0; i < pauses && !stopping_; ++i) std::this_thread::sleep_for(waits);
}

// A server that has closed its end takes nothing more, though the first send() to it succeeds.
bool AuditForwarder::is_closed_by_peer() const {
    char byte = 0;
    const ssize_t n = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool AuditForwarder::connect() {
    if (socket_ >= 0 && address_.kind == SyslogAddress::Kind::tcp && is_closed_by_peer()) ::close(std::exchange(socket_, -1));
    if (socket_ >= 0) return true;
    if (address_.kind == SyslogAddress::Kind::unix_socket) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::memcpy(to.sun_path, address_.path.data(), address_.path.size());
        socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (socket_ >= 0 && ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return true;
    } else {
        addrinfo hints{};
        hints.ai_socktype = address_.kind == SyslogAddress::Kind::udp ? SOCK_DGRAM : SOCK_STREAM;
        addrinfo* found = nullptr;
        if (::getaddrinfo(address_.host.c_str(), address_.port.c_str(), &hints, &found) != 0) return false;
        for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
            socket_ = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
            if (socket_ < 0) continue;
            ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &send_timeout, sizeof send_timeout);
            if (::connect(socket_, one->ai_addr, one->ai_addrlen) == 0) break;
            ::close(std::exchange(socket_, -1));
        }
        ::freeaddrinfo(found);
        if (socket_ >= 0) return true;
    }
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
    return false;
}

bool AuditForwarder::send(const std::string& message) {
    bool sent = connect();
    if (sent) {
        const bool is_stream = address_.kind == SyslogAddress::Kind::tcp;
        const std::string bytes = is_stream ? audit::counted(message) : message;
        size_t done = 0;
        while (sent && done < bytes.size()) {
            const ssize_t n = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) continue;
            sent = n > 0;
            if (sent) done += static_cast<size_t>(n);
        }
    }
    if (sent) {
        complained_ = false;
        return true;
    }
    if (!complained_)
        base::log_warn(std::string("syslog does not take records (") + std::strerror(errno) + "): they wait in the audit log");
    complained_ = true;
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
    return false;
}

}  // namespace server
