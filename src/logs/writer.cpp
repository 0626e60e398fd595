#include "logs/writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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

base::Result<LogWriter> LogWriter::open(const std::string& path) {
    LogWriter writer;
    writer.path_ = path;
    writer.file_.open(path, std::ios::binary | std::ios::app);
    if (!writer.file_) return base::fail(base::code::InternalError, "the log file " + path + " cannot be written");
    return writer;
}

void LogWriter::line(std::string_view content, base::Time now) {
    while (content.ends_with('\r')) content.remove_suffix(1);
    // A carriage return redraws a line (progress bars): what a terminal would show last is what counts.
    if (auto redraw = content.rfind('\r'); redraw != std::string_view::npos) content.remove_prefix(redraw + 1);
    last_ = std::max<int64_t>(last_, now.time_since_epoch().count());
    std::string message = base::valid_utf8(content);
    written_ += message.size() + 1;
    if (written_ <= stream_bytes_max) {
        file_ << to_line({last_, last_, message, 0});
    } else if (!std::exchange(full_, true)) {
        file_ << to_line({last_, last_, "[trainwarden] this log is full: what the worker writes from here on is dropped", 0});
    }
    if (watcher_) watcher_(message, now);
    if (!base::trim(message).empty()) last_line_ = std::move(message);
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
    file_.flush();
}

void LogWriter::close(base::Time now) {
    if (!partial_.empty()) line(partial_, now);
    partial_.clear();
    file_.close();
    const os::Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    const bool synced = file.is_open() && ::fsync(file.number()) == 0;
    if (!file.is_open() && errno == ENOENT) return;  // the stream was deleted
    if (!file_ || !synced) base::log_error("the log file " + path_ + " may be incomplete: " + std::strerror(errno));
    if (auto named = os::sync_folder(std::filesystem::path(path_).parent_path().string()); !named)
        base::log_error(named.error().message);
}

}  // namespace logs
