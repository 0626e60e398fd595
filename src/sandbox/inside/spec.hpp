// What the server tells the first process of a sandbox (inside.cpp), and what it answers. Both are this program: no versions.
//
// The task, through a descriptor:
//
//     task := working directory '\0'  count '\0' (writable path '\0')*  count '\0' (argument '\0')*  count '\0' (NAME=VALUE
//     '\0')* count is decimal. The paths are those that Landlock leaves writable.
//
// Not on the command line, which every user of the machine can read; not as bubblewrap's own environment, where a job's
// LD_PRELOAD would run outside of the sandbox.
//
// The answer: Words. `inside` when the sandbox stands (value: Landlock's ABI, 0 if the kernel has none), then nothing if the
// worker's program runs (the descriptor closes with exec), or what failed (value: errno).
#pragma once

#include <cstdint>

namespace sandbox {

enum class Word : int32_t {
    // of the child of the server, before bubblewrap
    group,
    limits,
    namespaces,
    mounts,
    network,
    user,
    bubblewrap,
    // of the first process
    inside,
    restrict_files,
    directory,
    execute,
};

struct Message {
    Word word;
    int32_t value;
};

// What the server writes to the first process: a byte. Closing the pipe ends the sandbox.
constexpr char word_terminate = 'T';  // SIGTERM to every process of the worker

}  // namespace sandbox
