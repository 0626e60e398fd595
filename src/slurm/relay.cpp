#include "slurm/relay.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace slurm {
namespace {

constexpr size_t buffer_bytes = 16 * 1024;  // a TLS record; a worker may have thousands of connections

enum class Step : uint8_t { went_on, waits, broken };

// One direction. What one connection gives is kept here until the other has taken it.
class Direction {
public:
    Direction(net::Stream& from, net::Stream& to) : from_(from), to_(to), buffer_(buffer_bytes, '\0') {}

    Step go_on() {
        waits_for_from_ = waits_for_to_ = 0;
        Step step = Step::waits;
        if (begin_ == end_ && !has_ended_) {
            const auto got = from_.try_read(buffer_);
            if (!got) return Step::broken;
            if (*got) {
                begin_ = 0;
                end_ = **got;
                has_ended_ = end_ == 0;
                step = Step::went_on;
            } else {
                waits_for_from_ = event_of(from_.awaits(net::Stream::For::reading));
            }
        }
        if (begin_ < end_) {
            const auto sent = to_.try_write(std::string_view(buffer_).substr(begin_, end_ - begin_));
            if (!sent) return Step::broken;
            if (*sent) {
                begin_ += **sent;
                step = Step::went_on;
            } else {
                waits_for_to_ = event_of(to_.awaits(net::Stream::For::writing));
            }
        }
        if (has_ended_ && begin_ == end_ && !is_over_) waits_for_to_ = POLLOUT;  // TLS says its end: for that there must be room
        return step;
    }
    void look(short events_of_to) {
        if (!has_ended_ || begin_ != end_ || is_over_ || (events_of_to & POLLOUT) == 0) return;
        to_.shutdown_write();
        is_over_ = true;
    }

    [[nodiscard]] short waits_for_from() const { return waits_for_from_; }
    [[nodiscard]] short waits_for_to() const { return waits_for_to_; }
    [[nodiscard]] bool is_over() const { return is_over_; }

private:
    static short event_of(net::Stream::For what) { return what == net::Stream::For::reading ? POLLIN : POLLOUT; }

    net::Stream& from_;
    net::Stream& to_;
    std::string buffer_;
    size_t begin_ = 0, end_ = 0;
    bool has_ended_ = false, is_over_ = false;
    short waits_for_from_ = 0, waits_for_to_ = 0;
};

// When it is closed, the kernel tells the client that its connection was broken off, instead of an end that nobody has said.
void break_off(const net::Stream& stream) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(stream.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

void relay(net::Stream& plain, net::Stream& secured) {
    Direction outward(plain, secured), inward(secured, plain);
    bool plain_is_gone = false, secured_is_gone = false;  // both of its directions are closed: its calls do not wait any more
    while (!outward.is_over() || !inward.is_over()) {
        const Step one = outward.go_on(), other = inward.go_on();
        if (one == Step::broken || other == Step::broken) {
            break_off(plain);
            return secured.shutdown_both();
        }
        if (one == Step::went_on || other == Step::went_on) continue;
        pollfd watched[2] = {
            {plain_is_gone ? -1 : plain.number(), static_cast<short>(outward.waits_for_from() | inward.waits_for_to()), 0},
            {secured_is_gone ? -1 : secured.number(), static_cast<short>(inward.waits_for_from() | outward.waits_for_to()), 0}};
        if (::poll(watched, 2, -1) < 0 && errno != EINTR) break;
        outward.look(watched[1].revents);
        inward.look(watched[0].revents);
        plain_is_gone = plain_is_gone || (watched[0].revents & (POLLHUP | POLLERR)) != 0;
        secured_is_gone = secured_is_gone || (watched[1].revents & (POLLHUP | POLLERR)) != 0;
        // Nobody is there to read what might still come.
        if (plain_is_gone && outward.is_over()) break;
        if (secured_is_gone && inward.is_over()) break;
    }
    plain.shutdown_both();
    secured.shutdown_both();
}

}  // namespace slurm
