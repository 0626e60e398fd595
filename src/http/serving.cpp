// What a thread of the pool does with a connection: it answers, sends, goes on with the next request or gives the connection back.
#include "http/front.hpp"

namespace http {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr milliseconds reader_patience{50};  // that a thread has; then the front has it
constexpr seconds linger_max{5};

}  // namespace

void Front::dispatch(Link& link, Pool::Kind kind) {
    forget_head(link);
    const auto answer = [this, &link](bool waited_too_long) {
        release(link);
        if (waited_too_long) return overloaded(link);
        link.exchange->answer(link.endpoint.handler_);
        send(link, reader_patience);
    };
    if (pool_.submit(give_to_pool(link), kind, answer)) return;
    release(link);
    overloaded(link);
}

void Front::refuse(Link& link, HeadError error) {
    ++(error.status == 408 ? counters_.late_heads : counters_.bad_heads);
    forget_head(link);
    release(link);
    link.received = std::string();
    ParsedHead none;
    none.framing.keep_alive = false;
    link.exchange =
        std::make_unique<Exchange>(link.stream, link.endpoint.around_, link.peer->body_memory, std::move(none), std::string());
    // What hears of it may wait for a disk.
    const auto tell = [this, &link, error = std::move(error)](bool) {
        if (const auto& heard = link.endpoint.options_.on_unread)
            heard({.peer_address = link.stream.peer_address(), .status = error.status, .message = error.message});
        Response response{.status = error.status, .headers = {}, .body = error.message + "\n"};
        response.headers.add("Content-Type", "text/plain");
        link.exchange->answer_with(std::move(response), false);
        send(link, milliseconds(0));
    };
    if (!pool_.submit(give_to_pool(link), Pool::Kind::whole, tell)) close(link);
}

void Front::overloaded(Link& link) {
    ++counters_.overloads;
    auto& exchange = *link.exchange;
    Response response{.status = 503, .headers = {}, .body = std::string()};
    if (const auto& answer = link.endpoint.options_.overloaded) response = answer(exchange.head());
    response.headers.set("Retry-After", "1");
    exchange.answer_with(std::move(response), true);
    send(link, milliseconds(0));
}

void Front::send(Link& link, milliseconds patience) {
    switch (link.exchange->send(patience)) {
        case Exchange::Sent::all:
            return finish(link);
        case Exchange::Sent::blocked:
            return wait_in(link, State::sending, reader_looked_at, net::Stream::For::writing);
        case Exchange::Sent::failed:
            return close(link);
    }
}

void Front::go_on_sending(Link& link) {
    if (!pool_.go_on(give_to_pool(link), [this, &link](bool) { send(link, reader_patience); })) close(link);
}

void Front::finish(Link& link) {
    switch (link.exchange->after()) {
        case Exchange::After::next:
            link.received = link.exchange->take_rest();
            link.exchange.reset();
            if (!link.received.empty() || link.stream.has_pending()) return hand_back(link, State::expecting);
            return wait_in(link, State::expecting, seconds(link.endpoint.options_.idle_seconds_max), net::Stream::For::reading);
        case Exchange::After::drain:
            return hand_back(link, State::draining);
        case Exchange::After::close:
            link.exchange.reset();
            link.stream.shutdown_write();
            return wait_in(link, State::lingering, linger_max, net::Stream::For::reading);
    }
}

}  // namespace http
