// Starting one worker in its sandbox. Who does what:
//
//     our child (launch.cpp)   a session of its own; control groups; a mount namespace in which the worker's sources are bound
//     below
//                              /tmp, so that the job's user reaches them whatever folders they lie in; the worker's network;
//                              then it becomes the job's user
//     bubblewrap               user, process, IPC, UTS and control-group namespaces; the mounts (mounts.hpp); no capabilities;
//     the
//                              system-call filter (system_calls.hpp)
//     inside.cpp               Landlock; init of the process namespace; the worker's program
//
// A worker that is killed, or whose server is, takes every process of its namespace with it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/descriptor.hpp"
#include "sandbox/control_groups.hpp"
#include "sandbox/image.hpp"

namespace sandbox {

struct Task {
    std::vector<std::string> command;
    std::vector<std::pair<std::string, std::string>> environment;  // the whole of it
    std::string working_directory;                                 // as the worker sees it
    std::string host_name;
    std::string worker_folder;  // holds ml, home, tmp and etc (write_settings), all owned by `owner`
    Image image;
    std::vector<std::string> shared;  // folders of the machine that the worker may read
    bool gpus = false;                // the machine's GPUs, all of them
    int owner = -1;                   // the job's user on this machine; -1: the server's
    int user_namespace = -1, network = -1;
    const ControlGroup* limits = nullptr;  // none: without limits
};

struct Launched {
    int process = 0;           // bubblewrap's: its process group is the worker's
    os::Descriptor ended;      // pidfd: readable when the worker has ended; the exit status is the worker's
    os::Descriptor output;     // stdout and stderr together, non-blocking
    os::Descriptor control;    // spec.hpp: word_terminate; closing it ends the worker
    int landlock_version = 0;  // 0: this kernel has none
};

// The caller waits for the process. Error `LaunchFailed` says which step failed and why.
[[nodiscard]] base::Result<Launched> launch(const Task& task);

// Is bubblewrap here? Error `SandboxUnavailable` with the remedy.
[[nodiscard]] base::Result<void> check_programs();

}  // namespace sandbox
