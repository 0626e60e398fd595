#include "slurm/gateway.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <map>
#include <thread>
#include <utility>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "os/descriptor.hpp"
#include "slurm/keep_alive.hpp"
#include "slurm/pace.hpp"

namespace slurm {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int accepted_at_once = 64;
constexpr std::chrono::milliseconds descriptors_pause{100};  // when the system has none left
constexpr size_t paces_max = 4'096;                          // peers whose pace is remembered

class ListeningGateway final : public Gateway {
public:
    ListeningGateway(net::Listener listener, std::unique_ptr<net::PeerIdentity> identity, std::unique_ptr<net::PeerTlsServer> tls,
                     os::Pipe wakes, const GatewayLimits& limits)
        : limits_(limits),
          listener_(std::move(listener)),
          identity_(std::move(identity)),
          tls_(std::move(tls)),
          wakes_(std::move(wakes)) {
        listener_.do_not_wait();
        thread_ = std::thread([this] { work(); });
    }
    ~ListeningGateway() override {
        wakes_.write.close();
        thread_.join();
        const auto seen = counts();
        if (seen.refused + seen.late + seen.crowded > 0)
            base::log_info("the Slurm gateway took " + std::to_string(seen.done) + " of " + std::to_string(seen.accepted) +
                           " connections: " + std::to_string(seen.refused) + " were refused, " + std::to_string(seen.late) +
                           " were not greeted in time, for " + std::to_string(seen.crowded) + " there was no room");
    }
    [[nodiscard]] uint16_t port() const override { return listener_.port(); }
    [[nodiscard]] const std::string& fingerprint() const override { return identity_->fingerprint(); }
    [[nodiscard]] GatewayCounts counts() const override {
        const base::Lock lock(mutex_);
        return counts_;
    }

    base::Result<void> admit(const std::string& fingerprint, Worker worker) override {
        const base::Lock lock(mutex_);
        if (!names_.emplace(net::name_of_fingerprint(fingerprint), fingerprint).second)
            return base::fail(base::code::InternalError, "two agents say that they are the same");
        workers_[fingerprint] = {.endpoints = std::move(worker.endpoints),
                                 .task = std::make_shared<const std::string>(std::move(worker.task)),
                                 .output = worker.output};
        return {};
    }
    void dismiss(const std::string& fingerprint) override {
        Admitted gone;  // its endpoints close here, when nobody hands them a connection any more
        {
            const base::Lock lock(mutex_);
            const auto found = workers_.find(fingerprint);
            if (found == workers_.end()) return;
            gone = std::move(found->second);
            workers_.erase(found);
            names_.erase(net::name_of_fingerprint(fingerprint));
        }
    }

private:
    struct Admitted {
        std::shared_ptr<training::WorkerEndpoints::Opened> endpoints;
        std::shared_ptr<const std::string> task;
        Output* output = nullptr;
    };
    // A connection that is the gateway's own: its handshake is not done, or its task is on its way.
    struct Own {
        net::Stream stream;
        std::string peer;  // net::network_of
        std::unique_ptr<net::PeerHandshake> handshake;
        std::string fingerprint;  // whom it has named
        Steady::time_point until;
        std::shared_ptr<const std::string> task;  // nullptr: in its handshake
        size_t sent = 0;
        bool is_sent = false;
        bool waits_to_write = false;
        bool is_over = false;
    };
    struct Paces {
        Pace greetings, failures;
    };

    void work() {
        std::vector<pollfd> watched;
        for (;;) {
            watched.clear();
            watched.push_back({wakes_.read.number(), POLLIN, 0});
            const bool accepts = Steady::now() >= accept_not_before_;
            watched.push_back({accepts ? listener_.number() : -1, POLLIN, 0});
            auto next = accepts ? Steady::now() + std::chrono::seconds(60) : accept_not_before_;
            for (const auto& one : own_) {
                watched.push_back({one.stream.number(), static_cast<short>(one.waits_to_write ? POLLOUT : POLLIN), 0});
                next = std::min(next, one.until);
            }
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Steady::now()).count();
            if (::poll(watched.data(), watched.size(), static_cast<int>(std::clamp<int64_t>(left, 0, 60'000))) < 0) continue;
            if (watched[0].revents != 0) return;
            now_ = Steady::now();
            size_t at = 2;
            for (auto& one : own_) {
                if (watched[at++].revents != 0) go_on(one);
                if (!one.is_over && now_ >= one.until) {
                    if (one.handshake && one.handshake->is_named()) (void)paces_of(one.peer).failures.take(now_);
                    end(one, &GatewayCounts::late);
                }
            }
            if (watched[1].revents != 0) accept_some();
            std::erase_if(own_, [](const Own& one) { return one.is_over; });
        }
    }

    void count(uint64_t GatewayCounts::* what) {
        const base::Lock lock(mutex_);
        ++(counts_.*what);
    }

    void end(Own& one, uint64_t GatewayCounts::* why) {
        one.is_over = true;
        if (why != nullptr) count(why);
    }

    Paces& paces_of(const std::string& peer) {
        const auto found = paces_.find(peer);
        if (found != paces_.end()) return found->second;
        // Those that would be whole again by now say nothing; if all say something, strangers have many addresses: begin again.
        if (paces_.size() >= paces_max)
            std::erase_if(paces_, [&](const auto& one) {
                return one.second.greetings.is_whole(now_) && one.second.failures.is_whole(now_);
            });
        if (paces_.size() >= paces_max) paces_.clear();
        return paces_
            .emplace(peer, Paces{{limits_.greetings_at_once, limits_.greetings_per_second, now_},
                                 {limits_.failures_at_once, limits_.failures_per_second, now_}})
            .first->second;
    }

    void accept_some() {
        for (int i = 0; i < accepted_at_once; ++i) {
            auto stream = listener_.accept();
            if (!stream) {
                if (errno == EMFILE || errno == ENFILE) {
                    // Strangers give theirs back.
                    make_room([](const Own& one) { return one.fingerprint.empty(); }, 0);
                    accept_not_before_ = now_ + descriptors_pause;
                }
                return;
            }
            count(&GatewayCounts::accepted);
            const std::string peer = net::network_of(stream->peer_address());
            if (!paces_of(peer).greetings.take(now_)) {
                count(&GatewayCounts::crowded);
                continue;
            }
            const auto is_stranger = [](const Own& one) { return one.fingerprint.empty(); };
            make_room([&](const Own& one) { return is_stranger(one) && one.peer == peer; }, limits_.strangers_per_peer - 1);
            make_room(is_stranger, limits_.strangers - 1);
            Own one{.stream = std::move(*stream), .peer = peer, .until = now_ + limits_.handshake};
            auto handshake =
                tls_->begin(one.stream.number(), [this, peer](const std::string& name) { return who_is(name, peer); });
            if (!handshake) {
                count(&GatewayCounts::refused);
                continue;
            }
            one.handshake = std::move(*handshake);
            own_.push_back(std::move(one));
            go_on(own_.back());  // its greeting may be there
        }
    }

    // At most so many of these, the newest.
    template <class Which>
    void make_room(Which which, size_t most) {
        auto many = static_cast<size_t>(std::ranges::count_if(own_, [&](const Own& one) { return !one.is_over && which(one); }));
        for (auto one = own_.begin(); one != own_.end() && many > most; ++one) {
            if (one->is_over || !which(*one)) continue;
            end(*one, &GatewayCounts::crowded);
            one->stream.shutdown_both();
            --many;
        }
    }

    // A greeting has named somebody: it costs keys from here on.
    std::optional<std::string> who_is(const std::string& name, const std::string& peer) {
        if (!paces_of(peer).failures.has_any(now_)) return std::nullopt;
        std::string found;
        {
            const base::Lock lock(mutex_);
            const auto at = names_.find(name);
            if (at == names_.end()) return std::nullopt;
            found = at->second;
        }
        const auto others = std::ranges::count_if(
            own_, [&](const Own& one) { return !one.is_over && one.task == nullptr && one.fingerprint == found; });
        if (static_cast<size_t>(others) >= limits_.handshakes_per_worker) return std::nullopt;
        return found;
    }

    void go_on(Own& one) {
        if (one.is_over) return;
        if (one.task) return send_task(one);
        const auto wants = one.handshake->go_on();
        if (!wants) {
            if (one.handshake->is_named()) (void)paces_of(one.peer).failures.take(now_);
            return end(one, &GatewayCounts::refused);
        }
        if (one.handshake->is_named()) one.fingerprint = one.handshake->fingerprint();
        one.waits_to_write = *wants == net::TlsSession::Wants::writing;
        if (*wants == net::TlsSession::Wants::nothing) hand_over(one);
    }

    void hand_over(Own& one) {
        const std::string protocol = one.handshake->protocol();
        one.stream.start_tls(one.handshake->take_session());
        one.handshake.reset();
        const auto on_the_way = std::ranges::count_if(own_, [&](const Own& other) {
            return !other.is_over && other.task != nullptr && other.fingerprint == one.fingerprint;
        });
        const base::Lock lock(mutex_);
        ++counts_.done;
        const auto found = workers_.find(one.fingerprint);
        one.is_over = true;
        if (found == workers_.end()) return;
        if (protocol == task_protocol) {
            if (static_cast<size_t>(on_the_way) >= limits_.tasks_per_worker) return;
            one.is_over = false;
            one.task = found->second.task;
            one.until = now_ + limits_.task;
            one.waits_to_write = true;
            return;
        }
        // While the lock is held: who dismisses the worker waits, and then closes what was taken.
        if (protocol == output_protocol) {
            if (found->second.output == nullptr) return;
            keep_alive(one.stream);
            return found->second.output->take(std::move(one.stream));
        }
        const auto which = std::ranges::find(endpoint_protocols, protocol) - endpoint_protocols.begin();
        if (!found->second.endpoints || which >= static_cast<ptrdiff_t>(endpoint_protocols.size())) return;
        keep_alive(one.stream);
        found->second.endpoints->take(static_cast<training::WorkerEndpoints::Which>(which), std::move(one.stream));
    }

    void send_task(Own& one) {
        {
            const base::Lock lock(mutex_);
            if (!workers_.contains(one.fingerprint)) return end(one, nullptr);
        }
        while (one.sent < one.task->size()) {
            const auto more = one.stream.try_write(std::string_view(*one.task).substr(one.sent));
            if (!more) return end(one, nullptr);
            if (!*more) return;
            one.sent += **more;
        }
        if (!std::exchange(one.is_sent, true)) return;  // the end is written when there is room for it, too
        one.stream.shutdown_write();
        end(one, nullptr);
    }

    const GatewayLimits limits_;
    net::Listener listener_;
    std::unique_ptr<net::PeerIdentity> identity_;
    std::unique_ptr<net::PeerTlsServer> tls_;
    os::Pipe wakes_;             // closing its end for writing ends the thread
    mutable base::Mutex mutex_;  // guards what follows
    std::map<std::string, Admitted> workers_ GUARDED_BY(mutex_);
    std::map<std::string, std::string> names_ GUARDED_BY(mutex_);
    GatewayCounts counts_ GUARDED_BY(mutex_);
    // The thread's own.
    std::list<Own> own_;  // the oldest first
    std::map<std::string, Paces> paces_;
    Steady::time_point now_, accept_not_before_;
    std::thread thread_;
};

}  // namespace

base::Result<std::unique_ptr<Gateway>> Gateway::start(const GatewayLimits& limits) {
    net::ignore_broken_pipes();
    auto listener = net::Listener::open("::", 0);  // IPv4, too
    if (!listener) listener = net::Listener::open("0.0.0.0", 0);
    if (!listener) return base::fail(std::move(listener).error());
    auto identity = TRY(net::PeerIdentity::make());
    std::vector<std::string> protocols(endpoint_protocols.begin(), endpoint_protocols.end());
    protocols.emplace_back(task_protocol);
    protocols.emplace_back(output_protocol);
    auto tls = TRY(net::PeerTlsServer::open(*identity, std::move(protocols)));
    auto wakes = TRY(os::make_pipe());
    return std::make_unique<ListeningGateway>(std::move(*listener), std::move(identity), std::move(tls), std::move(wakes),
                                              limits);
}

}  // namespace slurm
