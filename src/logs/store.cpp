#include "logs/store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unordered_set>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "metrics/disk.hpp"
#include "os/file.hpp"
#include "text/json.hpp"

namespace logs {
namespace {

namespace fs = std::filesystem;
using text::Json;

constexpr size_t page_bytes_max = 1024 * 1024;  // GetLogEvents: "up to 1 MB"
constexpr uint64_t line_bytes_max = 2 * event_bytes_max + 64;
constexpr std::string_view disk_full = "DiskFull";  // os/file.hpp
constexpr std::string_view disk_is_full =
    "The server's disk is full: nothing new can be stored until there is space. Deletes work.";

std::string group_prefix(const Owner& owner) { return "logs/group/" + owner.account + "/" + owner.region + "/"; }

// Group names have no line feed.
std::string stream_prefix(const Owner& owner, const std::string& group) {
    return "logs/stream/" + owner.account + "/" + owner.region + "/" + group + "\n";
}

std::unexpected<base::Error> no_group() {
    return base::fail(base::code::ResourceNotFoundException, "The specified log group does not exist.");
}
std::unexpected<base::Error> no_stream() {
    return base::fail(base::code::ResourceNotFoundException, "The specified log stream does not exist.");
}

// What the disk refuses is not the client's fault, nor are its paths for the client.
std::unexpected<base::Error> failed(const std::string& what, int number) {
    base::log_error(what + ": " + std::strerror(number));
    if (number == ENOSPC || number == EDQUOT) return base::fail(base::code::InsufficientStorage, std::string(disk_is_full));
    return base::fail(base::code::InternalError, "a file of the logs failed");
}
base::Result<void> internal(const base::Result<void>& done) {
    if (done) return {};
    base::log_error(done.error().message);
    if (done.error().code == disk_full) return base::fail(base::code::InsufficientStorage, std::string(disk_is_full));
    return base::fail(base::code::InternalError, "a file of the logs failed");
}

uint64_t size_of(const std::string& file) {
    std::error_code error;  // A stream without events has no file.
    const auto size = fs::file_size(file, error);
    return error ? 0 : size;
}

bool in_range(const Event& event, const Range& range) {
    return (!range.start || event.timestamp >= *range.start) && (!range.end || event.timestamp < *range.end);
}

std::optional<Event> last_event(const std::string& path, uint64_t size) {
    // The last line is at most one event long: look at the tail only.
    std::ifstream file(path, std::ios::binary);
    uint64_t tail = std::min<uint64_t>(size, line_bytes_max);
    file.seekg(static_cast<std::streamoff>(size - tail));
    std::string bytes(tail, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(tail));
    auto end = bytes.rfind('\n');
    if (end == std::string::npos) return std::nullopt;
    std::string_view view(bytes.data(), end);
    auto start = view.rfind('\n');
    return parse_line(start == std::string_view::npos ? view : view.substr(start + 1), 0);
}

Stream describe(std::string name, int64_t creation_time, const std::string& path) {
    Stream stream;
    stream.name = std::move(name);
    stream.creation_time = creation_time;
    std::error_code ignored;  // A stream that vanishes between listing and reading has no bytes.
    auto size = fs::file_size(path, ignored);
    stream.stored_bytes = ignored ? 0 : size;
    if (stream.stored_bytes == 0) return stream;
    std::ifstream file(path, std::ios::binary);
    std::string line;
    if (std::getline(file, line) && !file.eof()) {
        if (auto event = parse_line(line, 0)) stream.first_event = event->timestamp;
    }
    if (auto event = last_event(path, stream.stored_bytes)) {
        stream.last_event = event->timestamp;
        stream.last_ingestion = event->ingestion;
    }
    return stream;
}

// Appends with one write, after cutting off what a crash has left of a line; on disk when it returns.
base::Result<void> append(const std::string& path, const std::string& lines) {
    auto failed = [&](const char* what) { return logs::failed(std::string("cannot ") + what + " " + path, errno); };
    const os::Descriptor opened(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!opened.is_open()) return failed("open");
    const int file = opened.number();
    struct stat info{};
    if (::fstat(file, &info) != 0) return failed("read");
    off_t end = info.st_size;
    std::string block;
    while (end > 0) {
        size_t size = static_cast<size_t>(std::min<off_t>(end, 64 * 1024));
        block.resize(size);
        if (::pread(file, block.data(), size, end - static_cast<off_t>(size)) != static_cast<ssize_t>(size))
            return failed("read");
        auto last = block.rfind('\n');
        if (last != std::string::npos) {
            end += static_cast<off_t>(last) + 1 - static_cast<off_t>(size);
            break;
        }
        end -= static_cast<off_t>(size);
    }
    if (end != info.st_size && ::ftruncate(file, end) != 0) return failed("repair");
    // What is not told to be there is not there, and what a sync has lost is written anew by the next try.
    auto take_back = [&](base::Result<void> error) {
        if (::ftruncate(file, end) != 0) base::log_error("cannot repair " + path + ": " + std::strerror(errno));
        return error;
    };
    for (size_t done = 0; done < lines.size();) {
        ssize_t count = ::pwrite(file, lines.data() + done, lines.size() - done, end + static_cast<off_t>(done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return take_back(failed("write"));
        done += static_cast<size_t>(count);
    }
    {
        const metrics::DiskWait waited(metrics::Written::logs);
        if (::fdatasync(file) != 0) return take_back(failed("sync"));
    }
    if (info.st_size != 0) return {};
    // Perhaps made just now.
    if (auto named = internal(os::sync_folder(fs::path(path).parent_path().string())); !named) return take_back(std::move(named));
    return {};
}

}  // namespace

base::Result<std::unique_ptr<Store>> Store::open(Dependencies dependencies) {
    std::error_code error;
    fs::create_directories(dependencies.folder, error);
    if (error)
        return base::fail(base::code::InternalError, "cannot make the folder " + dependencies.folder + ": " + error.message());
    fs::permissions(dependencies.folder, fs::perms::owner_all, error);
    std::unique_ptr<Store> store(new Store(std::move(dependencies)));
    TRY(store->sweep());
    TRY(store->count());
    return store;
}

// Removes the files of streams that are gone: what could not be removed with them.
base::Result<void> Store::sweep() const {
    std::unordered_set<std::string> named;
    for (const auto& entry : TRY(dependencies_.keys->scan({.prefix = "logs/stream/"})))
        named.insert(TRY(found_in(entry.value)).file);
    std::error_code error;
    for (fs::recursive_directory_iterator at(dependencies_.folder, error), end; !error && at != end; at.increment(error)) {
        const std::string path = at->path().string();
        if (!path.ends_with(".log") || named.contains(path)) continue;
        if (::unlink(path.c_str()) != 0) base::log_warn("cannot remove " + path + ": " + std::strerror(errno));
    }
    if (error) base::log_warn("the folder of logs cannot be read: " + error.message());
    return {};
}

base::Result<void> Store::count() {
    const std::string all = "logs/stream/";
    for (const auto& entry : TRY(dependencies_.keys->scan({.prefix = all}))) {
        // ACCOUNT/REGION/GROUP\nSTREAM; groups may have slashes.
        const std::string_view name = std::string_view(entry.key).substr(all.size());
        const size_t account = name.find('/'), region = name.find('/', account + 1), group = name.find('\n');
        const Writer writer =
            writer_of(std::string(name.substr(0, account)), std::string(name.substr(account + 1, region - account - 1)),
                      name.substr(region + 1, group - region - 1), name.substr(group + 1));
        (void)quota_.add_stream(writer.account, true);
        quota_.add(writer, size_of(TRY(found_in(entry.value)).file));
    }
    return {};
}

base::Result<void> Store::commit(const store::Batch& batch) {
    auto committed = dependencies_.keys->commit(batch);
    version_.fetch_add(1, std::memory_order_release);  // of what failed, too: the store may not know
    return committed;
}

base::Result<std::vector<std::pair<std::string, std::string>>> Store::group_names(const std::string& account) const {
    const std::string all = "logs/group/" + account + "/";
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& entry : TRY(dependencies_.keys->scan({.prefix = all}))) {
        const size_t slash = entry.key.find('/', all.size());
        found.emplace_back(entry.key.substr(all.size(), slash - all.size()), entry.key.substr(slash + 1));
    }
    return found;
}

base::Result<std::vector<std::string>> Store::stream_names(const Owner& owner, const std::string& group) const {
    const std::string all = stream_prefix(owner, group);
    std::vector<std::string> found;
    for (const auto& entry : TRY(dependencies_.keys->scan({.prefix = all}))) found.push_back(entry.key.substr(all.size()));
    return found;
}

std::string Store::path_of(const std::string& id) const {
    return dependencies_.folder + "/" + id.substr(0, 2) + "/" + id + ".log";
}

base::Result<Store::Found> Store::found_in(std::string_view record) const {
    auto json = TRY(text::parse_json(record));
    return Found{json["Created"].as_int(), path_of(json["Id"].as_string())};
}

base::Result<void> Store::create_group(const Owner& owner, const std::string& group) {
    std::string key = group_prefix(owner) + group;
    store::Batch batch;
    batch.expect(key, std::nullopt)
        .put(key, Json::object({{"Created", int64_t{dependencies_.clock->now().time_since_epoch().count()}}}).dump());
    auto stored = commit(batch);
    if (!stored && stored.error().code == base::code::Conflict)
        return base::fail(base::code::ResourceAlreadyExistsException, "The specified log group already exists");
    return stored;
}

base::Result<void> Store::require_group(const Owner& owner, const std::string& group) const {
    if (!TRY(dependencies_.keys->get(group_prefix(owner) + group))) return no_group();
    return {};
}

base::Result<void> Store::delete_group(const Owner& owner, const std::string& group) {
    std::string key = group_prefix(owner) + group;
    auto record = TRY(dependencies_.keys->get(key));
    if (!record) return no_group();
    std::vector<std::pair<std::string, std::string>> streams;  // name, file
    const std::string prefix = stream_prefix(owner, group);
    store::Batch batch;
    batch.expect(key, *record).erase(key);
    for (const auto& entry : TRY(dependencies_.keys->scan({.prefix = prefix}))) {
        streams.emplace_back(entry.key.substr(prefix.size()), TRY(found_in(entry.value)).file);
        batch.erase(entry.key);
    }
    TRY(commit(batch));
    for (const auto& [stream, file] : streams) drop_file(owner, group, stream, file);
    return {};
}

base::Result<std::vector<Group>> Store::groups(const Owner& owner, std::string_view prefix) const {
    std::string all = group_prefix(owner);
    std::vector<Group> found;
    for (const auto& entry : TRY(dependencies_.keys->scan({.prefix = all + std::string(prefix)}))) {
        Group group{entry.key.substr(all.size()), TRY(text::parse_json(entry.value))["Created"].as_int(), 0};
        for (const auto& stream : TRY(dependencies_.keys->scan({.prefix = stream_prefix(owner, group.name)}))) {
            std::error_code none;
            auto size = fs::file_size(TRY(found_in(stream.value)).file, none);
            if (!none) group.stored_bytes += size;
        }
        found.push_back(std::move(group));
    }
    return found;
}

void Store::drop_file(const Owner& owner, const std::string& group, const std::string& stream, const std::string& file) {
    const uint64_t size = size_of(file);
    // A writer that has it open sees that it has no name any more.
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) base::log_error("cannot remove " + file + ": " + std::strerror(errno));
    quota_.give_back(writer_of(owner.account, owner.region, group, stream), size);
    quota_.remove_stream(owner.account);
}

base::Result<void> Store::create_stream(const Owner& owner, const std::string& group, const std::string& stream) {
    if (!quota_.add_stream(owner.account)) {
        return base::fail(base::code::Throttling, "Rate exceeded: the account has the " +
                                                      std::to_string(quota_.limits().account_streams_max) +
                                                      " log streams that it may have");
    }
    auto made = make_stream(owner, group, stream);
    if (!made) quota_.remove_stream(owner.account);
    return made;
}

base::Result<void> Store::make_stream(const Owner& owner, const std::string& group, const std::string& stream) {
    auto record = TRY(dependencies_.keys->get(group_prefix(owner) + group));
    if (!record) return no_group();
    std::string key = stream_prefix(owner, group) + stream, id = dependencies_.random->hex(32);
    TRY(internal(os::make_folders(fs::path(path_of(id)).parent_path().string())));
    store::Batch batch;
    batch.expect(group_prefix(owner) + group, *record)
        .expect(key, std::nullopt)
        .put(key, Json::object({{"Created", int64_t{dependencies_.clock->now().time_since_epoch().count()}}, {"Id", id}}).dump());
    auto stored = commit(batch);
    if (!stored && stored.error().code == base::code::Conflict) {
        TRY(require_group(owner, group));
        return base::fail(base::code::ResourceAlreadyExistsException, "The specified log stream already exists");
    }
    return stored;
}

base::Result<void> Store::delete_stream(const Owner& owner, const std::string& group, const std::string& stream) {
    auto found = TRY(find(owner, group, stream));
    store::Batch batch;
    batch.erase(stream_prefix(owner, group) + stream);
    TRY(commit(batch));
    drop_file(owner, group, stream, found.file);
    return {};
}

base::Result<Store::Found> Store::find(const Owner& owner, const std::string& group, const std::string& stream) const {
    auto record = TRY(dependencies_.keys->get(stream_prefix(owner, group) + stream));
    if (record) return found_in(*record);
    TRY(require_group(owner, group));
    return no_stream();
}

base::Result<Stream> Store::stream(const Owner& owner, const std::string& group, const std::string& stream) const {
    auto found = TRY(find(owner, group, stream));
    return describe(stream, found.creation_time, found.file);
}

base::Result<std::vector<Stream>> Store::streams(const Owner& owner, const std::string& group, std::string_view prefix) const {
    TRY(require_group(owner, group));
    std::string all = stream_prefix(owner, group);
    std::vector<Stream> streams;
    for (const auto& entry : TRY(dependencies_.keys->scan({.prefix = all + std::string(prefix)}))) {
        auto found = TRY(found_in(entry.value));
        streams.push_back(describe(entry.key.substr(all.size()), found.creation_time, found.file));
    }
    return streams;
}

base::Result<void> Store::put(const Owner& owner, const std::string& group, const std::string& stream,
                              const std::vector<Event>& events) {
    auto found = TRY(find(owner, group, stream));
    std::string lines;
    for (const auto& event : events) lines += to_line(event);
    const Writer writer = writer_of(owner.account, owner.region, group, stream);
    switch (quota_.take(writer, lines.size(), dependencies_.clock->now())) {
        case Quota::Answer::granted:
            break;
        case Quota::Answer::too_fast:
            return base::fail(base::code::Throttling, "Rate exceeded");
        case Quota::Answer::full:
            return base::fail(base::code::Throttling,
                              "Rate exceeded: the logs hold as much as they may; delete streams that are not needed");
    }
    base::Lock lock(appending_[std::hash<std::string>{}(found.file) % appending_.size()]);
    auto done = append(found.file, lines);
    if (!done) quota_.give_back(writer, lines.size());
    return done;
}

base::Result<LogWriter> Store::start(const Owner& owner, const std::string& group, const std::string& stream) {
    // A worker's stream comes whatever the account has: there are no more of them than jobs have workers.
    for (bool is_stream : {false, true}) {
        auto made = is_stream ? make_stream(owner, group, stream) : create_group(owner, group);
        if (made && is_stream) (void)quota_.add_stream(owner.account, true);
        if (!made && made.error().code != base::code::ResourceAlreadyExistsException) return base::fail(std::move(made).error());
    }
    return LogWriter::open(TRY(find(owner, group, stream)).file, quota_, writer_of(owner.account, owner.region, group, stream));
}

base::Result<Page> Store::read(const Owner& owner, const std::string& group, const std::string& stream, uint64_t offset,
                               bool forward, const Range& range, size_t limit) const {
    auto found = TRY(find(owner, group, stream));
    std::ifstream file(found.file, std::ios::binary);
    Page page;
    page.begin = page.end = offset;
    std::string line;
    if (forward) {
        file.seekg(static_cast<std::streamoff>(offset));
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
    // Backward: all events before the offset, of which the last ones stay: a page of them is held.
    uint64_t at = 0;
    std::deque<Event> before;
    size_t bytes = 0;
    while (at < offset && std::getline(file, line) && !file.eof()) {
        auto event = parse_line(line, at);
        at += line.size() + 1;
        if (!event || !in_range(*event, range)) continue;
        bytes += event->message.size();
        before.push_back(std::move(*event));
        while (before.size() > limit || bytes - before.front().message.size() >= page_bytes_max) {
            bytes -= before.front().message.size();
            before.pop_front();
        }
    }
    page.end = std::min(at, offset);
    page.events.assign(std::make_move_iterator(before.begin()), std::make_move_iterator(before.end()));
    page.begin = page.events.empty() ? 0 : page.events.front().offset;
    return page;
}

}  // namespace logs
