#include <algorithm>
#include <atomic>
#include <list>
#include <semaphore>
#include <thread>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "slurm/gateway.hpp"
#include "slurm/keep_alive.hpp"
#include "slurm/message.hpp"
#include "slurm/relay.hpp"

namespace slurm {
namespace {

using namespace std::chrono_literals;

constexpr size_t connections_max = 4096;      // of the worker
constexpr ptrdiff_t handshakes_max = 16;      // at once: fewer than the gateway has room for (GatewayLimits)
constexpr std::chrono::seconds patience{10};  // for one
constexpr int attempts_max = 3;               // the gateway may have had no room
constexpr auto between_attempts = 200ms;

// Connections on threads of their own, which end before this does.
class Connections {
public:
    ~Connections() {
        {
            const base::Lock lock(mutex_);
            for (auto& slot : slots_) slot.stream.shutdown_both();
            gone_.wait(mutex_, [&]() REQUIRES(mutex_) { return slots_.empty(); });
        }
        join_ended();
    }

    template <class Work>
    void begin(net::Stream stream, Work work) {
        join_ended();
        const base::Lock lock(mutex_);
        if (slots_.size() >= connections_max) return;
        const auto slot = slots_.emplace(slots_.end());
        slot->stream = std::move(stream);
        try {
            slot->thread = std::thread([this, slot, work = std::move(work)] {
                work(slot->stream);
                const base::Lock inner(mutex_);                      // the destructor shuts streams down
                const net::Stream closed = std::move(slot->stream);  // its client must not wait until the thread is joined
                ended_.splice(ended_.end(), slots_, slot);
                gone_.notify_all();
            });
        } catch (const std::system_error& error) {
            base::log_warn(std::string("no thread for a worker's connection: ") + error.what());
            slots_.erase(slot);
        }
    }

private:
    struct Slot {
        net::Stream stream;
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

class ListeningEndpoints final : public RemoteEndpoints {
public:
    ListeningEndpoints(std::vector<net::Listener> listeners, GatewayPlace gateway, const net::PeerTlsClient& client)
        : listeners_(std::move(listeners)), gateway_(std::move(gateway)), client_(client) {
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
                if (!stopping_) std::this_thread::sleep_for(10ms);
                continue;
            }
            connections_.begin(std::move(*stream), [this, which](net::Stream& plain) { serve(plain, which); });
        }
    }

    base::Result<net::Stream> connect(size_t which) {
        for (int attempt = 1;; ++attempt) {
            handshakes_.acquire();
            auto secured = client_.connect(gateway_.address, gateway_.port, std::string(endpoint_protocols.at(which)), patience);
            handshakes_.release();
            if (secured || stopping_ || attempt == attempts_max) return secured;
            std::this_thread::sleep_for(between_attempts * attempt);
        }
    }

    void serve(net::Stream& plain, size_t which) {
        auto secured = connect(which);
        if (!secured) return;
        keep_alive(*secured);
        relay(plain, *secured);
    }

    std::vector<net::Listener> listeners_;
    GatewayPlace gateway_;
    const net::PeerTlsClient& client_;
    std::counting_semaphore<handshakes_max> handshakes_{handshakes_max};
    std::atomic<bool> stopping_ = false;
    Connections connections_;
    std::vector<std::thread> acceptors_;
};

base::Result<std::string> fetch_once(const net::PeerTlsClient& client, const GatewayPlace& gateway) {
    auto stream = TRY(client.connect(gateway.address, gateway.port, std::string(task_protocol), patience));
    stream.set_timeout(patience);
    std::string task, buffer(64 * 1024, '\0');
    for (;;) {
        const size_t got = TRY(stream.read_some(buffer));
        if (got == 0) return task;
        if (task.size() + got > task_bytes_max) return base::fail(base::code::InvalidMessage, "the task does not end");
        task.append(buffer, 0, got);
    }
}

}  // namespace

base::Result<std::string> fetch_task(const net::PeerTlsClient& client, const GatewayPlace& gateway) {
    for (int attempt = 1;; ++attempt) {
        auto task = fetch_once(client, gateway);
        if (task || attempt == attempts_max) return task;
        std::this_thread::sleep_for(between_attempts * attempt);
    }
}

std::unique_ptr<RemoteEndpoints> RemoteEndpoints::open(std::vector<net::Listener> listeners, GatewayPlace gateway,
                                                       const net::PeerTlsClient& client) {
    net::ignore_broken_pipes();
    return std::make_unique<ListeningEndpoints>(std::move(listeners), std::move(gateway), client);
}

}  // namespace slurm
