// A stream that is written as a worker's output comes: a line an event.
#pragma once

#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace logs {

constexpr size_t event_bytes_max = 256 * 1024 - 26;
constexpr size_t stream_bytes_max = 1ULL << 30;  // what a worker writes past this is dropped, and the log says so

class LogWriter {
public:
    [[nodiscard]] static base::Result<LogWriter> open(const std::string& path);
    // Takes output as it comes; writes whole lines. Bytes that are not UTF-8 become U+FFFD; over-long lines are cut in two.
    void write(std::string_view output, base::Time now);
    // Called with every line, as it is written.
    void watch(std::function<void(std::string_view line, base::Time now)> watcher) { watcher_ = std::move(watcher); }
    // Writes what is left of a line without an end. What the worker wrote is on disk when it returns; if not, the operator's log
    // says so: the job is not to blame.
    void close(base::Time now);
    // The last line that was not blank.
    [[nodiscard]] const std::string& last_line() const { return last_line_; }

private:
    void line(std::string_view content, base::Time now);
    std::string path_;
    std::ofstream file_;
    std::string partial_, last_line_;
    std::function<void(std::string_view, base::Time)> watcher_;
    int64_t last_ = 0;
    size_t written_ = 0;
    bool full_ = false;
};

}  // namespace logs
