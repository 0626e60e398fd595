#include "http/server.hpp"

#include <atomic>
#include <chrono>
#include <list>
#include <thread>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "http/connection.hpp"
#include "net/socket.hpp"

namespace http {

using base::Result;

namespace {

// One connection as the server sees it: its thread owns the stream, stop() may shut it down from outside while it is listed.
struct ConnectionSlot {
    net::Stream stream;
    std::atomic<bool> idle = true;
    std::thread thread;
};
using Slots = std::list<ConnectionSlot>;

class ThreadServer final : public Server {
public:
    ThreadServer(ServerOptions options, Handler handler, net::Listener listener)
        : options_(std::move(options)), handler_(std::move(handler)), listener_(std::move(listener)) {}
    ThreadServer(ServerOptions options, Handler handler) : options_(std::move(options)), handler_(std::move(handler)) {}
    ~ThreadServer() override { stop(5); }

    void begin() {
        acceptor_ = std::thread([this] { accept_all(); });
    }
    [[nodiscard]] uint16_t port() const override { return listener_.port(); }
    void take(net::Stream stream) override;
    void stop(int grace_seconds) override;

private:
    void accept_all();
    void serve(Slots::iterator slot);
    void join_ended();
    static void turn_away(net::Stream stream);

    const ServerOptions options_;
    const Handler handler_;
    net::Listener listener_;
    std::thread acceptor_;
    std::atomic<bool> stopping_ = false;
    base::Mutex mutex_;
    base::Condition gone_;
    Slots connections_ GUARDED_BY(mutex_);
    Slots ended_ GUARDED_BY(mutex_);  // their threads have nothing left to do but to end
    BodyMemory body_memory_{options_.body_memory_bytes_max};
};

void ThreadServer::accept_all() {
    while (!stopping_) {
        auto stream = listener_.accept();
        if (!stream) {
            // Out of descriptors, or stopping: the one passes, the other ends the loop.
            if (!stopping_) std::this_thread::sleep_for(std::chrono::milliseconds(10));
            continue;
        }
        take(std::move(*stream));
    }
}

void ThreadServer::take(net::Stream stream) {
    join_ended();
    const base::Lock lock(mutex_);
    if (stopping_ || connections_.size() >= options_.connections_max) {
        turn_away(std::move(stream));
        return;
    }
    const auto slot = connections_.emplace(connections_.end());
    slot->stream = std::move(stream);
    try {
        slot->thread = std::thread([this, slot] { serve(slot); });
    } catch (const std::system_error& error) {
        base::log_warn(std::string("no thread for a connection: ") + error.what());
        turn_away(std::move(slot->stream));
        connections_.erase(slot);
    }
}

// The stream closes here: its client must not wait until the thread is joined.
void ThreadServer::serve(Slots::iterator slot) {
    Connection(slot->stream, options_, handler_, port(), body_memory_, stopping_).serve(slot->idle);
    net::Stream closed;  // when the mutex is free again
    const base::Lock lock(mutex_);
    closed = std::move(slot->stream);  // which stop() may be shutting down until now
    ended_.splice(ended_.end(), connections_, slot);
    gone_.notify_all();
}

// Threads are joined, never detached: one that is still ending (what it holds by thread is freed then) while the process ends too
// would free into what is gone.
void ThreadServer::join_ended() {
    Slots ended;
    {
        const base::Lock lock(mutex_);
        ended.swap(ended_);
    }
    for (auto& slot : ended) slot.thread.join();
}

void ThreadServer::turn_away(net::Stream stream) {
    stream.set_timeout(std::chrono::seconds(1));
    (void)stream.write_all(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n");
    stream.shutdown_write();
}

void ThreadServer::stop(int grace_seconds) {
    stopping_ = true;
    if (acceptor_.joinable()) {
        listener_.wake();
        acceptor_.join();
    }
    {
        const base::Lock lock(mutex_);
        // A connection that turns busy at this moment loses its unread request: it was not begun, the client may repeat it.
        for (auto& slot : connections_)
            if (slot.idle) slot.stream.shutdown_read();
        const auto all_gone = [this]() REQUIRES(mutex_) { return connections_.empty(); };
        if (!gone_.wait_for(mutex_, std::chrono::seconds(grace_seconds), all_gone)) {
            for (auto& slot : connections_) slot.stream.shutdown_both();
            gone_.wait(mutex_, all_gone);  // Handlers hold references into the process: leaving them behind is not an option.
        }
    }
    join_ended();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler handler) {
    auto listener = TRY(net::Listener::open(options.address, options.port));
    return start(std::move(options), std::move(listener), std::move(handler));
}

std::unique_ptr<Server> Server::start(ServerOptions options, net::Listener listener, Handler handler) {
    net::ignore_broken_pipes();
    auto server = std::make_unique<ThreadServer>(std::move(options), std::move(handler), std::move(listener));
    server->begin();
    return server;
}

std::unique_ptr<Server> Server::without_port(ServerOptions options, Handler handler) {
    net::ignore_broken_pipes();
    return std::make_unique<ThreadServer>(std::move(options), std::move(handler));
}

}  // namespace http
