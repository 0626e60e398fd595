// How much of what is stored the server reads again and again (admin/scrub.hpp).
#pragma once

#include <cstdint>

namespace server {

struct ScrubSettings {
    uint64_t bytes_per_second = 4u << 20;  // 0: none
    uint64_t between_seconds = 86'400;     // from the begin of one pass to that of the next
};

}  // namespace server
