#include "sandbox/launch.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error_codes.hpp"
#include "os/child.hpp"
#include "os/file.hpp"
#include "sandbox/inside/spec.hpp"
#include "sandbox/inside_program.hpp"
#include "sandbox/mounts.hpp"
#include "sandbox/namespaces.hpp"
#include "sandbox/system_calls.hpp"

namespace sandbox {
namespace {

constexpr const char* bubblewrap = "/usr/bin/bwrap";

// In the order of Word.
constexpr const char* words[] = {"make a process group",
                                 "join the worker's control groups",
                                 "make a mount namespace",
                                 "prepare the worker's mounts",
                                 "enter the worker's network",
                                 "become the job's user",
                                 "run bubblewrap",
                                 "",
                                 "restrict files with Landlock",
                                 "enter the working directory",
                                 "execute"};

// Everything the child needs, as plain memory.
struct Prepared {
    const Task& task;
    std::vector<std::string> images_and_shares;  // bound at stage_image, stage_share0, …; an empty one is left out
    std::vector<std::string> places;
    std::vector<char*> arguments;
    pid_t parent = 0;
    int null_input = -1, output = -1, report = -1;
    std::vector<int> passed;  // what bubblewrap inherits
};

[[noreturn]] void give_up(const Prepared& prepared, Word word) {
    Message message{word, errno};
    ssize_t ignored = ::write(prepared.report, &message, sizeof message);
    (void)ignored;  // No other way to report it.
    ::_exit(127);
}

// A descriptor must be opened in this mount namespace to be bound in it; /tmp may cover where it lies.
void stage_sources(const Prepared& prepared) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        give_up(prepared, Word::namespaces);
    int folders[64];
    size_t count = prepared.images_and_shares.size();
    if (count > std::size(folders)) ::_exit(127);
    for (size_t i = 0; i < count; ++i) {
        folders[i] = ::open(prepared.images_and_shares[i].c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (folders[i] < 0) give_up(prepared, Word::mounts);
    }
    if (::mount("tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=755") != 0) give_up(prepared, Word::mounts);
    for (size_t i = 0; i < count; ++i) {
        char source[32] = "/proc/self/fd/";
        char* digit = source + std::strlen(source);
        int number = folders[i];
        for (int divisor = 10'000; divisor > 0; divisor /= 10) {
            if (number >= divisor || divisor == 1) *digit++ = static_cast<char>('0' + number / divisor % 10);
        }
        *digit = '\0';
        const char* place = prepared.places[i].c_str();
        if (::mkdir(place, 0755) != 0 || ::mount(source, place, nullptr, MS_BIND | MS_REC, nullptr) != 0)
            give_up(prepared, Word::mounts);
        ::close(folders[i]);
    }
}

void become(const Prepared& prepared, int owner) {
    if (owner < 0) return;
    auto id = static_cast<uid_t>(owner);
    if (::setgroups(0, nullptr) != 0 || ::setresgid(id, id, id) != 0 || ::setresuid(id, id, id) != 0)
        give_up(prepared, Word::user);
}

[[noreturn]] void become_bubblewrap(const Prepared& prepared) {
    const Task& task = prepared.task;
    // A dump would go where the machine's core_pattern says: out of the sandbox.
    const rlimit no_dump{0, 0};
    if (::setsid() < 0 || ::setrlimit(RLIMIT_CORE, &no_dump) != 0) give_up(prepared, Word::group);
    ::umask(022);
    if (task.limits != nullptr) {
        for (const auto& procs_file : task.limits->procs_files()) {
            if (::write(procs_file.number(), "0", 1) != 1) give_up(prepared, Word::limits);
        }
    }
    if (!enter(task.user_namespace, -1)) give_up(prepared, Word::namespaces);
    stage_sources(prepared);
    if (!enter(-1, task.network)) give_up(prepared, Word::network);
    become(prepared, task.owner);
    if (!os::die_with(prepared.parent)) give_up(prepared, Word::group);
    if (::chdir("/") != 0 || ::dup2(prepared.null_input, 0) < 0 || ::dup2(prepared.output, 1) < 0 ||
        ::dup2(prepared.output, 2) < 0)
        give_up(prepared, Word::bubblewrap);
    ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    for (int descriptor : prepared.passed) ::fcntl(descriptor, F_SETFD, 0);
    char* no_variables[] = {nullptr};
    ::execve(bubblewrap, prepared.arguments.data(), no_variables);
    give_up(prepared, Word::bubblewrap);
}

void append_list(std::string& text, const std::vector<std::string>& list) {
    text += std::to_string(list.size());
    text += '\0';
    for (const auto& word : list) text.append(word.c_str(), word.size() + 1);
}

std::string task_text(const Task& task) {
    std::string text(task.working_directory.c_str(), task.working_directory.size() + 1);
    std::vector<std::string> variables;
    for (const auto& [name, value] : task.environment) variables.push_back(name + "=" + value);
    append_list(text, writable_paths());
    append_list(text, task.command);
    append_list(text, variables);
    return text;
}

std::unexpected<base::Error> failed(const std::string& message) { return base::fail(base::code::LaunchFailed, message); }

base::Result<os::Descriptor> memory_file(const char* name, std::string_view content) {
    os::Descriptor file(::memfd_create(name, MFD_CLOEXEC));
    if (!file.is_open() || !os::write_all(file.number(), content, name) || ::lseek(file.number(), 0, SEEK_SET) != 0)
        return failed(std::string("cannot make a memory file: ") + std::strerror(errno));
    return file;
}

// What bubblewrap said before it gave up, for the error message.
std::string last_words(int output) {
    std::string text(2048, '\0');
    pollfd ready{output, POLLIN, 0};
    ssize_t got = ::poll(&ready, 1, 1000) > 0 ? ::read(output, text.data(), text.size()) : 0;
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    while (text.ends_with('\n')) text.pop_back();
    return text.empty() ? "bubblewrap ended without a word" : text;
}

// Waits until the worker's program runs. The report's other end closes with its exec.
base::Result<int> await_start(const Task& task, int report, int output) {
    int landlock = -1;
    for (;;) {
        Message message{};
        ssize_t got = ::read(report, &message, sizeof message);
        if (got < 0 && errno == EINTR) continue;
        if (got != sizeof message) {
            if (landlock < 0) return failed("cannot make the sandbox: " + last_words(output));
            return landlock;
        }
        if (message.word == Word::inside) {
            landlock = message.value;
            continue;
        }
        std::string what = words[static_cast<int>(message.word)];
        if (message.word == Word::execute) what += " `" + task.command.front() + "`";
        return failed("cannot " + what + ": " + std::strerror(message.value));
    }
}

base::Result<const std::string*> filter() {
    static const auto program = system_call_filter();
    if (!program) return base::fail(program.error());
    return &*program;
}

}  // namespace

base::Result<void> check_programs() {
    if (::access(bubblewrap, X_OK) != 0)
        return base::fail(base::code::SandboxUnavailable,
                          std::string("there is no ") + bubblewrap + " (Debian package bubblewrap)");
    return {};
}

base::Result<Launched> launch(const Task& task) {
    auto program = TRY(memory_file("inside", inside_program()));
    const std::string* calls = TRY(filter());
    auto seccomp = TRY(memory_file("filter", *calls));
    auto orders = TRY(memory_file("task", task_text(task)));
    auto output = TRY(os::make_pipe());
    auto control = TRY(os::make_pipe());
    auto report = TRY(os::make_pipe());
    os::Descriptor null_input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null_input.is_open()) return failed("cannot open /dev/null");
    // `echo > /dev/stderr` opens the pipe anew: as the job's user.
    if (task.owner >= 0) (void)::fchown(output.write.number(), static_cast<uid_t>(task.owner), static_cast<gid_t>(task.owner));

    std::vector<std::string> options = {"--unshare-user",
                                        "--uid",
                                        std::to_string(worker_user),
                                        "--gid",
                                        std::to_string(worker_user),
                                        "--unshare-pid",
                                        "--unshare-ipc",
                                        "--unshare-uts",
                                        "--unshare-cgroup-try",
                                        "--hostname",
                                        task.host_name,
                                        "--die-with-parent",
                                        "--as-pid-1",
                                        "--cap-drop",
                                        "ALL",
                                        "--seccomp",
                                        std::to_string(seccomp.number())};
    auto mounts = TRY(mount_arguments(task.image, task.shared, task.gpus, program.number()));
    options.insert(options.end(), mounts.begin(), mounts.end());
    std::string packed;
    for (const auto& option : options) packed.append(option.c_str(), option.size() + 1);
    auto arguments = TRY(memory_file("arguments", packed));

    std::vector<std::string> line = {"bwrap",
                                     "--args",
                                     std::to_string(arguments.number()),
                                     inside_path,
                                     std::to_string(orders.number()),
                                     std::to_string(control.read.number()),
                                     std::to_string(report.write.number())};
    Prepared prepared{.task = task};
    prepared.images_and_shares = {task.worker_folder};
    prepared.places = {stage_worker};
    if (!task.image.root.empty()) {
        prepared.images_and_shares.push_back(task.image.root);
        prepared.places.emplace_back(stage_image);
    }
    for (size_t i = 0; i < task.shared.size(); ++i) {
        prepared.images_and_shares.push_back(task.shared[i]);
        prepared.places.push_back(stage_share + std::to_string(i));
    }
    for (auto& word : line) prepared.arguments.push_back(word.data());
    prepared.arguments.push_back(nullptr);
    prepared.parent = ::getpid();
    prepared.null_input = null_input.number();
    prepared.output = output.write.number();
    prepared.report = report.write.number();
    prepared.passed = {program.number(),   seccomp.number(),      orders.number(),
                       arguments.number(), control.read.number(), report.write.number()};

    const auto become = [&prepared] { become_bubblewrap(prepared); };
    auto child = os::start_child(become);
    if (!child) return failed(child.error().message);
    output.write.close();
    control.read.close();
    report.write.close();
    Launched launched;
    launched.process = child->process;
    launched.ended = std::move(child->ended);
    auto started = await_start(task, report.read.number(), output.read.number());
    if (!started) {
        os::kill_and_reap(launched.process);
        return base::fail(std::move(started).error());
    }
    ::fcntl(output.read.number(), F_SETFL, O_NONBLOCK);
    launched.output = std::move(output.read);
    launched.control = std::move(control.write);
    launched.landlock_version = *started;
    return launched;
}

}  // namespace sandbox
