#include "metrics/disk.hpp"

namespace metrics {

Histogram& disk_waits(Written what) {
    static std::array<Histogram, written_names.size()> all;
    return all[static_cast<size_t>(what)];
}

}  // namespace metrics
