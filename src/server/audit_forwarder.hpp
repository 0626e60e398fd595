// Sends records of the audit log to a syslog server, as they are answered. The log is the queue: what could not be sent is sent later,
// also after a restart (`DIR/audit/syslog-sent` says how far it is). At least once: the last records before a crash come again.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "audit/log.hpp"
#include "base/result.hpp"

namespace server {

struct SyslogAddress {
    enum class Kind { unix_socket, udp, tcp } kind = Kind::unix_socket;
    std::string host, port;  // of udp and tcp
    std::string path;        // of a unix socket
};
// "unix:/dev/log", "udp:HOST:PORT", "tcp:HOST:PORT". Error `InvalidConfiguration`.
[[nodiscard]] base::Result<SyslogAddress> parse_syslog(const std::string& text);

class AuditForwarder {
public:
    // `log` outlives it. `sent_file`: how far it is.
    AuditForwarder(const audit::Log& log, SyslogAddress address, std::string sent_file);
    ~AuditForwarder();
    AuditForwarder(const AuditForwarder&) = delete;
    AuditForwarder& operator=(const AuditForwarder&) = delete;

private:
    void run();
    [[nodiscard]] bool is_closed_by_peer() const;
    [[nodiscard]] bool connect();
    [[nodiscard]] bool send(const std::string& message);
    void pause();

    const audit::Log& log_;
    const SyslogAddress address_;
    const std::string sent_file_;
    int socket_ = -1;
    bool complained_ = false;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace server
