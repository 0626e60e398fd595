// The layers of a sandbox, each by itself: what is asserted here is kept by one layer alone, so the test fails without it
// whatever the others hold.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <thread>

#include "machine.hpp"
#include "sandbox/inside/spec.hpp"
#include "sandbox/sandbox_for_tests.hpp"
#include "sandbox/system_calls.hpp"

namespace sandbox {
namespace {

namespace fs = std::filesystem;

std::string content_of(const std::string& path) {
    std::ifstream file(path);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

std::string line_of(const std::string& text, const std::string& start) {
    auto at = ("\n" + text).find("\n" + start);
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

bool holds_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

// A worker that has begun; what it says first ends with "ready".
void await_ready(const Launched& worker) {
    ::fcntl(worker.output.number(), F_SETFL, 0);
    std::string said;
    char one = 0;
    while (!said.ends_with("ready\n") && ::read(worker.output.number(), &one, 1) == 1) said += one;
    REQUIRE(said.ends_with("ready\n"));
}

// The process and all that descend from it, as this machine numbers them.
std::vector<pid_t> family_of(pid_t process) {
    std::vector<pid_t> family = {process};
    for (size_t i = 0; i < family.size(); ++i) {
        for (const auto& entry : fs::directory_iterator("/proc")) {
            const auto child = static_cast<pid_t>(std::strtol(entry.path().filename().c_str(), nullptr, 10));
            if (child <= 0) continue;
            const std::string status = content_of(entry.path() / "status");
            if (holds_line(status, "PPid:\t" + std::to_string(family[i]))) family.push_back(child);
        }
    }
    return family;
}

bool is_alive(pid_t process) {
    const std::string status = content_of("/proc/" + std::to_string(process) + "/status");
    return !status.empty() && line_of(status, "State:").find("Z (") == std::string::npos;
}

bool dies(pid_t process) {
    for (int round = 0; round < 1000; ++round) {
        if (!is_alive(process)) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

// Puts back what a test changes of its own process.
struct Afterwards {
    std::function<void()> run;
    ~Afterwards() { run(); }
};

std::string link_of(const std::string& path) {
    std::error_code error;
    return fs::read_symlink(path, error).string();
}

// What a forked child writes to its descriptor.
template <class Work>
std::string said_by_child(const Work& work) {
    int ends[2] = {-1, -1};
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        work(ends[1]);
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string said;
    char buffer[4096];
    for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) said.append(buffer, static_cast<size_t>(got));
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return said;
}

}  // namespace

TEST_CASE("every namespace is the worker's own") {
    NEEDS("sandboxes");
    SandboxFixture fixture(2);
    // Both live at one time: the number of a namespace that has ended is given away again.
    const std::string script = "for n in user mnt pid ipc uts net cgroup; do echo $n $(readlink /proc/self/ns/$n); done; sleep 5";
    auto one = fixture.start(fixture.task(0, script)), other = fixture.start(fixture.task(1, script));
    const std::string first = finish(one).output, second = finish(other).output;
    for (const std::string name : {"user", "mnt", "pid", "ipc", "uts", "net", "cgroup"}) {
        CAPTURE(name);
        const std::string here = link_of("/proc/self/ns/" + name);
        if (here.empty()) continue;  // a kernel without this kind
        const std::string its = line_of(first, name + " ");
        CHECK(its.size() > name.size() + 5);
        CHECK(its != name + " " + here);
        CHECK(its != line_of(second, name + " "));
    }
}

TEST_CASE("System V shared memory of the machine is not the worker's") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    const key_t key = 0x74570000 + ::getpid() % 0x10000;
    const int block = ::shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666);
    REQUIRE(block >= 0);
    Afterwards remove{[&] { ::shmctl(block, IPC_RMID, nullptr); }};
    auto ended = fixture.run("python3 -c 'import ctypes; libc = ctypes.CDLL(None, use_errno=True); print(libc.shmget(" +
                             std::to_string(key) + ", 0, 0), ctypes.get_errno())'");
    CHECK(ended.output == "-1 2\n");
}

TEST_CASE("the worker's processes are the job's user in every identity, and of no group of the server's") {
    NEEDS("sandboxes", "root");
    SandboxFixture fixture;
    const gid_t extra[] = {0, 4242};
    gid_t before[64];
    const int count = ::getgroups(64, before);
    REQUIRE(count >= 0);
    REQUIRE(::setgroups(2, extra) == 0);
    Afterwards restore{[&] { ::setgroups(static_cast<size_t>(count), before); }};
    const std::string for_group = fixture.folder.path + "/for-the-group";
    fs::create_directories(for_group);
    REQUIRE(::chown(for_group.c_str(), 0, 4242) == 0);
    REQUIRE(::chmod(for_group.c_str(), 0070) == 0);
    auto wanted = fixture.task(0, "ls " + for_group + "; grep Groups: /proc/self/status; echo ready; exec sleep 1000");
    wanted.shared = {for_group};
    auto worker = fixture.start(wanted);
    ::fcntl(worker.output.number(), F_SETFL, 0);
    std::string said;
    char one = 0;
    while (!said.ends_with("ready\n") && ::read(worker.output.number(), &one, 1) == 1) said += one;
    CAPTURE(said);
    CHECK(said.find("Permission denied") != std::string::npos);
    CHECK(line_of(said, "Groups:").find_first_of("0123456789") == std::string::npos);
    const std::string user = std::to_string(fixture.owner.user()), four = user + "\t" + user + "\t" + user + "\t" + user;
    const auto family = family_of(worker.process);
    CHECK(family.size() >= 3);  // bubblewrap, the first process, the worker
    for (const pid_t process : family) {
        const std::string status = content_of("/proc/" + std::to_string(process) + "/status");
        CAPTURE(status);
        CHECK(holds_line(status, "Uid:\t" + four));
        CHECK(holds_line(status, "Gid:\t" + four));
        CHECK(line_of(status, "Groups:").find_first_of("0123456789") == std::string::npos);
        CHECK(holds_line(status, "NoNewPrivs:\t1"));
        for (const char* set : {"CapEff:", "CapPrm:", "CapInh:", "CapAmb:"}) {
            if (process != worker.process) CHECK(holds_line(status, std::string(set) + "\t0000000000000000"));
        }
    }
    worker.control.close();
    finish(worker);
}

TEST_CASE("no core dump leaves the sandbox") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_CORE, &before) == 0);
    rlimit most = before;
    if (machine::has("root")) most.rlim_max = RLIM_INFINITY;
    most.rlim_cur = most.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_CORE, &most) == 0);
    Afterwards restore{[&] { ::setrlimit(RLIMIT_CORE, &before); }};
    CHECK(fixture.run("ulimit -Hc; ulimit -Sc").output == "0\n0\n");
}

TEST_CASE("nothing that the server process is or holds reaches the worker: environment, descriptors, mask, signals, terminal") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    const std::string marker = fixture.folder.path + "/marker";
    const int held = ::open(marker.c_str(), O_RDWR | O_CREAT, 0666);  // not O_CLOEXEC
    REQUIRE(held >= 0);
    ::setenv("SERVER_SECRET", "planted-secret", 1);
    const mode_t mask = ::umask(0);
    auto handler = ::signal(SIGHUP, SIG_IGN);
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &blocked, &before);
    Afterwards restore{[&] {
        ::close(held);
        ::unsetenv("SERVER_SECRET");
        ::umask(mask);
        ::signal(SIGHUP, handler);
        ::sigprocmask(SIG_SETMASK, &before, nullptr);
    }};
    auto worker = fixture.start(fixture.task(0, R"(umask; python3 - <<'END'
import os
print("variables", sorted(os.environ))
print("descriptors", [n for n in range(3, 1024) if os.path.exists(f"/proc/self/fd/{n}") and os.readlink(f"/proc/self/fd/{n}") not in ("", f"/proc/{os.getpid()}/fd")])
print("signals", [line.split()[1] for line in open("/proc/self/status") if line.startswith("SigBlk")], [int(line.split()[1], 16) & 1 for line in open("/proc/self/status") if line.startswith("SigIgn")])
try: os.close(os.open("/dev/tty", os.O_RDWR)); print("a terminal")
except OSError as error: print("no terminal", error.errno)
END
readlink /proc/$$/fd/0; echo the-workers-script; echo ready; sleep 1000)"));
    ::fcntl(worker.output.number(), F_SETFL, 0);
    std::string said;
    char one = 0;
    while (!said.ends_with("ready\n") && ::read(worker.output.number(), &one, 1) == 1) said += one;
    CAPTURE(said);
    CHECK(said.starts_with("0022\n"));
    CHECK(holds_line(said, "variables ['HOME', 'LC_CTYPE', 'ONLY', 'PATH', 'PWD']"));
    CHECK(holds_line(said, "descriptors []"));
    CHECK(holds_line(said, "signals ['0000000000000000'] [0]"));
    CHECK(holds_line(said, "no terminal 6"));
    CHECK(holds_line(said, "/dev/null"));
    // From outside: of bubblewrap and the first process, too. What any user may read of them holds nothing of the job's.
    for (const pid_t process : family_of(worker.process)) {
        const std::string place = "/proc/" + std::to_string(process);
        CAPTURE(process);
        CHECK(content_of(place + "/environ").find("planted-secret") == std::string::npos);
        const std::string command = content_of(place + "/cmdline");
        if (command.starts_with("bwrap")) CHECK(content_of(place + "/environ").empty());
        if (command.starts_with("bwrap") || command.starts_with(inside_path)) {
            CHECK(command.find("the-workers-script") == std::string::npos);
            CHECK(command.find(fixture.folder.path) == std::string::npos);
        }
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(place + "/fd", error)) CHECK(link_of(entry.path()) != marker);
    }
    worker.control.close();
    finish(worker);
}

TEST_CASE(
    "the worker's mounts: only its own folders can be written, nothing gives privilege, nothing of the machine's is there") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    auto ended = fixture.run("cat /proc/self/mountinfo; echo --; ls /dev; echo --; ls /sys /sys/devices /sys/devices/system");
    const std::set<std::string> writable = {"/opt/ml", "/tmp", "/var/tmp", "/home/worker", "/run", "/dev/shm"};
    std::istringstream lines(ended.output.substr(0, ended.output.find("--\n")));
    std::set<std::string> seen;
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        std::istringstream words(line);
        std::string number, parent, device, root, place, options;
        words >> number >> parent >> device >> root >> place >> options;
        seen.insert(place);
        CHECK(("," + options + ",").find(",nosuid,") != std::string::npos);
        const bool kernels = place == "/proc" || place.starts_with("/dev");
        const bool may_write = writable.contains(place) || kernels;
        CHECK(options.starts_with(may_write && !options.starts_with("ro") ? "rw" : "ro"));
        if (!place.starts_with("/dev/")) CHECK(("," + options + ",").find(",nodev,") != std::string::npos);
    }
    for (const auto& place : writable) CHECK_MESSAGE(seen.contains(place), place);
    CHECK(seen.contains("/"));
    CHECK(seen.contains("/usr"));
    const std::string devices = ended.output.substr(ended.output.find("--\n"));
    CHECK(
        devices.starts_with("--\ncore\nfd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n--\n"));
    CHECK(devices.find("/sys:\ndevices\n") != std::string::npos);
    CHECK(devices.find("/sys/devices:\nsystem\n") != std::string::npos);
    const std::string parts = devices.substr(devices.find("/sys/devices/system:\n"));
    CHECK((parts == "/sys/devices/system:\ncpu\nnode\n" || parts == "/sys/devices/system:\ncpu\n"));
}

TEST_CASE("what is mounted for a worker is mounted nowhere else, even where the machine shares its mounts") {
    NEEDS("sandboxes", "root");
    SandboxFixture fixture;
    auto wanted = fixture.task(0, "echo ready; exec sleep 1000");
    const std::string said = said_by_child([&](int out) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_SHARED, nullptr) != 0) ::_exit(1);
        auto worker = launch(wanted);
        if (!worker) ::_exit(1);
        const std::string mounts = content_of("/proc/self/mountinfo");
        const std::string found =
            (mounts.find(" /tmp ") == std::string::npos && mounts.find(stage_worker) == std::string::npos) ? "clean" : "staged";
        ssize_t ignored = ::write(out, found.data(), found.size());
        (void)ignored;
        worker->control.close();
        ::waitpid(worker->process, nullptr, 0);
    });
    CHECK(said == "clean");
}

TEST_CASE("a worker is shown what its own processes do, and nothing of the first one") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    auto ended = fixture.run(R"(python3 - <<'END'
import os
print(sorted(int(name) for name in os.listdir("/proc") if name.isdigit())[0], len([name for name in os.listdir("/proc") if name.isdigit()]))
for what in (lambda: os.listdir("/proc/1/fd"), lambda: open("/proc/1/environ").read(), lambda: open("/proc/1/mem", "rb").read(1)):
    try: print("got", what())
    except OSError as error: print("refused", error.errno)
END)");
    CHECK(ended.output == "1 3\nrefused 13\nrefused 13\nrefused 13\n");
}

TEST_CASE("a terminal's input cannot be written, though the worker makes terminals") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    // Where the kernel itself refuses TIOCSTI it says EIO or ENOTTY: EPERM on one's own terminal is the filter's.
    auto ended = fixture.run(R"(python3 - <<'END'
import ctypes, fcntl, os, pty, sys
child, terminal = pty.fork()
if child == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    for request in (0x5412, 0x541C, 0x5412 | 1 << 32):
        letter = ctypes.create_string_buffer(b"x")
        result = libc.syscall(16, 0, ctypes.c_ulong(request), letter)
        print("request", hex(request), result, ctypes.get_errno())
    sys.stdout.flush()
    os._exit(0)
out = b""
try:
    while part := os.read(terminal, 1000): out += part
except OSError: pass
print(out.decode().replace("\r", ""), end="")
END)");
    CHECK(ended.output == "request 0x5412 -1 1\nrequest 0x541c -1 1\nrequest 0x100005412 -1 1\n");
}

TEST_CASE("programs of another architecture find no calls") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    // getpid(2) by `int $0x80`: the table of 32-bit programs, in which the filter's numbers mean other calls.
    auto ended = fixture.run(R"(python3 - <<'END'
import ctypes, mmap
memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
memory.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))())
END)");
    // A kernel without 32-bit programs ends the process instead.
    CHECK((ended.output == "-38\n" || ended.exit_code == 139));
}

TEST_CASE("the system-call filter refuses every call of its list, with nothing else in its way") {
    auto filter = system_call_filter();
    REQUIRE(filter.has_value());
    // Arguments that no call takes: one that is not refused fails in another way, and harms nothing.
    const std::string said = said_by_child([&](int out) {
        ::setsid();
        auto* code = reinterpret_cast<sock_filter*>(filter->data());
        sock_fprog program{static_cast<unsigned short>(filter->size() / sizeof(sock_filter)), code};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
            ::_exit(1);
        std::string wrong;
        auto expect = [&](const std::string& what, int error, long number, long a = -1, long b = -1, long c = -1) {
            errno = 0;
            const long result = ::syscall(number, a, b, c, -1L, -1L, -1L);
            if (result != -1 || errno != error) wrong += what + " " + std::to_string(errno) + "\n";
        };
        for (const char* name : {"mount",
                                 "umount2",
                                 "pivot_root",
                                 "chroot",
                                 "move_mount",
                                 "open_tree",
                                 "open_tree_attr",
                                 "fsopen",
                                 "fsconfig",
                                 "fsmount",
                                 "fspick",
                                 "mount_setattr",
                                 "listmount",
                                 "statmount",
                                 "unshare",
                                 "setns",
                                 "ptrace",
                                 "kcmp",
                                 "process_madvise",
                                 "bpf",
                                 "perf_event_open",
                                 "kexec_load",
                                 "kexec_file_load",
                                 "init_module",
                                 "finit_module",
                                 "delete_module",
                                 "create_module",
                                 "query_module",
                                 "get_kernel_syms",
                                 "lookup_dcookie",
                                 "syslog",
                                 "userfaultfd",
                                 "fanotify_init",
                                 "nfsservctl",
                                 "modify_ldt",
                                 "uselib",
                                 "ustat",
                                 "sysfs",
                                 "_sysctl",
                                 "add_key",
                                 "request_key",
                                 "keyctl",
                                 "open_by_handle_at",
                                 "name_to_handle_at",
                                 "reboot",
                                 "swapon",
                                 "swapoff",
                                 "acct",
                                 "quotactl",
                                 "quotactl_fd",
                                 "settimeofday",
                                 "clock_settime",
                                 "clock_adjtime",
                                 "adjtimex",
                                 "iopl",
                                 "ioperm",
                                 "sethostname",
                                 "setdomainname",
                                 "vhangup"}) {
            if (const int number = ::seccomp_syscall_resolve_name(name); number >= 0) expect(name, EPERM, number);
        }
        for (const char* name : {"io_uring_setup", "io_uring_enter", "io_uring_register", "clone3"})
            expect(name, ENOSYS, ::seccomp_syscall_resolve_name(name));
        for (const long flag :
             {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET})
            expect("clone", EPERM, SYS_clone, flag | CLONE_SIGHAND);  // without CLONE_VM: EINVAL
        for (long family = 0; family < 70; ++family) {
            if (family == AF_UNSPEC || family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK)
                continue;
            for (const long upper : {0L, 1L << 32})
                expect("socket " + std::to_string(family), EAFNOSUPPORT, SYS_socket, family | upper, SOCK_RAW, 0);
        }
        expect("socket of no family", EAFNOSUPPORT, SYS_socket, 0xffffffff);
        for (const long type : {S_IFCHR, S_IFBLK}) {
            expect("mknod", EPERM, SYS_mknod, -1, type | 0666);
            expect("mknodat", EPERM, SYS_mknodat, -1, -1, type | 0666);
        }
        for (const long request : {TIOCSTI, TIOCLINUX}) {
            expect("ioctl", EPERM, SYS_ioctl, -1, request);
            expect("ioctl with an upper half", EPERM, SYS_ioctl, -1, request | 1L << 32);
        }
        // What programs need is not refused.
        for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
            if (::socket(family, SOCK_DGRAM, 0) < 0) wrong += "socket of family " + std::to_string(family) + "\n";
        }
        if (const pid_t child = ::fork(); child == 0)
            ::_exit(0);
        else if (child < 0)
            wrong += "fork\n";
        wrong += "tried\n";
        ssize_t ignored = ::write(out, wrong.data(), wrong.size());
        (void)ignored;
    });
    CHECK(said == "tried\n");
}

namespace {

// The first process of a sandbox without the sandbox: only Landlock restricts its program.
std::string run_under_landlock(const std::vector<std::string>& writable, const std::string& script, int* version) {
    int orders[2] = {-1, -1}, control[2] = {-1, -1}, report[2] = {-1, -1};
    for (int* ends : {orders, control, report}) REQUIRE(::pipe(ends) == 0);
    std::string task = "/";
    task += '\0';
    auto append = [&](const std::vector<std::string>& list) {
        task += std::to_string(list.size());
        task += '\0';
        for (const auto& word : list) task += word + '\0';
    };
    append(writable);
    append({"/usr/bin/python3", "-c", script});
    append({"PATH=/usr/bin:/bin"});
    const std::string numbers[] = {std::to_string(orders[0]), std::to_string(control[0]), std::to_string(report[1])};
    REQUIRE(::write(orders[1], task.data(), task.size()) == static_cast<ssize_t>(task.size()));
    ::close(orders[1]);
    const std::string said = said_by_child([&](int out) {
        ::close(control[1]);
        ::dup2(out, 1);
        ::dup2(out, 2);
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        // It is made for a process namespace: there it may signal every process that it sees.
        if (::unshare(CLONE_NEWPID | (machine::has("root") ? 0 : CLONE_NEWUSER)) != 0) ::_exit(1);
        const pid_t first = ::fork();
        if (first == 0) {  // stays outside of Landlock, as somebody to signal
            if (const pid_t restricted = ::fork(); restricted != 0) {
                ::waitpid(restricted, nullptr, 0);
                ::_exit(0);
            }
            ::execl(TRAINWARDEN_INSIDE, "inside", numbers[0].c_str(), numbers[1].c_str(), numbers[2].c_str(), nullptr);
            ::_exit(127);
        }
        ::waitpid(first, nullptr, 0);
    });
    ::close(report[1]);
    Message message{};
    REQUIRE(::read(report[0], &message, sizeof message) == sizeof message);
    CHECK(message.word == Word::inside);
    *version = message.value;
    for (const int descriptor : {orders[0], control[0], control[1], report[0]}) ::close(descriptor);
    return said;
}

}  // namespace

TEST_CASE("Landlock: outside of its own folders a worker changes nothing, whoever it is") {
    NEEDS("landlock", "sandboxes");
    Folder folder;
    for (const char* part : {"/mine", "/also", "/theirs", "/theirs/empty", "/mine/empty"})
        fs::create_directories(folder.path + part);
    for (const char* part : {"/mine", "/theirs"}) {
        for (const char* name : {"/file", "/gone", "/moved"}) std::ofstream(folder.path + part + name) << "content";
    }
    const std::string listens = "trainwarden-test-" + std::to_string(::getpid());
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    listens.copy(name.sun_path + 1, sizeof name.sun_path - 2);
    REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&name),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + listens.size())) == 0);
    REQUIRE(::listen(listener, 4) == 0);
    const std::string script = "top, name = '" + folder.path + "', '" + listens + "'" + R"(
import errno, os, socket, stat
def attempt(what, function):
    try: function(); print(what, "done")
    except OSError as error: print(what, errno.errorcode[error.errno])
def bind(path):
    with socket.socket(socket.AF_UNIX) as one: one.bind(path)
def write(path):
    os.close(os.open(path, os.O_WRONLY))
for place in ("mine", "theirs"):
    at = f"{top}/{place}/"
    attempt(f"{place} create", lambda: os.close(os.open(at + "new", os.O_WRONLY | os.O_CREAT)))
    attempt(f"{place} write", lambda: write(at + "file"))
    attempt(f"{place} truncate", lambda: os.truncate(at + "file", 1))
    attempt(f"{place} unlink", lambda: os.unlink(at + "gone"))
    attempt(f"{place} mkdir", lambda: os.mkdir(at + "folder"))
    attempt(f"{place} rmdir", lambda: os.rmdir(at + "empty"))
    attempt(f"{place} symlink", lambda: os.symlink("x", at + "link"))
    attempt(f"{place} link", lambda: os.link(at + "file", at + "other"))
    attempt(f"{place} rename", lambda: os.rename(at + "moved", at + "renamed"))
    attempt(f"{place} fifo", lambda: os.mkfifo(at + "fifo"))
    attempt(f"{place} socket", lambda: bind(at + "socket"))
    attempt(f"{place} read", lambda: open(at + "file").read())
    attempt(f"{place} list", lambda: os.listdir(at))
attempt("mine character device", lambda: os.mknod(f"{top}/mine/null", stat.S_IFCHR | 0o666, os.makedev(1, 3)))
attempt("mine block device", lambda: os.mknod(f"{top}/mine/disk", stat.S_IFBLK | 0o666, os.makedev(8, 0)))
attempt("between", lambda: os.rename(f"{top}/mine/renamed", f"{top}/also/renamed"))
attempt("out", lambda: os.rename(f"{top}/mine/file", f"{top}/theirs/came"))
attempt("null", lambda: write("/dev/null"))
attempt("new device", lambda: os.close(os.open("/dev/" + name, os.O_WRONLY | os.O_CREAT)))
attempt("own process", lambda: open("/proc/self/comm", "w").write("renamed"))
attempt("abstract socket", lambda: socket.socket(socket.AF_UNIX).connect("\0" + name))
attempt("signal", lambda: os.kill(1, 0))
attempt("own signal", lambda: os.kill(os.getpid(), 0))
)";
    int version = -1;
    const std::string said =
        run_under_landlock({folder.path + "/mine", folder.path + "/also", folder.path + "/none"}, script, &version);
    ::close(listener);
    ::unlink(("/dev/" + listens).c_str());  // where Landlock let it be made
    CAPTURE(said);
    const long offered = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1);
    CHECK(version == offered);
    for (const std::string what :
         {"create", "write", "truncate", "unlink", "mkdir", "rmdir", "symlink", "link", "rename", "fifo", "socket"}) {
        CAPTURE(what);
        CHECK(holds_line(said, "mine " + what + " done"));
        if (what != "truncate" || offered >= 3) CHECK(holds_line(said, "theirs " + what + " EACCES"));
    }
    for (const char* what : {"mine read done", "mine list done", "theirs read done", "theirs list done", "null done",
                             "own process done", "own signal done"})
        CHECK_MESSAGE(holds_line(said, what), what);
    if (machine::has("root")) {
        CHECK(holds_line(said, "mine character device EACCES"));
        CHECK(holds_line(said, "mine block device EACCES"));
        CHECK(holds_line(said, "new device EACCES"));
    }
    CHECK(holds_line(said, offered >= 2 ? "between done" : "between EXDEV"));
    CHECK((holds_line(said, "out EACCES") || holds_line(said, "out EXDEV")));
    if (offered >= 6) {
        CHECK(holds_line(said, "abstract socket EPERM"));
        CHECK(holds_line(said, "signal EPERM"));
    }
}

TEST_CASE("Landlock is applied in a sandbox, as the kernel offers it") {
    NEEDS("sandboxes", "landlock");
    SandboxFixture fixture;
    // /dev is bubblewrap's own tmpfs and belongs to the worker: no other layer keeps files out of it.
    auto worker = fixture.start(fixture.task(0, "touch /dev/x 2>&1; ls /dev/x 2>&1; echo kept > /dev/null && echo null"));
    CHECK(worker.landlock_version == ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1));
    const auto ended = finish(worker);
    CHECK(ended.output ==
          "touch: cannot touch '/dev/x': Permission denied\nls: cannot access '/dev/x': No such file or directory\nnull\n");
}

TEST_CASE("a worker dies with bubblewrap, and bubblewrap with its server, even where their pipe stays open") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    auto worker = fixture.start(fixture.task(0, "trap '' TERM HUP; echo ready; while :; do sleep 1000; done"));
    await_ready(worker);
    const auto family = family_of(worker.process);
    REQUIRE(family.size() >= 3);
    ::kill(worker.process, SIGKILL);
    for (const pid_t process : family) CHECK_MESSAGE(dies(process), process);
    ::waitpid(worker.process, nullptr, 0);

    auto wanted = fixture.task(0, "trap '' TERM HUP; echo ready; while :; do sleep 1000; done");
    int ends[2] = {-1, -1};
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    Afterwards restore{[] { ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); }};
    const pid_t server = ::fork();
    REQUIRE(server >= 0);
    if (server == 0) {
        auto launched = launch(wanted);
        if (!launched) ::_exit(1);
        pid_t pair[2] = {launched->process, ::fork()};  // one that holds the server's end of the pipe
        if (pair[1] == 0) {
            ::close(ends[1]);
            for (;;) ::pause();
        }
        if (::write(ends[1], pair, sizeof pair) != sizeof pair) ::_exit(1);
        for (;;) ::pause();
    }
    pid_t pair[2] = {-1, -1};
    REQUIRE(::read(ends[0], pair, sizeof pair) == sizeof pair);
    CHECK(is_alive(pair[0]));
    ::kill(server, SIGKILL);
    CHECK(dies(pair[0]));
    ::kill(pair[1], SIGKILL);
    ::kill(pair[0], SIGKILL);
    for (const pid_t process : {server, pair[0], pair[1]}) ::waitpid(process, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("a job's user gets the job's folder, and nothing that a link in it names") {
    NEEDS("root");
    Folder folder;
    const std::string mine = folder.path + "/mine", other = folder.path + "/other";
    fs::create_directories(mine + "/deep/deeper");
    fs::create_directories(other + "/inner");
    std::ofstream(mine + "/deep/deeper/file") << "mine";
    std::ofstream(other + "/inner/file") << "not mine";
    fs::create_symlink(other, mine + "/link");
    fs::create_symlink(other + "/inner/file", mine + "/deep/link");
    REQUIRE(give_folder(mine, 61'234).has_value());
    auto owner_of = [](const std::string& path) {
        struct stat info{};
        REQUIRE(::lstat(path.c_str(), &info) == 0);
        CHECK(info.st_uid == info.st_gid);
        return info.st_uid;
    };
    for (const char* part : {"", "/deep", "/deep/deeper", "/deep/deeper/file", "/link", "/deep/link"})
        CHECK(owner_of(mine + part) == 61'234);
    for (const char* part : {"", "/inner", "/inner/file"}) CHECK(owner_of(other + part) == 0);
    CHECK_FALSE(give_folder(mine + "/link", 61'234).has_value());
    CHECK(owner_of(other) == 0);
    // What another file system holds there stays whose it is.
    const std::string owners = said_by_child([&](int out) {
        const std::string mounted = mine + "/deep/deeper";
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", mounted.c_str(), "tmpfs", 0, "mode=700") != 0 || !give_folder(mine, 61'235))
            ::_exit(1);
        struct stat inside{}, above{};
        ::stat(mounted.c_str(), &inside);
        ::stat((mine + "/deep").c_str(), &above);
        const std::string found = std::to_string(inside.st_uid) + " " + std::to_string(above.st_uid);
        ssize_t ignored = ::write(out, found.data(), found.size());
        (void)ignored;
    });
    CHECK(owners == "0 61235");
}

}  // namespace sandbox
