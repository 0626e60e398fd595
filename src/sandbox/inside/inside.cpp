// The first process of a sandbox: a static program, so that it runs in any image. Bubblewrap has made the mounts and the
// system-call filter by now; this restricts files with Landlock, starts the worker's program and is its init:
//
//   - it reaps orphans, as process 1 must
//   - it passes on the server's wish to end (spec.hpp): process 1 itself gets no signal that it does not handle
//   - it dies, and with it every process of its namespace, when the server does: its pipe closes
//
//     inside TASK CONTROL REPORT    three descriptor numbers, see spec.hpp
//     inside serve|rsh|lead …       for MPI: remote.hpp
//     inside namespaces …           outside of any sandbox, for a server that is not root: namespaces.hpp
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/inside/namespaces.hpp"
#include "sandbox/inside/remote.hpp"
#include "sandbox/inside/spec.hpp"

namespace {

using sandbox::Message;
using sandbox::Word;

int report = -1;

void say(Word word, int value) {
    Message message{word, value};
    ssize_t ignored = write(report, &message, sizeof message);
    (void)ignored;  // No other way to report it.
}

[[noreturn]] void give_up(Word word) {
    say(word, errno);
    _exit(127);
}

// The task as it came, cut at its zeros.
struct Task {
    char* directory;
    char** writable;
    char** arguments;
    char** variables;
};

char* next(char*& at) {
    char* word = at;
    at += strlen(at) + 1;
    return word;
}

char** next_list(char*& at) {
    size_t count = strtoul(next(at), nullptr, 10);
    char** list = static_cast<char**>(calloc(count + 1, sizeof(char*)));
    if (list == nullptr) give_up(Word::execute);
    for (size_t i = 0; i < count; ++i) list[i] = next(at);
    return list;
}

Task read_task(int descriptor) {
    size_t size = 0, room = 1 << 16;
    char* text = static_cast<char*>(malloc(room));
    for (;;) {
        if (text == nullptr) give_up(Word::execute);
        ssize_t got = read(descriptor, text + size, room - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) give_up(Word::execute);
        if (got == 0) break;
        size += static_cast<size_t>(got);
        if (size == room) text = static_cast<char*>(realloc(text, room *= 2));
    }
    close(descriptor);
    char* at = text;
    Task task{};
    task.directory = next(at);
    task.writable = next_list(at);
    task.arguments = next_list(at);
    task.variables = next_list(at);
    return task;
}

// Landlock by its system calls: Debian 12's headers know only its second version. Source:
// Documentation/userspace-api/landlock.rst.
struct RulesetAttributes {
    uint64_t handled_files, handled_network, scoped;
};
struct __attribute__((packed)) PathBeneath {
    uint64_t allowed;
    int32_t parent;
};
constexpr uint64_t execute = 1 << 0, write_file = 1 << 1, read_file = 1 << 2, read_folder = 1 << 3, make_character = 1 << 6,
                   make_block = 1 << 11, refer = 1 << 13, truncate_file = 1 << 14;
constexpr uint64_t scope_abstract_sockets = 1 << 0, scope_signals = 1 << 1;

bool allow_beneath(int ruleset, const char* path, uint64_t allowed) {
    PathBeneath rule{allowed, open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent < 0) return errno == ENOENT;  // A folder that this image does not have.
    bool added = syscall(SYS_landlock_add_rule, ruleset, 1 /* path beneath */, &rule, 0) == 0;
    int error = errno;
    close(rule.parent);
    errno = error;
    return added;
}

// Everything may be read and run (the mounts decide what there is); only `writable` may be changed. Returns the ABI, 0 without.
int restrict_files(char** writable) {
    long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, 1 /* version */);
    if (abi < 1) return 0;
    uint64_t all = (1ULL << 13) - 1;  // version 1
    if (abi >= 2) all |= refer;
    if (abi >= 3) all |= truncate_file;
    RulesetAttributes attributes{all, 0, abi >= 6 ? scope_abstract_sockets | scope_signals : 0};
    size_t size = abi >= 6 ? sizeof attributes : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    int ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
    if (ruleset < 0) give_up(Word::restrict_files);
    uint64_t change_content = write_file | (all & truncate_file);
    if (!allow_beneath(ruleset, "/", execute | read_file | read_folder) || !allow_beneath(ruleset, "/dev", change_content) ||
        !allow_beneath(ruleset, "/proc", change_content)) {
        give_up(Word::restrict_files);
    }
    for (; *writable != nullptr; ++writable) {
        if (!allow_beneath(ruleset, *writable, all & ~(make_character | make_block))) give_up(Word::restrict_files);
    }
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) give_up(Word::restrict_files);
    close(ruleset);
    return static_cast<int>(abi);
}

[[noreturn]] void become_worker(const Task& task, const sigset_t& signals) {
    sigprocmask(SIG_SETMASK, &signals, nullptr);
    if (chdir(task.directory) != 0) give_up(Word::directory);
    const char* program = task.arguments[0];
    if (strchr(program, '/') != nullptr) {
        execve(program, task.arguments, task.variables);
        give_up(Word::execute);
    }
    const char* path = "/usr/local/bin:/usr/bin:/bin";
    for (char** variable = task.variables; *variable != nullptr; ++variable) {
        if (strncmp(*variable, "PATH=", 5) == 0) path = *variable + 5;
    }
    int error = ENOENT;
    static char candidate[4096];
    while (*path != '\0') {
        size_t length = strcspn(path, ":");
        if (length + strlen(program) + 2 <= sizeof candidate) {
            memcpy(candidate, path, length);
            candidate[length] = '/';
            strcpy(candidate + length + 1, program);
            execve(candidate, task.arguments, task.variables);
            if (errno != ENOENT && errno != ENOTDIR) error = errno;
        }
        path += length + (path[length] == ':' ? 1 : 0);
    }
    errno = error;
    give_up(Word::execute);
}

// Reaps every process that has ended; the status of `worker` if it is among them, else -1.
int reap(pid_t worker) {
    int found = -1, status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
        if (ended == worker) found = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return found;
}

int supervise(pid_t worker, int control, int signals) {
    pollfd watched[2] = {{control, POLLIN, 0}, {signals, POLLIN, 0}};
    for (;;) {
        poll(watched, 2, -1);
        if (watched[1].revents != 0) {
            signalfd_siginfo which;
            ssize_t ignored = read(signals, &which, sizeof which);
            (void)ignored;
            int status = reap(worker);
            if (status >= 0) return status;
        }
        if (watched[0].revents != 0) {
            char word = 0;
            ssize_t got = read(control, &word, 1);
            if (got == 0) return 137;
            if (got == 1 && word == sandbox::word_terminate) kill(-1, SIGTERM);
        }
    }
}

}  // namespace

int main(int count, char** words) {
    if (count >= 2 && strcmp(words[1], "serve") == 0) return sandbox::serve_siblings();
    if (count >= 2 && strcmp(words[1], "rsh") == 0) return sandbox::run_on_sibling(count - 2, words + 2);
    if (count >= 2 && strcmp(words[1], "lead") == 0) return sandbox::lead_siblings(count - 2, words + 2);
    if (count >= 2 && strcmp(words[1], "namespaces") == 0) return sandbox::make_namespaces_inside(count - 2, words + 2);
    if (count != 4) return 127;
    int control = atoi(words[2]);
    report = atoi(words[3]);
    fcntl(control, F_SETFD, FD_CLOEXEC);
    fcntl(report, F_SETFD, FD_CLOEXEC);
    // The worker's processes have the same user: they may look at each other, not at this one and its pipe.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    Task task = read_task(atoi(words[1]));
    say(Word::inside, restrict_files(task.writable));
    sigset_t before, child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    int signals = signalfd(-1, &child, SFD_CLOEXEC);
    pid_t worker = fork();
    if (worker == 0) become_worker(task, before);
    if (worker < 0 || signals < 0) give_up(Word::execute);
    close(report);
    return supervise(worker, control, signals);
}
