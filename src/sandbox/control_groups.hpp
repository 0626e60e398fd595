// Limits on what a worker may use of the machine: memory, processor time, processes. Control groups of version 1 and 2.
//
//     version 1   ROOT/{memory,cpu,pids}/trainwarden/SERVER/PROCESS-WORKER    (PROCESS: the server's)
//     version 2   ROOT/trainwarden/SERVER/PROCESS-WORKER, or below the group that this server was started in if only that is its
//     own
//                 (systemd's Delegate=yes); the server then moves into a leaf, as version 2 wants
//
// Source: Linux Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.
//
// A worker weighs as many processes as it has processors, all of them together as many as the machine has: where processors are
// short, what else runs on the machine keeps about one.
//
// Groups outlive processes and servers: open() kills and removes what an earlier server of the same name left, and the empty
// groups of others that are gone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/descriptor.hpp"

namespace sandbox {

struct Limits {
    double cpus = 0;            // processor seconds a second; 0: no limit
    uint64_t memory_bytes = 0;  // with the page cache and everything in /dev/shm; 0: no limit
    uint64_t processes_max = 0;
};

// One worker's groups. Destroying it kills every process that is still inside.
class ControlGroup {
public:
    ~ControlGroup();
    ControlGroup(const ControlGroup&) = delete;
    ControlGroup& operator=(const ControlGroup&) = delete;
    // Each takes "0" from a process that joins.
    [[nodiscard]] const std::vector<os::Descriptor>& procs_files() const { return procs_files_; }
    // Did the kernel end a process because the memory was used up?
    [[nodiscard]] bool memory_was_exhausted() const;

private:
    friend class ControlGroups;
    ControlGroup() = default;
    std::vector<std::string> folders_;
    std::vector<os::Descriptor> procs_files_;
    bool unified_ = false;
};

class ControlGroups {
public:
    // `server`: tells servers of one machine apart. All its workers together get at most `memory_bytes_max`, so that they run out
    // of it before the machine does. `root` is another one only in tests.
    // Error `LimitsUnavailable`: no control groups that this user may make.
    [[nodiscard]] static base::Result<std::unique_ptr<ControlGroups>> open(const std::string& server, uint64_t memory_bytes_max,
                                                                           const std::string& root = "/sys/fs/cgroup");
    ~ControlGroups();  // after its workers' groups
    ControlGroups(const ControlGroups&) = delete;
    ControlGroups& operator=(const ControlGroups&) = delete;
    // Error `LimitsUnavailable` names the file that was refused.
    [[nodiscard]] base::Result<std::unique_ptr<ControlGroup>> make(const std::string& worker, const Limits& limits) const;
    [[nodiscard]] std::string describe() const { return unified_ ? "control groups v2" : "control groups v1"; }

private:
    ControlGroups() = default;
    [[nodiscard]] base::Result<std::string> folder(size_t base) const;  // the server's own, made anew if it was taken away
    std::vector<std::string> bases_;                                    // one for v2, one a controller for v1
    std::string server_;
    uint64_t memory_bytes_max_ = 0;
    bool unified_ = false;
};

}  // namespace sandbox
