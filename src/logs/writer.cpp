#include "logs/writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "base/utf8.hpp"
#include "logs/line.hpp"
#include "os/file.hpp"

namespace logs {
namespace {

// Once something was dropped, everything is for so long: the line that says so stands once a second at most.
constexpr std::chrono::milliseconds dropping_time{1000};

}  // namespace

base::Result<LogWriter> LogWriter::open(const std::string& path, Quota& quota, Writer writer) {
    LogWriter made;
    made.path_ = path;
    made.quota_ = &quota;
    made.writer_ = std::move(writer);
    made.file_ = os::Descriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    if (!made.file_.is_open())
        return base::fail(base::code::InternalError, "the log file " + path + " cannot be written: " + std::strerror(errno));
    return made;
}

void LogWriter::drop(size_t bytes, Why why, base::Time now) {
    ++dropped_lines_;
    dropped_bytes_ += bytes;
    why_ = why;
    try_again_ = now + dropping_time;
}

void LogWriter::say_dropped() {
    if (dropped_lines_ == 0) return;
    const Limits& limits = quota_->limits();
    std::string text =
        "[trainwarden] dropped: " + std::to_string(dropped_lines_) + " lines, " + std::to_string(dropped_bytes_) + " bytes. ";
    switch (why_) {
        case Why::too_fast:
            text += "A job may log " + std::to_string(limits.job_bytes_per_second_max) + " bytes a second, an account " +
                    std::to_string(limits.account_bytes_per_second_max);
            break;
        case Why::full:
            text += "The logs of a job hold " + std::to_string(limits.job_bytes_max) + " bytes, those of an account " +
                    std::to_string(limits.account_bytes_max);
            break;
        case Why::no_room:
            text += "The server's disk was full";
            break;
    }
    const std::string line = to_line({last_, last_, text, 0});
    quota_->add(writer_, line.size());
    ready_ += line;
    dropped_lines_ = dropped_bytes_ = 0;
}

void LogWriter::line(std::string_view content, base::Time now) {
    while (content.ends_with('\r')) content.remove_suffix(1);
    // A carriage return redraws a line (progress bars): what a terminal would show last is what counts.
    if (auto redraw = content.rfind('\r'); redraw != std::string_view::npos) content.remove_prefix(redraw + 1);
    last_ = std::max<int64_t>(last_, now.time_since_epoch().count());
    std::string message = base::valid_utf8(content);
    if (dropped_lines_ > 0 && now < try_again_) {
        ++dropped_lines_;
        dropped_bytes_ += message.size() + 1;
    } else {
        const std::string line = to_line({last_, last_, message, 0});
        const auto answer = quota_->take(writer_, line.size(), now);
        if (answer == Quota::Answer::granted) {
            say_dropped();
            ready_ += line;
        } else {
            drop(message.size() + 1, answer == Quota::Answer::full ? Why::full : Why::too_fast, now);
        }
    }
    if (watcher_) watcher_(message, now);
    if (!base::trim(message).empty()) last_line_ = std::move(message);
}

// With one write. What does not fit is dropped and not tried again: the next lines are.
void LogWriter::flush(base::Time now) {
    if (ready_.empty()) return;
    struct stat info{};
    const size_t size = ready_.size();
    if (::fstat(file_.number(), &info) == 0 && info.st_nlink == 0) {  // the stream was deleted: nobody will read this
        quota_->give_back(writer_, size);
    } else {
        const std::string bytes = (is_torn_ ? "\n" : "") + ready_;
        ssize_t count = 0;
        do count = ::write(file_.number(), bytes.data(), bytes.size());
        while (count < 0 && errno == EINTR);
        if (count < static_cast<ssize_t>(bytes.size())) {
            const size_t kept = count > 0 ? static_cast<size_t>(count) : 0;
            const size_t lines =
                static_cast<size_t>(std::count(bytes.begin() + static_cast<std::ptrdiff_t>(kept), bytes.end(), '\n'));
            if (kept > 0) is_torn_ = bytes[kept - 1] != '\n';
            quota_->give_back(writer_, std::min(size, bytes.size() - kept));
            drop(bytes.size() - kept, Why::no_room, now);
            dropped_lines_ += lines > 0 ? lines - 1 : 0;
        } else {
            is_torn_ = false;
        }
    }
    ready_.clear();
}

void LogWriter::write(std::string_view output, base::Time now) {
    partial_.append(output);
    size_t start = 0;
    for (size_t end; (end = partial_.find('\n', start)) != std::string::npos; start = end + 1) {
        line(std::string_view(partial_).substr(start, end - start), now);
    }
    partial_.erase(0, start);
    // Replaced bytes grow threefold: cut at a third so that an event stays within its limit.
    constexpr size_t cut = event_bytes_max / 3;
    for (; partial_.size() > cut; partial_.erase(0, cut)) line(std::string_view(partial_).substr(0, cut), now);
    flush(now);
}

void LogWriter::close(base::Time now) {
    if (!partial_.empty()) line(partial_, now);
    partial_.clear();
    flush(now);
    say_dropped();
    flush(now);
    struct stat info{};
    if (::fstat(file_.number(), &info) == 0 && info.st_nlink == 0) return file_.close();  // the stream was deleted
    if (dropped_lines_ > 0 || ::fsync(file_.number()) != 0)
        base::log_error("the log file " + path_ + " may be incomplete: " + std::strerror(errno));
    file_.close();
    if (auto named = os::sync_folder(std::filesystem::path(path_).parent_path().string()); !named)
        base::log_error(named.error().message);
}

}  // namespace logs
