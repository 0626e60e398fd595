// A disk that fails: preloaded into a server (LD_PRELOAD), it stands in front of the system's calls about files below one folder,
// counts them, and makes one of them, or all from one on, fail as a plan says. tests/crash/faults.py writes the plan and reads what
// happened, in memory that both have mapped ($TRAINWARDEN_FAULTS names the file), so that one server goes through many faults.
//
// Libraries call the system through the C library as the program does, so RocksDB's calls are seen. What stdio does inside of the
// C library is not, but for opening.
//
// A sync that failed has lost what was written since the one before: the kernel has dropped it or will not write it again. A later
// sync that succeeds says nothing about those bytes, unless they were written once more or cut off; such syncs are counted (`syncs_again`).
#undef _FORTIFY_SOURCE  // it defines what is defined here
#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "power_journal.hpp"

namespace {

constexpr size_t text_bytes = 512;
constexpr size_t traced_bytes = 256;
constexpr size_t traced_max = 16384;

enum Mode : uint64_t { count_only = 0, fail_once = 1, fail_from_then_on = 2 };

// The plan and what came of it; faults.py has the same offsets.
struct Shared {
    std::atomic<uint64_t> mode;
    std::atomic<int64_t> error;  // errno; 0: no error, with short_bytes
    std::atomic<uint64_t> nth;   // of the calls that match, from 1
    std::atomic<uint64_t>
        short_write;               // the write takes this part of its bytes (one in so many); with an error the next one fails
    std::atomic<uint64_t> count;   // calls that matched
    std::atomic<uint64_t> fired;   // … and failed, or were short
    std::atomic<uint64_t> traced;  // entries; more are not kept
    std::atomic<uint64_t> syncs_again;
    std::atomic<uint64_t> traces;  // whether calls are traced
    char unused[56];
    char root[text_bytes];     // of all paths
    char pattern[text_bytes];  // fnmatch(3) of the path below the root; empty: all
    char calls[text_bytes];    // names, each between commas; empty: all
    char fired_at[text_bytes];
    char synced_again[text_bytes];
    char more[1408];
    char trace[traced_max][traced_bytes];
};
static_assert(offsetof(Shared, root) == 128 && offsetof(Shared, trace) == 4096);

Shared* shared = nullptr;

struct Inode {
    dev_t device;
    ino_t number;
    auto operator<=>(const Inode&) const = default;
};

struct Range {
    off_t from = 0, to = 0;
    [[nodiscard]] bool is_empty() const { return from >= to; }
};

// What of a file is not synced, and what a sync has lost.
struct Unsafe {
    Range written, lost;
};

std::mutex& mutex() {
    static auto* const one = new std::mutex;  // outlives everything: threads of the server end after main
    return *one;
}
std::map<Inode, Unsafe>& files() {
    static auto* const all = new std::map<Inode, Unsafe>;
    return *all;
}

power::Journal& journal() {
    static auto* const one = new power::Journal;
    return *one;
}

// errno stays as it was.
class KeepErrno {
public:
    KeepErrno() : number_(errno) {}
    ~KeepErrno() { errno = number_; }
    KeepErrno(const KeepErrno&) = delete;
    KeepErrno& operator=(const KeepErrno&) = delete;

private:
    int number_;
};

bool is_file(int file, Inode& inode) {
    struct stat facts{};
    if (::fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
    inode = {facts.st_dev, facts.st_ino};
    return true;
}

// `at`: -1 for where the descriptor stands behind the write.
void wrote(int file, off_t at, ssize_t bytes) {
    if (bytes <= 0) return;
    const KeepErrno keep;
    Inode inode{};
    if (!is_file(file, inode)) return;
    const off_t to = at >= 0 ? at + bytes : ::lseek(file, 0, SEEK_CUR);
    const off_t from = to - bytes;
    const std::lock_guard lock(mutex());
    auto& [written, lost] = files()[inode];
    written = written.is_empty() ? Range{from, to} : Range{std::min(from, written.from), std::max(to, written.to)};
    if (!lost.is_empty() && from <= lost.from) lost.from = std::max(lost.from, to);
}

void cut(const Inode& inode, off_t size) {
    const std::lock_guard lock(mutex());
    const auto found = files().find(inode);
    if (found == files().end()) return;
    for (Range* range : {&found->second.written, &found->second.lost}) range->to = std::min(range->to, size);
}
std::atomic<ino_t> full_file = 0;  // of a write that was short: the next one fails

[[gnu::constructor]] void begin() {
    const char* path = std::getenv("TRAINWARDEN_FAULTS");
    if (path == nullptr) return;
    const int file = ::open(path, O_RDWR | O_CLOEXEC);
    void* memory = file < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) {
        std::perror("TRAINWARDEN_FAULTS");
        std::abort();
    }
    ::close(file);
    journal().open(reinterpret_cast<power::Journal::Read>(::dlsym(RTLD_NEXT, "pread64")),
                   reinterpret_cast<power::Journal::Write>(::dlsym(RTLD_NEXT, "write")), static_cast<Shared*>(memory)->root);
    shared = static_cast<Shared*>(memory);
    // The server's children run on a disk that is well.
    ::unsetenv("LD_PRELOAD");
    ::unsetenv("TRAINWARDEN_FAULTS");
}

// The next function of that name: the C library's.
template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

std::string path_of(int file) {
    char name[64];
    std::snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    char path[PATH_MAX];
    const ssize_t length = ::readlink(name, path, sizeof path);
    return length < 0 ? std::string() : std::string(path, static_cast<size_t>(length));
}

std::string path_of(int folder, const char* path) {
    if (path == nullptr) return {};
    if (path[0] == '/') return path;
    if (folder != AT_FDCWD) return path_of(folder) + "/" + path;
    char here[PATH_MAX];
    return ::getcwd(here, sizeof here) == nullptr ? std::string(path) : std::string(here) + "/" + path;
}

enum class Fault : uint8_t { none, error, short_write };

bool may_be_full(std::string_view call) {
    for (const std::string_view never : {"unlink", "rmdir", "read", "sync_file_range", "sendfile", "close"})
        if (call == never) return false;
    return true;
}

// What is to become of this call. errno is set if it is to fail.
Fault fault_of(std::string_view call, const std::string& path, bool makes_something = true, size_t bytes = 0) {
    if (shared == nullptr) return Fault::none;
    // RocksDB tries it once to find out whether the file system has it, and an assertion of Debian's build takes no other error than ENOSYS.
    if (call == "sync_file_range") return Fault::none;
    const std::string_view root = shared->root;
    if (root.empty() || !path.starts_with(root)) return Fault::none;
    const char* below = path.c_str() + root.size();
    const auto error = static_cast<int>(shared->error.load());
    const bool of_space = error == ENOSPC || error == EDQUOT;
    if (of_space && (!makes_something || !may_be_full(call))) return Fault::none;
    if (shared->short_write != 0 && bytes < 2) return Fault::none;
    if (shared->calls[0] != 0 && std::string_view(shared->calls).find("," + std::string(call) + ",") == std::string_view::npos)
        return Fault::none;
    if (shared->pattern[0] != 0 && ::fnmatch(shared->pattern, below, 0) != 0) return Fault::none;
    const uint64_t number = ++shared->count;
    if (shared->traces != 0) {
        const uint64_t at = shared->traced++;
        if (at < traced_max)
            std::snprintf(shared->trace[at], traced_bytes, "%.*s %s", static_cast<int>(call.size()), call.data(), below);
    }
    const uint64_t mode = shared->mode;
    if (mode == count_only || number < shared->nth || (mode == fail_once && number > shared->nth)) return Fault::none;
    ++shared->fired;
    std::snprintf(shared->fired_at, text_bytes, "%.*s %s", static_cast<int>(call.size()), call.data(), below);
    if (shared->short_write != 0) return Fault::short_write;
    errno = error;
    return Fault::error;
}

bool is_to_fail(std::string_view call, const std::string& path, bool makes_something = true) {
    return fault_of(call, path, makes_something) == Fault::error;
}

ino_t inode_of(int file) {
    struct stat facts{};
    return ::fstat(file, &facts) == 0 ? facts.st_ino : 0;
}

// Writes all of it, a part of it, or nothing, by `write(bytes)`.
template <class Write>
ssize_t write_by(const char* call, int file, size_t bytes, const Write& really_write, off_t at = -1) {
    if (shared == nullptr) return really_write(bytes);
    const auto write = [&](size_t most) {
        if (const KeepErrno keep; true) journal().write_begins(file, path_of(file), at, most);
        const ssize_t written = really_write(most);
        wrote(file, at, written);
        return written;
    };
    if (full_file != 0 && full_file == inode_of(file)) {
        full_file = 0;
        errno = static_cast<int>(shared->error.load());
        return -1;
    }
    switch (fault_of(call, path_of(file), true, bytes)) {
        case Fault::error:
            return -1;
        case Fault::short_write:
            if (shared->error != 0) full_file = inode_of(file);
            return write(std::max<size_t>(1, bytes / std::max<uint64_t>(2, shared->short_write)));
        case Fault::none:
            break;
    }
    return write(bytes);
}

template <class Sync>
int sync_by(const char* call, int file, const Sync& sync) {
    if (shared == nullptr) return sync();
    const std::string path = path_of(file);
    Inode inode{};
    const bool known = is_file(file, inode);
    if (is_to_fail(call, path)) {
        const KeepErrno keep;
        const std::lock_guard lock(mutex());
        if (known) {
            auto& [written, lost] = files()[inode];
            if (!written.is_empty()) lost = written;
            written = {};
        }
        return -1;
    }
    if (known) {
        const std::lock_guard lock(mutex());
        auto& [written, lost] = files()[inode];
        written = {};
        if (!lost.is_empty()) {
            ++shared->syncs_again;
            std::snprintf(shared->synced_again, text_bytes, "%s: %lld to %lld", path.c_str(), static_cast<long long>(lost.from),
                          static_cast<long long>(lost.to));
        }
    }
    const uint64_t began = journal().sync_begins(file, path);
    const int done = sync();
    if (done == 0) journal().synced(began);
    return done;
}

// A file that is gone takes its number with it.
void forget(const std::string& path) {
    struct stat facts{};
    if (shared == nullptr || ::lstat(path.c_str(), &facts) != 0 || facts.st_nlink > 1) return;
    const std::lock_guard lock(mutex());
    files().erase(Inode{facts.st_dev, facts.st_ino});
}

bool makes(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

mode_t mode_in(int flags, va_list arguments) { return makes(flags) ? va_arg(arguments, mode_t) : 0; }

int open_by(int folder, const char* path, int flags, mode_t mode) {
    static auto* const real = next<int(int, const char*, int, ...)>("openat64");
    const std::string whole = path_of(folder, path);
    if (is_to_fail("open", whole, makes(flags))) return -1;
    const bool is_new = (flags & O_CREAT) != 0 && journal().notes(whole) && ::access(whole.c_str(), F_OK) != 0;
    const int file = real(folder, path, flags, mode);
    if (is_new && file >= 0) journal().made(whole);
    return file;
}

size_t bytes_of(const iovec* parts, int count) {
    size_t bytes = 0;
    for (int part = 0; part < count; ++part) bytes += parts[part].iov_len;
    return bytes;
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming,readability-inconsistent-declaration-parameter-name): the C library's names
extern "C" {

#define MODE_OF(flags)                             \
    va_list arguments;                             \
    va_start(arguments, flags);                    \
    const mode_t mode = mode_in(flags, arguments); \
    va_end(arguments)

int open(const char* path, int flags, ...) {
    MODE_OF(flags);
    return open_by(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
    MODE_OF(flags);
    return open_by(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
    MODE_OF(flags);
    return open_by(folder, path, flags, mode);
}
int openat64(int folder, const char* path, int flags, ...) {
    MODE_OF(flags);
    return open_by(folder, path, flags, mode);
}
int __open_2(const char* path, int flags) { return open_by(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return open_by(AT_FDCWD, path, flags, 0); }
int __openat_2(int folder, const char* path, int flags) { return open_by(folder, path, flags, 0); }
int __openat64_2(int folder, const char* path, int flags) { return open_by(folder, path, flags, 0); }
int creat(const char* path, mode_t mode) { return open_by(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char* path, mode_t mode) { return open_by(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

FILE* fopen(const char* path, const char* how) {
    static auto* const real = next<FILE*(const char*, const char*)>("fopen");
    if (is_to_fail("open", path_of(AT_FDCWD, path), how[0] != 'r')) return nullptr;
    return real(path, how);
}
FILE* fopen64(const char* path, const char* how) {
    static auto* const real = next<FILE*(const char*, const char*)>("fopen64");
    if (is_to_fail("open", path_of(AT_FDCWD, path), how[0] != 'r')) return nullptr;
    return real(path, how);
}

ssize_t write(int file, const void* bytes, size_t count) {
    static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
    return write_by("write", file, count, [&](size_t most) { return real(file, bytes, most); });
}
ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
    static auto* const real = next<ssize_t(int, const void*, size_t, off_t)>("pwrite64");
    return write_by("pwrite", file, count, [&](size_t most) { return real(file, bytes, most, at); }, at);
}
ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) {
    static auto* const real = next<ssize_t(int, const void*, size_t, off_t)>("pwrite64");
    return write_by("pwrite", file, count, [&](size_t most) { return real(file, bytes, most, at); }, at);
}
ssize_t writev(int file, const iovec* parts, int count) {
    static auto* const real = next<ssize_t(int, const iovec*, int)>("writev");
    const size_t all = bytes_of(parts, count);
    return write_by("writev", file, all, [&](size_t most) {
        if (most == all) return real(file, parts, count);
        const iovec first{parts[0].iov_base, std::min(most, parts[0].iov_len)};
        return real(file, &first, 1);
    });
}
ssize_t pwritev(int file, const iovec* parts, int count, off_t at) {
    static auto* const real = next<ssize_t(int, const iovec*, int, off_t)>("pwritev64");
    const size_t all = bytes_of(parts, count);
    return write_by(
        "pwritev", file, all,
        [&](size_t most) {
            if (most == all) return real(file, parts, count, at);
            const iovec first{parts[0].iov_base, std::min(most, parts[0].iov_len)};
            return real(file, &first, 1, at);
        },
        at);
}
ssize_t pwritev64(int file, const iovec* parts, int count, off64_t at) { return pwritev(file, parts, count, at); }

ssize_t read(int file, void* bytes, size_t count) {
    static auto* const real = next<ssize_t(int, void*, size_t)>("read");
    if (shared != nullptr && is_to_fail("read", path_of(file), false)) return -1;
    return real(file, bytes, count);
}
ssize_t __read_chk(int file, void* bytes, size_t count, size_t) { return read(file, bytes, count); }
ssize_t pread(int file, void* bytes, size_t count, off_t at) {
    static auto* const real = next<ssize_t(int, void*, size_t, off_t)>("pread64");
    if (shared != nullptr && is_to_fail("read", path_of(file), false)) return -1;
    return real(file, bytes, count, at);
}
ssize_t pread64(int file, void* bytes, size_t count, off64_t at) { return pread(file, bytes, count, at); }
ssize_t __pread_chk(int file, void* bytes, size_t count, off_t at, size_t) { return pread(file, bytes, count, at); }
ssize_t __pread64_chk(int file, void* bytes, size_t count, off64_t at, size_t) { return pread(file, bytes, count, at); }

int fsync(int file) {
    static auto* const real = next<int(int)>("fsync");
    return sync_by("fsync", file, [&] { return real(file); });
}
int fdatasync(int file) {
    static auto* const real = next<int(int)>("fdatasync");
    return sync_by("fdatasync", file, [&] { return real(file); });
}
int sync_file_range(int file, off64_t at, off64_t count, unsigned flags) {
    static auto* const real = next<int(int, off64_t, off64_t, unsigned)>("sync_file_range");
    if (shared != nullptr && is_to_fail("sync_file_range", path_of(file))) return -1;
    return real(file, at, count, flags);
}

int rename(const char* from, const char* to) {
    static auto* const real = next<int(const char*, const char*)>("rename");
    if (is_to_fail("rename", path_of(AT_FDCWD, to))) return -1;
    journal().renames(path_of(AT_FDCWD, from), path_of(AT_FDCWD, to));
    return real(from, to);
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
    static auto* const real = next<int(int, const char*, int, const char*)>("renameat");
    if (is_to_fail("rename", path_of(to_folder, to))) return -1;
    journal().renames(path_of(from_folder, from), path_of(to_folder, to));
    return real(from_folder, from, to_folder, to);
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
    static auto* const real = next<int(int, const char*, int, const char*, unsigned)>("renameat2");
    if (is_to_fail("rename", path_of(to_folder, to))) return -1;
    journal().renames(path_of(from_folder, from), path_of(to_folder, to));
    return real(from_folder, from, to_folder, to, flags);
}
int link(const char* from, const char* to) {
    static auto* const real = next<int(const char*, const char*)>("link");
    if (is_to_fail("link", path_of(AT_FDCWD, to))) return -1;
    journal().linked(path_of(AT_FDCWD, to));
    return real(from, to);
}
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
    static auto* const real = next<int(int, const char*, int, const char*, int)>("linkat");
    if (is_to_fail("link", path_of(to_folder, to))) return -1;
    journal().linked(path_of(to_folder, to));
    return real(from_folder, from, to_folder, to, flags);
}
int symlink(const char* to, const char* path) {
    static auto* const real = next<int(const char*, const char*)>("symlink");
    if (is_to_fail("link", path_of(AT_FDCWD, path))) return -1;
    return real(to, path);
}
int unlink(const char* path) {
    static auto* const real = next<int(const char*)>("unlink");
    const std::string whole = path_of(AT_FDCWD, path);
    if (is_to_fail("unlink", whole)) return -1;
    forget(whole);
    journal().unlinks(whole);
    return real(path);
}
int unlinkat(int folder, const char* path, int flags) {
    static auto* const real = next<int(int, const char*, int)>("unlinkat");
    const std::string whole = path_of(folder, path);
    if (is_to_fail("unlink", whole)) return -1;
    forget(whole);
    journal().unlinks(whole);
    return real(folder, path, flags);
}
int remove(const char* path) {
    static auto* const real = next<int(const char*)>("remove");
    const std::string whole = path_of(AT_FDCWD, path);
    if (is_to_fail("unlink", whole)) return -1;
    forget(whole);
    journal().unlinks(whole);
    return real(path);
}
int rmdir(const char* path) {
    static auto* const real = next<int(const char*)>("rmdir");
    if (is_to_fail("rmdir", path_of(AT_FDCWD, path))) return -1;
    return real(path);
}
int mkdir(const char* path, mode_t mode) {
    static auto* const real = next<int(const char*, mode_t)>("mkdir");
    if (is_to_fail("mkdir", path_of(AT_FDCWD, path))) return -1;
    return real(path, mode);
}
int mkdirat(int folder, const char* path, mode_t mode) {
    static auto* const real = next<int(int, const char*, mode_t)>("mkdirat");
    if (is_to_fail("mkdir", path_of(folder, path))) return -1;
    return real(folder, path, mode);
}

int ftruncate(int file, off_t size) {
    static auto* const real = next<int(int, off_t)>("ftruncate64");
    if (shared != nullptr && is_to_fail("ftruncate", path_of(file), false)) return -1;
    if (shared != nullptr) journal().cut(file, path_of(file), size);
    const int done = real(file, size);
    const KeepErrno keep;
    if (Inode inode{}; shared != nullptr && done == 0 && is_file(file, inode)) cut(inode, size);
    return done;
}
int ftruncate64(int file, off64_t size) { return ftruncate(file, size); }
int truncate(const char* path, off_t size) {
    static auto* const real = next<int(const char*, off_t)>("truncate64");
    if (is_to_fail("ftruncate", path_of(AT_FDCWD, path), false)) return -1;
    return real(path, size);
}
int truncate64(const char* path, off64_t size) { return truncate(path, size); }
int fallocate(int file, int how, off_t at, off_t size) {
    static auto* const real = next<int(int, int, off_t, off_t)>("fallocate64");
    if (shared != nullptr && is_to_fail("fallocate", path_of(file))) return -1;
    return real(file, how, at, size);
}
int fallocate64(int file, int how, off64_t at, off64_t size) { return fallocate(file, how, at, size); }
int posix_fallocate(int file, off_t at, off_t size) {
    static auto* const real = next<int(int, off_t, off_t)>("posix_fallocate64");
    if (shared != nullptr && is_to_fail("fallocate", path_of(file))) return errno;
    return real(file, at, size);
}
int posix_fallocate64(int file, off64_t at, off64_t size) { return posix_fallocate(file, at, size); }

ssize_t copy_file_range(int from, off64_t* from_at, int to, off64_t* to_at, size_t count, unsigned flags) {
    static auto* const real = next<ssize_t(int, off64_t*, int, off64_t*, size_t, unsigned)>("copy_file_range");
    return write_by("copy_file_range", to, count, [&](size_t most) { return real(from, from_at, to, to_at, most, flags); });
}
// To a socket: what fails is the read.
ssize_t sendfile(int to, int from, off_t* at, size_t count) {
    static auto* const real = next<ssize_t(int, int, off_t*, size_t)>("sendfile64");
    if (shared != nullptr && is_to_fail("sendfile", path_of(from), false)) return -1;
    return real(to, from, at, count);
}
ssize_t sendfile64(int to, int from, off64_t* at, size_t count) { return sendfile(to, from, at, count); }

}  // extern "C"
// NOLINTEND(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)
