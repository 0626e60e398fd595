// This machine: disk, clock, programs, what sandboxes stand on, GPUs, Slurm.
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/strings.hpp"
#include "cli/doctor_report.hpp"
#include "cli/volume_means.hpp"
#include "os/child.hpp"
#include "os/descriptor.hpp"
#include "os/process.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t gib = uint64_t{1} << 30;
constexpr uint64_t free_least = gib / 4, free_wanted = 2 * gib;  // the server itself reserves 72 MiB for deletes and their record
constexpr uint64_t files_wanted = 10'000;
constexpr size_t wanted_part = 20;  // one in so many of the whole disk
constexpr std::chrono::seconds program_patience{5};
constexpr size_t output_bytes_max = 65'536;
constexpr long cifs_magic = 0xff534d42, smb2_magic = 0xfe534d42, fuse_magic = 0x65735546;

bool in_path(const std::string& program) {
    const char* path = std::getenv("PATH");
    for (std::string_view folder : base::split(path != nullptr ? path : "", ':')) {
        if (!folder.empty() && ::access((std::string(folder) + "/" + program).c_str(), X_OK) == 0) return true;
    }
    return false;
}

// A number of the kernel's settings; `otherwise` where this kernel has no such setting.
long setting(const char* path, long otherwise) {
    std::ifstream file(path);
    long value = otherwise;
    file >> value;
    return file ? value : otherwise;
}

std::string mebibytes(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

// The folder itself, or the nearest above it that there is.
std::string existing(const std::string& path) {
    std::error_code error;
    fs::path at = fs::absolute(path, error);
    while (!fs::exists(at, error) && at.has_relative_path()) at = at.parent_path();
    return at.string();
}

struct FileSystem {
    const char* name = "";
    const char* trouble = nullptr;
};

FileSystem file_system_of(long magic) {
    switch (magic) {
        case NFS_SUPER_MAGIC:
            return {"NFS", "its locks and its fsync are those of another machine"};
        case cifs_magic:
        case smb2_magic:
            return {"SMB", "its locks and its fsync are those of another machine"};
        case fuse_magic:
            return {"FUSE", "whether its fsync holds is a matter of the program behind it"};
        case TMPFS_MAGIC:
            return {"tmpfs", "it is memory: all of it is gone when the machine restarts"};
        case OVERLAYFS_SUPER_MAGIC:
            return {"overlay", "in a container it is gone with the container: mount a volume there"};
        default:
            return {};
    }
}

// What the program printed; empty: it could not be run, or did not end in time.
std::string output_of(std::vector<std::string> arguments) {
    os::SpawnOptions options;
    options.arguments = std::move(arguments);
    options.error_to_output = true;
    const auto done = os::run(std::move(options), program_patience, output_bytes_max);
    return done ? std::string(base::trim(done->output)) : std::string();
}

// The only way to know: settings, security modules and containers all have a say.
bool may_make_user_namespaces() {
    const auto child = os::start_child([] { ::_exit(::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 0 : 1); });
    return child && os::reap(child->process).success();
}

bool may_use(const char* device) { return os::Descriptor(::open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK)).is_open(); }

void check_devices(DoctorReport& report) {
    if (may_use("/dev/fuse"))
        report.add(Finding::ok, "/dev/fuse for FastFile channels");
    else
        report.add(Finding::warning, std::string("no /dev/fuse for FastFile channels: ") + std::strerror(errno),
                   "modprobe fuse; in a container: give it the device");
    if (::geteuid() != 0 && !in_path("fusermount3"))
        report.add(Finding::warning, "no fusermount3, which mounts FastFile channels for a user that is not root",
                   "apt install fuse3");
    if (may_use("/dev/net/tun"))
        report.add(Finding::ok, "/dev/net/tun for jobs on several machines");
    else
        report.add(Finding::warning, std::string("no /dev/net/tun for jobs on several machines: ") + std::strerror(errno),
                   "modprobe tun; in a container: give it the device. Jobs on this machine alone do not need it");
}

// Where groups could be made, as src/sandbox/control_groups.cpp looks for it: at the top, or in the group that a service manager gave away.
bool may_make_control_groups() {
    const std::string root = "/sys/fs/cgroup";
    if (::access((root + "/cgroup.controllers").c_str(), F_OK) != 0)
        return std::ranges::all_of(std::array{"/memory", "/cpu", "/pids"},
                                   [&](const char* controller) { return ::access((root + controller).c_str(), W_OK) == 0; });
    if (::access((root + "/cgroup.subtree_control").c_str(), W_OK) == 0) return true;
    std::ifstream file("/proc/self/cgroup");
    std::string line;  // 0::/path
    while (std::getline(file, line))
        if (line.starts_with("0::/")) return ::access((root + line.substr(3) + "/cgroup.subtree_control").c_str(), W_OK) == 0;
    return false;
}

void check_control_groups(DoctorReport& report) {
    if (may_make_control_groups())
        report.add(Finding::ok, "control groups for the limits of training jobs");
    else
        report.add(Finding::warning, "no control groups can be made here: training jobs have no limits of memory and processes",
                   "as a service: Delegate=cpu memory pids; in a container: mount /sys/fs/cgroup writable");
}

}  // namespace

Finding judge_space(uint64_t free, uint64_t size) {
    if (free < free_least) return Finding::problem;
    return free < std::min(free_wanted, size / wanted_part) ? Finding::warning : Finding::ok;
}

void check_disk(DoctorReport& report, const std::string& data) {
    const std::string place = existing(data);
    struct statvfs disk{};
    struct statfs type{};
    if (::statvfs(place.c_str(), &disk) != 0 || ::statfs(place.c_str(), &type) != 0)
        return report.add(Finding::problem, "the disk of " + place + " cannot be asked: " + std::strerror(errno));
    const uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize, size = uint64_t{disk.f_blocks} * disk.f_frsize;
    const Finding finding = judge_space(free, size);
    report.add(finding, mebibytes(free) + " of " + mebibytes(size) + " are free on the disk of " + place,
               finding == Finding::ok ? "" : "make room: when the disk is full, nothing new is stored");
    if (disk.f_files > 0 && disk.f_favail < files_wanted)
        report.add(Finding::warning, "the disk of " + place + " has room for " + std::to_string(disk.f_favail) + " more files",
                   "each object is a file: make room, or a file system with more inodes");
    // A reserve that is in use is a file without blocks (store/reserve.hpp).
    for (const char* part : {"keys", "audit"}) {
        struct stat reserve{};
        const std::string path = data + "/" + part + "/reserved-space";
        if (::stat(path.c_str(), &reserve) == 0 && reserve.st_blocks == 0)
            report.add(Finding::problem, "the space that is kept for deletes and administration is in use (" + path + ")",
                       "make room: the server takes it back by itself once there is some");
    }
    if (const auto known = file_system_of(type.f_type); known.trouble != nullptr)
        report.add(Finding::warning, place + " is on a file system of type " + known.name + ": " + known.trouble,
                   "keep data that matters on a local disk");
}

void check_clock(DoctorReport& report) {
    timex state{};
    const int answer = ::adjtimex(&state);
    if (answer < 0)
        return report.add(Finding::warning,
                          std::string("whether the clock is synchronized cannot be asked: ") + std::strerror(errno));
    if (answer == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
        return report.add(
            Finding::warning, "nothing synchronizes this machine's clock",
            "apt install chrony (or systemd-timesyncd): signatures hold for 15 minutes, and the audit log has its times");
    report.add(Finding::ok, "this machine's clock is synchronized");
}

void check_programs(DoctorReport& report) {
    struct Wanted {
        const char* program;
        const char* what_for;
        const char* remedy;
    };
    constexpr Wanted wanted[] = {
        {"python3", "Pulumi programs in Python, training workers", "apt install python3"},
        {"node", "Pulumi programs in TypeScript", "apt install nodejs npm"},
        {"aws", "the AWS command line (any other AWS tool works too)", "apt install awscli"},
    };
    for (const Wanted& each : wanted) {
        if (in_path(each.program))
            report.add(Finding::ok, std::string(each.program) + " for " + each.what_for);
        else
            report.add(Finding::warning, std::string("no ") + each.program + " for " + each.what_for, each.remedy);
    }
}

// What training sandboxes stand on; the server itself tries a whole one at its start and says why it fails.
void check_sandbox(DoctorReport& report) {
    struct Wanted {
        const char* path;
        const char* package;
    };
    bool whole = true;
    for (const Wanted& each : {Wanted{"/usr/bin/bwrap", "bubblewrap"}, Wanted{"/sbin/ip", "iproute2"}}) {
        if (::access(each.path, X_OK) == 0) continue;
        whole = false;
        report.add(Finding::warning, std::string("no ") + each.path + " for the sandboxes of training jobs",
                   std::string("apt install ") + each.package);
    }
    const bool permitted = setting("/proc/sys/user/max_user_namespaces", 1) > 0 &&
                           setting("/proc/sys/kernel/unprivileged_userns_clone", 1) != 0 &&
                           (::geteuid() == 0 || setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 0);
    if (!permitted) {
        report.add(Finding::warning, "this kernel is set to permit no user namespaces: there are no sandboxes for training jobs",
                   "allow them (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
                   "kernel.apparmor_restrict_unprivileged_userns). --training-isolation=process trains without, and is no "
                   "boundary: a job "
                   "can then do what the server's user can");
    } else if (!may_make_user_namespaces()) {
        report.add(Finding::warning, "no user and network namespace could be made: there are no sandboxes for training jobs",
                   "in a container: let its seccomp and AppArmor profile permit unshare. --training-isolation=process trains "
                   "without, and is no "
                   "boundary: a job can then do what the server's user can");
    } else if (whole) {
        report.add(Finding::ok, "bubblewrap, iproute2 and user namespaces for the sandboxes of training jobs");
    }
    check_control_groups(report);
    check_devices(report);
}

void check_volumes(DoctorReport& report) {
    const MissingMeans missing = missing_for_volumes();
    if (missing.what.empty()) {
        report.add(Finding::ok,
                   "volumes of training jobs have the size of their VolumeSizeInGB (ext4 in a file, by loop devices)");
    } else {
        report.add(Finding::warning,
                   "no volumes for training jobs: VolumeSizeInGB is only measured, every second (" + missing.what + ")",
                   missing.remedy);
    }
}

void check_gpus(DoctorReport& report) {
    size_t known = 0, usable = 0;
    std::error_code none;
    for (fs::directory_iterator at("/proc/driver/nvidia/gpus", none), end; !none && at != end; at.increment(none)) ++known;
    for (size_t i = 0; i < known; ++i)
        if (may_use(("/dev/nvidia" + std::to_string(i)).c_str())) ++usable;
    if (known == 0) return report.add(Finding::ok, "no NVIDIA GPU here: ml.g and ml.p instance types have none to give");
    if (usable < known)
        return report.add(
            Finding::problem,
            "of " + std::to_string(known) + " GPUs " + std::to_string(known - usable) + " cannot be opened by this user",
            "see the devices /dev/nvidia*, and their owner; in a container: give it the devices");
    if (!may_use("/dev/nvidiactl") || !may_use("/dev/nvidia-uvm"))
        return report.add(Finding::problem, "GPUs are here, but CUDA needs /dev/nvidiactl and /dev/nvidia-uvm, too",
                          "run `nvidia-modprobe -u`, or nvidia-smi once, as root");
    report.add(Finding::ok, std::to_string(known) + (known == 1 ? " GPU" : " GPUs") + " for training jobs");
    if (!in_path("nvidia-smi"))
        report.add(Finding::warning, "no nvidia-smi, by which people see what a GPU does", "install the driver's utilities");
}

void check_slurm(DoctorReport& report) {
    std::string missing;
    for (const char* program : {"salloc", "srun", "squeue", "scancel", "scontrol"})
        if (!in_path(program)) missing += (missing.empty() ? "" : ", ") + std::string(program);
    if (!in_path("salloc") && !in_path("scontrol"))
        return report.add(Finding::ok, "no Slurm here: it is needed for serve --launcher slurm alone");
    if (!missing.empty())
        return report.add(Finding::warning, "of Slurm's programs there is no " + missing, "apt install slurm-client");
    const std::string answer = output_of({"scontrol", "ping"});
    if (answer.find("is UP") != std::string::npos)
        report.add(Finding::ok, "Slurm's controller answers");
    else
        report.add(Finding::warning,
                   "Slurm's programs are here, and its controller does not answer" + (answer.empty() ? "" : ": " + answer),
                   "run `scontrol ping`; it needs /etc/slurm/slurm.conf and, mostly, munge. Without --launcher slurm none of it "
                   "matters");
}

}  // namespace cli
