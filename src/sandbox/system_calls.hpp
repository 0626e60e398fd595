// Which system calls a worker may make: all but those that change the machine, reach around namespaces, or open kernel code that
// training never needs. The model is Docker's default profile for a container without capabilities; tighter where a
// training script has no use (no io_uring, no keys, no new namespaces), looser nowhere.
//
// A refused call answers EPERM, as it would without the privilege; clone3 and io_uring answer ENOSYS, so that libraries fall
// back.
//
// Within a worker, process_vm_readv and pidfd_getfd are allowed: the shared memory of MPI and CUDA uses them, and the process
// namespace ends at the worker.
#pragma once

#include <string>

#include "base/result.hpp"

namespace sandbox {

// The filter as a BPF program, the form that bubblewrap's --seccomp reads. Error `SandboxUnavailable`.
[[nodiscard]] base::Result<std::string> system_call_filter();

}  // namespace sandbox
