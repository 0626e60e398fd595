#include "os/child.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error_codes.hpp"

namespace os {

std::string ExitStatus::describe() const {
    if (signal != 0) return "killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
    return "exit code " + std::to_string(code);
}

base::Result<Child> start_child(void (*become)(void* prepared), void* prepared) {
    const pid_t parent = ::getpid();
    const pid_t process = ::fork();
    if (process < 0) return base::fail(base::code::SpawnFailed, std::string("cannot fork: ") + std::strerror(errno));
    if (process == 0) {
        // First of all: it still holds the server's listening socket.
        if (!die_with(parent)) ::_exit(127);
        for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        become(prepared);
        ::_exit(127);
    }
    Child child{process, Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)))};
    if (!child.ended.is_open()) {
        const int number = errno;
        kill_and_reap(process);
        return base::fail(base::code::SpawnFailed, std::string("cannot watch the process: ") + std::strerror(number));
    }
    return child;
}

bool die_with(int parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return false;
    if (::getppid() != parent) ::_exit(127);
    return true;
}

ExitStatus reap(int process) {
    int status = 0;
    pid_t reaped = 0;
    do reaped = ::waitpid(process, &status, 0);
    while (reaped < 0 && errno == EINTR);
    if (reaped < 0) return {.code = 255};  // Somebody else reaped it: the status is lost.
    if (WIFSIGNALED(status)) return {.code = 128 + WTERMSIG(status), .signal = WTERMSIG(status)};
    return {.code = WEXITSTATUS(status)};
}

void kill_and_reap(int process) {
    ::kill(-process, SIGKILL);
    ::kill(process, SIGKILL);
    (void)reap(process);
}

}  // namespace os
