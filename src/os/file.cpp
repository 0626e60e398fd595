#include "os/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/error_codes.hpp"

namespace os {

namespace fs = std::filesystem;

namespace {

constexpr size_t piece_bytes = 64 * 1024;

int system_open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }

base::Result<void> write_with(const FileCalls& calls, int descriptor, std::string_view bytes, std::string_view path) {
    while (!bytes.empty()) {
        const ssize_t written = calls.write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return base::fail(file_error("write", path, errno));
        bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
}

// A name of this call's own: other processes and threads may replace the same file.
std::string name_beside(const std::string& path) {
    static std::atomic<unsigned> count = 0;
    return path + "." + std::to_string(::getpid()) + "." + std::to_string(++count) + ".new";
}

// Writes `path` anew; errors name `shown`, the file that its caller knows.
base::Result<void> write_new(const FileCalls& calls, const std::string& path, const std::string& shown, std::string_view content,
                             mode_t mode) {
    const int file = calls.open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (file < 0) return base::fail(file_error("write", shown, errno));
    // The mode that was asked for, whatever the umask is.
    base::Result<void> done;
    if (calls.set_mode(file, mode) != 0)
        done = base::fail(file_error("write", shown, errno));
    else
        done = write_with(calls, file, content, shown);
    if (done && calls.sync(file) != 0) done = base::fail(file_error("sync", shown, errno));
    // Network file systems tell some failures only here.
    if (calls.close(file) != 0 && done) done = base::fail(file_error("write", shown, errno));
    return done;
}

}  // namespace

const FileCalls system_file_calls = {system_open, ::fchmod, ::write, ::fsync, ::close, ::rename};

base::Error file_error(std::string_view what, std::string_view path, int number) {
    const char* code = "FileError";
    if (number == ENOENT || number == ENOTDIR) code = "FileNotFound";
    if (number == ENOSPC || number == EDQUOT) code = "DiskFull";
    return {code, "cannot " + std::string(what) + " `" + std::string(path) + "`: " + std::strerror(number)};
}

base::Result<Descriptor> open_file(const std::string& path, int flags, mode_t mode, std::string_view what) {
    Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (!file.is_open()) return base::fail(file_error(what, path, errno));
    return file;
}

base::Result<std::string> read_file(const std::string& path, size_t bytes_max) {
    const Descriptor file = TRY(open_file(path, O_RDONLY, 0, "read"));
    std::string content;
    struct stat facts{};
    if (::fstat(file.number(), &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0 &&
        static_cast<uint64_t>(facts.st_size) <= bytes_max)
        content.reserve(static_cast<size_t>(facts.st_size) + 1);
    while (true) {
        const size_t before = content.size();
        const size_t room = std::max(piece_bytes, content.capacity() - before);
        content.resize(before + room);
        const ssize_t count = ::read(file.number(), content.data() + before, room);
        const int number = errno;
        content.resize(before + static_cast<size_t>(count > 0 ? count : 0));
        if (count < 0 && number == EINTR) continue;
        if (count < 0) return base::fail(file_error("read", path, number));
        if (content.size() > bytes_max)
            return base::fail(base::code::FileTooLarge, "`" + path + "` has more than " + std::to_string(bytes_max) + " bytes");
        if (count == 0) return content;
    }
}

base::Result<void> write_all(int descriptor, std::string_view bytes, std::string_view path) {
    return write_with(system_file_calls, descriptor, bytes, path);
}

base::Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode, const FileCalls& calls) {
    const std::string fresh = name_beside(path);
    base::Result<void> done = write_new(calls, fresh, path, content, mode);
    if (done && calls.rename(fresh.c_str(), path.c_str()) != 0) done = base::fail(file_error("replace", path, errno));
    if (!done) {
        ::unlink(fresh.c_str());
        return done;
    }
    return sync_folder(fs::path(path).parent_path().string(), calls);
}

base::Result<void> sync_folder(const std::string& path, const FileCalls& calls) {
    const std::string name = path.empty() ? "." : path;
    const int folder = calls.open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (folder < 0) return base::fail(file_error("open the folder", name, errno));
    const bool synced = calls.sync(folder) == 0;
    const int number = errno;
    (void)calls.close(folder);  // read only: nothing is left to be written
    if (!synced) return base::fail(file_error("sync the folder", name, number));
    return {};
}

base::Result<void> make_folders(const std::string& path) {
    std::error_code error;
    fs::path at = fs::absolute(path, error).lexically_normal();
    if (!at.has_filename()) at = at.parent_path();
    std::vector<fs::path> above;  // of each folder that is made here
    for (fs::path missing = at; !error && !fs::exists(missing, error) && missing.has_relative_path();
         missing = missing.parent_path())
        above.push_back(missing.parent_path());
    if (!error) fs::create_directories(at, error);
    if (error) return base::fail(file_error("make the folder", path, error.value()));
    for (const auto& folder : above) TRY(sync_folder(folder.string()));
    return {};
}

}  // namespace os
