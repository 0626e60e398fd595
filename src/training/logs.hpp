// What workers wrote, as CloudWatch Logs shows it: a stream a worker, an event a line.
//
// On disk: FOLDER/<account>/<region>/<job>/logs/algo-N-<epoch-ms>.log, one event a line:
//
//     line := <epoch-ms> ' ' <message without line ends, valid UTF-8> '\n'
//
// Written by one thread (the job's), read by any; a reader takes whole lines only. A position in a stream is a byte offset, so
// page tokens stay valid while the stream grows. Timestamps never go back within a stream.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "training/job.hpp"

namespace training {

constexpr std::string_view log_group_name = "/aws/sagemaker/TrainingJobs";

struct LogEvent {
    int64_t timestamp = 0;  // epoch milliseconds
    std::string message;
    uint64_t offset = 0;  // where its line starts
};

struct LogStream {
    std::string name;  // <job>/algo-N-<epoch-ms>
    int64_t creation_time = 0;
    std::optional<int64_t> first_event, last_event;
    uint64_t stored_bytes = 0;
};

struct LogPage {
    std::vector<LogEvent> events;
    uint64_t begin = 0, end = 0;  // the byte range the page covers
};

class LogWriter {
public:
    [[nodiscard]] static base::Result<LogWriter> open(const std::string& path);
    // Takes output as it comes; writes whole lines. Bytes that are not UTF-8 become U+FFFD; over-long lines are cut in two.
    void write(std::string_view output, base::Time now);
    // Writes what is left of a line without an end.
    void close(base::Time now);
    // The last line that was not blank.
    [[nodiscard]] const std::string& last_line() const { return last_line_; }

private:
    void line(std::string_view content, base::Time now);
    std::ofstream file_;
    std::string partial_, last_line_;
    int64_t last_ = 0;
    size_t written_ = 0;
    bool full_ = false;
};

class Logs {
public:
    explicit Logs(std::string folder) : folder_(std::move(folder)) {}

    [[nodiscard]] std::string file_of(const JobId& job, std::string_view host_and_time) const;
    // The streams whose names start with `prefix`, in order of name.
    [[nodiscard]] std::vector<LogStream> streams(const std::string& account, const std::string& region,
                                                 std::string_view prefix) const;
    // Error `ResourceNotFoundException: The specified log stream does not exist.`
    [[nodiscard]] base::Result<LogStream> stream(const std::string& account, const std::string& region,
                                                 std::string_view name) const;

    struct Range {
        std::optional<int64_t> start, end;  // epoch milliseconds: start inclusive, end exclusive
    };
    // Up to `limit` events from byte `offset` on (forward), or the last ones before it (backward; in order of time all the same).
    [[nodiscard]] base::Result<LogPage> read(const std::string& account, const std::string& region, std::string_view name,
                                             uint64_t offset, bool forward, const Range& range, size_t limit) const;
    // Is there any stream at all? Without one, the group does not exist yet.
    [[nodiscard]] bool has_group(const std::string& account, const std::string& region) const;

private:
    [[nodiscard]] std::optional<std::string> path_of(const std::string& account, const std::string& region,
                                                     std::string_view name) const;
    std::string folder_;
};

// UTF-8 with every byte that does not belong replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view bytes);

}  // namespace training
