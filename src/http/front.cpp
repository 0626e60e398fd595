#include "http/front.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error_codes.hpp"
#include "base/log.hpp"

namespace http {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr size_t scratch_bytes = 64u << 10;
constexpr size_t batch_max = 64;     // events that are looked at before anything else is
constexpr size_t accepts_max = 64;   // connections of one listener among them
constexpr size_t discards_max = 16;  // reads of one connection that lingers
constexpr milliseconds tick{250};    // deadlines are this exact
// A body of at most this is waited for a moment before a thread is: clients send it behind the head, in a packet of its own.
constexpr size_t small_body_bytes = 16384;
constexpr size_t head_memory_peers_min = 4;  // so many peers it takes to use up the memory for heads
constexpr milliseconds small_body_patience{100};
constexpr seconds drain_max{10};
constexpr uint64_t lingered_bytes_max = 256u << 20;
constexpr seconds tls_log_pause{60};

// A record of type handshake, of any version of TLS: no HTTP method begins so.
bool is_tls(std::string_view received) { return received.size() >= 2 && received[0] == tls_handshake && received[1] == 0x03; }

// The log is for the client's user, whose library says "wrong version number" at best; once a minute is enough for that.
void log_tls(const std::string& peer, uint16_t port) {
    static std::atomic<int64_t> next_log_seconds = 0;
    const int64_t now = std::chrono::duration_cast<seconds>(steady_clock::now().time_since_epoch()).count();
    int64_t due = next_log_seconds;
    if (now >= due && next_log_seconds.compare_exchange_strong(due, now + tls_log_pause.count()))
        base::log_warn("a client at " + peer + " speaks TLS to port " + std::to_string(port) +
                       ", which speaks plain HTTP: its endpoint must begin with http://, or name a TLS proxy in front");
}

}  // namespace

Front::Front(const FrontOptions& options, net::Poller poller)
    : options_(options),
      poller_(std::move(poller)),
      pool_(options.pool, [this](milliseconds most) { return look(most); }),
      scratch_(scratch_bytes) {
    thread_ = std::thread([this] { pool_.stand_by(); });
}

Front::~Front() {
    pool_.end_leading();
    poller_.wake();
    thread_.join();
    pool_.finish();
}

bool Front::look(milliseconds most) {
    std::array<net::Poller::Event, batch_max> events;
    const auto sooner = [](milliseconds a, milliseconds b) { return a.count() < 0 ? b : b.count() < 0 ? a : std::min(a, b); };
    const auto came = poller_.wait(events, sooner(most, next_look_));
    for (const auto& event : came) {
        auto* watched = static_cast<Watched*>(event.owner);
        if (watched == nullptr) continue;
        if (watched->is_listener)
            accept(static_cast<Endpoint&>(*watched));
        else
            ready(static_cast<Link&>(*watched));
    }
    take_arrivals();
    sweep();
    next_look_ = expire();
    Links buried;
    {
        const base::Lock lock(mutex_);
        buried.swap(grave_);
    }
    return !came.empty();
}

void Front::accept(Endpoint& endpoint) {
    for (size_t i = 0; i < accepts_max; ++i) {
        errno = 0;
        if (auto stream = endpoint.listener_->accept()) {
            adopt(endpoint, std::move(*stream));
            continue;
        }
        if (errno == EAGAIN) break;
        const bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (exhausted && !make_room(endpoint.waiting_)) {
            deaf_.push_back(&endpoint);
            deaf_until_ = steady_clock::now() + tick;
            return;
        }
        if (!exhausted && errno == EINVAL) return;  // it listens no more
    }
    poller_.arm(endpoint.listener_->number(), static_cast<Watched*>(&endpoint), net::Stream::For::reading);
}

void Front::adopt(Endpoint& endpoint, net::Stream stream) {
    const auto& options = endpoint.options_;
    const auto turn_away = [&] {
        ++counters_.turned_away;
        ++counters_.closed;
        (void)stream.try_write(
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n");
        stream.shutdown_write();
    };
    ++counters_.accepted;
    if (endpoint.is_stopping_) return turn_away();
    PeerLinks* peer = nullptr;
    bool peer_is_full = false, is_full = false;
    {
        const base::Lock lock(mutex_);
        const auto name = options.peer_group.empty() ? net::network_of(stream.peer_address()) : options.peer_group;
        peer = &endpoint.peers_.try_emplace(name, endpoint.options_.body_memory_bytes_per_peer_max).first->second;
        if (peer->name.empty()) peer->name = name;
        ++peer->count;  // from here on: what makes room leaves it where it is
        peer_is_full = peer->count > options.connections_per_peer_max;
        is_full = !peer_is_full && endpoint.links_.size() >= options.connections_max;
    }
    const bool has_room = peer_is_full ? make_room(peer->waiting) : !is_full || make_room(endpoint.waiting_);
    const base::Lock lock(mutex_);
    base::Result<void> watched;
    if (has_room) {
        Link& link = endpoint.links_.emplace_back(endpoint, std::move(stream));
        link.self = std::prev(endpoint.links_.end());
        link.peer = peer;
        link.of_endpoint = link.mine.insert(link.mine.end(), &link);
        link.of_peer = link.mine_of_peer.insert(link.mine_of_peer.end(), &link);
        move_to(link, true);
        link.deadline = link.greeted_by = steady_clock::now() + seconds(options.head_seconds_max);
        link.has_proxy_header = options.proxies.contains(link.stream.peer_address());
        if (options.tls || link.has_proxy_header) link.state = State::greeting;
        schedule(link);
        watched = poller_.add(link.stream.number(), static_cast<Watched*>(&link));
        if (watched) return;
        stream = std::move(link.stream);
        move_to(link, false);
        deadlines_.erase({link.scheduled, &link});
        endpoint.links_.pop_back();
    }
    if (--peer->count == 0) endpoint.peers_.erase(std::string(peer->name));
    turn_away();
}

bool Front::make_room(const std::list<Link*>& waiting) {
    Link* oldest = nullptr;
    {
        const base::Lock lock(mutex_);
        if (waiting.empty()) return false;
        oldest = waiting.front();
    }
    ++counters_.made_room;
    close(*oldest);
    return true;
}

void Front::ready(Link& link) {
    State state{};
    {
        // What the thread that had it last has written is seen from here on.
        const base::Lock lock(mutex_);
        state = link.state;
    }
    switch (state) {
        case State::greeting:
            return greet(link);
        case State::expecting:
        case State::heading:
            return read_head(link);
        case State::upload:
            return read_upload(link);
        case State::sending:
            return go_on_sending(link);
        case State::draining:
            return drain(link);
        case State::lingering:
            return linger(link);
        case State::with_pool:  // an event from before its deadline
        case State::closed:
            return;
    }
}

void Front::read_head(Link& link) {
    while (true) {
        const auto got = link.stream.try_read(scratch_);
        if (!got || (*got && **got == 0)) return close(link);
        if (!*got) break;
        link.received.append(scratch_.data(), **got);
        // What TLS has and the socket has not, no event tells of.
        if ((**got < scratch_.size() && !link.stream.tls()) || link.received.size() >= head_bytes_max) break;
    }
    look_for_head(link);
}

void Front::look_for_head(Link& link) {
    const std::string_view received = link.received;
    if (is_tls(received) && !link.stream.tls()) {
        // In the clear: a client that shows what it got instead of a handshake shows a sentence.
        log_tls(link.stream.peer_address(), link.endpoint.port());
        return refuse(link,
                      {400, "this port speaks plain HTTP, not TLS: use http:// instead of https:// (or a TLS proxy in front)"});
    }
    const auto end = find_head_end(received, link.searched);
    if (end.value_or(received.size()) >= head_bytes_max)
        return refuse(link, {431, "the request's headers are larger than 64 KiB"});
    if (!hold(link, received.size())) return close(link);
    if (end) {
        auto parsed = parse_head(received.substr(0, *end));
        if (!parsed) return refuse(link, parsed.error());
        std::string rest(received.substr(*end));
        link.received = std::string();
        return begin(link, std::move(*parsed), std::move(rest));
    }
    link.searched = received.size();
    if (link.stream.has_pending()) return read_head(link);
    // A deadline that there is stays.
    const auto unless_known = [&](seconds most) { return link.deadline == never ? milliseconds(most) : milliseconds(0); };
    if (received.empty() || link.state == State::heading)
        return wait_in(link, link.state, unless_known(seconds(link.endpoint.options_.idle_seconds_max)),
                       net::Stream::For::reading);
    wait_in(link, State::heading, seconds(link.endpoint.options_.head_seconds_max), net::Stream::For::reading);
}

// What is held before anybody knows who sent it is little: the oldest heads make room, of a peer that holds too much its own.
bool Front::hold(Link& link, size_t bytes) {
    head_memory_ += bytes - link.held;
    link.peer->held += bytes - link.held;
    link.held = bytes;
    if (bytes > 0 && !link.of_heads) link.of_heads = heads_.insert(heads_.end(), &link);
    const size_t most = options_.head_memory_bytes_max;
    while (true) {
        const bool peer_is_over = link.peer->held > most / head_memory_peers_min;
        if (!peer_is_over && head_memory_ <= most) return true;
        const auto oldest = std::ranges::find_if(
            heads_, [&](const Link* one) { return one != &link && (!peer_is_over || one->peer == link.peer); });
        ++counters_.made_room;
        if (oldest == heads_.end()) return false;
        close(**oldest);
    }
}

void Front::forget_head(Link& link) {
    if (link.of_heads) heads_.erase(*link.of_heads);
    link.of_heads.reset();
}

void Front::begin(Link& link, ParsedHead parsed, std::string rest) {
    link.searched = 0;
    link.exchange = std::make_unique<Exchange>(link.stream, link.endpoint.around_, link.peer->body_memory, std::move(parsed),
                                               std::move(rest));
    auto& exchange = *link.exchange;
    const uint64_t missing = exchange.body_bytes_missing();
    if (missing == 0 && link.endpoint.options_.at_once) {
        if (auto response = link.endpoint.options_.at_once(exchange.head())) {
            forget_head(link);
            release(link);
            exchange.answer_with(std::move(*response), true);
            return send(link, milliseconds(0));
        }
    }
    if (missing == 0) return dispatch(link, Pool::Kind::whole);
    if (missing > small_body_bytes) return dispatch(link, Pool::Kind::upload);
    if (link.stream.has_pending()) {
        link.deadline = steady_clock::now() + small_body_patience;
        return read_upload(link);
    }
    wait_in(link, State::upload, small_body_patience, net::Stream::For::reading);
}

void Front::read_upload(Link& link) {
    do {
        const auto most = std::min<uint64_t>(scratch_.size(), link.exchange->body_bytes_missing());
        const auto got = link.stream.try_read(std::span(scratch_).first(static_cast<size_t>(most)));
        // What is wrong with it a reader of the body finds out, and its client is told.
        if (!got || (*got && **got == 0)) return dispatch(link, Pool::Kind::upload);
        if (!*got) break;
        link.exchange->received({scratch_.data(), **got});
        if (!hold(link, link.held + **got)) return close(link);
        if (link.exchange->has_whole_body()) return dispatch(link, Pool::Kind::whole);
    } while (link.stream.has_pending());
    wait_in(link, State::upload, milliseconds(0), net::Stream::For::reading);
}

void Front::drain(Link& link) {
    auto at_end = link.exchange->drained({});
    while (at_end && !*at_end) {
        const auto got = link.stream.try_read(scratch_);
        if (!got || (*got && **got == 0)) return close(link);
        if (!*got)
            return wait_in(link, State::draining, link.deadline == never ? milliseconds(drain_max) : milliseconds(0),
                           net::Stream::For::reading);
        at_end = link.exchange->drained({scratch_.data(), **got});
    }
    if (!at_end) return close(link);
    link.received = link.exchange->take_rest();
    link.exchange.reset();
    link.state = State::expecting;
    link.deadline = never;
    link.received.empty() ? read_head(link) : look_for_head(link);
}

void Front::linger(Link& link) {
    for (size_t i = 0; i < discards_max; ++i) {
        const auto got = link.stream.try_read(scratch_);
        if (!got || (*got && **got == 0)) return close(link);
        if (!*got) break;
        link.discarded += **got;
        if (link.discarded > lingered_bytes_max) return close(link);
    }
    wait_in(link, State::lingering, milliseconds(0), net::Stream::For::reading);
}

void Front::late(Link& link) {
    switch (link.state) {
        case State::heading:
            return refuse(link, {408, "the request's head did not come in time"});
        case State::upload:
            return dispatch(link, Pool::Kind::upload);
        case State::sending:
            if (!link.exchange->reader_is_too_slow())
                return wait_in(link, State::sending, reader_looked_at, net::Stream::For::writing);
            ++counters_.slow_readers;
            return close(link);
        case State::greeting:
        case State::expecting:
        case State::draining:
        case State::lingering:
            return close(link);
        case State::with_pool:
        case State::closed:
            return;
    }
}

// Deadlines that have moved are found out when they would have been: a connection that serves many requests moves its own with each.
milliseconds Front::expire() {
    while (true) {
        Link* due = nullptr;
        {
            const base::Lock lock(mutex_);
            const auto now = steady_clock::now();
            while (due == nullptr) {
                if (deadlines_.empty()) break;
                Link& first = *deadlines_.begin()->second;
                if (first.scheduled > now) break;
                deadlines_.erase(deadlines_.begin());
                first.scheduled = never;
                if (first.deadline <= now)
                    due = &first;
                else
                    schedule(first);
            }
        }
        if (due == nullptr) break;
        late(*due);
    }
    listen_again();
    if (const auto now = steady_clock::now(); pool_.queued() > 0 && now >= refuse_late_at_) {
        refuse_late_at_ = now + tick;
        pool_.refuse_late();
    }
    const base::Lock lock(mutex_);
    return deadlines_.empty() && deaf_.empty() && pool_.queued() == 0 ? milliseconds(-1) : tick;
}

void Front::listen_again() {
    if (deaf_.empty() || steady_clock::now() < deaf_until_) return;
    for (auto* endpoint : deaf_)
        poller_.arm(endpoint->listener_->number(), static_cast<Watched*>(endpoint), net::Stream::For::reading);
    deaf_.clear();
}

void Front::take_arrivals() {
    std::vector<std::pair<Link*, State>> back;
    std::vector<std::pair<Endpoint*, net::Stream>> arrived;
    {
        const base::Lock lock(mutex_);
        back.swap(handed_back_);
        arrived.swap(arrived_);
        for (auto& [link, state] : back) link->state = state;
    }
    for (auto& [link, state] : back) {
        if (link->endpoint.is_stopping_)
            close(*link);
        else if (state == State::draining)
            drain(*link);
        else if (link->received.empty())
            read_head(*link);
        else
            look_for_head(*link);
    }
    for (auto& [endpoint, stream] : arrived) adopt(*endpoint, std::move(stream));
}

void Front::sweep() {
    std::vector<Endpoint*> stopping;
    {
        const base::Lock lock(mutex_);
        stopping.swap(stopping_);
    }
    for (Endpoint* endpoint : stopping) {
        if (endpoint->listener_) {
            poller_.remove(endpoint->listener_->number());
            endpoint->listener_->wake();  // it listens no more: who connects is told at once
        }
        std::erase(deaf_, endpoint);
        const auto next = [&]() -> Link* {
            const base::Lock lock(mutex_);
            return endpoint->waiting_.empty() ? nullptr : endpoint->waiting_.front();
        };
        while (Link* link = next()) close(*link);
        const base::Lock lock(mutex_);
        endpoint->is_swept_ = true;
        gone_.notify_all();
    }
}

}  // namespace http
