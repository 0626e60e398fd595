// What the kernel says of this process.
#pragma once

#include <cstdint>

namespace server {

struct ProcessFigures {
    double cpu_seconds = 0;
    double start_seconds = 0;  // Unix time
    uint64_t resident_bytes = 0, virtual_bytes = 0;
    uint64_t open_files = 0, open_files_max = 0;
    uint64_t threads = 0;
};

// What cannot be read is 0.
[[nodiscard]] ProcessFigures process_figures();

}  // namespace server
