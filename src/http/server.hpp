// HTTP/1.1 server: a thread a connection, blocking I/O with deadlines, a cap on connections.
//
// Why threads: handlers wait for fsync and for child processes; on the machines this runs on (tens to hundreds of clients a core)
// a blocked thread costs 16 KiB of stack and no one has to read a callback. Heads are limited to 64 KiB, header
// names and values to what RFC 9110 allows; anything ambiguous (two Content-Lengths, Transfer-Encoding with Content-Length) is
// refused with 400 and the connection closed: request smuggling begins with leniency.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "http/message.hpp"
#include "http/unread.hpp"
#include "net/socket.hpp"

namespace http {

using Handler = std::function<Response(Request&)>;

struct ServerOptions {
    std::string address = "127.0.0.1";
    uint16_t port = 0;  // 0: any free port
    size_t connections_max = 1024;
    int idle_seconds_max = 60;  // between requests on a kept-alive connection
    int io_seconds_max = 30;    // for one read or write to make progress
    // A body that is waited for longer than this, and slower than that, ends the connection.
    int body_grace_seconds = 20;
    size_t body_bytes_per_second_min = 512;
    // Of bodies held in memory, those of all connections together: what is more is told to come again.
    size_t body_memory_bytes_max = 128u << 20;
    std::function<void(const UnreadRequest&)> on_unread = {};  // before it is answered; any thread
};

class Server {
public:
    // Binds and starts to accept. Error `AddressInUse` names the address and the remedy.
    [[nodiscard]] static base::Result<std::unique_ptr<Server>> start(ServerOptions options, Handler handler);
    // On a socket that listens already; the options' address and port count for nothing.
    [[nodiscard]] static std::unique_ptr<Server> start(ServerOptions options, net::Listener listener, Handler handler);
    // Listens nowhere: its connections are those that take() gets.
    [[nodiscard]] static std::unique_ptr<Server> without_port(ServerOptions options, Handler handler);
    virtual ~Server() = default;  // stop()
    [[nodiscard]] virtual uint16_t port() const = 0;
    // A connection that came another way.
    virtual void take(net::Stream stream) = 0;
    // No new requests; waits for the ones in progress up to `grace_seconds`, then closes their connections.
    virtual void stop(int grace_seconds = 5) = 0;
};

}  // namespace http
