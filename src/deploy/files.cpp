#include "deploy/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

namespace deploy {

namespace {

std::unexpected<base::Error> failed(const std::string& what, const std::filesystem::path& path) {
    return base::fail("FileError", "cannot " + what + " " + path.string() + ": " + std::strerror(errno));
}

// A name of our own: a stack is locked, so one process writes it.
std::filesystem::path beside(const std::filesystem::path& path) {
    return path.string() + "." + std::to_string(::getpid()) + ".new";
}

bool write_all(int file, std::string_view content) {
    while (!content.empty()) {
        const ssize_t written = ::write(file, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        content.remove_prefix(static_cast<size_t>(written));
    }
    return true;
}

// What was made or renamed in it is on disk.
base::Result<void> sync_folder(const std::filesystem::path& path) {
    const int folder = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return failed("open", path);
    const bool synced = ::fsync(folder) == 0;
    ::close(folder);
    if (!synced) return failed("sync", path);
    return {};
}

}  // namespace

base::Result<std::string> read_whole(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return failed("read", path);
    std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file.bad()) return failed("read", path);
    return content;
}

base::Result<void> replace_whole(const std::filesystem::path& path, std::string_view content, int mode) {
    const std::filesystem::path fresh = beside(path);
    const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (file < 0) return failed("write", fresh);
    const bool written = write_all(file, content) && ::fsync(file) == 0;
    if (::close(file) != 0 || !written) {
        ::unlink(fresh.c_str());
        return failed("write", fresh);
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("replace", path);
    return sync_folder(path.parent_path());
}

base::Result<void> make_folders(const std::filesystem::path& folder) {
    std::error_code error;
    std::vector<std::filesystem::path> above;  // of each folder that is made here
    for (auto missing = std::filesystem::absolute(folder, error); !error && !std::filesystem::exists(missing, error);
         missing = missing.parent_path())
        above.push_back(missing.parent_path());
    if (!error) std::filesystem::create_directories(folder, error);
    if (error) return base::fail("FileError", "cannot make " + folder.string() + ": " + error.message());
    for (const auto& one : above) TRY(sync_folder(one));
    return {};
}

}  // namespace deploy
