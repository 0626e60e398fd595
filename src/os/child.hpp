// Forks for those that do more than exec a program: joining namespaces, mounting, becoming another user.
//
// The child dies with us (SIGKILL, however we end) and has every signal at its default and unblocked. What it runs then is a
// function on memory that was prepared before the fork: other threads may have held any lock at that moment, so it must not allocate,
// lock, or call anything that is not async-signal-safe, and it must not return.
#pragma once

#include <string>

#include "base/result.hpp"
#include "os/descriptor.hpp"

namespace os {

struct ExitStatus {
    int code = 0;    // exit code; 128 + signal if killed, as shells say it
    int signal = 0;  // 0: it exited by itself
    [[nodiscard]] bool success() const { return code == 0 && signal == 0; }
    [[nodiscard]] std::string describe() const;  // `exit code 3`, `killed by signal 9 (Killed)`
};

struct Child {
    int process = 0;
    Descriptor ended;  // pidfd: readable when it has ended. It is still to be reaped.
};

// Errors: `SpawnFailed`.
//
// The kernel ties the child's life to the thread that forks: that thread must live as long as the child should.
[[nodiscard]] base::Result<Child> start_child(void (*become)(void* prepared), void* prepared);
// The same with a lambda, whose captures are what was prepared.
template <class Become>
[[nodiscard]] base::Result<Child> start_child(const Become& become) {
    return start_child([](void* prepared) { (*static_cast<const Become*>(prepared))(); }, const_cast<Become*>(&become));
}

// For use in a child: makes it die with its parent again. A change of user or group undoes what start_child did. Ends the child at
// once if the parent, `parent` by its number, is gone already. False if the kernel refuses.
[[nodiscard]] bool die_with(int parent);

// Waits for a child's end and takes its status away: its number may be somebody else's from then on.
ExitStatus reap(int process);
// SIGKILL to its group and itself (it may not lead its group yet), then reaps it.
void kill_and_reap(int process);

}  // namespace os
