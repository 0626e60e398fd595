// What a loss of power would take: everything that a server has written into its store and not synced since, noted before it happens, in the file
// $TRAINWARDEN_POWER. tests/crash/power.py reads it when the server was killed, and takes back what was not safe.
//
//   record = kind, sequence, inode, at, length, size before, bytes of path, of second path, of old content; path; second path; old content
//
// A sync is noted when it begins and when it has succeeded: it makes safe what was written before it began. What is unlinked or renamed over keeps a
// name in $TRAINWARDEN_POWER.kept/.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>

namespace power {

enum class Kind : uint32_t { wrote = 1, sync_begins, synced, made, linked, renamed, unlinked, cut };

class Journal {
public:
    // `pread` and `write`: the C library's.
    using Read = ssize_t (*)(int, void*, size_t, off_t);
    using Write = ssize_t (*)(int, const void*, size_t);

    void open(Read read, Write write, std::string_view root) {
        const char* path = std::getenv("TRAINWARDEN_POWER");
        if (path == nullptr) return;
        read_ = read;
        write_ = write;
        root_ = root;
        kept_ = std::string(path) + ".kept/";
        ::mkdir(kept_.c_str(), 0700);
        path_ = path;
        ::unsetenv("TRAINWARDEN_POWER");
    }

    // Of the store alone: what the record of requests promises is less (docs/audit.md).
    [[nodiscard]] bool notes(std::string_view path) const {
        if (path_.empty() || !path.starts_with(root_)) return false;
        const auto below = path.substr(root_.size());
        return below.starts_with("keys/") || below.starts_with("blobs/") || below == "keys" || below == "blobs";
    }

    void write_begins(int file, const std::string& path, off_t at, size_t length) {
        struct stat facts{};
        if (!notes(path) || ::fstat(file, &facts) != 0) return;
        if (at < 0) at = (::fcntl(file, F_GETFL) & O_APPEND) != 0 ? facts.st_size : ::lseek(file, 0, SEEK_CUR);
        const off_t overlap = std::clamp<off_t>(facts.st_size - at, 0, static_cast<off_t>(length));
        std::string old(static_cast<size_t>(overlap), '\0');
        if (overlap > 0 && read_(file, old.data(), old.size(), at) != overlap) std::abort();
        note(Kind::wrote, facts.st_ino, at, length, facts.st_size, path, "", old);
    }
    uint64_t sync_begins(int file, const std::string& path) {
        struct stat facts{};
        if (!notes(path) || ::fstat(file, &facts) != 0) return 0;
        return note(Kind::sync_begins, facts.st_ino, 0, 0, 0, path, "", "");
    }
    void synced(uint64_t began) {
        if (began != 0) note(Kind::synced, 0, static_cast<off_t>(began), 0, 0, "", "", "");
    }
    void cut(int file, const std::string& path, off_t size) {
        struct stat facts{};
        if (!notes(path) || ::fstat(file, &facts) != 0) return;
        std::string old(static_cast<size_t>(std::max<off_t>(0, std::min<off_t>(facts.st_size - size, 1 << 20))), '\0');
        if (!old.empty() && read_(file, old.data(), old.size(), size) != static_cast<ssize_t>(old.size())) old.clear();
        note(Kind::cut, facts.st_ino, size, 0, facts.st_size, path, "", old);
    }
    void made(const std::string& path) {
        if (notes(path)) note(Kind::made, 0, 0, 0, 0, path, "", "");
    }
    void linked(const std::string& path) {
        if (notes(path)) note(Kind::linked, 0, 0, 0, 0, path, "", "");
    }
    // Before it happens.
    void renames(const std::string& from, const std::string& to) {
        if (notes(to)) note(Kind::renamed, 0, 0, 0, 0, to, from, keep(to));
    }
    void unlinks(const std::string& path) {
        if (notes(path)) note(Kind::unlinked, 0, 0, 0, 0, path, "", keep(path));
    }

private:
    // Another name of the file, if there is one.
    std::string keep(const std::string& path) {
        const std::string name = std::to_string(++names_);
        return ::linkat(AT_FDCWD, path.c_str(), AT_FDCWD, (kept_ + name).c_str(), 0) == 0 ? name : "";
    }

    uint64_t note(Kind kind, ino_t inode, off_t at, size_t length, off_t size, std::string_view path, std::string_view second,
                  std::string_view old) {
        const std::lock_guard lock(mutex_);
        const uint64_t sequence = ++sequence_;
        const uint64_t numbers[] = {static_cast<uint64_t>(kind),
                                    sequence,
                                    inode,
                                    static_cast<uint64_t>(at),
                                    length,
                                    static_cast<uint64_t>(size),
                                    path.size(),
                                    second.size(),
                                    old.size()};
        std::string record(reinterpret_cast<const char*>(numbers), sizeof numbers);
        record.append(path).append(second).append(old);
        // Each time: a server closes all descriptors that it does not know.
        const int file = ::open(path_.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
        if (file < 0 || write_(file, record.data(), record.size()) != static_cast<ssize_t>(record.size())) std::abort();
        ::close(file);
        return sequence;
    }

    Read read_ = nullptr;
    Write write_ = nullptr;
    std::string path_, root_, kept_;
    std::atomic<uint64_t> names_ = 0;
    std::mutex mutex_;
    uint64_t sequence_ = 0;
};

}  // namespace power
