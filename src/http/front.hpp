// The front: all connections of its servers, waited for at once (epoll) by one thread at a time, and the pool that runs their requests.
// Which thread waits, the pool says (Pool, "lead"): a thread of its own while nothing happens, else the one that has nothing to run. "The
// front" below is whoever does so.
//
//     accept → greeting ⇄ (pool) handshake
//                |            +------------------------------ next request -------------------------------+
//                v            v                                                                           |
//             expecting → heading → upload → (pool) answering → sending ⇄ (pool) → draining --------------+
//                |            |                                     |
//              close       (pool) refusing ------------------------ + → lingering → close
//
// What is in brackets a thread of the pool has; everything else the front has, and it costs no thread. `upload`: a body that is small and on
// its way is waited for a moment, so that no thread waits for it.
// `lingering` matters: closing a socket with unread bytes sends a reset, and the client loses the answer that says why.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.hpp"
#include "http/connection.hpp"
#include "http/pool.hpp"
#include "http/server.hpp"
#include "net/poller.hpp"

namespace http {

class Endpoint;
struct Link;
using Links = std::list<Link>;
using Time = std::chrono::steady_clock::time_point;
constexpr Time never = Time::max();
constexpr std::chrono::seconds reader_looked_at{2};  // how often a reader that is slow is looked at
constexpr char tls_handshake = 0x16;                 // the first byte of TLS; no HTTP method begins so

// Connections that count together.
struct PeerLinks {
    explicit PeerLinks(size_t body_memory_bytes_max) : body_memory(body_memory_bytes_max) {}
    std::string name;
    BodyMemory body_memory;
    size_t count = 0;
    std::atomic<size_t> held = 0;  // what its links hold
    std::list<Link*> waiting;      // the one that has waited longest first
};

// What an event of the poller is about.
struct Watched {
    const bool is_listener;
};

// One connection. Whoever has it alone touches it: the front, or one thread of the pool.
struct Link : Watched {
    enum class State : uint8_t { greeting, expecting, heading, upload, with_pool, sending, draining, lingering, closed };
    Link(Endpoint& its, net::Stream its_stream) : Watched{false}, endpoint(its), stream(std::move(its_stream)) {}

    Endpoint& endpoint;
    net::Stream stream;
    State state = State::expecting;
    bool has_proxy_header = false;  // it comes first
    std::string received;           // of a head that is not whole
    size_t searched = 0;            // bytes of it that hold no end of a head
    size_t held = 0;                // of the memory for heads that are not whole or wait for a thread
    std::optional<std::list<Link*>::iterator> of_heads;
    uint64_t discarded = 0;  // while it lingers
    std::unique_ptr<Exchange> exchange;
    // Guarded by the front's mutex, as is everything that says where it is listed.
    Links::iterator self;
    PeerLinks* peer = nullptr;
    // One node each for their lists, which move and are never made anew: `mine` while it does not wait.
    std::list<Link*> mine, mine_of_peer;
    std::list<Link*>::iterator of_endpoint, of_peer;
    bool is_waiting = false;
    Time deadline = never;   // of its state
    Time greeted_by{};       // when a handshake has to be done
    Time scheduled = never;  // where it stands among the deadlines: not behind its own
};

class Front {
public:
    explicit Front(const FrontOptions& options, net::Poller poller);
    ~Front();
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;
    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] Load load() const;

private:
    friend class Endpoint;
    using State = Link::State;
    // Of the front.
    [[nodiscard]] bool look(std::chrono::milliseconds most);  // Pool::Lead
    void accept(Endpoint& endpoint);
    void adopt(Endpoint& endpoint, net::Stream stream);
    [[nodiscard]] bool make_room(const std::list<Link*>& waiting) EXCLUDES(mutex_);
    void ready(Link& link);
    void greet(Link& link);
    // False: it is not all there, or the link is closed.
    [[nodiscard]] bool read_proxy_header(Link& link);
    [[nodiscard]] bool count_as(Link& link, const std::string& name);
    void read_head(Link& link);
    void look_for_head(Link& link);
    void begin(Link& link, ParsedHead parsed, std::string rest);
    void read_upload(Link& link);
    void dispatch(Link& link, Pool::Kind kind);
    void drain(Link& link);
    void linger(Link& link);
    void late(Link& link);
    [[nodiscard]] std::chrono::milliseconds expire();
    void sweep();
    void take_arrivals();
    [[nodiscard]] bool hold(Link& link, size_t bytes);
    void forget_head(Link& link);
    void listen_again();

    // Of whichever thread has the link.
    void shake_hands(Link& link);
    void refuse(Link& link, HeadError error);
    void overloaded(Link& link);
    void send(Link& link, std::chrono::milliseconds patience);
    void go_on_sending(Link& link);
    void finish(Link& link);
    // The front gets it back, and need not wait for an event.
    void hand_back(Link& link, State state) EXCLUDES(mutex_);
    // The front gets it back once something happens, or the time is over.
    void wait_in(Link& link, State state, std::chrono::milliseconds most, net::Stream::For what) EXCLUDES(mutex_);
    [[nodiscard]] const std::string& give_to_pool(Link& link) EXCLUDES(mutex_);
    void close(Link& link) EXCLUDES(mutex_);
    void release(Link& link);  // what it held of the memory for heads
    void bury(Link& link) REQUIRES(mutex_);
    void move_to(Link& link, bool waiting) REQUIRES(mutex_);
    void schedule(Link& link) REQUIRES(mutex_);

    const FrontOptions options_;
    net::Poller poller_;
    Counters counters_;
    Pool pool_;
    std::vector<char> scratch_;               // the front's
    std::chrono::milliseconds next_look_{0};  // the latest that it has to look again; -1: when something happens; the front's
    std::atomic<size_t> head_memory_ = 0;     // all that links hold
    std::list<Link*> heads_;                  // those that are not whole, the oldest first; the front's
    base::Mutex mutex_;
    base::Condition gone_;
    std::set<std::pair<Time, Link*>> deadlines_ GUARDED_BY(mutex_);
    std::vector<std::pair<Link*, State>> handed_back_ GUARDED_BY(mutex_);
    std::vector<std::pair<Endpoint*, net::Stream>> arrived_ GUARDED_BY(mutex_);
    std::vector<Endpoint*> stopping_ GUARDED_BY(mutex_);  // to be swept
    Links grave_ GUARDED_BY(mutex_);                      // closed; until no event can name them
    std::vector<Endpoint*> deaf_;                         // the system had no descriptor for them; the front's
    Time deaf_until_{}, refuse_late_at_{};
    std::thread thread_;
};

// One place that is listened at. Its lists are guarded by the front's mutex.
class Endpoint final : public Server, public Watched {
public:
    Endpoint(std::shared_ptr<Front> front, ServerOptions options, std::optional<net::Listener> listener, Handler handler);
    ~Endpoint() override { stop(5); }
    [[nodiscard]] base::Result<void> listen();
    [[nodiscard]] uint16_t port() const override { return listener_ ? listener_->port() : 0; }
    void take(net::Stream stream) override;
    void stop(int grace_seconds) override;

private:
    friend class Front;
    const std::shared_ptr<Front> front_;
    const ServerOptions options_;
    std::optional<net::Listener> listener_;
    const Handler handler_;
    std::atomic<bool> is_stopping_ = false;
    BodyMemory body_memory_;
    const std::function<bool()> uploads_wait_;
    const Surroundings around_;
    Links links_;
    std::list<Link*> waiting_;  // may be closed at any time; the one that has waited longest first
    std::unordered_map<std::string, PeerLinks> peers_;
    bool is_swept_ = false;
};

}  // namespace http
