#include "os/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "base/strings.hpp"

extern char** environ;

namespace os {

using base::fail;
using base::Result;
using Milliseconds = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

struct Process::Shared {
    base::Mutex mutex;
    std::optional<ExitStatus> ended GUARDED_BY(mutex);
};

namespace {

std::string system_message(int number) { return std::strerror(number); }

// Child and parent end of each standard descriptor, until they are handed over.
struct Ends {
    Descriptor child, parent;
};

Result<Ends> open_ends(const Stdio& stdio, bool is_input) {
    Ends ends;
    const auto opened = [&](const char* path, int flags) -> Result<Ends> {
        ends.child = Descriptor(::open(path, flags | O_CLOEXEC, 0600));
        if (!ends.child.is_open())
            return fail(base::code::SpawnFailed, "cannot open `" + std::string(path) + "`: " + system_message(errno));
        return std::move(ends);
    };
    switch (stdio.kind) {
        case Stdio::Kind::inherit:
            return ends;
        case Stdio::Kind::nothing:
            return opened("/dev/null", is_input ? O_RDONLY : O_WRONLY);
        case Stdio::Kind::file:
            return opened(stdio.path.c_str(), is_input ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND);
        case Stdio::Kind::descriptor: {
            ends.child = Descriptor(::fcntl(stdio.number, F_DUPFD_CLOEXEC, 3));
            if (!ends.child.is_open())
                return fail(base::code::SpawnFailed, "cannot duplicate a descriptor: " + system_message(errno));
            return ends;
        }
        case Stdio::Kind::pipe: {
            Pipe pipe = TRY(make_pipe());
            ends.child = std::move(is_input ? pipe.read : pipe.write);
            ends.parent = std::move(is_input ? pipe.write : pipe.read);
            return ends;
        }
    }
    return ends;
}

// Owns what posix_spawn reads.
struct SpawnAttributes {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    SpawnAttributes() {
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
    }
    ~SpawnAttributes() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnAttributes(const SpawnAttributes&) = delete;
    SpawnAttributes& operator=(const SpawnAttributes&) = delete;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

void set_signals_and_group(SpawnAttributes& spawn, bool own_group) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&spawn.attributes, &all);
    posix_spawnattr_setsigmask(&spawn.attributes, &none);
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    if (own_group) {
        posix_spawnattr_setpgroup(&spawn.attributes, 0);
        flags |= POSIX_SPAWN_SETPGROUP;
    }
    posix_spawnattr_setflags(&spawn.attributes, flags);
}

// What a forked child reads, prepared before the fork.
struct Plan {
    std::vector<std::string> programs;  // where it may be, in order of PATH
    char* const* arguments = nullptr;
    char* const* environment = nullptr;
    const char* directory = nullptr;
    std::array<int, 3> standard = {-1, -1, -1};  // -1: inherited
    bool error_to_output = false, own_group = false;
    int report = -1;  // an errno is written to it where exec fails
};

[[noreturn]] void give_up(const Plan& plan, int number) {
    [[maybe_unused]] const ssize_t told = ::write(plan.report, &number, sizeof number);
    ::_exit(127);
}

void become_program(void* prepared) {
    const Plan& plan = *static_cast<const Plan*>(prepared);
    if (plan.own_group) ::setpgid(0, 0);
    for (int target = 0; target < 3; ++target) {
        const int ours = plan.standard.at(static_cast<size_t>(target));
        if (ours >= 0 && ::dup2(ours, target) < 0) give_up(plan, errno);
    }
    if (plan.error_to_output && ::dup2(1, 2) < 0) give_up(plan, errno);
    ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    if (plan.directory != nullptr && ::chdir(plan.directory) != 0) give_up(plan, errno);
    int number = ENOENT;
    for (const auto& program : plan.programs) {
        ::execve(program.c_str(), plan.arguments, plan.environment);
        if (errno != ENOENT && errno != ENOTDIR) number = errno;
    }
    give_up(plan, number);
}

std::vector<std::string> places_of(const std::string& program) {
    if (program.contains('/')) return {program};
    std::vector<std::string> places;
    const char* path = std::getenv("PATH");
    for (const auto folder : base::split(path == nullptr ? "/usr/bin:/bin" : path, ':'))
        places.push_back(std::string(folder.empty() ? "." : folder) + "/" + program);
    return places;
}

// 0, or the errno of what failed between fork and exec.
Result<int> fork_and_exec(Plan& plan, Child& child) {
    Pipe report = TRY(make_pipe());
    plan.report = report.write.number();
    child = TRY(start_child(become_program, &plan));
    report.write.close();
    int number = 0;
    ssize_t got = 0;
    do got = ::read(report.read.number(), &number, sizeof number);
    while (got < 0 && errno == EINTR);
    if (got == sizeof number) (void)reap(child.process);
    return got == sizeof number ? number : 0;
}

// Descriptors 0, 1 and 2 must not be what a later dup2 overwrites: moves ours above them.
Result<void> lift(Descriptor& descriptor) {
    if (!descriptor.is_open() || descriptor.number() > 2) return {};
    Descriptor lifted(::fcntl(descriptor.number(), F_DUPFD_CLOEXEC, 3));
    if (!lifted.is_open()) return fail(base::code::SpawnFailed, "cannot duplicate a descriptor: " + system_message(errno));
    descriptor = std::move(lifted);
    return {};
}

}  // namespace

Result<std::unique_ptr<Process>> Process::spawn(SpawnOptions options) {
    if (options.arguments.empty()) return fail(base::code::SpawnFailed, "no program was named");
    Ends input = TRY(open_ends(options.input, true));
    Ends output = TRY(open_ends(options.output, false));
    Ends error = TRY(open_ends(options.error_to_output ? Stdio::inherit() : options.error, false));

    for (auto* ends : {&input, &output, &error}) TRY(lift(ends->child));
    const std::array<int, 3> standard = {input.child.number(), output.child.number(), error.child.number()};
    std::vector<std::string> assignments;
    if (options.environment)
        for (const auto& [name, value] : *options.environment) assignments.push_back(name + "=" + value);
    auto argv = pointers(options.arguments);
    auto envp = pointers(assignments);
    char** environment = options.environment ? envp.data() : environ;

    int failed = 0;
    Child child;
    if (options.dies_with_us) {
        Plan plan{.programs = places_of(options.arguments[0]),
                  .arguments = argv.data(),
                  .environment = environment,
                  .directory = options.directory.empty() ? nullptr : options.directory.c_str(),
                  .standard = standard,
                  .error_to_output = options.error_to_output,
                  .own_group = options.own_group};
        failed = TRY(fork_and_exec(plan, child));
    } else {
        SpawnAttributes spawn;
        set_signals_and_group(spawn, options.own_group);
        for (int target = 0; target < 3; ++target)
            if (const int ours = standard.at(static_cast<size_t>(target)); ours >= 0)
                posix_spawn_file_actions_adddup2(&spawn.actions, ours, target);
        if (options.error_to_output) posix_spawn_file_actions_adddup2(&spawn.actions, 1, 2);
        posix_spawn_file_actions_addclosefrom_np(&spawn.actions, 3);
        if (!options.directory.empty()) posix_spawn_file_actions_addchdir_np(&spawn.actions, options.directory.c_str());
        failed = ::posix_spawnp(&child.process, argv[0], &spawn.actions, &spawn.attributes, argv.data(), environment);
        if (failed == 0) child.ended = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, child.process, 0)));
    }
    if (failed == ENOENT && options.directory.empty())
        return fail(base::code::CommandNotFound, "the program `" + options.arguments[0] + "` was not found");
    if (failed != 0) {
        std::string in = options.directory.empty() ? "" : " in `" + options.directory + "`";
        return fail(base::code::SpawnFailed, "cannot start `" + options.arguments[0] + "`" + in + ": " + system_message(failed));
    }
    std::unique_ptr<Process> process(new Process);
    process->shared_ = std::make_unique<Shared>();
    process->pid_ = child.process;
    process->own_group_ = options.own_group;
    process->input_ = std::move(input.parent);
    process->output_ = std::move(output.parent);
    process->error_ = std::move(error.parent);
    process->pidfd_ = std::move(child.ended);
    return process;
}

Process::~Process() {
    if (!shared_ || wait_for(Milliseconds(0))) return;
    signal_group(SIGKILL);
    (void)wait();
}

Process::Released Process::release() {
    shared_.reset();
    return {pid_, std::move(pidfd_)};
}

// The group is killed between the leader's end and its reaping, while its number cannot belong to anybody else yet.
std::optional<ExitStatus> Process::reap_if_ended() {
    const base::Lock lock(shared_->mutex);
    if (shared_->ended) return shared_->ended;
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
        if (errno != ECHILD) return std::nullopt;
        shared_->ended = ExitStatus{.code = 255};  // Somebody set SIGCHLD to be ignored: the status is lost.
        return shared_->ended;
    }
    if (info.si_pid == 0) return std::nullopt;
    if (own_group_) ::kill(-pid_, SIGKILL);
    (void)::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED);
    ExitStatus status;
    if (info.si_code == CLD_EXITED) {
        status.code = info.si_status;
    } else {
        status.signal = info.si_status;
        status.code = 128 + info.si_status;
    }
    shared_->ended = status;
    return status;
}

std::optional<ExitStatus> Process::wait_for(Milliseconds timeout) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    while (true) {
        if (auto ended = reap_if_ended()) return ended;
        const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left <= Milliseconds(0)) return std::nullopt;
        if (pidfd_.is_open()) {
            pollfd watched{.fd = pidfd_.number(), .events = POLLIN, .revents = 0};
            (void)::poll(&watched, 1, static_cast<int>(std::min<int64_t>(left.count(), 60'000)));
        } else {
            std::this_thread::sleep_for(std::min(left, Milliseconds(20)));
        }
    }
}

ExitStatus Process::wait() {
    while (true)
        if (auto ended = wait_for(std::chrono::hours(1))) return *ended;
}

void Process::signal_group(int number) {
    const base::Lock lock(shared_->mutex);
    if (!shared_->ended) ::kill(own_group_ ? -pid_ : pid_, number);
}

ExitStatus Process::terminate(Milliseconds grace) {
    signal_group(SIGTERM);
    if (auto ended = wait_for(grace)) return *ended;
    signal_group(SIGKILL);
    return wait();
}

Result<Output> run(SpawnOptions options, Milliseconds timeout, size_t output_bytes_max) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    const std::string program = options.arguments.empty() ? "" : options.arguments[0];
    options.output = Stdio::pipe();
    auto process = TRY(Process::spawn(std::move(options)));
    Output out;
    char buffer[16384];
    while (true) {
        const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd watched{.fd = process->output().number(), .events = POLLIN, .revents = 0};
        const int ready =
            left <= Milliseconds(0) ? 0 : ::poll(&watched, 1, static_cast<int>(std::min<int64_t>(left.count(), 1 << 30)));
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0)
            return fail(base::code::CommandTimeout,
                        "`" + program + "` did not end within " + std::to_string(timeout.count()) + " ms");
        const ssize_t got = ::read(process->output().number(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(base::code::SpawnFailed, "cannot read what `" + program + "` writes: " + system_message(errno));
        if (got == 0) break;
        out.output.append(buffer, static_cast<size_t>(got));
        if (out.output.size() > output_bytes_max)
            return fail(base::code::OutputTooLarge,
                        "`" + program + "` wrote more than " + std::to_string(output_bytes_max) + " bytes");
    }
    const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
    const auto ended = process->wait_for(std::max(left, Milliseconds(100)));
    if (!ended)
        return fail(base::code::CommandTimeout,
                    "`" + program + "` did not end within " + std::to_string(timeout.count()) + " ms");
    out.status = *ended;
    return out;
}

}  // namespace os
