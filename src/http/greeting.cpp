// What comes ahead of a connection's first request: the header of a proxy, the handshake of TLS.
#include <algorithm>
#include <array>

#include "http/front.hpp"

namespace http {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Byte for byte, and none of what comes behind it.
bool Front::read_proxy_header(Link& link) {
    auto& header = link.received;
    size_t wanted = net::proxy_header_begin_bytes;
    while (true) {
        if (header.size() >= net::proxy_header_begin_bytes) {
            const auto length = net::proxy_header_length(std::string_view(header).substr(0, net::proxy_header_begin_bytes));
            if (!length) break;
            wanted = *length;
        }
        if (header.size() == wanted) break;
        const auto got = link.stream.try_read(std::span(scratch_).first(wanted - header.size()));
        if (!got || (*got && **got == 0)) return close(link), false;
        if (!*got) return wait_in(link, State::greeting, milliseconds(0), net::Stream::For::reading), false;
        header.append(scratch_.data(), **got);
    }
    // A proxy that does not say for whom it speaks would pass for its client.
    const auto read = net::read_proxy_header(header);
    if (!read) {
        ++counters_.bad_heads;
        return close(link), false;
    }
    header = std::string();
    link.has_proxy_header = false;
    if (read->source_address.empty()) return true;
    link.stream.set_client(read->source_address, read->is_tls);
    return count_as(link, net::network_of(read->source_address));
}

// From here on among the connections of another peer.
bool Front::count_as(Link& link, const std::string& name) {
    const auto& options = link.endpoint.options_;
    if (!options.peer_group.empty()) return true;
    PeerLinks* peer = nullptr;
    {
        const base::Lock lock(mutex_);
        move_to(link, false);
        if (--link.peer->count == 0) link.endpoint.peers_.erase(std::string(link.peer->name));
        peer = &link.endpoint.peers_.try_emplace(name, link.endpoint.options_.body_memory_bytes_per_peer_max).first->second;
        if (peer->name.empty()) peer->name = name;
        ++peer->count;
        link.peer = peer;
        if (peer->count <= options.connections_per_peer_max) return true;
    }
    if (make_room(peer->waiting)) return true;
    ++counters_.turned_away;
    close(link);
    return false;
}

// The keys of a handshake cost a thousand times what a head costs: a thread of the pool makes them, in its peer's turn.
void Front::greet(Link& link) {
    if (link.has_proxy_header && !read_proxy_header(link)) return;
    if (!link.endpoint.options_.tls) {
        link.state = State::expecting;
        return read_head(link);
    }
    if (link.stream.tls() == nullptr) {
        std::array<char, 1> first{};
        const auto got = link.stream.peek(first);
        if (!got || (*got && **got == 0)) return close(link);
        if (!*got) return wait_in(link, State::greeting, milliseconds(0), net::Stream::For::reading);
        if (first[0] != tls_handshake) return refuse(link, {400, "this port speaks TLS: use https:// instead of http://"});
        auto session = link.endpoint.options_.tls->begin(link.stream.number());
        if (!session) return close(link);
        link.stream.start_tls(std::move(*session));
    }
    if (!pool_.submit(give_to_pool(link), Pool::Kind::whole, [this, &link](bool) { shake_hands(link); })) {
        ++counters_.overloads;
        close(link);
    }
}

void Front::shake_hands(Link& link) {
    const auto wants = link.stream.tls()->handshake();
    if (!wants) {
        ++counters_.bad_handshakes;
        return close(link);
    }
    if (*wants == net::TlsSession::Wants::nothing) return hand_back(link, State::expecting);
    const auto left = std::chrono::ceil<milliseconds>(link.greeted_by - steady_clock::now());
    wait_in(link, State::greeting, std::max(left, milliseconds(1)), net::Stream::For::reading);
}

}  // namespace http
