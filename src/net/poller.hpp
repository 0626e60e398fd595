// Which of many descriptors is ready: epoll, one event for each arming, and a way to wake the thread that waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "net/socket.hpp"
#include "os/descriptor.hpp"

namespace net {

class Poller {
public:
    struct Event {
        void* owner = nullptr;  // what add() was given; nullptr: wake() was called
    };
    // Error `IoError`: the system has no descriptor left.
    [[nodiscard]] static base::Result<Poller> open();

    // One event once it can be read; then it must be armed again. Error `IoError`. A descriptor that is closed is forgotten.
    [[nodiscard]] base::Result<void> add(int descriptor, void* owner) const;
    // One event for this. Any thread. REQUIRES: its last event was told.
    void arm(int descriptor, void* owner, Stream::For what) const;
    void remove(int descriptor) const;
    // What is ready, at most as many as `into` has room for.
    [[nodiscard]] std::span<Event> wait(std::span<Event> into, std::chrono::milliseconds most) const;
    void wake() const;  // any thread

private:
    os::Descriptor epoll_, wakes_;
};

}  // namespace net
