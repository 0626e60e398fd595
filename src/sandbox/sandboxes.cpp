#include "sandbox/sandboxes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "os/child.hpp"
#include "sandbox/launch.hpp"
#include "sandbox/mounts.hpp"
#include "sandbox/network.hpp"

namespace sandbox {
namespace {

namespace fs = std::filesystem;

std::unexpected<base::Error> unavailable(const std::string& what) { return base::fail(base::code::SandboxUnavailable, what); }

// systemd's table of users leaves 1879048192 … 2147483647 to nobody (systemd.io/UIDS-GIDS). Each server takes a range of its own
// in it, by its name; a container that maps few users gets a small common range.
constexpr int owners_per_server = 256;
constexpr int servers_max = 1000;
constexpr int owners_begin = 1'900'000'000;
constexpr int small_owners_begin = 60'100;

// All of the machine's memory but a tenth, for the machine itself and the server.
uint64_t memory_for_workers() {
    auto pages = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)), page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    return pages / 10 * 9 * page;
}

// Does this user namespace have these users and groups at all?
bool is_mapped(const char* map, int64_t first, int64_t count) {
    std::ifstream file(map);
    for (int64_t inside = 0, outside = 0, length = 0; file >> inside >> outside >> length;) {
        if (first >= inside && first + count <= inside + length) return true;
    }
    return false;
}

// REQUIRES: `folder` is open; takes it.
bool give_below(int folder, uid_t owner, dev_t device) {
    DIR* listing = ::fdopendir(folder);
    if (listing == nullptr) {
        ::close(folder);
        return false;
    }
    bool good = true;
    while (good) {
        errno = 0;
        const dirent* entry = ::readdir(listing);
        if (entry == nullptr) {
            good = errno == 0;
            break;
        }
        std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        struct stat info{};
        good = ::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0;
        if (!good || info.st_dev != device) continue;
        good = ::fchownat(folder, entry->d_name, owner, owner, AT_SYMLINK_NOFOLLOW) == 0;
        if (!good || !S_ISDIR(info.st_mode)) continue;
        int inner = ::openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        good = inner >= 0 && give_below(inner, owner, device);
    }
    int error = errno;
    ::closedir(listing);
    errno = error;
    return good;
}

}  // namespace

Owner& Owner::operator=(Owner&& other) noexcept {
    std::swap(house_, other.house_);
    std::swap(user_, other.user_);
    std::swap(lock_, other.lock_);
    return *this;
}

Owner::~Owner() {
    if (house_ == nullptr) return;
    base::Lock lock(house_->mutex_);
    house_->free_owners_.insert(user_);
}

Sandboxes::Sandboxes(Settings settings) : settings_(std::move(settings)), images_(settings_.images, settings_.image_cache) {}

base::Result<std::unique_ptr<Sandboxes>> Sandboxes::open(Settings settings) {
    TRY(check_programs());
    std::unique_ptr<Sandboxes> opened(new Sandboxes(std::move(settings)));
    TRY(opened->choose_owners());
    for (const auto& folder : opened->settings_.shared) {
        if (!fs::is_directory(folder))
            return base::fail(base::code::InvalidShare, "the folder to share with workers, " + folder + ", is not there");
    }
    if (opened->settings_.limits) {
        if (auto groups = ControlGroups::open(opened->settings_.server, memory_for_workers())) {
            opened->groups_ = std::move(*groups);
        } else {
            opened->remarks_.push_back("no limits on memory, processors and processes: " + groups.error().message);
        }
    }
    if (opened->settings_.trial) TRY(opened->try_one());
    return opened;
}

base::Result<void> Sandboxes::choose_owners() {
    if (::geteuid() != 0) {
        remarks_.emplace_back("workers run as this server's own user: only a server of root's gives each job its own");
        return {};
    }
    // Those who share a range share the one after the servers'.
    const size_t range = settings_.owner_locks.empty() ? std::hash<std::string>{}(settings_.server) % servers_max : servers_max;
    int first = owners_begin + static_cast<int>(range) * owners_per_server;
    if (!is_mapped("/proc/self/uid_map", first, owners_per_server) || !is_mapped("/proc/self/gid_map", first, owners_per_server))
        first = small_owners_begin;
    if (!is_mapped("/proc/self/uid_map", first, owners_per_server) || !is_mapped("/proc/self/gid_map", first, owners_per_server))
        return unavailable("this container maps too few users: each job needs one");
    first_owner_ = first;
    const base::Lock lock(mutex_);
    for (int i = 0; i < owners_per_server; ++i) free_owners_.insert(first + i);
    return {};
}

base::Result<Owner> Sandboxes::take_owner() {
    Owner owner;
    if (first_owner_ < 0) return owner;
    base::Lock lock(mutex_);
    for (const int user : free_owners_) {
        if (!settings_.owner_locks.empty() && !(owner.lock_ = lock_owner(user)).is_open()) continue;
        owner.house_ = this;
        owner.user_ = user;
        free_owners_.erase(user);
        return owner;
    }
    return unavailable("every user for jobs on this machine has one");
}

// Not open: another process has this user. The lock goes with the last descriptor, so no crash leaves one behind.
os::Descriptor Sandboxes::lock_owner(int owner) const {
    std::error_code error;
    fs::create_directories(settings_.owner_locks, error);
    const std::string path = settings_.owner_locks + "/" + std::to_string(owner);
    os::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.is_open() && ::flock(file.number(), LOCK_EX | LOCK_NB) != 0) file.close();
    return file;
}

base::Result<std::unique_ptr<ControlGroup>> Sandboxes::limit(const std::string& worker, const Limits& limits) const {
    if (!groups_) return nullptr;
    return groups_->make(worker, limits);
}

base::Result<void> Sandboxes::try_one() {
    std::string folder = settings_.scratch + "/trial";
    std::error_code error;
    fs::remove_all(folder, error);
    for (const char* part : {"/ml", "/home", "/tmp"}) fs::create_directories(folder + part, error);
    if (error) return unavailable("cannot make the folder " + folder + ": " + error.message());
    auto attempt = [&]() -> base::Result<void> {
        auto owner = TRY(take_owner());
        auto network = TRY(Network::make(1, {}));
        auto group = TRY(limit("trial", {.cpus = 1, .memory_bytes = 64 << 20, .processes_max = 16}));
        TRY(write_settings(folder, "trial", "127.0.0.1 localhost\n"));
        TRY(give_folder(folder, owner.user()));
        Task task;
        task.command = {"true"};
        task.environment = {{"PATH", "/usr/bin:/bin"}};
        task.working_directory = "/opt/ml";
        task.host_name = "trial";
        task.worker_folder = folder;
        task.shared = settings_.shared;
        task.owner = owner.user();
        task.user_namespace = network->user_namespace();
        task.network = network->namespace_of(0);
        task.limits = group.get();
        auto launched = TRY(launch(task));
        if (!os::reap(launched.process).success()) return unavailable("`true` fails in a sandbox");
        if (launched.landlock_version == 0) remarks_.emplace_back("this kernel has no Landlock: only mounts restrict files");
        return {};
    };
    auto tried = attempt();
    fs::remove_all(folder, error);
    if (tried) return {};
    return unavailable(tried.error().message);
}

base::Result<void> give_folder(const std::string& folder, int owner) {
    if (owner < 0) return {};
    auto id = static_cast<uid_t>(owner);
    struct stat info{};
    const os::Descriptor top(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!top.is_open() || ::fstat(top.number(), &info) != 0 || ::fchown(top.number(), id, id) != 0 ||
        !give_below(::fcntl(top.number(), F_DUPFD_CLOEXEC, 0), id, info.st_dev))
        return unavailable("cannot give " + folder + " to the job's user: " + std::strerror(errno));
    return {};
}

}  // namespace sandbox
