// How long this process waited until what it wrote was on the disk, and how often. One process has one set of disks, so these are the process's
// own, as its log is.
#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "metrics/counter.hpp"

namespace metrics {

enum class Written : uint8_t { keys, blobs, audit, logs };
constexpr auto written_names = std::to_array<std::string_view>({"keys", "blobs", "audit", "logs"});

[[nodiscard]] Histogram& disk_waits(Written what);

// The time from its beginning to its end is one wait.
class DiskWait {
public:
    explicit DiskWait(Written what) : what_(what), began_(std::chrono::steady_clock::now()) {}
    ~DiskWait() { disk_waits(what_).add(std::chrono::steady_clock::now() - began_); }
    DiskWait(const DiskWait&) = delete;
    DiskWait& operator=(const DiskWait&) = delete;

private:
    const Written what_;
    const std::chrono::steady_clock::time_point began_;
};

}  // namespace metrics
