// Starting one worker as a plain process, without a sandbox: a process group of its own, a clean environment, its folder at
// /opt/ml.
//
// Where the kernel allows it (root, or unprivileged user namespaces), the worker gets private mount and UTS namespaces:
//
//     WORKER/ml    → /opt/ml        WORKER/tmp  → /tmp         the machine's other /opt/* stay
//     WORKER/home  → the home of the server's user             WORKER/hosts → /etc/hosts
//     what the server keeps to itself (data folder, master key, AWS settings) is covered with nothing
//
// and, as root, only the capabilities that Docker gives a container: it cannot undo these mounts nor read the server's memory
// or environment. Since Linux 6.12 a Landlock domain of its own keeps it from tracing and signalling any process but its own.
// A worker of root's finds the kernel's settings read-only, and the disks that are there at its start covered.
// This sets up /opt/ml; it isolates neither files nor the network.
// Otherwise the worker runs with SM_* variables that name its folder, and its log says what is missing.
//
// Between fork and exec the child calls only what is async-signal-safe: the server has many threads. Everything it needs is
// prepared before.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/descriptor.hpp"
#include "training/contract.hpp"

namespace training {

struct LaunchRequest {
    std::vector<std::string> command;
    Environment environment;
    std::string worker_folder;      // WORKER
    std::string working_directory;  // as the worker sees it
    std::string host_name;
    std::vector<std::string> hidden;  // folders and files of the server that no worker may see
    bool private_mounts = false;
};

// The caller must wait for the process.
struct LaunchedProcess {
    int process = 0;         // also its process group and session
    os::Descriptor ended;    // pidfd: readable when the process has ended
    os::Descriptor output;   // stdout and stderr together
    os::Descriptor control;  // of a sandbox: how it is asked to end (sandbox/inside/spec.hpp); a plain process gets signals
    // The process only speaks for a worker on another machine: closing `control` ends the worker, killing the process would not.
    bool is_proxy = false;
};

// Errors: `LaunchFailed` says which step failed and why.
[[nodiscard]] base::Result<LaunchedProcess> launch(const LaunchRequest& request);

// Can workers have mounts of their own here? Tried in a child; the second remembers.
[[nodiscard]] bool try_private_mounts();
[[nodiscard]] bool private_mounts_available();

// The home folder of the user who runs the server: what a worker's home is mounted over.
[[nodiscard]] std::string home_of_server();

// Every process whose environment says that it belongs to this run, wherever it has hidden from its group.
[[nodiscard]] std::vector<int> processes_of_run(const std::string& run_id);

// Kills them until none is left; false if some would not die within seconds.
bool end_processes_of_run(const std::string& run_id);

// A TCP port on the loopback address that is free now.
[[nodiscard]] int free_port();

}  // namespace training
