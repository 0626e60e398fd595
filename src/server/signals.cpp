// A handler that writes to an eventfd, not a blocked mask with sigwait: a mask would be inherited by training workers, which
// then could not be stopped.
#include "server/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/invariant.hpp"

namespace server {
namespace {

std::atomic<int> wake_descriptor{-1};
std::atomic<int> received{0};

void on_signal(int number) {
    const int saved = errno;
    received = number;
    const uint64_t one = 1;
    // The counter cannot be full, and a handler cannot report it.
    [[maybe_unused]] ssize_t n = ::write(wake_descriptor, &one, sizeof one);
    errno = saved;
}

void set(int number, void (*handler)(int)) {
    struct sigaction action{};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    INVARIANT(::sigaction(number, &action, nullptr) == 0);
}

}  // namespace

StopSignals::StopSignals() {
    wake_descriptor = ::eventfd(0, EFD_CLOEXEC);
    INVARIANT(wake_descriptor >= 0);
    set(SIGPIPE, SIG_IGN);
    set(SIGTERM, on_signal);
    set(SIGINT, on_signal);
}

StopSignals::~StopSignals() {
    set(SIGTERM, SIG_DFL);
    set(SIGINT, SIG_DFL);
    ::close(wake_descriptor.exchange(-1));
}

std::optional<int> StopSignals::wait(std::chrono::milliseconds most) {
    pollfd one{.fd = wake_descriptor, .events = POLLIN, .revents = 0};
    if (::poll(&one, 1, static_cast<int>(most.count())) > 0) return received;
    return std::nullopt;
}

}  // namespace server
