#include "slurm/worker.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/error_codes.hpp"
#include "net/peer_identity.hpp"
#include "net/peer_tls.hpp"
#include "os/child.hpp"
#include "os/file.hpp"
#include "os/hardening.hpp"
#include "sandbox/inside/spec.hpp"
#include "sandbox/launch.hpp"
#include "sandbox/mounts.hpp"
#include "sandbox/network.hpp"
#include "sandbox/sandboxes.hpp"
#include "slurm/gateway.hpp"
#include "slurm/message.hpp"
#include "slurm/munge.hpp"
#include "slurm/output.hpp"
#include "slurm/overlay.hpp"

namespace slurm {
namespace {

using namespace std::chrono_literals;

constexpr const char* owner_locks = "/run/trainwarden/slurm-owners";
constexpr size_t line_bytes_max = 4 << 10;  // of what the server says before there is a worker
constexpr auto marker_patience = 10s;       // network file systems remember for a while that a file was not there

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string content_of(const std::string& path) {
    std::ifstream file(path);
    std::stringstream content;
    content << file.rdbuf();
    std::string text = content.str();
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

// Does this node see the folder of the server's jobs? The marker was written just now.
base::Result<void> see_folder(const std::string& marker, const std::string& run) {
    const auto deadline = std::chrono::steady_clock::now() + marker_patience;
    while (content_of(marker) != run) {
        if (std::chrono::steady_clock::now() >= deadline) {
            return base::fail(base::code::FolderMissing,
                              "it does not see the server's folder " + marker.substr(0, marker.rfind('/')) +
                                  ". Put the server's data folder on a file system that every node has in the same "
                                  "place (docs/slurm.md)");
        }
        std::this_thread::sleep_for(100ms);
    }
    return {};
}

// A plugin of Slurm's may have given the step mounts of its own (job_container/tmpfs): an empty folder must not pass for a
// channel.
base::Result<void> see_mounts(const std::vector<std::string>& mounts) {
    for (const auto& folder : mounts) {
        struct stat own{}, above{};
        if (::stat(folder.c_str(), &own) == 0 && ::stat((folder + "/..").c_str(), &above) == 0 && own.st_dev != above.st_dev)
            continue;
        return base::fail(base::code::MountMissing,
                          "the node does not see what the server has mounted on " + folder + ". Use the input mode File");
    }
    return {};
}

// Slurm's own control groups (task/cgroup with ConstrainRAMSpace) hold the worker already; leaving them would hide it from Slurm.
bool is_limited_by_slurm() {
    std::istringstream groups(content_of("/proc/self/cgroup"));
    for (std::string line; std::getline(groups, line);) {
        const bool counts_memory = line.starts_with("0::") || line.find(":memory:") != std::string::npos;
        if (counts_memory && line.find("slurm") != std::string::npos) return true;
    }
    return false;
}

constexpr auto last_words_patience = 5s;
constexpr auto cancel_patience = 2s;  // between the first and the last process of a step that Slurm ends

// Everything of one worker, in the order of its making.
struct Surroundings {
    std::unique_ptr<sandbox::Sandboxes> sandboxes;
    sandbox::Owner owner;
    std::unique_ptr<sandbox::ControlGroup> limits;
    std::unique_ptr<sandbox::Network> network;
    std::unique_ptr<Overlay> overlay;
    std::unique_ptr<RemoteEndpoints> remote_endpoints;
    sandbox::Launched worker;
};

class Agent {
public:
    Agent(std::string marker, std::string run, std::string munge)
        : marker_(std::move(marker)), run_(std::move(run)), munge_argument_(std::move(munge)) {}

    int work() {
        // What a server gives up: nobody of the same user reads this process's keys. What does not hold is no reason not to work.
        (void)os::harden({.allow_core_dumps = false, .programs = {"/usr/bin/bwrap"}, .paths = {}});
        block_signals();
        const Hello hello = look_around();
        if (!os::write_all(1, hello_line(hello), "stdout") || !hello.problem.empty()) return 1;
        const std::string line = read_line();
        if (line.empty()) return 0;  // the job was given up before it began
        const auto ready = prepare(line);
        if (!os::write_all(1, to_line(Started{ready ? "" : ready.error().message}), "stdout") || !ready) return 1;
        return attend();
    }

private:
    // Slurm asks a step to end by SIGTERM; any other signal means the same.
    void block_signals() {
        ::signal(SIGPIPE, SIG_IGN);
        sigset_t ends;
        sigemptyset(&ends);
        for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaddset(&ends, number);
        ::sigprocmask(SIG_BLOCK, &ends, nullptr);
        signals_ = os::Descriptor(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
    }

    Hello look_around() {
        Hello hello;
        hello.node = variable("SLURMD_NODENAME");
        hello.boot = content_of("/proc/sys/kernel/random/boot_id");
        hello.fingerprint = std::string(net::fingerprint_bytes, '\0');  // nobody's, if nothing comes of it
        auto look = [&]() -> base::Result<void> {
            server_ = variable("SLURM_LAUNCH_NODE_IPADDR");
            if (hello.node.empty() || server_.empty())
                return base::fail(base::code::NoSlurm,
                                  "srun did not start it: this command is for `trainwarden serve --launcher slurm` alone");
            TRY(sandbox::check_programs());
            TRY(see_folder(marker_, run_));
            const Towards way = TRY(towards(server_));
            hello.address = way.address;
            hello.mtu = way.mtu;
            auto [socket, port] = TRY(bind_udp(hello.address));
            socket_ = std::move(socket);
            hello.port = port;
            identity_ = TRY(net::PeerIdentity::make());
            hello.fingerprint = identity_->fingerprint();
            munge_ = TRY(parse_argument(munge_argument_));
            if (munge_) signed_hello_ = TRY(munge_->encode(purpose_of_hello(run_), to_line(hello)));
            return {};
        };
        if (auto looked = look(); !looked) hello.problem = looked.error().message;
        return hello;
    }

    // Why there is no worker is said in the clear: it may be that there is no munge.
    [[nodiscard]] std::string hello_line(const Hello& hello) const {
        return munge_ && hello.problem.empty() ? signed_hello_ : to_line(hello);
    }

    // Empty: the input has ended.
    std::string read_line() {
        std::string line;
        char c = '\0';
        while (line.size() < line_bytes_max) {
            pollfd watched[2] = {{0, POLLIN, 0}, {signals_.number(), POLLIN, 0}};
            if (::poll(watched, 2, -1) < 0 && errno == EINTR) continue;
            if (watched[1].revents != 0) return "";
            const ssize_t got = ::read(0, &c, 1);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return "";
            if (c == '\n') return line;
            line += c;
        }
        return "";
    }

    base::Result<void> open_sandboxes(const Task& task) {
        const std::string name =
            "slurm-" + variable("SLURM_JOB_ID") + "-" + variable("SLURM_STEP_ID") + "-" + variable("SLURMD_NODENAME");
        const bool limits = !is_limited_by_slurm();
        // Agents that begin and end take away each other's empty control groups: again, then.
        for (int attempts = 0; attempts < 5; ++attempts) {
            around_.sandboxes.reset();
            around_.sandboxes = TRY(sandbox::Sandboxes::open(
                {.server = name, .shared = task.shared, .owner_locks = owner_locks, .limits = limits, .trial = false}));
            around_.owner = TRY(around_.sandboxes->take_owner());
            auto made = around_.sandboxes->limit(
                "worker",
                {.cpus = static_cast<double>(task.cpus), .memory_bytes = task.memory_bytes, .processes_max = task.processes_max});
            if (made) {
                around_.limits = std::move(*made);
                if (around_.limits || !limits || ::geteuid() != 0) return {};
            }
            around_.owner = {};
            std::this_thread::sleep_for(20ms);
        }
        around_.owner = TRY(around_.sandboxes->take_owner());
        remark("this node sets no limits on memory and processors: " +
               (around_.sandboxes->remarks().empty() ? std::string("no control groups") : around_.sandboxes->remarks().back()));
        return {};
    }

    base::Result<void> prepare(const std::string& line) {
        std::string said = line;
        if (munge_) said = TRY(munge_->decode(purpose_of_ready(run_, identity_->fingerprint()), line));
        const Ready ready = TRY(parse_ready(said));
        const GatewayPlace gateway{server_, ready.gateway};
        client_ = TRY(net::PeerTlsClient::open(*identity_, ready.fingerprint));
        auto fetched = fetch_task(*client_, gateway);
        if (!fetched)
            return base::fail(base::code::InternalError, "the server's gateway at " + gateway.address + ":" +
                                                             std::to_string(gateway.port) +
                                                             " gives no task: " + fetched.error().message);
        Task task = TRY(parse_task(*fetched));
        output_ = TRY(OutputSender::open(*client_, gateway.address, gateway.port));
        TRY(open_sandboxes(task));
        std::vector<std::string> addresses;
        if (task.server) {
            addresses = {task.server->address, std::string(sandbox::container_credentials_address),
                         std::string(sandbox::instance_metadata_address)};
        }
        around_.network = TRY(sandbox::Network::make_alone(task.index, addresses, static_cast<int>(task.mtu)));
        around_.overlay =
            TRY(Overlay::start(around_.network->tunnel(), std::move(socket_), *identity_, task.index, task.siblings));
        if (task.siblings.size() > 1) {
            connections_ = TRY(sandbox::open_connections(around_.network->user_namespace(), around_.network->namespace_of(0)));
        }
        if (task.server) {
            auto listeners = TRY(around_.network->listen(0, {{task.server->address, task.server->port},
                                                             {std::string(sandbox::container_credentials_address), 80},
                                                             {std::string(sandbox::instance_metadata_address), 80}}));
            around_.remote_endpoints = RemoteEndpoints::open(std::move(listeners), gateway, *client_);
        }
        TRY(see_mounts(task.mounts));
        TRY(sandbox::write_settings(task.folder, task.host, task.hosts));
        TRY(sandbox::give_folder(task.folder, around_.owner.user()));
        sandbox::Task inside;
        inside.command = std::move(task.command);
        inside.environment = std::move(task.environment);
        // Which of the node's GPUs Slurm gave.
        if (const std::string devices = variable("CUDA_VISIBLE_DEVICES"); task.gpus && !devices.empty())
            inside.environment.emplace_back("CUDA_VISIBLE_DEVICES", devices);
        inside.working_directory = std::move(task.directory);
        inside.host_name = std::move(task.host);
        inside.worker_folder = std::move(task.folder);
        inside.image.root = std::move(task.image_root);
        inside.shared = std::move(task.shared);
        inside.gpus = task.gpus;
        inside.owner = around_.owner.user();
        inside.user_namespace = around_.network->user_namespace();
        inside.network = around_.network->namespace_of(0);
        inside.limits = around_.limits.get();
        around_.worker = TRY(sandbox::launch(inside));
        return {};
    }

    void remark(const std::string& text) { remarks_ += "[trainwarden] " + text + "\n"; }

    void end_worker() { around_.worker.control.close(); }

    // What the worker wrote so far, to the server.
    void pass_on() {
        char buffer[65536];
        for (;;) {
            const ssize_t got = ::read(around_.worker.output.number(), buffer, sizeof buffer);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && errno == EAGAIN) return;
            if (got <= 0) {
                around_.worker.output.close();
                return;
            }
            if (!output_.write({buffer, static_cast<size_t>(got)})) {
                is_cut_off_ = true;
                end_worker();
            }
        }
    }

    void listen() {
        char words[64];
        const ssize_t got = ::read(0, words, sizeof words);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
        if (got <= 0) {
            input_open_ = false;
            end_worker();
            return;
        }
        for (ssize_t i = 0; i < got; ++i) {
            if (words[i] != sandbox::word_terminate) continue;
            told_to_end_ = true;
            ask_to_end();
        }
    }

    void ask_to_end() {
        if (!around_.worker.control.is_open()) return;
        ssize_t ignored = ::write(around_.worker.control.number(), &sandbox::word_terminate, 1);
        (void)ignored;  // A process that does not read any more has ended.
    }

    void on_signal() {
        signalfd_siginfo which{};
        while (::read(signals_.number(), &which, sizeof which) > 0) {
        }
        cancelled_ = true;
        ask_to_end();
    }

    int attend() {
        if (!remarks_.empty()) (void)output_.write(remarks_);
        auto& worker = around_.worker;
        for (;;) {
            pollfd watched[4] = {{input_open_ ? 0 : -1, POLLIN, 0},
                                 {worker.output.number(), POLLIN, 0},
                                 {signals_.number(), POLLIN, 0},
                                 {worker.ended.number(), POLLIN, 0}};
            if (::poll(watched, 4, -1) < 0) continue;
            if (watched[2].revents != 0) on_signal();
            if (watched[1].revents != 0) pass_on();
            if (watched[0].revents != 0) listen();
            if (watched[3].revents != 0) return report();
        }
    }

    // The last words of a worker are still on their way when it has ended: on a machine of its own the kernel would see to it
    // that they arrive. So the connection stays until every end is acknowledged; not for ever, the other side may be gone.
    void linger() {
        if (!connections_.is_open()) return;
        const auto deadline = std::chrono::steady_clock::now() + last_words_patience;
        while (std::chrono::steady_clock::now() < deadline && has_last_words()) std::this_thread::sleep_for(5ms);
    }

    // Is a connection in FIN-WAIT-1 (state 04)? Linux: Documentation/networking/proc_net_tcp.rst.
    [[nodiscard]] bool has_last_words() const {
        std::string table(1 << 20, '\0');
        size_t size = 0;
        for (ssize_t got; size < table.size() && (got = ::pread(connections_.number(), table.data() + size, table.size() - size,
                                                                static_cast<off_t>(size))) > 0;)
            size += static_cast<size_t>(got);
        table.resize(size);
        std::istringstream lines(table);
        std::string line, number, local, remote, state;
        std::getline(lines, line);  // the heading
        while (std::getline(lines, line)) {
            std::istringstream fields(line);
            if (fields >> number >> local >> remote >> state && state == "04") return true;
        }
        return false;
    }

    int report() {
        auto& worker = around_.worker;
        ::kill(-worker.process, SIGKILL);
        const int code = os::reap(worker.process).code;
        if (worker.output.is_open()) pass_on();
        if (around_.limits && around_.limits->memory_was_exhausted()) say(word_out_of_memory);
        if (!cancelled_ && !told_to_end_ && code == 128 + SIGTERM) await_cancel();
        if (!cancelled_ && input_open_) linger();
        output_.finish();
        // Whose words do not arrive has not ended by itself.
        say(cancelled_ ? word_cancelled : is_cut_off_ ? word_cut_off : word_ended);
        // Its connections are unused now; the rest is taken down as it was made.
        (void)around_.remote_endpoints.release();
        around_.overlay.reset();
        around_.network.reset();
        around_.limits.reset();
        around_.sandboxes.reset();
        return cancelled_ ? 128 + SIGTERM : code;
    }

    // Slurm ends a step process by process: the worker may be gone before the signal to this process is there.
    void await_cancel() {
        pollfd signal{signals_.number(), POLLIN, 0};
        const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(cancel_patience).count();
        if (::poll(&signal, 1, static_cast<int>(patience)) > 0) on_signal();
    }

    static void say(std::string_view word) { (void)os::write_all(2, std::string(word) + "\n", "stderr"); }

    std::string marker_, run_, munge_argument_, signed_hello_, server_, remarks_;
    std::optional<Munge> munge_;
    std::unique_ptr<net::PeerIdentity> identity_;
    std::unique_ptr<net::PeerTlsClient> client_;
    OutputSender output_;
    os::Descriptor signals_, socket_, connections_;
    Surroundings around_;
    bool input_open_ = true, cancelled_ = false, told_to_end_ = false, is_cut_off_ = false;
};

}  // namespace

[[noreturn]] void run_worker(const std::string& marker, const std::string& run, const std::string& munge) {
    Agent agent(marker, run, munge);
    const int code = agent.work();
    // Threads that carry connections may still wait for the server: they end with this process.
    std::_Exit(code);
}

}  // namespace slurm
