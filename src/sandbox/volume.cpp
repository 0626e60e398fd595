#include "sandbox/volume.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "os/descriptor.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* make_file_system = "/usr/sbin/mkfs.ext4";
constexpr std::chrono::seconds make_seconds_max{120};
constexpr uint32_t block_bytes = 4096;
constexpr uint64_t trial_bytes = 32ULL << 20;
constexpr uint64_t full_bytes = 1ULL << 20;  // less than this is left
constexpr int devices_tried_max = 256;       // others take them at the same time
constexpr int unmount_tries = 100;
constexpr std::chrono::milliseconds between_tries{20};

std::unexpected<base::Error> failed(const std::string& what, int number) {
    const char* code = number == ENOSPC || number == EDQUOT ? disk_full : base::code::InternalError;
    return base::fail(code, "cannot " + what + ": " + std::strerror(number));
}

// A free loop device on the file. It goes with its last user: this descriptor, or the mount.
struct Device {
    os::Descriptor descriptor;
    std::string path;
};

base::Result<Device> attach(const std::string& file) {
    const os::Descriptor image(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!image.is_open()) return failed("open a worker's volume", errno);
    const os::Descriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    if (!control.is_open()) return failed("open /dev/loop-control", errno);
    for (int tried = 0; tried < devices_tried_max; ++tried) {
        const int number = ::ioctl(control.number(), LOOP_CTL_GET_FREE);
        if (number < 0) return failed("find a free loop device", errno);
        Device device;
        device.path = "/dev/loop" + std::to_string(number);
        device.descriptor = os::Descriptor(::open(device.path.c_str(), O_RDWR | O_CLOEXEC));
        if (!device.descriptor.is_open()) return failed("open " + device.path, errno);
        loop_config config{};
        config.fd = static_cast<uint32_t>(image.number());
        config.block_size = block_bytes;
        // Around the page cache: its pages would be there twice.
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
        if (::ioctl(device.descriptor.number(), LOOP_CONFIGURE, &config) == 0) return device;
        if (errno != EBUSY) return failed("use " + device.path, errno);
    }
    return base::fail(base::code::InternalError, "every loop device is taken by others");
}

// Whether some loop device still has this very file: two mounts of one file system would ruin it.
bool is_attached(const std::string& file) {
    std::error_code error;
    const auto real = fs::canonical(file, error);
    if (error) return false;
    for (const auto& entry : fs::directory_iterator("/sys/block", error)) {
        if (!entry.path().filename().string().starts_with("loop")) continue;
        const auto backing = os::read_file((entry.path() / "loop/backing_file").string(), size_t{64} << 10);
        if (backing && *backing == real.string() + "\n") return true;
    }
    return false;
}

base::Result<void> mount_at(const std::string& folder) {
    const auto device = TRY(attach(volume_file(folder)));
    // Tables of inodes that are not used yet are not written: they would take space.
    if (::mount(device.path.c_str(), folder.c_str(), "ext4", MS_NOSUID | MS_NODEV, "noinit_itable,discard,errors=remount-ro") !=
        0)
        return failed("mount a worker's volume", errno);
    // Nothing below a worker's folder is but what the job's user gets.
    (void)::rmdir((folder + "/lost+found").c_str());
    return {};
}

// The trial's: it is there, can be written to, and is not larger than it should be.
base::Result<void> look_at(const std::string& folder) {
    const auto file = TRY(os::open_file(folder + "/trial", O_WRONLY | O_CREAT));
    TRY(os::write_all(file.number(), "trial", folder));
    struct statvfs disk{};
    if (::statvfs(folder.c_str(), &disk) != 0) return failed("look at a volume", errno);
    if (uint64_t{disk.f_blocks} * disk.f_frsize > trial_bytes)
        return base::fail(base::code::InternalError, "a volume is larger than its size");
    return {};
}

}  // namespace

std::string volume_file(const std::string& folder) { return folder + ".volume"; }

Volume::~Volume() {
    for (int tried = 0; tried < unmount_tries; ++tried) {
        if (::umount2(folder_.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT) return;
        std::this_thread::sleep_for(between_tries);
    }
    base::log_warn("a worker's volume at " + folder_ + " is in use by another process of this machine: it goes with that");
    if (::umount2(folder_.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0)
        base::log_error("cannot unmount " + folder_ + ": " + std::strerror(errno));
}

base::Result<std::unique_ptr<Volume>> Volumes::make(const std::string& folder, uint64_t bytes) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return failed("make the folder " + folder, error.value());
    const std::string file = volume_file(folder);
    remove_volume(folder);
    {
        const os::Descriptor made(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!made.is_open() || ::ftruncate(made.number(), static_cast<off_t>(bytes)) != 0)
            return failed("make a worker's volume", errno);
    }
    // With a journal, so that what a job has left can be uploaded after a crash of the machine.
    const auto done = os::run({.arguments = {make_file_system, "-q", "-F", "-m", "0", "-b", std::to_string(block_bytes), "-E",
                                             "lazy_itable_init=1,lazy_journal_init=1,nodiscard", file},
                               .error = os::Stdio::nothing()},
                              make_seconds_max);
    auto ready = !done || !done->status.success()
                     ? base::Result<void>(base::fail(
                           base::code::InternalError,
                           std::string("cannot make a file system: ") +
                               (done ? std::string(make_file_system) + ": " + done->status.describe() : done.error().message)))
                     : mount_at(folder);
    if (!ready) {
        remove_volume(folder);
        return base::fail(std::move(ready).error());
    }
    return std::unique_ptr<Volume>(new Volume(folder));
}

base::Result<std::unique_ptr<Volume>> Volumes::find(const std::string& folder) {
    if (::access(volume_file(folder).c_str(), F_OK) != 0) return nullptr;
    for (int tried = 0; is_attached(volume_file(folder)); ++tried) {
        if (tried == unmount_tries)
            return base::fail(base::code::InternalError, "a worker's volume is still mounted somewhere on this machine");
        std::this_thread::sleep_for(between_tries);
    }
    TRY(mount_at(folder));
    return std::unique_ptr<Volume>(new Volume(folder));
}

Volumes Volumes::open(const std::string& scratch) {
    Volumes volumes;
    const std::string folder = scratch + "/trial-volume";
    const auto trial = [&]() -> base::Result<void> {
        if (::geteuid() != 0) return base::fail(base::code::InternalError, "mounting one takes root");
        if (::access(make_file_system, X_OK) != 0)
            return base::fail(base::code::InternalError,
                              std::string("there is no ") + make_file_system + " (Debian package e2fsprogs)");
        if (::access("/dev/loop-control", R_OK | W_OK) != 0) return failed("open /dev/loop-control", errno);
        const auto volume = make(folder, trial_bytes);
        // A disk that is full now has room for volumes at another time.
        if (!volume && volume_free(scratch) < trial_bytes) return {};
        if (!volume) return base::fail(volume.error());
        return look_at(folder);
    };
    if (const auto tried = trial(); !tried) volumes.why_not_ = tried.error().message;
    remove_volume(folder);
    std::error_code error;  // Left over: it is empty.
    fs::remove(folder, error);
    return volumes;
}

uint64_t volume_allocated(const std::string& folder) {
    struct stat info{};
    if (::stat(volume_file(folder).c_str(), &info) != 0) return 0;
    return static_cast<uint64_t>(info.st_blocks) * 512;
}

uint64_t volume_used(const std::string& folder) {
    struct statvfs disk{};
    if (::statvfs(folder.c_str(), &disk) != 0) return 0;
    return uint64_t{disk.f_blocks - disk.f_bfree} * disk.f_frsize;
}

uint64_t volume_free(const std::string& folder) {
    struct statvfs disk{};
    if (::statvfs(folder.c_str(), &disk) != 0) return 0;
    return uint64_t{disk.f_bavail} * disk.f_frsize;
}

bool volume_is_full(const std::string& folder) {
    struct statvfs disk{};
    if (::statvfs(folder.c_str(), &disk) != 0) return false;
    return uint64_t{disk.f_bavail} * disk.f_frsize < full_bytes || disk.f_favail == 0;
}

void remove_volume(const std::string& folder) {
    if (::unlink(volume_file(folder).c_str()) != 0 && errno != ENOENT)
        base::log_error("cannot remove " + volume_file(folder) + ": " + std::strerror(errno));
}

}  // namespace sandbox
