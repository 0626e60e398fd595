#include "slurm/gateway.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <list>
#include <map>
#include <thread>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "slurm/sealed_stream.hpp"

namespace slurm {
namespace {

constexpr size_t random_bytes = 32;
constexpr size_t connections_max = 8192;         // of all workers, on the gateway
constexpr size_t worker_connections_max = 4096;  // of one worker, at its agent
constexpr std::chrono::seconds greeting_patience{10};

// Connections on threads of their own, which end before this does.
class Connections {
public:
    ~Connections() { end("", true); }

    // `work` gets the stream; `owner`: whose it is, once that is known.
    template <class Work>
    void begin(net::Stream stream, size_t most, Work work) {
        join_ended();
        const base::Lock lock(mutex_);
        if (slots_.size() >= most) return;
        const auto slot = slots_.emplace(slots_.end());
        slot->stream = std::move(stream);
        try {
            slot->thread = std::thread([this, slot, work = std::move(work)] {
                work(slot->stream, [this, slot](const std::string& owner) {
                    const base::Lock inner(mutex_);
                    slot->owner = owner;
                });
                const base::Lock inner(mutex_);                      // end() shuts streams down
                const net::Stream closed = std::move(slot->stream);  // its client must not wait until the thread is joined
                ended_.splice(ended_.end(), slots_, slot);
                gone_.notify_all();
            });
        } catch (const std::system_error& error) {
            base::log_warn(std::string("no thread for a worker's connection: ") + error.what());
            slots_.erase(slot);
        }
    }

    // Ends those of an owner, or all, and waits for it.
    void end(const std::string& owner, bool all) {
        {
            const base::Lock lock(mutex_);
            const auto wanted = [&](const Slot& slot) { return all || slot.owner == owner; };
            for (auto& slot : slots_)
                if (wanted(slot)) slot.stream.shutdown_both();
            gone_.wait(mutex_, [&]() REQUIRES(mutex_) { return std::ranges::none_of(slots_, wanted); });
        }
        join_ended();
    }

private:
    struct Slot {
        net::Stream stream;
        std::string owner;
        std::thread thread;
    };
    void join_ended() {
        std::list<Slot> ended;
        {
            const base::Lock lock(mutex_);
            ended.swap(ended_);
        }
        for (auto& slot : ended) slot.thread.join();
    }
    base::Mutex mutex_;
    base::Condition gone_;
    std::list<Slot> slots_ GUARDED_BY(mutex_);
    std::list<Slot> ended_ GUARDED_BY(mutex_);  // their threads have nothing left to do but to end
};

// A machine that is gone says nothing: who waits for it learns so in minutes.
void watch_peer(const net::Stream& stream) {
    const int on = 1, idle = 60, interval = 15, probes = 4;
    ::setsockopt(stream.number(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(stream.number(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    ::setsockopt(stream.number(), IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    ::setsockopt(stream.number(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

class ListeningGateway final : public Gateway {
public:
    ListeningGateway(net::Listener listener, crypto::Random& random) : listener_(std::move(listener)), random_(random) {
        acceptor_ = std::thread([this] { accept_all(); });
    }
    ~ListeningGateway() override {
        stopping_ = true;
        listener_.wake();
        acceptor_.join();
    }
    [[nodiscard]] uint16_t port() const override { return listener_.port(); }

    void admit(const std::string& id, const std::string& key,
               std::shared_ptr<training::WorkerEndpoints::Opened> endpoints) override {
        const base::Lock lock(mutex_);
        workers_[id] = {key, std::move(endpoints)};
    }
    void dismiss(const std::string& id) override {
        Worker gone;  // its endpoints close last, when no connection uses them
        {
            const base::Lock lock(mutex_);
            const auto found = workers_.find(id);
            if (found == workers_.end()) return;
            gone = std::move(found->second);
            workers_.erase(found);
        }
        connections_.end(id, false);
    }

private:
    struct Worker {
        std::string key;
        std::shared_ptr<training::WorkerEndpoints::Opened> endpoints;
    };

    void accept_all() {
        while (!stopping_) {
            auto stream = listener_.accept();
            if (!stream) {
                if (!stopping_) std::this_thread::sleep_for(std::chrono::milliseconds(10));
                continue;
            }
            connections_.begin(std::move(*stream), connections_max,
                               [this](net::Stream& sealed, const auto& belongs_to) { serve(sealed, belongs_to); });
        }
    }

    template <class BelongsTo>
    void serve(net::Stream& sealed, const BelongsTo& belongs_to) {
        sealed.set_timeout(greeting_patience);
        auto greeting = read_exactly(sealed, worker_id_bytes + random_bytes);
        if (!greeting) return;
        const std::string id = greeting->substr(0, worker_id_bytes);
        // First: a worker that is dismissed from here on finds this connection.
        belongs_to(id);
        Worker worker;
        {
            const base::Lock lock(mutex_);
            const auto found = workers_.find(id);
            if (found == workers_.end()) return;
            worker = found->second;
        }
        const std::string ours = random_.bytes(random_bytes);
        const auto keys = connection_keys(worker.key, greeting->substr(worker_id_bytes), ours);
        FrameReader reader(keys.to_gateway);
        FrameWriter writer(keys.to_agent);
        if (!sealed.write_all(ours)) return;
        const auto first = reader.read(sealed);
        if (!first || first->size() != 1 || static_cast<unsigned char>(first->front()) > 2) return;
        const auto which = static_cast<training::WorkerEndpoints::Which>(first->front());
        int pair[2] = {-1, -1};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return;
        net::Stream plain(os::Descriptor(pair[0]), sealed.peer_address());
        sealed.set_timeout(std::chrono::seconds(0));
        watch_peer(sealed);
        worker.endpoints->take(which, net::Stream(os::Descriptor(pair[1]), sealed.peer_address()));
        worker.endpoints.reset();
        carry(plain, sealed, writer, reader);
    }

    net::Listener listener_;
    crypto::Random& random_;
    std::atomic<bool> stopping_ = false;
    base::Mutex mutex_;  // guards what follows
    std::map<std::string, Worker> workers_ GUARDED_BY(mutex_);
    Connections connections_;
    std::thread acceptor_;
};

class ListeningEndpoints final : public RemoteEndpoints {
public:
    ListeningEndpoints(std::vector<net::Listener> listeners, GatewayPlace gateway, crypto::Random& random)
        : listeners_(std::move(listeners)), gateway_(std::move(gateway)), random_(random) {
        for (size_t which = 0; which < listeners_.size(); ++which) acceptors_.emplace_back([this, which] { accept_all(which); });
    }
    ~ListeningEndpoints() override {
        stopping_ = true;
        for (auto& listener : listeners_) listener.wake();
        for (auto& acceptor : acceptors_) acceptor.join();
    }

private:
    void accept_all(size_t which) {
        while (!stopping_) {
            auto stream = listeners_[which].accept();
            if (!stream) {
                if (!stopping_) std::this_thread::sleep_for(std::chrono::milliseconds(10));
                continue;
            }
            connections_.begin(std::move(*stream), worker_connections_max,
                               [this, which](net::Stream& plain, const auto&) { serve(plain, which); });
        }
    }

    void serve(net::Stream& plain, size_t which) {
        auto sealed = net::connect(gateway_.address, gateway_.port, greeting_patience);
        if (!sealed) return;
        const std::string ours = random_.bytes(random_bytes);
        if (!sealed->write_all(gateway_.id + ours)) return;
        const auto theirs = read_exactly(*sealed, random_bytes);
        if (!theirs) return;
        const auto keys = connection_keys(gateway_.key, ours, *theirs);
        FrameReader reader(keys.to_agent);
        FrameWriter writer(keys.to_gateway);
        sealed->set_timeout(std::chrono::seconds(0));
        watch_peer(*sealed);
        const char first_byte = static_cast<char>(which);
        if (!writer.write(*sealed, {&first_byte, 1})) return;
        carry(plain, *sealed, writer, reader);
    }

    std::vector<net::Listener> listeners_;
    GatewayPlace gateway_;
    crypto::Random& random_;
    std::atomic<bool> stopping_ = false;
    Connections connections_;
    std::vector<std::thread> acceptors_;
};

}  // namespace

base::Result<std::unique_ptr<Gateway>> Gateway::start(crypto::Random& random) {
    net::ignore_broken_pipes();
    auto listener = net::Listener::open("::", 0);  // IPv4, too
    if (!listener) listener = net::Listener::open("0.0.0.0", 0);
    if (!listener) return base::fail(std::move(listener).error());
    return std::make_unique<ListeningGateway>(std::move(*listener), random);
}

std::unique_ptr<RemoteEndpoints> RemoteEndpoints::open(std::vector<net::Listener> listeners, GatewayPlace gateway,
                                                       crypto::Random& random) {
    net::ignore_broken_pipes();
    return std::make_unique<ListeningEndpoints>(std::move(listeners), std::move(gateway), random);
}

}  // namespace slurm
