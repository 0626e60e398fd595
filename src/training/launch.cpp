#include "training/launch.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "os/child.hpp"
#include "os/file.hpp"
#include "sandbox/namespaces.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

// The steps of the child that can fail, in the order of `step_names`.
enum class Step : int { group, namespaces, identity, mounts, hide, capabilities, landlock, output, directory, execute };
constexpr const char* step_names[] = {"make a process group",
                                      "enter private namespaces",
                                      "map the user",
                                      "mount the worker's folder",
                                      "hide the server's folder",
                                      "drop capabilities",
                                      "part it from other processes",
                                      "connect the output",
                                      "enter the working directory",
                                      "execute"};

struct Failure {
    Step step;
    int error;
};

struct Mount {
    enum class Kind : uint8_t { bind, bind_file, tmpfs, folder, link } kind;
    std::string source, target;
};

// Everything the child needs, as plain memory.
struct Prepared {
    std::vector<Mount> mounts;
    std::vector<std::string> programs;  // where the command may be, in order of PATH
    std::vector<char*> arguments, variables;
    std::vector<std::string> environment;  // what `variables` points into
    std::string user_map, group_map;
    std::string host_name, working_directory;
    std::vector<std::string> hidden;
    std::vector<std::string> read_only;
    bool private_mounts = false;
    os::Descriptor user_namespace;  // made for a worker of a server that is not root
    int output = -1, null_input = -1, report = -1;
};

// Docker's default capabilities for a container, without MKNOD: what package managers and archivers need, nothing that
// mounts, traces, loads or reconfigures.
constexpr int kept_capabilities[] = {CAP_CHOWN,      CAP_DAC_OVERRIDE, CAP_FSETID,     CAP_FOWNER,  CAP_NET_RAW,
                                     CAP_SETGID,     CAP_SETUID,       CAP_SETFCAP,    CAP_SETPCAP, CAP_NET_BIND_SERVICE,
                                     CAP_SYS_CHROOT, CAP_KILL,         CAP_AUDIT_WRITE};

[[noreturn]] void give_up(const Prepared& prepared, Step step) {
    Failure failure{step, errno};
    ssize_t ignored = ::write(prepared.report, &failure, sizeof failure);
    (void)ignored;  // No other way to report it.
    ::_exit(127);
}

bool write_whole(const char* path, const std::string& content) {
    int file = ::open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    bool good = ::write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size());
    ::close(file);
    return good;
}

// After a mount namespace of one's own was made: what is mounted from here on is seen nowhere else. Where `/` is not a mount itself,
// as after a chroot, it belongs to one that no path leads to: joining the namespace that one is in anyway moves the root to its
// top.
bool keep_mounts_private() {
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return true;
    if (errno != EINVAL) return false;
    const int root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int here = ::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    const bool good = root >= 0 && here >= 0 && ::setns(here, CLONE_NEWNS) == 0 &&
                      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 && ::fchdir(root) == 0 &&
                      ::chroot(".") == 0;
    const int error = errno;
    ::close(here);
    ::close(root);
    errno = error;
    return good;
}

void enter_namespaces(const Prepared& prepared) {
    if (::unshare(CLONE_NEWNS | CLONE_NEWUTS) != 0) {
        if (errno != EPERM) give_up(prepared, Step::namespaces);
        if (prepared.user_namespace.is_open()) {
            if (::setns(prepared.user_namespace.number(), CLONE_NEWUSER) != 0 || ::unshare(CLONE_NEWNS | CLONE_NEWUTS) != 0)
                give_up(prepared, Step::namespaces);
        } else {
            // Root without CAP_SYS_ADMIN, in a container: it owns its files of /proc even where it may not be traced.
            if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS) != 0) give_up(prepared, Step::namespaces);
            if (!write_whole("/proc/self/setgroups", "deny") || !write_whole("/proc/self/uid_map", prepared.user_map) ||
                !write_whole("/proc/self/gid_map", prepared.group_map)) {
                give_up(prepared, Step::identity);
            }
        }
    }
    if (!keep_mounts_private()) give_up(prepared, Step::namespaces);
    if (::sethostname(prepared.host_name.c_str(), prepared.host_name.size()) != 0) give_up(prepared, Step::namespaces);
}

bool make_mount(const Mount& mount) {
    switch (mount.kind) {
        case Mount::Kind::bind:
        case Mount::Kind::bind_file:
            return ::mount(mount.source.c_str(), mount.target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0;
        case Mount::Kind::tmpfs:
            return ::mount("tmpfs", mount.target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755") == 0;
        case Mount::Kind::folder:
            return ::mkdir(mount.target.c_str(), 0755) == 0 || errno == EEXIST;
        case Mount::Kind::link:
            return ::symlink(mount.source.c_str(), mount.target.c_str()) == 0;
    }
    return false;
}

void hide(const Prepared& prepared) {
    for (const auto& path : prepared.hidden) {
        struct stat info{};
        if (::stat(path.c_str(), &info) != 0) continue;  // covered already, or never there
        bool hidden = S_ISDIR(info.st_mode)
                          ? ::mount("tmpfs", path.c_str(), "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,mode=555") == 0
                          : ::mount("/dev/null", path.c_str(), nullptr, MS_BIND, nullptr) == 0;
        if (!hidden) give_up(prepared, Step::hide);
    }
}

// What is mounted below them too.
void make_read_only(const Prepared& prepared) {
    for (const auto& path : prepared.read_only) {
        mount_attr attributes{.attr_set = MOUNT_ATTR_RDONLY};
        if (::mount(path.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0 ||
            ::syscall(SYS_mount_setattr, AT_FDCWD, path.c_str(), AT_RECURSIVE, &attributes, sizeof attributes) != 0)
            give_up(prepared, Step::hide);
    }
}

void drop_capabilities(const Prepared& prepared) {
    for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
        bool keep =
            std::find(std::begin(kept_capabilities), std::end(kept_capabilities), capability) != std::end(kept_capabilities);
        if (keep || ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1) continue;
        if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) give_up(prepared, Step::capabilities);
    }
}

// A Landlock domain of the worker's own: it neither traces nor signals the server, other workers, or any process but those that it
// starts. It restricts no files, so that what mounts goes on to work. Linux 6.12 has it; on older kernels nothing holds a worker of
// the same user back from a kill. Source: Documentation/userspace-api/landlock.rst.
void part_from_other_processes(const Prepared& prepared) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(prepared, Step::capabilities);
    constexpr uint64_t scope_signals = 1 << 1;
    const struct {
        uint64_t files, network, scoped;
    } attributes{0, 0, scope_signals};
    const long ruleset = ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (ruleset < 0) {
        if (errno == E2BIG || errno == ENOSYS || errno == EOPNOTSUPP) return;
        give_up(prepared, Step::landlock);
    }
    if (::syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) give_up(prepared, Step::landlock);
    ::close(static_cast<int>(ruleset));
}

[[noreturn]] void become_worker(Prepared& prepared) {
    if (::setsid() < 0) give_up(prepared, Step::group);
    ::umask(022);
    if (prepared.private_mounts) {
        enter_namespaces(prepared);
        for (const auto& mount : prepared.mounts) {
            if (!make_mount(mount)) give_up(prepared, Step::mounts);
        }
        hide(prepared);
        make_read_only(prepared);
        drop_capabilities(prepared);
    }
    part_from_other_processes(prepared);
    if (::dup2(prepared.null_input, 0) < 0 || ::dup2(prepared.output, 1) < 0 || ::dup2(prepared.output, 2) < 0) {
        give_up(prepared, Step::output);
    }
    if (::chdir(prepared.working_directory.c_str()) != 0) give_up(prepared, Step::directory);
    // Nothing of the server's open files goes along; the report closes itself when exec succeeds.
    ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    int error = ENOENT;
    for (const auto& program : prepared.programs) {
        ::execve(program.c_str(), prepared.arguments.data(), prepared.variables.data());
        if (errno != ENOENT && errno != ENOTDIR) error = errno;
    }
    errno = error;
    give_up(prepared, Step::execute);
}

// A tmpfs that looks like /opt with `ml` in it, bound over /opt: works whether or not the machine has /opt/ml, and leaves no
// trace.
std::vector<Mount> plan_mounts(const std::string& worker) {
    using Kind = Mount::Kind;
    std::string stage = worker + "/opt";
    std::vector<Mount> mounts = {{Kind::tmpfs, "", stage}};
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/opt", error)) {
        std::string name = entry.path().filename().string();
        if (name == "ml") continue;
        std::string target = stage + "/" + name;
        if (entry.is_symlink()) {
            std::error_code unreadable;
            mounts.push_back({Kind::link, fs::read_symlink(entry.path(), unreadable).string(), target});
        } else if (entry.is_directory()) {
            mounts.push_back({Kind::folder, "", target});
            mounts.push_back({Kind::bind, entry.path().string(), target});
        }
    }
    mounts.push_back({Kind::folder, "", stage + "/ml"});
    mounts.push_back({Kind::bind, worker + "/ml", stage + "/ml"});
    mounts.push_back({Kind::bind, stage, "/opt"});
    if (std::error_code none; fs::exists("/etc/hosts", none))
        mounts.push_back({Kind::bind_file, worker + "/hosts", "/etc/hosts"});
    // The worker's folder may itself lie below the home or /tmp: bind what comes from it first, cover last.
    std::string home = home_of_server();
    auto cover_home = [&] {
        if (home != "/" && fs::is_directory(home)) mounts.push_back({Kind::bind, worker + "/home", home});
    };
    bool inside_home = (worker + "/").starts_with(home + "/");
    if (!inside_home) cover_home();
    mounts.push_back({Kind::bind, worker + "/tmp", "/tmp"});
    if (inside_home && !worker.starts_with("/tmp/")) cover_home();
    return mounts;
}

// The disks, and the memory, of the machine: root reads and writes them by their files, whatever its capabilities.
std::vector<std::string> raw_devices() {
    std::vector<std::string> found;
    std::error_code error;
    fs::recursive_directory_iterator entry("/dev", fs::directory_options::skip_permission_denied, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (entry->is_directory(error) && (name == "pts" || name == "shm" || name == "mqueue")) entry.disable_recursion_pending();
        if (entry->is_block_file(error) || name == "mem" || name == "kmem" || name == "port") found.push_back(entry->path());
    }
    return found;
}

// What root may write without a capability, and what makes the kernel run a program of one's choice: /proc/sys/kernel/core_pattern.
std::vector<std::string> kernel_settings() {
    std::vector<std::string> found;
    for (const char* path : {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/acpi", "/sys"})
        if (::access(path, F_OK) == 0) found.emplace_back(path);
    return found;
}

Prepared prepare(const LaunchRequest& request) {
    Prepared prepared;
    prepared.private_mounts = request.private_mounts;
    prepared.host_name = request.host_name;
    prepared.working_directory = request.working_directory;
    prepared.hidden = request.hidden;
    if (request.private_mounts && ::geteuid() == 0) {
        prepared.read_only = kernel_settings();
        for (auto& device : raw_devices()) prepared.hidden.push_back(std::move(device));
    }
    prepared.user_map = std::to_string(::geteuid()) + " " + std::to_string(::geteuid()) + " 1\n";
    prepared.group_map = std::to_string(::getegid()) + " " + std::to_string(::getegid()) + " 1\n";
    if (request.private_mounts) prepared.mounts = plan_mounts(request.worker_folder);
    std::string path;
    for (const auto& [name, value] : request.environment) {
        prepared.environment.push_back(name + "=" + value);
        if (name == "PATH") path = value;
    }
    for (auto& variable : prepared.environment) prepared.variables.push_back(variable.data());
    prepared.variables.push_back(nullptr);
    for (const auto& word : request.command) prepared.arguments.push_back(const_cast<char*>(word.c_str()));
    prepared.arguments.push_back(nullptr);
    const std::string& program = request.command.front();
    if (program.find('/') != std::string::npos) {
        prepared.programs.push_back(program);
    } else {
        for (auto folder : base::split(path, ':')) prepared.programs.push_back(std::string(folder) + "/" + program);
    }
    return prepared;
}

}  // namespace

std::string home_of_server() {
    passwd entry{};
    passwd* found = nullptr;
    char buffer[4096];
    if (::getpwuid_r(::geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr && found->pw_dir[0] == '/') {
        return found->pw_dir;
    }
    return "/root";
}

base::Result<LaunchedProcess> launch(const LaunchRequest& request) {
    Prepared prepared = prepare(request);
    const auto failed = [](const std::string& what) { return base::fail(base::code::LaunchFailed, what); };
    if (request.private_mounts && ::geteuid() != 0) {
        auto made = sandbox::make_namespaces(0, sandbox::UserInside::same);
        if (!made) return failed(made.error().message);
        prepared.user_namespace = std::move(made->user);
    }
    const os::Descriptor null_input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    auto output = os::make_pipe();
    auto report = os::make_pipe();
    if (!null_input.is_open() || !output || !report) return failed(std::string("cannot make pipes: ") + std::strerror(errno));
    prepared.null_input = null_input.number();
    prepared.output = output->write.number();
    prepared.report = report->write.number();
    const auto become = [&prepared] { become_worker(prepared); };
    auto child = os::start_child(become);
    if (!child) return failed(child.error().message);
    output->write.close();
    report->write.close();
    Failure failure{};
    ssize_t got = 0;
    do got = ::read(report->read.number(), &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    if (got != 0) {  // exec closes the pipe without a word
        (void)os::reap(child->process);
        std::string what = step_names[static_cast<int>(failure.step)];
        if (failure.step == Step::execute) what += " `" + request.command.front() + "`";
        return failed("cannot " + what + ": " + std::strerror(failure.error));
    }
    ::fcntl(output->read.number(), F_SETFL, O_NONBLOCK);
    return LaunchedProcess{child->process, std::move(child->ended), std::move(output->read), {}};
}

bool try_private_mounts() {
    const auto become = [] {
        bool good = ::unshare(CLONE_NEWNS | CLONE_NEWUTS) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS) == 0;
        good = good && keep_mounts_private() && ::mount("tmpfs", "/opt", "tmpfs", 0, "size=4k") == 0;
        ::_exit(good ? 0 : 1);
    };
    const auto child = os::start_child(become);
    return child && os::reap(child->process).success();
}

bool private_mounts_available() {
    static const bool available = try_private_mounts();
    return available;
}

std::vector<int> processes_of_run(const std::string& run_id) {
    std::vector<int> found;
    if (run_id.empty()) return found;
    std::string wanted = "TRAINING_JOB_RUN_ID=" + run_id;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
        std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto variables = os::read_file(entry.path() / "environ");
        if (!variables) continue;  // Another user's process, or one that has just ended.
        for (auto variable : base::split(*variables, '\0')) {
            if (variable == wanted) {
                found.push_back(std::stoi(name));
                break;
            }
        }
    }
    return found;
}

bool end_processes_of_run(const std::string& run_id) {
    // A process may fork while we look: look again until there is nothing to see.
    for (int round = 0; round < 500; ++round) {
        auto left = processes_of_run(run_id);
        if (left.empty()) return true;
        for (int process : left) ::kill(process, SIGKILL);
        ::usleep(10'000);
    }
    return false;
}

int free_port() {
    const os::Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener.is_open()) return 0;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int port = 0;
    if (::bind(listener.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        ::getsockname(listener.number(), reinterpret_cast<sockaddr*>(&address), &length) == 0) {
        port = ntohs(address.sin_port);
    }
    return port;
}

}  // namespace training
