#include "net/poller.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error_codes.hpp"

namespace net {

namespace {

constexpr size_t batch_max = 256;

std::unexpected<base::Error> poll_error(const char* what) {
    return base::fail(base::code::IoError, std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

base::Result<Poller> Poller::open() {
    Poller out;
    out.epoll_ = os::Descriptor(::epoll_create1(EPOLL_CLOEXEC));
    out.wakes_ = os::Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!out.epoll_.is_open() || !out.wakes_.is_open()) return poll_error("preparing to wait for connections");
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (::epoll_ctl(out.epoll_.number(), EPOLL_CTL_ADD, out.wakes_.number(), &event) != 0)
        return poll_error("preparing to wait for connections");
    return out;
}

base::Result<void> Poller::add(int descriptor, void* owner) const {
    epoll_event event{.events = EPOLLONESHOT | EPOLLIN | EPOLLRDHUP, .data = {.ptr = owner}};
    if (::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, descriptor, &event) != 0) return poll_error("waiting for a connection");
    return {};
}

void Poller::arm(int descriptor, void* owner, Stream::For what) const {
    epoll_event event{.events = EPOLLONESHOT | (what == Stream::For::reading ? EPOLLIN | EPOLLRDHUP : EPOLLOUT),
                      .data = {.ptr = owner}};
    ::epoll_ctl(epoll_.number(), EPOLL_CTL_MOD, descriptor, &event);
}

void Poller::remove(int descriptor) const { ::epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, descriptor, nullptr); }

std::span<Poller::Event> Poller::wait(std::span<Event> into, std::chrono::milliseconds most) const {
    std::array<epoll_event, batch_max> events{};
    const int room = static_cast<int>(std::min(into.size(), batch_max));
    const int count = ::epoll_wait(epoll_.number(), events.data(), room, static_cast<int>(most.count()));
    if (count <= 0) return {};
    for (int i = 0; i < count; ++i) {
        into[static_cast<size_t>(i)] = {.owner = events[static_cast<size_t>(i)].data.ptr};
        if (events[static_cast<size_t>(i)].data.ptr == nullptr) {
            uint64_t wakes = 0;
            (void)!::read(wakes_.number(), &wakes, sizeof wakes);
        }
    }
    return into.first(static_cast<size_t>(count));
}

void Poller::wake() const {
    const uint64_t one = 1;
    (void)!::write(wakes_.number(), &one, sizeof one);  // it only fails if it is set already
}

}  // namespace net
