// How large the parts of the data folder are. Counting files takes time, so a thread does it now and then, and a reader gets what it found last.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "base/mutex.hpp"

namespace server {

class StoreSizes {
public:
    // Not `jobs`: other file systems are mounted there while jobs run.
    static constexpr auto parts = std::to_array<std::string_view>({"keys", "blobs", "audit", "logs"});
    struct Size {
        uint64_t files = 0, bytes = 0;
    };
    struct Measured {
        std::array<Size, parts.size()> sizes{};
        uint64_t audit_segments = 0;
        int64_t at = 0;  // seconds of Unix time; 0: not yet
    };

    explicit StoreSizes(std::string data_folder);
    ~StoreSizes();
    StoreSizes(const StoreSizes&) = delete;
    StoreSizes& operator=(const StoreSizes&) = delete;
    [[nodiscard]] Measured last() const EXCLUDES(mutex_);

private:
    void run() EXCLUDES(mutex_);
    [[nodiscard]] bool is_stopping() const EXCLUDES(mutex_);
    [[nodiscard]] Size measure(const std::string& folder, std::string_view extension = {}) const;

    const std::string data_folder_;
    mutable base::Mutex mutex_;
    base::Condition changed_;
    Measured last_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace server
