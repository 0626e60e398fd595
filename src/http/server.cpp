#include "http/server.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "base/log.hpp"
#include "http/connection.hpp"
#include "net/socket.hpp"

namespace http {

using base::Result;

namespace {

// One connection as the server sees it: its thread owns the stream, stop() may shut it down from outside while it is listed.
struct Guest {
    net::Stream stream;
    std::atomic<bool> idle = true;
};

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
    void serve(std::list<Guest>::iterator guest);
    static void turn_away(net::Stream stream);

    const ServerOptions options_;
    const Handler handler_;
    net::Listener listener_;
    std::thread acceptor_;
    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;
    std::condition_variable gone_;
    std::list<Guest> guests_;
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
    const std::lock_guard lock(mutex_);
    if (stopping_ || guests_.size() >= options_.connections_max) {
        turn_away(std::move(stream));
        return;
    }
    const auto guest = guests_.emplace(guests_.end());
    guest->stream = std::move(stream);
    try {
        std::thread([this, guest] { serve(guest); }).detach();
    } catch (const std::system_error& error) {
        base::log_warn(std::string("no thread for a connection: ") + error.what());
        turn_away(std::move(guest->stream));
        guests_.erase(guest);
    }
}

// The thread's last act is to leave the list, under the lock that stop() waits with: nothing of the server is touched after it.
void ThreadServer::serve(std::list<Guest>::iterator guest) {
    Connection(guest->stream, options_, handler_, port(), body_memory_, stopping_).serve(guest->idle);
    const std::lock_guard lock(mutex_);
    guests_.erase(guest);
    gone_.notify_all();
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
    std::unique_lock lock(mutex_);
    // A connection that turns busy at this moment loses its unread request: it was not begun, the client may repeat it.
    for (auto& guest : guests_)
        if (guest.idle) guest.stream.shutdown_read();
    const auto all_gone = [this] { return guests_.empty(); };
    if (gone_.wait_for(lock, std::chrono::seconds(grace_seconds), all_gone)) return;
    for (auto& guest : guests_) guest.stream.shutdown_both();
    gone_.wait(lock, all_gone);  // Handlers hold references into the process: leaving them behind is not an option.
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
