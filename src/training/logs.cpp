#include "training/logs.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include "base/strings.hpp"
#include "training/limits.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

constexpr size_t page_bytes_max = 1024 * 1024;  // GetLogEvents: "up to 1 MB"
constexpr std::string_view extension = ".log";

int64_t milliseconds(base::Time time) { return time.time_since_epoch().count(); }

// A name that is one folder or file, not a way out.
bool is_plain(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

std::optional<LogEvent> parse_line(std::string_view line, uint64_t offset) {
    LogEvent event;
    auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), event.timestamp);
    if (error != std::errc() || end == line.data() + line.size() || *end != ' ') return std::nullopt;
    event.message = std::string(line.substr(static_cast<size_t>(end - line.data()) + 1));
    event.offset = offset;
    return event;
}

bool in_range(const LogEvent& event, const Logs::Range& range) {
    return (!range.start || event.timestamp >= *range.start) && (!range.end || event.timestamp < *range.end);
}

// algo-1-1700000000000 → 1700000000000
int64_t time_in_name(std::string_view name) {
    int64_t time = 0;
    auto dash = name.rfind('-');
    if (dash != std::string_view::npos) std::from_chars(name.data() + dash + 1, name.data() + name.size(), time);
    return time;
}

std::optional<int64_t> last_timestamp(const std::string& path, uint64_t size) {
    // The last line is at most one event long: look at the tail only.
    std::ifstream file(path, std::ios::binary);
    uint64_t tail = std::min<uint64_t>(size, log_event_bytes_max + 64);
    file.seekg(static_cast<std::streamoff>(size - tail));
    std::string bytes(tail, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(tail));
    if (bytes.empty() || bytes.back() != '\n') {
        auto end = bytes.rfind('\n');
        if (end == std::string::npos) return std::nullopt;
        bytes.resize(end + 1);
    }
    std::string_view view(bytes.data(), bytes.size() - 1);
    auto start = view.rfind('\n');
    if (auto event = parse_line(start == std::string_view::npos ? view : view.substr(start + 1), 0)) return event->timestamp;
    return std::nullopt;
}

LogStream describe(const fs::path& path, const std::string& job) {
    LogStream stream;
    stream.name = job + "/" + path.stem().string();
    stream.creation_time = time_in_name(path.stem().string());
    std::error_code ignored;  // A stream that vanishes between listing and reading has no bytes.
    auto size = fs::file_size(path, ignored);
    stream.stored_bytes = ignored ? 0 : size;
    if (stream.stored_bytes == 0) return stream;
    std::ifstream file(path, std::ios::binary);
    std::string line;
    if (std::getline(file, line)) {
        if (auto event = parse_line(line, 0)) stream.first_event = event->timestamp;
    }
    stream.last_event = last_timestamp(path.string(), stream.stored_bytes);
    return stream;
}

}  // namespace

std::string valid_utf8(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    for (size_t i = 0; i < bytes.size();) {
        auto lead = static_cast<unsigned char>(bytes[i]);
        size_t length = lead < 0x80                   ? 1
                        : lead >= 0xC2 && lead < 0xE0 ? 2
                        : lead >= 0xE0 && lead < 0xF0 ? 3
                        : lead >= 0xF0 && lead < 0xF5 ? 4
                                                      : 0;
        bool good = length > 0 && i + length <= bytes.size();
        for (size_t k = 1; good && k < length; ++k) good = (static_cast<unsigned char>(bytes[i + k]) & 0xC0) == 0x80;
        if (good && length > 2) {
            auto second = static_cast<unsigned char>(bytes[i + 1]);
            // Overlong forms, surrogates and values past U+10FFFF.
            good = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second >= 0xA0) && !(lead == 0xF0 && second < 0x90) &&
                   !(lead == 0xF4 && second >= 0x90);
        }
        if (good) {
            out.append(bytes.substr(i, length));
            i += length;
        } else {
            out += "\xEF\xBF\xBD";
            ++i;
        }
    }
    return out;
}

base::Result<LogWriter> LogWriter::open(const std::string& path) {
    LogWriter writer;
    writer.file_.open(path, std::ios::binary | std::ios::app);
    if (!writer.file_) return base::fail("InternalError", "the log file " + path + " cannot be written");
    return writer;
}

void LogWriter::line(std::string_view content, base::Time now) {
    while (content.ends_with('\r')) content.remove_suffix(1);
    // A carriage return redraws a line (progress bars): what a terminal would show last is what counts.
    if (auto redraw = content.rfind('\r'); redraw != std::string_view::npos) content.remove_prefix(redraw + 1);
    last_ = std::max(last_, milliseconds(now));
    std::string message = valid_utf8(content);
    written_ += message.size() + 1;
    if (written_ <= log_stream_bytes_max) {
        file_ << last_ << ' ' << message << '\n';
    } else if (!std::exchange(full_, true)) {
        file_ << last_ << " [trainwarden] this log is full: what the worker writes from here on is dropped\n";
    }
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
    constexpr size_t cut = log_event_bytes_max / 3;
    for (; partial_.size() > cut; partial_.erase(0, cut)) line(std::string_view(partial_).substr(0, cut), now);
    file_.flush();
}

void LogWriter::close(base::Time now) {
    if (!partial_.empty()) line(partial_, now);
    partial_.clear();
    file_.close();
}

std::string Logs::file_of(const JobId& job, std::string_view host_and_time) const {
    return folder_ + "/" + job.account + "/" + job.region + "/" + job.name + "/logs/" + std::string(host_and_time) +
           std::string(extension);
}

std::vector<LogStream> Logs::streams(const std::string& account, const std::string& region, std::string_view prefix) const {
    std::vector<LogStream> found;
    if (!is_plain(account) || !is_plain(region)) return found;
    std::string_view job_prefix = prefix.substr(0, prefix.find('/'));
    bool whole_job = prefix.find('/') != std::string_view::npos;
    std::error_code error;  // No folder yet: no streams.
    const fs::directory_iterator end;
    for (fs::directory_iterator job(fs::path(folder_) / account / region, error); !error && job != end; job.increment(error)) {
        std::string name = job->path().filename().string();
        if (whole_job ? name != job_prefix : !name.starts_with(job_prefix)) continue;
        std::error_code none;
        for (fs::directory_iterator file(job->path() / "logs", none); !none && file != end; file.increment(none)) {
            const fs::path& path = file->path();
            if (path.extension() != extension) continue;
            if (!(name + "/" + path.stem().string()).starts_with(prefix)) continue;
            found.push_back(describe(path, name));
        }
    }
    std::sort(found.begin(), found.end(), [](const LogStream& a, const LogStream& b) { return a.name < b.name; });
    return found;
}

std::optional<std::string> Logs::path_of(const std::string& account, const std::string& region, std::string_view name) const {
    auto slash = name.find('/');
    if (slash == std::string_view::npos || !is_plain(account) || !is_plain(region)) return std::nullopt;
    std::string job(name.substr(0, slash)), file(name.substr(slash + 1));
    if (!is_plain(job) || !is_plain(file)) return std::nullopt;
    return file_of({account, region, job}, file);
}

base::Result<LogStream> Logs::stream(const std::string& account, const std::string& region, std::string_view name) const {
    auto path = path_of(account, region, name);
    std::error_code error;  // A name that is too long for a file names none either.
    if (!path || !fs::is_regular_file(*path, error)) {
        return base::fail("ResourceNotFoundException", "The specified log stream does not exist.");
    }
    return describe(*path, std::string(name.substr(0, name.find('/'))));
}

base::Result<LogPage> Logs::read(const std::string& account, const std::string& region, std::string_view name, uint64_t offset,
                                 bool forward, const Range& range, size_t limit) const {
    TRY(stream(account, region, name));
    std::ifstream file(*path_of(account, region, name), std::ios::binary);
    LogPage page;
    page.begin = page.end = offset;
    if (forward) {
        file.seekg(static_cast<std::streamoff>(offset));
        std::string line;
        size_t bytes = 0;
        // A line without its end is still being written: the next read gets it.
        while (page.events.size() < limit && bytes < page_bytes_max && std::getline(file, line) && !file.eof()) {
            uint64_t start = page.end;
            page.end += line.size() + 1;
            auto event = parse_line(line, start);
            if (!event || !in_range(*event, range)) continue;
            bytes += line.size();
            page.events.push_back(std::move(*event));
        }
        return page;
    }
    // Backward: all events before the offset, of which the last ones stay. Job logs are small enough to be read whole.
    std::string line;
    uint64_t at = 0;
    std::vector<LogEvent> before;
    while (at < offset && std::getline(file, line) && !file.eof()) {
        auto event = parse_line(line, at);
        at += line.size() + 1;
        if (event && in_range(*event, range)) before.push_back(std::move(*event));
        if (before.size() > 2 * limit) before.erase(before.begin(), before.end() - static_cast<std::ptrdiff_t>(limit));
    }
    page.end = std::min(at, offset);
    size_t kept = 0, bytes = 0;
    while (kept < limit && kept < before.size() && bytes < page_bytes_max) bytes += before[before.size() - ++kept].message.size();
    page.events.assign(std::make_move_iterator(before.end() - static_cast<std::ptrdiff_t>(kept)),
                       std::make_move_iterator(before.end()));
    page.begin = page.events.empty() ? 0 : page.events.front().offset;
    return page;
}

bool Logs::has_group(const std::string& account, const std::string& region) const {
    if (!is_plain(account) || !is_plain(region)) return false;
    std::error_code error;
    const fs::directory_iterator end;
    for (fs::directory_iterator job(fs::path(folder_) / account / region, error); !error && job != end; job.increment(error)) {
        std::error_code none;
        if (fs::directory_iterator(job->path() / "logs", none) != end) return true;
    }
    return false;
}

}  // namespace training
