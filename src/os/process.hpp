// Child processes: spawn, wait with a deadline, signal the whole group.
//
// Every descriptor above 2 is closed in the child, every signal is back at its default.
//
// Why posix_spawn: between fork and exec of a process with threads almost nothing may be called; posix_spawn keeps that promise
// for us, and does not copy page tables. It cannot tie a child's life to ours: where that is asked for, start_child forks.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/child.hpp"
#include "os/descriptor.hpp"

namespace os {

// What one of the child's three standard descriptors is.
struct Stdio {
    enum class Kind { inherit, nothing, pipe, file, descriptor };
    Kind kind = Kind::inherit;
    std::string path;  // file: output is appended (created 0600), input is read
    int number = -1;   // descriptor: one of ours, duplicated into the child

    [[nodiscard]] static Stdio inherit() { return {}; }
    [[nodiscard]] static Stdio nothing() { return {.kind = Kind::nothing}; }  // /dev/null
    [[nodiscard]] static Stdio pipe() { return {.kind = Kind::pipe}; }        // our end: Process::input() …
    [[nodiscard]] static Stdio file(std::string path) { return {.kind = Kind::file, .path = std::move(path)}; }
    [[nodiscard]] static Stdio descriptor(int number) { return {.kind = Kind::descriptor, .number = number}; }
};

using Environment = std::vector<std::pair<std::string, std::string>>;

struct SpawnOptions {
    std::vector<std::string> arguments;      // arguments[0] is the program, searched in our PATH unless it holds a '/'
    std::optional<Environment> environment;  // the whole of it; nullopt: ours
    std::string directory;                   // empty: ours
    Stdio input = Stdio::nothing();
    Stdio output = Stdio::inherit();
    Stdio error = Stdio::inherit();
    bool error_to_output = false;  // 2>&1; `error` is ignored
    // The child leads a process group of its own: signal_group() reaches its descendants, a Ctrl-C at the terminal does not reach
    // it, and whatever is left of the group when the leader ends is killed.
    bool own_group = true;
    // The child gets SIGKILL when the thread that spawns it ends, however that comes about.
    bool dies_with_us = false;
};

class Process {
public:
    // Errors: `CommandNotFound` names the program, `SpawnFailed` says what the system said.
    [[nodiscard]] static base::Result<std::unique_ptr<Process>> spawn(SpawnOptions options);
    ~Process();  // kills the group (or the child) with SIGKILL if it still runs, and reaps it
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] int pid() const { return pid_; }
    // Our ends of the pipes that were asked for; close() them to send end-of-file.
    [[nodiscard]] Descriptor& input() { return input_; }
    [[nodiscard]] Descriptor& output() { return output_; }
    [[nodiscard]] Descriptor& error() { return error_; }

    // Waits for the end. wait_for gives nullopt when the time is over first; wait_for(0) just asks. May be called again after the
    // end. Safe from several threads.
    [[nodiscard]] ExitStatus wait();
    [[nodiscard]] std::optional<ExitStatus> wait_for(std::chrono::milliseconds timeout);

    // Gives the child away: whoever gets it waits for it. Nothing else may be asked of this object then.
    struct Released {
        int process = 0;
        Descriptor ended;  // pidfd: readable when it has ended
    };
    [[nodiscard]] Released release();

    // To the leader and its whole group. Nothing happens once it was reaped.
    void signal_group(int number);
    // SIGTERM to the group, SIGKILL after `grace`; then its status.
    ExitStatus terminate(std::chrono::milliseconds grace);

private:
    Process() = default;
    std::optional<ExitStatus> reap_if_ended();
    struct Shared;
    std::unique_ptr<Shared> shared_;
    int pid_ = -1;
    bool own_group_ = true;
    Descriptor input_, output_, error_, pidfd_;
};

// Runs to the end and gives what it wrote to its standard output (at most `output_bytes_max`; more is an error).
struct Output {
    ExitStatus status;
    std::string output;
};
[[nodiscard]] base::Result<Output> run(SpawnOptions options, std::chrono::milliseconds timeout,
                                       size_t output_bytes_max = 16u << 20);

}  // namespace os
