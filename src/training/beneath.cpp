#include "training/beneath.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace training {
namespace {

class Descriptor {
public:
    explicit Descriptor(int value) : value_(value) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    [[nodiscard]] int get() const { return value_; }
    [[nodiscard]] bool ok() const { return value_ >= 0; }
    int release() { return std::exchange(value_, -1); }

private:
    int value_;
};

int open_inside(int root, const std::string& path, int flags) {
    open_how how{};
    how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
}

constexpr int depth_max = 64;
constexpr size_t files_max = 1'000'000;

void walk(int root, const std::string& folder, const std::string& below, int depth, std::vector<FoundFile>& found) {
    if (depth > depth_max || found.size() >= files_max) return;
    int opened = open_inside(root, folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
    if (opened < 0) return;
    DIR* directory = ::fdopendir(opened);
    if (directory == nullptr) {
        ::close(opened);
        return;
    }
    while (dirent* entry = ::readdir(directory)) {
        std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        struct stat info{};
        if (::fstatat(::dirfd(directory), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        std::string relative = below.empty() ? name : below + "/" + name;
        if (S_ISDIR(info.st_mode)) {
            walk(root, folder.empty() ? name : folder + "/" + name, relative, depth + 1, found);
        } else if (S_ISREG(info.st_mode)) {
            found.push_back({relative, static_cast<uint64_t>(info.st_size),
                             int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec, false, ""});
        } else if (S_ISLNK(info.st_mode)) {
            std::string target(4096, '\0');
            ssize_t length = ::readlinkat(::dirfd(directory), name.c_str(), target.data(), target.size());
            if (length < 0) continue;
            target.resize(static_cast<size_t>(length));
            found.push_back({relative, 0, 0, true, target});
        }
    }
    ::closedir(directory);
}

}  // namespace

std::vector<FoundFile> files_beneath(const std::string& root, const std::string& folder) {
    std::vector<FoundFile> found;
    Descriptor top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (top.ok()) walk(top.get(), folder, "", 0, found);
    std::sort(found.begin(), found.end(), [](const FoundFile& a, const FoundFile& b) { return a.path < b.path; });
    return found;
}

base::Result<int> open_beneath(const std::string& root, const std::string& path) {
    Descriptor top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    Descriptor file(top.ok() ? open_inside(top.get(), path, O_RDONLY | O_NONBLOCK) : -1);
    struct stat info{};
    if (!file.ok() || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return base::fail("NotAFile", path + " is not a regular file of the worker");
    }
    return file.release();
}

std::string read_beneath(const std::string& root, const std::string& path, size_t most) {
    auto opened = open_beneath(root, path);
    if (!opened) return "";
    Descriptor file(*opened);
    std::string content(most, '\0');
    size_t got = 0;
    while (got < most) {
        ssize_t count = ::read(file.get(), content.data() + got, most - got);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        got += static_cast<size_t>(count);
    }
    content.resize(got);
    return content;
}

base::Result<void> copy_beneath(const std::string& root, const std::string& path, const std::string& to) {
    Descriptor from(TRY(open_beneath(root, path)));
    Descriptor into(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!into.ok()) return base::fail("InternalError", "cannot write " + to + ": " + std::strerror(errno));
    std::string buffer(256 * 1024, '\0');
    for (;;) {
        ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return base::fail("InternalError", "cannot read " + path + ": " + std::strerror(errno));
        if (count == 0) return {};
        for (ssize_t done = 0; done < count;) {
            ssize_t written = ::write(into.get(), buffer.data() + done, static_cast<size_t>(count - done));
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return base::fail("InternalError", "cannot write " + to + ": " + std::strerror(errno));
            done += written;
        }
    }
}

namespace {

// The folder that holds `path`, opened beneath the root; `name` gets the last part.
int open_parent(const std::string& root, const std::string& path, std::string& name) {
    Descriptor top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto slash = path.rfind('/');
    name = slash == std::string::npos ? path : path.substr(slash + 1);
    return top.ok() ? open_inside(top.get(), slash == std::string::npos ? "." : path.substr(0, slash), O_PATH | O_DIRECTORY) : -1;
}

}  // namespace

base::Result<int> make_fifo_beneath(const std::string& root, const std::string& path) {
    std::string name;
    Descriptor parent(open_parent(root, path, name));
    if (!parent.ok() || ::mkfifoat(parent.get(), name.c_str(), 0644) != 0)
        return base::fail("InternalError", "cannot make the named pipe " + path + ": " + std::strerror(errno));
    Descriptor fifo(open_inside(parent.get(), name, O_PATH | O_NOFOLLOW));
    struct stat info{};
    if (!fifo.ok() || ::fstat(fifo.get(), &info) != 0 || !S_ISFIFO(info.st_mode))
        return base::fail("InternalError", "the named pipe " + path + " was replaced");
    // Whatever the umask is: the worker may be another user.
    if (::chmod(("/proc/self/fd/" + std::to_string(fifo.get())).c_str(), 0644) != 0)
        return base::fail("InternalError", "cannot open up the named pipe " + path + ": " + std::strerror(errno));
    return fifo.release();
}

void remove_beneath(const std::string& root, const std::string& path) {
    std::string name;
    Descriptor parent(open_parent(root, path, name));
    if (parent.ok()) ::unlinkat(parent.get(), name.c_str(), 0);
}

}  // namespace training
