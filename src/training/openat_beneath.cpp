#include "training/openat_beneath.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error_codes.hpp"
#include "sandbox/volume.hpp"
#include "training/limits.hpp"

namespace training {
namespace {

// A path may be longer than the kernel takes at once: it is walked in pieces, each of them beneath the one before.
constexpr size_t piece_bytes_max = 3072;

int open_inside(int root, std::string_view path, int flags) {
    open_how how{};
    how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    if (path.size() <= piece_bytes_max)
        return static_cast<int>(::syscall(SYS_openat2, root, std::string(path).c_str(), &how, sizeof how));
    const size_t slash = path.rfind('/', piece_bytes_max);
    if (slash == std::string_view::npos) {
        errno = ENAMETOOLONG;
        return -1;
    }
    const os::Descriptor way(open_inside(root, path.substr(0, slash), O_PATH | O_DIRECTORY));
    return way.is_open() ? open_inside(way.number(), path.substr(slash + 1), flags) : -1;
}

// Also what its owner may not read: a server that is not root owns what its workers write.
int open_readable(int root, std::string_view path, int flags) {
    const int opened = open_inside(root, path, flags);
    if (opened >= 0 || errno != EACCES) return opened;
    const os::Descriptor named(open_inside(root, path, O_PATH | O_NOFOLLOW));
    struct stat info{};
    if (!named.is_open() || ::fstat(named.number(), &info) != 0) return -1;
    const mode_t wanted = info.st_mode | (S_ISDIR(info.st_mode) ? S_IRWXU : S_IRUSR);
    if (::chmod(("/proc/self/fd/" + std::to_string(named.number())).c_str(), wanted & 07777) != 0) return -1;
    return open_inside(root, path, flags);
}

struct Entry {
    std::string name;
    struct stat info{};
    std::string link;
};

// What a folder holds; no descriptor stays open. False: it cannot be read; errno says why.
bool read_folder(int root, const std::string& folder, std::vector<Entry>& entries, const std::function<bool()>& cancelled) {
    const int opened = open_readable(root, folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
    if (opened < 0) return false;
    DIR* directory = ::fdopendir(opened);
    if (directory == nullptr) {
        ::close(opened);
        return false;
    }
    while (const dirent* found = cancelled && cancelled() ? nullptr : ::readdir(directory)) {
        Entry entry{found->d_name, {}, ""};
        if (entry.name == "." || entry.name == ".." || entries.size() > artifact_files_max) continue;
        if (::fstatat(::dirfd(directory), entry.name.c_str(), &entry.info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISLNK(entry.info.st_mode)) {
            entry.link.resize(PATH_MAX);
            const ssize_t length = ::readlinkat(::dirfd(directory), entry.name.c_str(), entry.link.data(), entry.link.size());
            if (length < 0) continue;
            entry.link.resize(static_cast<size_t>(length));
        }
        entries.push_back(std::move(entry));
    }
    ::closedir(directory);
    return true;
}

class Walk {
public:
    Walk(int root, const std::function<bool()>& cancelled) : root_(root), cancelled_(cancelled) {}

    void run(const std::string& folder, const std::string& below, size_t depth) {
        std::vector<Entry> entries;
        if (!read_folder(root_, folder, entries, cancelled_)) {
            // A worker may remove the folder itself, or put a link in its place: then there is none.
            const bool none = depth == 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR || errno == EXDEV);
            if (!none) unread((below.empty() ? "the folder" : below) + ": " + std::strerror(errno));
            return;
        }
        if (depth == 0) listing_.is_folder = true;
        if (entries.empty() && depth > 0) {
            FoundFile found;
            found.path = below;
            found.is_folder = true;
            take(std::move(found));
        }
        for (auto& entry : entries) {
            if (full_ || (cancelled_ && cancelled_())) return;
            std::string path = below.empty() ? entry.name : below + "/" + entry.name;
            if (S_ISDIR(entry.info.st_mode)) {
                if (depth == artifact_depth_max) {
                    unread(path.substr(0, 100) + "…: more than " + std::to_string(artifact_depth_max) + " folders deep");
                } else {
                    run(folder.empty() ? entry.name : folder + "/" + entry.name, path, depth + 1);
                }
            } else if (S_ISREG(entry.info.st_mode) || S_ISLNK(entry.info.st_mode)) {
                FoundFile found;
                found.path = std::move(path);
                found.is_link = S_ISLNK(entry.info.st_mode);
                found.link = std::move(entry.link);
                if (!found.is_link) found.size = static_cast<uint64_t>(entry.info.st_size);
                found.modified = int64_t{entry.info.st_mtim.tv_sec} * 1'000'000'000 + entry.info.st_mtim.tv_nsec;
                found.is_executable = (entry.info.st_mode & 0111) != 0;
                found.inode = entry.info.st_ino;
                found.device = entry.info.st_dev;
                found.names = entry.info.st_nlink;
                take(std::move(found));
            } else if (listing_.special.size() < reported_files_max) {
                listing_.special.push_back(std::move(path));
            }
        }
    }

    Listing finish() {
        std::sort(listing_.files.begin(), listing_.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
        return std::move(listing_);
    }

private:
    void unread(std::string what) {
        if (listing_.unread.size() < reported_files_max) listing_.unread.push_back(std::move(what));
    }

    void take(FoundFile found) {
        names_bytes_ += found.path.size() + found.link.size();
        if (listing_.files.size() < artifact_files_max && names_bytes_ <= artifact_names_bytes_max) {
            listing_.files.push_back(std::move(found));
            return;
        }
        if (!std::exchange(full_, true))
            unread("more than " + std::to_string(artifact_files_max) + " files, or names of more than " +
                   std::to_string(artifact_names_bytes_max >> 20) + " MiB together");
    }

    int root_;
    Listing listing_;
    size_t names_bytes_ = 0;
    const std::function<bool()>& cancelled_;
    bool full_ = false;
};

}  // namespace

Listing files_beneath(const std::string& root, const std::string& folder, const std::function<bool()>& cancelled) {
    const os::Descriptor top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!top.is_open()) {
        Listing listing;
        if (errno != ENOENT) listing.unread.push_back(std::string("the folder: ") + std::strerror(errno));
        return listing;
    }
    Walk walk(top.number(), cancelled);
    walk.run(folder, "", 0);
    return walk.finish();
}

base::Result<os::Descriptor> open_beneath(const std::string& root, const std::string& path) {
    const os::Descriptor top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    os::Descriptor file(top.is_open() ? open_readable(top.number(), path, O_RDONLY | O_NONBLOCK) : -1);
    struct stat info{};
    if (!file.is_open() || ::fstat(file.number(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return base::fail(base::code::NotAFile, path + " is not a regular file of the worker");
    }
    return file;
}

std::string read_beneath(const std::string& root, const std::string& path, size_t most) {
    auto opened = open_beneath(root, path);
    if (!opened) return "";
    std::string content(most, '\0');
    size_t got = 0;
    while (got < most) {
        ssize_t count = ::read(opened->number(), content.data() + got, most - got);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        got += static_cast<size_t>(count);
    }
    content.resize(got);
    return content;
}

namespace {

// The first stretch of data at or after `at`; none: only a hole is left.
std::optional<Extent> extent_after(int descriptor, uint64_t at, uint64_t size) {
    if (at >= size) return std::nullopt;
    const off_t data = ::lseek(descriptor, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return std::nullopt;
    if (data < 0) return Extent{at, size - at};  // a file system that knows no holes
    const off_t hole = ::lseek(descriptor, data, SEEK_HOLE);
    const uint64_t end = hole < 0 ? size : std::min<uint64_t>(size, static_cast<uint64_t>(hole));
    const auto begin = static_cast<uint64_t>(data);
    if (begin >= size || end <= begin) return std::nullopt;
    return Extent{begin, end - begin};
}

// Adds one at the end; if it is no further than `apart` from the last, as a part of that.
void append(Extents& extents, const Extent& next, uint64_t apart) {
    auto& list = extents.list;
    if (list.empty() || next.offset - (list.back().offset + list.back().size) >= apart) {
        list.push_back(next);
        return;
    }
    extents.holes += next.offset - (list.back().offset + list.back().size);
    list.back().size = next.offset + next.size - list.back().offset;
}

}  // namespace

Extents extents_of(int descriptor, uint64_t size) {
    Extents found;
    uint64_t apart = 64 * 1024;
    for (uint64_t at = 0; const auto next = extent_after(descriptor, at, size);) {
        at = next->offset + next->size;
        append(found, *next, apart);
        while (found.list.size() > sparse_extents_max) {
            apart *= 8;
            Extents fewer{{}, found.holes};
            for (const auto& extent : found.list) append(fewer, extent, apart);
            found = std::move(fewer);
        }
        if (found.holes > holes_bytes_max) break;
    }
    return found;
}

uint64_t holes_of(int descriptor, uint64_t size) {
    uint64_t holes = 0, at = 0;
    while (const auto next = extent_after(descriptor, at, size)) {
        holes += next->offset - at;
        at = next->offset + next->size;
        if (holes > holes_bytes_max) return holes;
    }
    return holes + (size - std::min(at, size));
}

bool is_open_for_writing(int descriptor) {
    // The kernel gives nobody a lease for reading on a file that somebody has open for writing. Who opens it in the moment that
    // the lease lasts waits for it, and its holder is told by a signal: one that does nothing.
    ::fcntl(descriptor, F_SETSIG, SIGURG);
    if (::fcntl(descriptor, F_SETLEASE, F_RDLCK) == 0) {
        ::fcntl(descriptor, F_SETLEASE, F_UNLCK);
        return false;
    }
    return errno == EAGAIN;
}

base::Result<void> copy_beneath(const std::string& root, const std::string& path, const std::string& to,
                                const std::function<bool()>& cancelled) {
    const os::Descriptor from(TRY(open_beneath(root, path)));
    const os::Descriptor into(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!into.is_open()) return base::fail(base::code::InternalError, "cannot write " + to + ": " + std::strerror(errno));
    struct stat info{};
    if (::fstat(from.number(), &info) != 0 || ::ftruncate(into.number(), info.st_size) != 0)
        return base::fail(base::code::InternalError, "cannot copy " + path + ": " + std::strerror(errno));
    std::string buffer(256 * 1024, '\0');
    const auto size = static_cast<uint64_t>(info.st_size);
    for (uint64_t at = 0; const auto extent = extent_after(from.number(), at, size); at = extent->offset + extent->size) {
        for (uint64_t done = 0; done < extent->size;) {
            if (cancelled()) return base::fail(base::code::Cancelled, "the job was stopped");
            const size_t wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), extent->size - done));
            const ssize_t count = ::pread(from.number(), buffer.data(), wanted, static_cast<off_t>(extent->offset + done));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return base::fail(base::code::InternalError, "cannot read " + path + ": " + std::strerror(errno));
            if (count == 0) break;  // cut short meanwhile
            for (ssize_t written = 0; written < count;) {
                const ssize_t part = ::pwrite(into.number(), buffer.data() + written, static_cast<size_t>(count - written),
                                              static_cast<off_t>(extent->offset + done) + written);
                if (part < 0 && errno == EINTR) continue;
                if (part < 0) {
                    const char* code = errno == ENOSPC || errno == EDQUOT ? sandbox::disk_full : base::code::InternalError;
                    return base::fail(code, "cannot write " + to + ": " + std::strerror(errno));
                }
                written += part;
            }
            done += static_cast<uint64_t>(count);
        }
    }
    return {};
}

namespace {

// The folder that holds `path`, opened beneath the root; `name` gets the last part.
int open_parent(const std::string& root, const std::string& path, std::string& name) {
    os::Descriptor top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto slash = path.rfind('/');
    name = slash == std::string::npos ? path : path.substr(slash + 1);
    return top.is_open()
               ? open_inside(top.number(), slash == std::string::npos ? "." : path.substr(0, slash), O_PATH | O_DIRECTORY)
               : -1;
}

}  // namespace

base::Result<os::Descriptor> make_fifo_beneath(const std::string& root, const std::string& path) {
    std::string name;
    os::Descriptor parent(open_parent(root, path, name));
    if (!parent.is_open() || ::mkfifoat(parent.number(), name.c_str(), 0644) != 0)
        return base::fail(base::code::InternalError, "cannot make the named pipe " + path + ": " + std::strerror(errno));
    os::Descriptor fifo(open_inside(parent.number(), name, O_PATH | O_NOFOLLOW));
    struct stat info{};
    if (!fifo.is_open() || ::fstat(fifo.number(), &info) != 0 || !S_ISFIFO(info.st_mode))
        return base::fail(base::code::InternalError, "the named pipe " + path + " was replaced");
    // Whatever the umask is: the worker may be another user.
    if (::chmod(("/proc/self/fd/" + std::to_string(fifo.number())).c_str(), 0644) != 0)
        return base::fail(base::code::InternalError, "cannot open up the named pipe " + path + ": " + std::strerror(errno));
    return fifo;
}

void remove_beneath(const std::string& root, const std::string& path) {
    std::string name;
    os::Descriptor parent(open_parent(root, path, name));
    if (parent.is_open()) ::unlinkat(parent.number(), name.c_str(), 0);
}

namespace {

// Of a folder that may have become a link meanwhile: what a link points at is never changed.
void allow_all(int parent, const std::string& name) {
    const os::Descriptor folder(::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (folder.is_open())
        (void)::chmod(("/proc/self/fd/" + std::to_string(folder.number())).c_str(), 0700);  // Whoever may not fails next.
}

// Moves every folder inside of `folder` up into `top` and removes the rest, so that nothing gets deeper than two folders and no
// path is longer than a name.
bool flatten(int top, const std::string& folder, uint64_t& moved) {
    allow_all(top, folder);
    const int opened = ::openat(top, folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (opened < 0) return false;
    DIR* directory = ::fdopendir(opened);
    if (directory == nullptr) {
        ::close(opened);
        return false;
    }
    bool good = true;
    while (const dirent* entry = ::readdir(directory)) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (::unlinkat(opened, name.c_str(), 0) == 0) continue;
        if (errno != EISDIR && errno != EPERM) {
            good = false;
            continue;
        }
        allow_all(opened, name);  // A folder is moved by who may write into it.
        int failed = EEXIST;
        // A removal that was cut short may have left such names.
        while (failed == EEXIST || failed == ENOTEMPTY || failed == ENOTDIR) {
            const std::string up = "removed-" + std::to_string(++moved);
            failed = ::renameat(opened, name.c_str(), top, up.c_str()) == 0 ? 0 : errno;
        }
        good = good && failed == 0;
    }
    ::closedir(directory);
    return ::unlinkat(top, folder.c_str(), AT_REMOVEDIR) == 0 && good;
}

}  // namespace

base::Result<void> remove_folder(const std::string& folder) {
    const os::Descriptor top(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!top.is_open() && errno == ENOENT) return {};
    if (!top.is_open()) return base::fail(base::code::InternalError, folder + " remains: " + std::strerror(errno));
    uint64_t moved = 0;
    for (bool found = true; found;) {
        found = false;
        const int again = ::openat(top.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR* directory = again < 0 ? nullptr : ::fdopendir(again);
        if (directory == nullptr) return base::fail(base::code::InternalError, folder + " remains: " + std::strerror(errno));
        std::string trouble;
        while (const dirent* entry = ::readdir(directory)) {
            const std::string name = entry->d_name;
            if (name == "." || name == "..") continue;
            found = true;
            if (::unlinkat(top.number(), name.c_str(), 0) == 0) continue;
            if (!flatten(top.number(), name, moved)) trouble = name + ": " + std::strerror(errno);
        }
        ::closedir(directory);
        if (!trouble.empty()) return base::fail(base::code::InternalError, folder + " remains: " + trouble);
    }
    if (::rmdir(folder.c_str()) != 0) return base::fail(base::code::InternalError, folder + " remains: " + std::strerror(errno));
    return {};
}

}  // namespace training
