#include "sandbox/volume.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "machine.hpp"
#include "sandbox/sandbox_for_tests.hpp"

namespace sandbox {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t mib = 1ULL << 20;

// Writes at most so much; what the volume took.
uint64_t write_to(const std::string& path, uint64_t most, int& error, size_t at_once = mib) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
    REQUIRE(file >= 0);
    const std::string block(at_once, 'x');
    uint64_t written = 0;
    error = 0;
    while (written < most) {
        const ssize_t count = ::write(file, block.data(), block.size());
        if (count < 0) {
            error = errno;
            break;
        }
        written += static_cast<uint64_t>(count);
    }
    ::fsync(file);
    ::close(file);
    return written;
}

bool is_mounted(const std::string& folder) {
    std::ifstream mounts("/proc/self/mountinfo");
    const std::string all{std::istreambuf_iterator<char>(mounts), {}};
    return all.find(" " + folder + " ") != std::string::npos;
}

bool has_device(const std::string& file) {
    for (const auto& entry : fs::directory_iterator("/sys/block")) {
        std::ifstream backing(entry.path() / "loop/backing_file");
        std::string name;
        if (std::getline(backing, name) && name.starts_with(file)) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("a volume takes its size and no more, costs what is in it, and leaves nothing") {
    NEEDS("volumes");
    Folder folder;
    const std::string worker = folder.path + "/algo-1";
    CHECK(Volumes::open(folder.path).available());
    CHECK(fs::is_empty(folder.path));
    {
        auto volume = Volumes::make(worker, 64 * mib);
        REQUIRE_MESSAGE(volume.has_value(), (volume ? "" : volume.error().message));
        CHECK(is_mounted(worker));
        CHECK(fs::is_empty(worker));
        CHECK(volume_allocated(worker) < 16 * mib);
        CHECK_FALSE(volume_is_full(worker));
        int error = 0;
        const uint64_t took = write_to(worker + "/all", 100 * mib, error);
        CHECK(error == ENOSPC);
        CHECK(took > 40 * mib);
        CHECK(took < 64 * mib);
        CHECK(volume_is_full(worker));
        CHECK(volume_free(worker) < mib);
        CHECK(volume_used(worker) >= took);
        CHECK(volume_allocated(worker) <= 65 * mib);
        fs::remove(worker + "/all");
        CHECK_FALSE(volume_is_full(worker));
    }
    CHECK_FALSE(is_mounted(worker));
    // A process of this machine that copied its mounts meanwhile keeps the device for as long as it has them.
    for (int i = 0; i < 500 && has_device(volume_file(worker)); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK_FALSE(has_device(volume_file(worker)));
    CHECK(fs::exists(volume_file(worker)));
    remove_volume(worker);
    CHECK_FALSE(fs::exists(volume_file(worker)));
    CHECK(volume_allocated(worker) == 0);
}

TEST_CASE("what was in a volume is there again, and a new one is empty") {
    NEEDS("volumes");
    Folder folder;
    const std::string worker = folder.path + "/algo-1";
    REQUIRE(Volumes::find(worker).has_value());
    CHECK(*Volumes::find(worker) == nullptr);
    {
        const auto volume = Volumes::make(worker, 32 * mib);
        REQUIRE(volume.has_value());
        std::ofstream(worker + "/weights") << "w";
    }
    {
        const auto again = Volumes::find(worker);
        REQUIRE(again.has_value());
        REQUIRE(*again != nullptr);
        CHECK(fs::file_size(worker + "/weights") == 1);
        // Twice at once would ruin it.
        CHECK_FALSE(Volumes::find(worker).has_value());
    }
    const auto anew = Volumes::make(worker, 32 * mib);
    REQUIRE(anew.has_value());
    CHECK_FALSE(fs::exists(worker + "/weights"));
}

TEST_CASE("devices and set-user-ID programs of a volume are none") {
    NEEDS("volumes");
    Folder folder;
    const std::string worker = folder.path + "/algo-1";
    const auto volume = Volumes::make(worker, 32 * mib);
    REQUIRE(volume.has_value());
    REQUIRE(::mknod((worker + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0);
    CHECK(::open((worker + "/null").c_str(), O_WRONLY | O_CLOEXEC) == -1);
    CHECK(errno == EACCES);
}

TEST_CASE("a disk that is full has no room for a volume, and says so") {
    NEEDS("volumes");
    Folder folder;
    const std::string small = folder.path + "/small";
    const auto disk = Volumes::make(small, 32 * mib);
    REQUIRE(disk.has_value());
    int error = 0;
    for (const size_t at_once : {size_t{mib}, size_t{4096}, size_t{4096}})
        (void)write_to(small + "/" + std::to_string(volume_free(small)), 64 * mib, error, at_once);
    CHECK(error == ENOSPC);
    CHECK(volume_free(small) == 0);
    const auto refused = Volumes::make(small + "/algo-1", 64 * mib);
    REQUIRE_FALSE(refused.has_value());
    CHECK_FALSE(fs::exists(volume_file(small + "/algo-1")));
    CHECK_FALSE(is_mounted(small + "/algo-1"));
}

}  // namespace sandbox
