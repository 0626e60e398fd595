// SIGINT and SIGTERM while something runs that must end in order: the first calls `ask`, the second ends the process at once
// (what it was doing is in the state file as a pending operation).
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace deploy {

class Interrupts {
public:
    // Before any other thread is made: they inherit the blocked signals.
    explicit Interrupts(std::function<void()> ask);
    ~Interrupts();
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

private:
    std::function<void()> ask_;
    sigset_t before_{};
    std::jthread thread_;
};

}  // namespace deploy
