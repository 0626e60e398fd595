#include "deploy/interrupt.hpp"

#include <pthread.h>
#include <unistd.h>

#include <ctime>

namespace deploy {

namespace {

constexpr int interrupted_status = 130;  // 128 + SIGINT, as shells report it

}  // namespace

Interrupts::Interrupts(std::function<void()> ask) : ask_(std::move(ask)) {
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGINT);
    sigaddset(&watched, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &watched, &before_);
    thread_ = std::jthread([this, watched](const std::stop_token& stop) {
        const timespec pause{0, 100'000'000};
        for (int count = 0; !stop.stop_requested();) {
            if (sigtimedwait(&watched, nullptr, &pause) < 0) continue;
            if (++count > 1) ::_exit(interrupted_status);
            ask_();
        }
    });
}

Interrupts::~Interrupts() {
    thread_.request_stop();
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace deploy
