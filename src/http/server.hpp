// HTTP/1.1 server. A front (one thread) owns what waits: listening sockets, silent and idle connections, heads on their way, readers that
// are slow. A request whose head is there goes to a bounded pool of threads, where its handler may block.
//
// Heads are limited to 64 KiB, header names and values to what RFC 9110 allows; anything ambiguous (two Content-Lengths,
// Transfer-Encoding with Content-Length) is refused with 400 and the connection closed: request smuggling begins with leniency.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "http/message.hpp"
#include "http/pool.hpp"
#include "http/unread.hpp"
#include "net/proxy_header.hpp"
#include "net/socket.hpp"

namespace http {

using Handler = std::function<Response(Request&)>;

// Of one place that is listened at.
struct ServerOptions {
    std::string address = "127.0.0.1";
    uint16_t port = 0;  // 0: any free port
    // Of connections that wait, the one that has waited longest makes room for a new one; where none waits, the new one gets a 503.
    size_t connections_max = 16'384;
    size_t connections_per_peer_max = 4096;
    int head_seconds_max = 30;  // for all of a head, from its first byte or that of the connection
    int idle_seconds_max = 60;  // between requests on a kept-alive connection
    int io_seconds_max = 30;    // for one read of a body to make progress
    // A body that is waited for longer than this, and slower than that, ends the connection.
    int body_grace_seconds = 20;
    size_t body_bytes_per_second_min = 512;
    // So does an answer that is taken slower, or of which nothing is taken for so long.
    int answer_grace_seconds = 120;
    size_t answer_bytes_per_second_min = 512;
    // Where others wait for room or a turn, who is slower than that for longer than this gives way: its answer is not sent on, its upload
    // is not waited for.
    int crowded_grace_seconds = 5;
    size_t crowded_bytes_per_second_min = 64 * 1024;
    // Of bodies held in memory and what is made of them, those of all connections together, and of one peer's: what is more is told to
    // come again.
    size_t body_memory_bytes_max = 128u << 20;
    size_t body_memory_bytes_per_peer_max = 64u << 20;
    std::string peer_group = {};               // all connections count as one peer, of this name; empty: each network is one
    std::string peer_address = {};             // of connections whose sockets have none
    std::shared_ptr<net::TlsServer> tls = {};  // nullptr: in the clear
    // Proxies: their connections begin with a header of the PROXY protocol that names the client.
    net::Networks proxies = {};
    bool secure_transport = false;                             // its connections cross no wire that somebody could listen on
    std::string vpc_endpoint = {};                             // `vpce-…`: what this way in is called in policies; empty: nothing
    std::function<void(const UnreadRequest&)> on_unread = {};  // before it is answered; any thread
    // Answers that cost nothing, given by the front whatever else it has to do; nullopt: this is a request. Must not wait.
    std::function<std::optional<Response>(const RequestHead&)> at_once = {};
    // Of requests that the server has no room for; without it, 503. Must not wait.
    std::function<Response(const RequestHead&)> overloaded = {};
};

struct FrontOptions {
    PoolOptions pool;
    size_t head_memory_bytes_max = 32u << 20;  // of heads that have not come whole, all together
};

// What came of limits, since the front began.
struct Counters {
    std::atomic<uint64_t> accepted = 0;        // connections
    std::atomic<uint64_t> closed = 0;          // of these, turned away or over
    std::atomic<uint64_t> turned_away = 0;     // connections past the limit, all others busy
    std::atomic<uint64_t> made_room = 0;       // connections that waited and were closed for new ones
    std::atomic<uint64_t> bad_handshakes = 0;  // TLS that did not come about
    std::atomic<uint64_t> late_heads = 0;      // 408
    std::atomic<uint64_t> bad_heads = 0;       // 400, 431 …
    std::atomic<uint64_t> requests = 0;        // that a handler saw
    std::atomic<uint64_t> overloads = 0;       // requests past the queue's limits
    std::atomic<uint64_t> slow_bodies = 0;     // bodies that came too slowly
    std::atomic<uint64_t> slow_readers = 0;    // answers that were not taken
};

// Servers that share it share its threads and limits.
class Front;
// Error `IoError`.
[[nodiscard]] base::Result<std::shared_ptr<Front>> make_front(const FrontOptions& options);
[[nodiscard]] const Counters& counters_of(const Front& front);

// What there is at this moment.
struct Load {
    uint64_t connections = 0;        // open
    uint64_t head_memory_bytes = 0;  // of heads that are not whole or wait for a thread
    PoolLoad pool;
};
[[nodiscard]] Load load_of(const Front& front);

class Server {
public:
    // Binds and starts to accept. Error `AddressInUse` names the address and the remedy.
    [[nodiscard]] static base::Result<std::unique_ptr<Server>> start(ServerOptions options, Handler handler);
    // On a socket that listens already; the options' address and port count for nothing.
    [[nodiscard]] static base::Result<std::unique_ptr<Server>> start(std::shared_ptr<Front> front, ServerOptions options,
                                                                     net::Listener listener, Handler handler);
    // Listens nowhere: its connections are those that take() gets.
    [[nodiscard]] static std::unique_ptr<Server> without_port(std::shared_ptr<Front> front, ServerOptions options,
                                                              Handler handler);
    virtual ~Server() = default;  // stop()
    [[nodiscard]] virtual uint16_t port() const = 0;
    // A connection that came another way.
    virtual void take(net::Stream stream) = 0;
    // No new requests; waits for the ones in progress up to `grace_seconds`, then closes their connections.
    virtual void stop(int grace_seconds = 5) = 0;
};

}  // namespace http
