// A stream that is written as a worker's output comes: a line an event.
//
// What is more than its job or account may write (quota.hpp) is dropped, as is what the disk has no room for; a line in the stream says
// how much that was, once it can be written, or at the end. Neither the worker nor the server waits for it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "logs/quota.hpp"
#include "os/descriptor.hpp"

namespace logs {

constexpr size_t event_bytes_max = 256 * 1024 - 26;

class LogWriter {
public:
    // `quota` outlives it.
    [[nodiscard]] static base::Result<LogWriter> open(const std::string& path, Quota& quota, Writer writer);
    // Takes output as it comes; writes whole lines. Bytes that are not UTF-8 become U+FFFD; over-long lines are cut in two.
    void write(std::string_view output, base::Time now);
    // Called with every line, also with those that are dropped.
    void watch(std::function<void(std::string_view line, base::Time now)> watcher) { watcher_ = std::move(watcher); }
    // Writes what is left of a line without an end. What the worker wrote is on disk when it returns; if not, the operator's log
    // says so: the job is not to blame.
    void close(base::Time now);
    // The last line that was not blank.
    [[nodiscard]] const std::string& last_line() const { return last_line_; }

private:
    enum class Why : uint8_t { too_fast, full, no_room };
    void line(std::string_view content, base::Time now);
    void drop(size_t bytes, Why why, base::Time now);
    // The line that says what was dropped, among those to write.
    void say_dropped();
    void flush(base::Time now);

    std::string path_;
    os::Descriptor file_;
    Quota* quota_ = nullptr;
    Writer writer_;
    std::string partial_, last_line_;
    std::string ready_;     // whole lines that are not in the file yet
    bool is_torn_ = false;  // the file ends in the middle of a line
    size_t dropped_lines_ = 0, dropped_bytes_ = 0;
    Why why_ = Why::full;
    base::Time try_again_{};
    std::function<void(std::string_view, base::Time)> watcher_;
    int64_t last_ = 0;
};

}  // namespace logs
