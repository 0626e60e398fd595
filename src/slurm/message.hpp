// What an agent (`trainwarden slurm-worker`, on a node) and its server tell each other through srun: lines of JSON. Pure.
//
//     agent → server   its Hello: which machine it is on, where siblings reach it, whether it sees the jobs' folder
//     server → agent   a Ready: where the server's gateway is
//       (the agent fetches its Task from the gateway, and sends it what the worker writes, over TLS: gateway.hpp)
//     agent → server   a Started: it runs, or why not
//     server → agent   word_terminate (sandbox/inside/spec.hpp); the end of input ends the worker
//
// And on its standard error, which no worker can write to: the words below. Slurm carries all of that unencrypted: nothing of it is
// secret. Hello and Ready carry fingerprints (net/peer_identity.hpp): by them each side knows the other on
// every other wire. Those two go as munge credentials where the cluster has munge (munge.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "slurm/overlay.hpp"

namespace slurm {

struct Hello {
    std::string node;
    std::string boot;         // of its kernel, /proc/sys/kernel/random/boot_id: who has the same is the same machine
    std::string address;      // numeric
    uint16_t port = 0;        // UDP, for packets from siblings
    uint32_t mtu = 0;         // of that address's interface
    std::string fingerprint;  // the agent's
    std::string problem;      // why it cannot run a worker; empty: it can
};

struct Ready {
    uint16_t gateway = 0;     // on the machine that srun runs on
    std::string fingerprint;  // the gateway's
};

struct Task {
    std::vector<std::string> command;
    std::vector<std::pair<std::string, std::string>> environment;
    std::string directory, host, folder;  // as in sandbox::Task
    std::string hosts;                    // the worker's /etc/hosts
    std::vector<std::string> mounts;      // folders that the server has mounted something on: FastFile channels
    std::string image_root;               // empty: the node's own /usr
    std::vector<std::string> shared;
    bool gpus = false;
    unsigned cpus = 1;
    uint64_t memory_bytes = 0, processes_max = 0;
    // Siblings, this worker among them, in the order of their hosts.
    uint16_t index = 0;
    std::vector<Sibling> siblings;
    uint32_t mtu = 0;  // of the worker's eth0
    // The way to the server; none with EnableNetworkIsolation.
    struct Server {
        std::string address;  // as the worker knows it
        uint16_t port = 0;
    };
    std::optional<Server> server;
};

struct Started {
    std::string problem;  // empty: it runs
};

[[nodiscard]] std::string to_line(const Hello& hello);
[[nodiscard]] std::string to_line(const Ready& ready);
[[nodiscard]] std::string to_line(const Started& started);
// Error `InvalidMessage`: not what the other side says; the remedy is the same version on both.
[[nodiscard]] base::Result<Hello> parse_hello(std::string_view line);
[[nodiscard]] base::Result<Ready> parse_ready(std::string_view line);
[[nodiscard]] base::Result<Started> parse_started(std::string_view line);

constexpr size_t task_bytes_max = 16u << 20;
[[nodiscard]] std::string to_json(const Task& task);
[[nodiscard]] base::Result<Task> parse_task(std::string_view json);

// On the agent's standard error, a line each.
constexpr std::string_view word_ended = "trainwarden: the worker has ended";  // by itself: the exit status is its own
constexpr std::string_view word_out_of_memory = "trainwarden: the worker is out of memory";
constexpr std::string_view word_cancelled = "trainwarden: Slurm ends this step";
constexpr std::string_view word_cut_off = "trainwarden: the server's gateway takes nothing of this worker any more";

}  // namespace slurm
