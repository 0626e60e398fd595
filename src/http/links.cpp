// Who has a connection, and where it is listed: the part of the front that its threads share.
#include "base/error_codes.hpp"
#include "http/front.hpp"

namespace http {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void Front::move_to(Link& link, bool waiting) {
    if (link.is_waiting == waiting) return;
    link.is_waiting = waiting;
    auto& of_endpoint = link.endpoint.waiting_;
    auto& of_peer = link.peer->waiting;
    if (waiting) {
        of_endpoint.splice(of_endpoint.end(), link.mine, link.of_endpoint);
        of_peer.splice(of_peer.end(), link.mine_of_peer, link.of_peer);
    } else {
        link.mine.splice(link.mine.end(), of_endpoint, link.of_endpoint);
        link.mine_of_peer.splice(link.mine_of_peer.end(), of_peer, link.of_peer);
    }
}

void Front::schedule(Link& link) {
    if (link.deadline >= link.scheduled) return;
    if (link.scheduled != never) deadlines_.erase({link.scheduled, &link});
    link.scheduled = link.deadline;
    deadlines_.emplace(link.scheduled, &link);
}

// Until the front takes it, it is as if a thread had it: an event that was under way since before is not for it.
void Front::hand_back(Link& link, State state) {
    {
        const base::Lock lock(mutex_);
        link.state = State::with_pool;
        link.deadline = never;
        move_to(link, false);
        handed_back_.emplace_back(&link, state);
    }
    poller_.wake();
}

// `most` 0: the deadline stays.
void Front::wait_in(Link& link, State state, milliseconds most, net::Stream::For what) {
    base::Lock lock(mutex_);
    if (link.endpoint.is_stopping_ && state != State::sending && state != State::upload) {
        lock.unlock();
        return close(link);
    }
    // Who begins to do something else has not waited yet.
    if (link.state != state) move_to(link, false);
    link.state = state;
    move_to(link, state == State::sending ? link.exchange->may_make_room() : state != State::upload);
    if (most.count() > 0) link.deadline = steady_clock::now() + most;
    schedule(link);
    poller_.arm(link.stream.number(), static_cast<Watched*>(&link), link.stream.awaits(what));
}

const std::string& Front::give_to_pool(Link& link) {
    const base::Lock lock(mutex_);
    link.state = State::with_pool;
    link.deadline = never;
    move_to(link, false);
    return link.peer->name;
}

void Front::release(Link& link) {
    head_memory_ -= link.held;
    link.peer->held -= link.held;
    link.held = 0;
}

void Front::close(Link& link) {
    forget_head(link);
    release(link);
    link.exchange.reset();
    const base::Lock lock(mutex_);
    bury(link);
}

Load Front::load() const {
    const uint64_t closed = counters_.closed;  // first: it never has more than was accepted
    return {.connections = counters_.accepted - closed, .head_memory_bytes = head_memory_, .pool = pool_.load()};
}

// An event that names it may be under way to the front.
void Front::bury(Link& link) {
    Endpoint& endpoint = link.endpoint;
    link.state = State::closed;
    ++counters_.closed;
    link.deadline = never;
    link.stream = net::Stream();
    if (link.scheduled != never) deadlines_.erase({link.scheduled, &link});
    link.scheduled = never;
    move_to(link, false);
    if (--link.peer->count == 0) endpoint.peers_.erase(std::string(link.peer->name));
    grave_.splice(grave_.end(), endpoint.links_, link.self);
    if (endpoint.links_.empty()) gone_.notify_all();
}

Endpoint::Endpoint(std::shared_ptr<Front> front, ServerOptions options, std::optional<net::Listener> listener, Handler handler)
    : Watched{true},
      front_(std::move(front)),
      options_(std::move(options)),
      listener_(std::move(listener)),
      handler_(std::move(handler)),
      body_memory_(options_.body_memory_bytes_max),
      uploads_wait_([pool = &front_->pool_] { return pool->uploads_wait(); }),
      around_{options_, port(), body_memory_, front_->counters_, is_stopping_, uploads_wait_} {}

base::Result<void> Endpoint::listen() {
    listener_->do_not_wait();
    return front_->poller_.add(listener_->number(), static_cast<Watched*>(this));
}

void Endpoint::take(net::Stream stream) {
    {
        const base::Lock lock(front_->mutex_);
        if (is_stopping_) return;
        front_->arrived_.emplace_back(this, std::move(stream));
    }
    front_->poller_.wake();
}

void Endpoint::stop(int grace_seconds) {
    Front& front = *front_;
    const base::Lock lock(front.mutex_);
    is_stopping_ = true;
    if (!is_swept_) {
        front.stopping_.push_back(this);
        front.poller_.wake();
    }
    const auto all_gone = [this] { return is_swept_ && links_.empty(); };
    if (front.gone_.wait_for(front.mutex_, std::chrono::seconds(grace_seconds), all_gone)) return;
    for (auto& link : links_) link.stream.shutdown_both();
    front.gone_.wait(front.mutex_, all_gone);  // Handlers hold references into the process: leaving them behind is not an option.
}

base::Result<std::shared_ptr<Front>> make_front(const FrontOptions& options) {
    net::ignore_broken_pipes();
    return std::make_shared<Front>(options, TRY(net::Poller::open()));
}

const Counters& counters_of(const Front& front) { return front.counters(); }
Load load_of(const Front& front) { return front.load(); }

base::Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler handler) {
    auto listener = TRY(net::Listener::open(options.address, options.port));
    return start(TRY(make_front({})), std::move(options), std::move(listener), std::move(handler));
}

base::Result<std::unique_ptr<Server>> Server::start(std::shared_ptr<Front> front, ServerOptions options, net::Listener listener,
                                                    Handler handler) {
    auto made = std::make_unique<Endpoint>(std::move(front), std::move(options), std::move(listener), std::move(handler));
    TRY(made->listen());
    return made;
}

std::unique_ptr<Server> Server::without_port(std::shared_ptr<Front> front, ServerOptions options, Handler handler) {
    return std::make_unique<Endpoint>(std::move(front), std::move(options), std::nullopt, std::move(handler));
}

}  // namespace http
