#include "os/file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "no_room.hpp"
#include "temporary_folder.hpp"

namespace os {
namespace {

namespace fs = std::filesystem;

using Folder = TemporaryFolder;

// Counts the system calls of a replacement and makes one of them fail.
struct Fault {
    static inline int at = 0, number = 0, count = 0;
    static inline size_t write_bytes_max = SIZE_MAX;

    static bool fails() {
        if (++count != at) return false;
        errno = number;
        return true;
    }
    static constexpr FileCalls calls = {
        [](const char* path, int flags, mode_t mode) { return fails() ? -1 : system_file_calls.open(path, flags, mode); },
        [](int file, mode_t mode) { return fails() ? -1 : system_file_calls.set_mode(file, mode); },
        [](int file, const void* bytes, size_t size) -> ssize_t {
            return fails() ? -1 : system_file_calls.write(file, bytes, std::min(size, write_bytes_max));
        },
        [](int file) { return fails() ? -1 : system_file_calls.sync(file); },
        [](int file) {
            const bool failed = fails();
            const int reason = errno;
            const int closed = system_file_calls.close(file);
            errno = reason;
            return failed ? -1 : closed;
        },
        [](const char* from, const char* to) { return fails() ? -1 : system_file_calls.rename(from, to); },
    };
    static base::Result<void> replace(const std::string& path, std::string_view content, int failing, int error) {
        at = failing;
        number = error;
        count = 0;
        return replace_file(path, content, 0600, calls);
    }
};

}  // namespace

TEST_CASE("whichever system call fails, the file has its old content or its new one, and nothing lies beside it") {
    const Folder folder;
    const std::string file = folder.path + "/state";
    REQUIRE(Fault::replace(file, "old", 0, 0).has_value());
    const int calls = Fault::count;
    // open, mode, write, fsync, close, rename; open, fsync and close of the folder
    REQUIRE(calls == 9);
    for (int failing = 1; failing <= calls; ++failing) {
        CAPTURE(failing);
        REQUIRE(replace_file(file, "old").has_value());
        const auto done = Fault::replace(file, "new", failing, EIO);
        // The folder's close tells nothing: nothing was written through it.
        CHECK(done.has_value() == (failing == calls));
        if (!done) CHECK(done.error().code == "FileError");
        CHECK(read_file(file).value() == (failing <= 6 ? "old" : "new"));
        CHECK(folder.names() == "state ");
    }
}

TEST_CASE("it is durable in the order that power loss demands: content, then name, then folder") {
    const Folder folder;
    static std::string order;
    order.clear();
    FileCalls calls = system_file_calls;
    calls.write = [](int file, const void* bytes, size_t size) {
        order += "write ";
        return system_file_calls.write(file, bytes, size);
    };
    calls.sync = [](int file) {
        struct stat facts{};
        REQUIRE(::fstat(file, &facts) == 0);
        order += S_ISDIR(facts.st_mode) ? "sync-folder " : "sync-file ";
        return system_file_calls.sync(file);
    };
    calls.rename = [](const char* from, const char* to) {
        order += "rename ";
        return system_file_calls.rename(from, to);
    };
    REQUIRE(replace_file(folder.path + "/state", "content", 0600, calls).has_value());
    CHECK(order == "write sync-file rename sync-folder ");
}

TEST_CASE("writes that take a part, and interrupted ones, go on; a full disk is told apart") {
    const Folder folder;
    const std::string file = folder.path + "/state";
    Fault::write_bytes_max = 3;
    CHECK(Fault::replace(file, "0123456789", 0, 0).has_value());
    CHECK(read_file(file).value() == "0123456789");
    CHECK(Fault::replace(file, "abcdefghij", 4, EINTR).has_value());
    CHECK(read_file(file).value() == "abcdefghij");
    for (const int full : {ENOSPC, EDQUOT}) {
        const auto refused = Fault::replace(file, "klm", 3, full);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == "DiskFull");
    }
    Fault::write_bytes_max = SIZE_MAX;
    CHECK(read_file(file).value() == "abcdefghij");
}

TEST_CASE("a file that finds no room keeps its old content, and nothing lies beside it") {
    const Folder folder;
    const std::string file = folder.path + "/state.json";
    REQUIRE(replace_file(file, std::string(500, 'o')).has_value());
    {
        const machine::NoRoomAfter limit(1000);
        const auto torn = replace_file(file, std::string(3000, 'n'));
        REQUIRE_FALSE(torn.has_value());
        CHECK(torn.error().code == "FileError");
        CHECK(torn.error().message.contains(file));
    }
    CHECK(read_file(file).value() == std::string(500, 'o'));
    CHECK(folder.names() == "state.json ");
}

TEST_CASE("whoever holds the old file reads the old content; the new one is for its owner alone unless it says otherwise") {
    const Folder folder;
    const std::string file = folder.path + "/state.json";
    REQUIRE(replace_file(file, "old").has_value());
    CHECK(mode_of(file) == 0600);
    const auto held = open_file(file, O_RDONLY);
    REQUIRE(held.has_value());
    REQUIRE(replace_file(file, "new, and longer").has_value());
    char content[64] = {};
    CHECK(::read(held->number(), content, sizeof content) == 3);
    CHECK(std::string_view(content) == "old");
    CHECK(read_file(file).value() == "new, and longer");
    const mode_t before = ::umask(077);
    const auto shared = replace_file(folder.path + "/shared", "for all", 0644);
    ::umask(before);
    REQUIRE(shared.has_value());
    CHECK(mode_of(folder.path + "/shared") == 0644);
}

TEST_CASE("a link in the way is replaced, not followed") {
    const Folder folder;
    REQUIRE(replace_file(folder.path + "/target", "target").has_value());
    fs::create_symlink("target", folder.path + "/link");
    REQUIRE(replace_file(folder.path + "/link", "content").has_value());
    CHECK(read_file(folder.path + "/target").value() == "target");
    CHECK(read_file(folder.path + "/link").value() == "content");
    CHECK_FALSE(fs::is_symlink(folder.path + "/link"));
}

TEST_CASE("threads that replace one file at once leave the content of one of them") {
    const Folder folder;
    const std::string file = folder.path + "/state";
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&file, thread] {
                for (int round = 0; round < 25; ++round)
                    (void)replace_file(file, std::string(10'000, static_cast<char>('a' + thread)));
            });
    }
    const std::string content = read_file(file).value();
    CHECK(content == std::string(10'000, content.at(0)));
    CHECK(folder.names() == "state ");
}

TEST_CASE("a file that is named without a folder is in the current one") {
    const Folder folder;
    const fs::path before = fs::current_path();
    fs::current_path(folder.path);
    const auto written = replace_file("alone.json", "content");
    fs::current_path(before);
    REQUIRE_MESSAGE(written.has_value(), (written ? "" : written.error().message));
    CHECK(read_file(folder.path + "/alone.json").value() == "content");
}

TEST_CASE("files are read whole: large ones, empty ones, and those of the kernel; what is missing or too large is named") {
    const Folder folder;
    const std::string large(300'000, 'x');
    REQUIRE(replace_file(folder.path + "/large", large).has_value());
    CHECK(read_file(folder.path + "/large").value() == large);
    CHECK(read_file(folder.path + "/large", large.size()).value().size() == large.size());
    const auto refused = read_file(folder.path + "/large", large.size() - 1);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "FileTooLarge");
    REQUIRE(replace_file(folder.path + "/empty", "").has_value());
    CHECK(read_file(folder.path + "/empty").value().empty());
    CHECK(read_file("/proc/self/stat").value().starts_with(std::to_string(::getpid()) + " "));
    const auto missing = read_file(folder.path + "/none");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().code == "FileNotFound");
    CHECK(missing.error().message == "cannot read `" + folder.path + "/none`: No such file or directory");
    const auto a_folder = read_file(folder.path);
    REQUIRE_FALSE(a_folder.has_value());
    CHECK(a_folder.error().code == "FileError");
}

TEST_CASE("folders are made with those above them, once; a file in the way is named") {
    const Folder folder;
    const std::string deep = folder.path + "/a/b/c";
    REQUIRE(make_folders(deep).has_value());
    CHECK(fs::is_directory(deep));
    CHECK(make_folders(deep + "/").has_value());
    REQUIRE(replace_file(folder.path + "/file", "x").has_value());
    const auto refused = make_folders(folder.path + "/file/inside");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.contains("file/inside"));
    const auto none = sync_folder(folder.path + "/none");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code == "FileNotFound");
}

}  // namespace os
