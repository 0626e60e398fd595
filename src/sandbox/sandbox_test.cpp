// Whole sandboxes with small shell workers: what they see, what they reach, how they end.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "machine.hpp"
#include "sandbox/inside/spec.hpp"
#include "sandbox/sandbox_for_tests.hpp"

namespace sandbox {

namespace fs = std::filesystem;

TEST_CASE("a worker has its own folder, its own name, its own processes, and no privilege") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    auto ended = fixture.run(
        "id -u; hostname; pwd; echo made > /opt/ml/made; echo $ONLY; ls /proc | grep -c '^[0-9]'; grep Cap /proc/self/status; "
        "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status; touch /usr/x /etc/x /x; ls -A /opt /home /tmp; exit 3");
    CAPTURE(ended.output);
    CHECK(ended.exit_code == 3);
    CHECK(ended.output.starts_with("1000\nalgo-1\n/opt/ml\nthis\n"));
    CHECK(ended.output.find("CapEff:\t0000000000000000") != std::string::npos);
    CHECK(ended.output.find("CapBnd:\t0000000000000000") != std::string::npos);
    CHECK(ended.output.find("NoNewPrivs:\t1") != std::string::npos);
    CHECK(ended.output.find("Seccomp:\t2") != std::string::npos);
    CHECK(ended.output.find("'/usr/x'") != std::string::npos);
    CHECK(ended.output.find("'/x'") != std::string::npos);
    struct stat made{};
    REQUIRE(::stat((fixture.folder.path + "/algo-1/ml/made").c_str(), &made) == 0);
    CHECK(made.st_uid == (::geteuid() == 0 ? static_cast<uid_t>(fixture.owner.user()) : ::geteuid()));
}

TEST_CASE("what training never needs is refused by the kernel") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    auto ended = fixture.run(R"(python3 - <<'END'
import ctypes, errno, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    ctypes.set_errno(0)
    result = getattr(libc, name)(*arguments)
    print(name, errno.errorcode.get(ctypes.get_errno(), "done") if result < 0 else "done")
def number(name, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(*arguments)
    print(name, errno.errorcode.get(ctypes.get_errno(), "done") if result < 0 else "done")
call("mount", b"none", b"/tmp", b"tmpfs", 0, None)
call("umount2", b"/opt/ml", 2)
call("unshare", 0x10000000)
call("setns", 0, 0)
call("ptrace", 0, 0, 0, 0)
call("chroot", b"/tmp")
call("sethostname", b"x", 1)
call("mknod", b"/tmp/device", 0o20666, 0x103)
number("bpf", 321, 0, 0, 0)
number("keyctl", 250, 0, 0, 0)
number("kexec_load", 246, 0, 0, 0, 0)
number("init_module", 175, 0, 0, 0)
number("io_uring_setup", 425, 1, 0)
number("clone3", 435, 0, 0)
number("clone", 56, 0x10000000 | 17, 0, 0, 0, 0)
number("move_mount", 429, 0, 0, 0, 0, 0)
number("open_by_handle_at", 304, 0, 0, 0)
number("userfaultfd", 323, 0)
number("perf_event_open", 298, 0, 0, 0, 0, 0)
for family in (17, 38, 40, 44, 100):
    try: socket.socket(family, socket.SOCK_RAW); print("socket", family, "done")
    except OSError as error: print("socket", family, errno.errorcode[error.errno])
try: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); print("raw done")
except OSError as error: print("raw", errno.errorcode[error.errno])
END)");
    CAPTURE(ended.output);
    CHECK(ended.exit_code == 0);
    for (const char* name :
         {"mount", "umount2", "unshare", "setns", "ptrace", "chroot", "sethostname", "mknod", "bpf", "keyctl", "kexec_load",
          "init_module", "clone", "move_mount", "open_by_handle_at", "userfaultfd", "perf_event_open", "raw"}) {
        CAPTURE(name);
        CHECK(("\n" + ended.output).find("\n" + std::string(name) + " EPERM\n") != std::string::npos);
    }
    CHECK(ended.output.find("io_uring_setup ENOSYS\nclone3 ENOSYS\n") != std::string::npos);
    for (const char* family : {"17", "38", "40", "44", "100"})
        CHECK(ended.output.find("socket " + std::string(family) + " EAFNOSUPPORT\n") != std::string::npos);
}

TEST_CASE("what programs need works: threads, shared memory, pipes, /dev/stderr, subprocesses, the loopback") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    auto ended = fixture.run(R"(echo said > /dev/stderr; python3 - <<'END'
import multiprocessing, os, socket, subprocess, sys, tempfile, threading, getpass
from multiprocessing import shared_memory
threads = [threading.Thread(target=lambda: None) for _ in range(8)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
block = shared_memory.SharedMemory(create=True, size=1 << 20); block.unlink()
print(multiprocessing.Pool(2).map(abs, [-1, -2]), subprocess.check_output(["echo", "child"], text=True).strip())
print(getpass.getuser(), os.path.expanduser("~"), socket.gethostbyname("algo-1"))
with tempfile.NamedTemporaryFile() as file: os.rename(file.name, "/tmp/moved"); open(file.name, "w")
listener = socket.create_server(("127.0.0.1", 0)); socket.create_connection(listener.getsockname())
END)");
    CAPTURE(ended.output);
    CHECK(ended.exit_code == 0);
    CHECK(ended.output == "said\n[1, 2] child\nworker /home/worker 10.77.0.1\n");
}

TEST_CASE("siblings reach each other; nobody reaches the machine") {
    NEEDS("sandboxes");
    SandboxFixture fixture(2);
    auto listening = net::Listener::open("0.0.0.0", 0);
    REQUIRE(listening.has_value());
    auto server = fixture.start(fixture.task(0,
                                             "python3 -c 'import socket; s = socket.create_server((\"0.0.0.0\", 7000)); "
                                             "print(s.accept()[0].recv(9).decode())'"));
    std::string port = std::to_string(listening->port());
    auto client =
        fixture.start(fixture.task(1,
                                   "python3 - <<'END'\nimport socket, time\n"
                                   "while True:\n"
                                   "    try: socket.create_connection((\"algo-1\", 7000)).send(b\"hello\"); break\n"
                                   "    except ConnectionRefusedError: time.sleep(0.01)\n"
                                   "for address in (\"127.0.0.1\", \"10.77.0.254\", \"8.8.8.8\", \"169.254.169.254\"):\n"
                                   "    try: socket.create_connection((address, " +
                                       port +
                                       "), 1); print(address, 1)\n"
                                       "    except OSError as error: print(address, \"refused\" if isinstance(error, "
                                       "ConnectionRefusedError) else \"no way\")\nEND"));
    auto heard = finish(server), told = finish(client);
    CHECK(heard.output == "hello\n");
    CHECK(told.output == "127.0.0.1 refused\n10.77.0.254 no way\n8.8.8.8 no way\n169.254.169.254 refused\n");
}

TEST_CASE("the server listens inside a worker's network: whoever connects is that worker") {
    NEEDS("sandboxes");
    SandboxFixture fixture(2);
    auto listeners = fixture.network->listen(0, {{"127.0.0.1", 4566}, {"169.254.169.254", 80}});
    REQUIRE_MESSAGE(listeners.has_value(), (listeners ? "" : listeners.error().message));
    std::string script =
        "python3 - <<'END'\nimport socket\nfor place in ((\"127.0.0.1\", 4566), (\"169.254.169.254\", 80)):\n"
        "    try: print(socket.create_connection(place).recv(9).decode())\n"
        "    except OSError as error: print(error.errno)\nEND";
    auto worker = fixture.start(fixture.task(0, script));
    for (auto& listener : *listeners) {
        auto stream = listener.accept();
        REQUIRE(stream.has_value());
        REQUIRE(stream->write_all("welcome").has_value());
    }
    CHECK(finish(worker).output == "welcome\nwelcome\n");
    auto other = fixture.start(fixture.task(1, script));
    CHECK(finish(other).output == "111\n111\n");
}

TEST_CASE("a worker that is asked to end may finish; one whose server is gone does not") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    auto polite = fixture.start(fixture.task(0, "trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.02; done"));
    char first = 0;
    ::fcntl(polite.output.number(), F_SETFL, 0);
    REQUIRE(::read(polite.output.number(), &first, 1) == 1);
    REQUIRE(::write(polite.control.number(), &word_terminate, 1) == 1);
    auto ended = finish(polite);
    CHECK(ended.output.ends_with("asked\n"));
    CHECK(ended.exit_code == 5);

    auto orphan = fixture.start(fixture.task(0, "trap '' TERM; (setsid sleep 1000 &) ; echo ready; sleep 1000"));
    ::fcntl(orphan.output.number(), F_SETFL, 0);
    REQUIRE(::read(orphan.output.number(), &first, 1) == 1);
    orphan.control.close();
    CHECK(finish(orphan).exit_code == 137);  // finish() reads until no process has the output any more
}

TEST_CASE("how a worker ended is told: its status, or the signal") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    for (const auto& [script, code] :
         {std::pair{"exit 0", 0}, {"exit 7", 7}, {"kill -9 $$", 137}, {"kill -TERM $$", 143}, {"(sleep 1000 &); exit 3", 3}})
        CHECK_MESSAGE(fixture.run(script).exit_code == code, script);
}

TEST_CASE("a launch that fails says at which step") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    auto wanted = fixture.task(0, "");
    wanted.command = {"no-such-program"};
    auto launched = launch(wanted);
    REQUIRE_FALSE(launched.has_value());
    CHECK(launched.error().message == "cannot execute `no-such-program`: No such file or directory");
    wanted.command = {"true"};
    wanted.working_directory = "/opt/nowhere";
    CHECK(launch(wanted).error().message == "cannot enter the working directory: No such file or directory");
    wanted.working_directory = "/";
    wanted.worker_folder = fixture.folder.path + "/nowhere";
    CHECK(launch(wanted).error().message == "cannot prepare the worker's mounts: No such file or directory");
    wanted.worker_folder = fixture.folder.path + "/algo-1";
    fs::remove_all(wanted.worker_folder + "/home");
    CHECK(launch(wanted).error().message.starts_with("cannot make the sandbox: bwrap: Can't find source path"));
}

TEST_CASE("nothing of the job runs outside: its LD_PRELOAD is not bubblewrap's") {
    NEEDS("sandboxes");
    SandboxFixture fixture;
    auto wanted = fixture.task(0, "echo $LD_PRELOAD");
    wanted.environment.emplace_back("LD_PRELOAD", "/opt/ml/evil.so");
    auto worker = fixture.start(wanted);
    auto ended = finish(worker);
    CHECK(ended.output.find("/opt/ml/evil.so\n") != std::string::npos);
    // The dynamic linker complains once: of the shell. Bubblewrap and the first process never saw it.
    CHECK(ended.output.find("ERROR: ld.so") == ended.output.rfind("ERROR: ld.so"));
}

TEST_CASE("limits hold: memory, processors, processes") {
    NEEDS("sandboxes", "limits");
    SandboxFixture fixture;
    auto group = fixture.sandboxes->limit("limits", {.cpus = 0.5, .memory_bytes = 96 << 20, .processes_max = 40});
    REQUIRE_MESSAGE(group.has_value(), (group ? "" : group.error().message));
    REQUIRE(*group != nullptr);
    auto run = [&](const std::string& script) {
        auto wanted = fixture.task(0, script);
        wanted.limits = group->get();
        auto worker = fixture.start(wanted);
        return finish(worker);
    };
    CHECK(run("python3 -c 'x = bytearray(32 << 20); print(len(x))'").output == "33554432\n");
    CHECK_FALSE((*group)->memory_was_exhausted());
    auto greedy = run("python3 -c 'x = bytearray(256 << 20); print(len(x))'");
    CHECK(greedy.output.find("268435456") == std::string::npos);
    CHECK(greedy.exit_code == 137);
    CHECK((*group)->memory_was_exhausted());
    auto many = run("i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done; echo all");
    CHECK(many.output.find("all") == std::string::npos);
    CHECK(many.output.find("Cannot fork") != std::string::npos);
    auto busy =
        run("python3 -c 'import time\nwall, cpu = time.monotonic(), time.process_time()\n"
            "while time.process_time() - cpu < 0.4: pass\nprint(time.monotonic() - wall > 0.6)'");
    CHECK(busy.output == "True\n");
}

TEST_CASE("control groups of version 2 are handed down and limited by their own files") {
    Folder root;
    auto file = [&](const std::string& name) {
        fs::create_directories(fs::path(root.path + "/" + name).parent_path());
        std::ofstream(root.path + "/" + name) << "";
    };
    auto content = [&](const std::string& name) {
        std::ifstream in(root.path + "/" + name);
        std::string text;
        std::getline(in, text);
        return text;
    };
    // A plain folder makes no files of its own: they are put there first, as the kernel would.
    std::string own = "trainwarden/s/" + std::to_string(::getpid()) + "-w/";
    for (const std::string& name : std::initializer_list<std::string>{
             "cgroup.controllers", "cgroup.subtree_control", "trainwarden/cgroup.subtree_control",
             "trainwarden/s/cgroup.subtree_control", "trainwarden/s/memory.max", own + "memory.max", own + "memory.swap.max",
             "trainwarden/cpu.weight", "trainwarden/s/cpu.weight", own + "cpu.weight", own + "cpu.max", own + "pids.max",
             own + "cgroup.procs"}) {
        file(name);
    }
    std::ofstream(root.path + "/" + own + "memory.events") << "low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\n";
    auto groups = ControlGroups::open("s", 5000, root.path);
    REQUIRE_MESSAGE(groups.has_value(), (groups ? "" : groups.error().message));
    CHECK((*groups)->describe() == "control groups v2");
    auto group = (*groups)->make("w", {.cpus = 1.5, .memory_bytes = 1000, .processes_max = 9});
    REQUIRE_MESSAGE(group.has_value(), (group ? "" : group.error().message));
    CHECK((*group)->procs_files().size() == 1);
    CHECK(content("trainwarden/cgroup.subtree_control") == "+memory +cpu +pids");
    CHECK(content("trainwarden/s/memory.max") == "5000");
    CHECK(content(own + "memory.max") == "1000");
    CHECK(content(own + "memory.swap.max") == "0");
    CHECK(content(own + "cpu.max") == "150000 100000");
    CHECK(content(own + "pids.max") == "9");
    CHECK(content(own + "cpu.weight") == "150");
    const auto whole = std::to_string(std::clamp(100 * std::thread::hardware_concurrency(), 1U, 10'000U));
    CHECK(content("trainwarden/cpu.weight") == whole);
    CHECK(content("trainwarden/s/cpu.weight") == whole);
    CHECK((*group)->memory_was_exhausted());
    fs::remove_all(root.path + "/trainwarden");  // as the kernel does with an empty group's files
}

TEST_CASE("a worker whose siblings are elsewhere: its packets come out of the tunnel, and go in there") {
    NEEDS("sandboxes", "tunnels");
    SandboxFixture fixture;
    auto alone = Network::make_alone(1, {"169.254.169.254"}, 1400);
    REQUIRE_MESSAGE(alone.has_value(), (alone ? "" : alone.error().message));
    Task wanted = fixture.task(0, "ip -o addr show dev eth0; ip -o link show dev eth0; echo hello > /dev/udp/10.77.0.9/1234");
    wanted.command[0] = "/bin/bash";
    wanted.user_namespace = (*alone)->user_namespace();
    wanted.network = (*alone)->namespace_of(0);
    auto launched = launch(wanted);
    REQUIRE_MESSAGE(launched.has_value(), (launched ? "" : launched.error().message));
    const Ended ended = finish(*launched);
    CHECK_MESSAGE(ended.exit_code == 0, ended.output);
    CHECK(ended.output.find("10.77.0.2/24") != std::string::npos);
    CHECK(ended.output.find("mtu 1400") != std::string::npos);
    char packet[2048];
    const ssize_t got = ::read((*alone)->tunnel().number(), packet, sizeof packet);
    REQUIRE(got == 20 + 8 + 6);  // IP, UDP, "hello\n"
    CHECK(std::string_view(packet + 12, 8) == std::string_view("\x0a\x4d\x00\x02\x0a\x4d\x00\x09", 8));
    CHECK(std::string_view(packet + 28, 6) == "hello\n");
}

TEST_CASE("no two jobs of a server have one user; one that a job gave back is given again") {
    NEEDS("root", "sandboxes");
    Folder folder;
    auto sandboxes = Sandboxes::open({.server = "own", .scratch = folder.path, .limits = false, .trial = false});
    REQUIRE(sandboxes.has_value());
    std::set<int> users;
    std::vector<Owner> owners;
    for (int i = 0; i < 256; ++i) {
        auto owner = (*sandboxes)->take_owner();
        REQUIRE(owner.has_value());
        CHECK(users.insert(owner->user()).second);
        CHECK(owner->user() > 60'000);
        owners.push_back(std::move(*owner));
    }
    const auto none = (*sandboxes)->take_owner();
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code == "SandboxUnavailable");
    const int user = owners[7].user();
    owners[7] = Owner();
    const auto again = (*sandboxes)->take_owner();
    REQUIRE(again.has_value());
    CHECK(again->user() == user);
}

TEST_CASE("programs that share a range of users never give one user to two jobs") {
    NEEDS("root", "sandboxes");  // only root gives users
    Folder folder;
    const auto open = [&] {
        return Sandboxes::open(
            {.server = "shared", .scratch = folder.path, .owner_locks = folder.path + "/locks", .limits = false, .trial = false});
    };
    auto one = open(), other = open();  // as two processes: each knows of the other by the locks alone
    REQUIRE(one.has_value());
    REQUIRE(other.has_value());
    auto first = (*one)->take_owner();
    REQUIRE(first.has_value());
    auto second = (*other)->take_owner();
    REQUIRE(second.has_value());
    CHECK(first->user() != second->user());
    const int user = first->user();
    *first = Owner();
    auto third = (*other)->take_owner();
    REQUIRE(third.has_value());
    CHECK(third->user() == user);
}

}  // namespace sandbox
