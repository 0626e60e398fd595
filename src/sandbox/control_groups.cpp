#include "sandbox/control_groups.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* controllers[] = {"memory", "cpu", "pids"};
constexpr int period = 100'000;  // microseconds, the kernel's default

std::unexpected<base::Error> unavailable(const std::string& what, int error) {
    return base::fail("LimitsUnavailable", what + ": " + std::strerror(error));
}

base::Result<void> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
    return unavailable("cannot make the control group " + path, errno);
}

base::Result<void> write_value(const std::string& path, const std::string& value) {
    net::Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.is_open() || ::write(file.number(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
        return unavailable("cannot write " + value + " to " + path, errno);
    return {};
}

std::string read_value(const std::string& path) {
    std::ifstream file(path);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

// Kills everybody inside and removes the group; false if it is still there after two seconds.
bool remove_group(const std::string& folder) {
    for (int round = 0; round < 200; ++round) {
        if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return true;
        std::istringstream inside(read_value(folder + "/cgroup.procs"));
        for (pid_t process = 0; inside >> process;) {
            if (process > 0) ::kill(process, SIGKILL);
        }
        ::usleep(10'000);
    }
    return false;
}

void remove_workers_of(const std::string& folder) {
    std::error_code error;
    std::vector<std::string> left;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        if (entry.is_directory(error)) left.push_back(entry.path());
    }
    for (const auto& one : left) (void)remove_group(one);  // one that stays is in nobody's way: names are never used twice
}

// Another server that ends may take the upper folder away in between: once more, then.
base::Result<std::string> make_server_folder(const std::string& base, const std::string& server) {
    std::string upper = base + "/trainwarden", folder = upper + "/" + server;
    TRY(make_folder(upper));
    if (make_folder(folder)) return folder;
    TRY(make_folder(upper));
    TRY(make_folder(folder));
    return folder;
}

// Version 2: the controllers must be handed down level by level.
base::Result<void> hand_down(const std::string& folder) {
    std::string wanted;
    for (const char* controller : controllers) wanted += std::string(wanted.empty() ? "+" : " +") + controller;
    return write_value(folder + "/cgroup.subtree_control", wanted);
}

base::Result<std::string> unified_below(const std::string& base, const std::string& server) {
    TRY(hand_down(base));
    std::string folder = TRY(make_server_folder(base, server));
    TRY(hand_down(fs::path(folder).parent_path()));
    TRY(hand_down(folder));
    return folder;
}

base::Result<std::string> unified_folder(const std::string& root, const std::string& server) {
    auto at_top = unified_below(root, server);
    if (at_top) return at_top;
    std::string own = read_value("/proc/self/cgroup");  // 0::/path
    auto start = own.find("0::/");
    if (start == std::string::npos) return at_top;
    own = root + own.substr(start + 3, own.find('\n', start) - start - 3);
    // A group with controllers for its children may hold no processes itself: we step aside, if we are the only one.
    std::istringstream inside(read_value(own + "/cgroup.procs"));
    for (pid_t process = 0; inside >> process;) {
        if (process != ::getpid()) return at_top;
    }
    TRY(make_folder(own + "/server"));
    TRY(write_value(own + "/server/cgroup.procs", "0"));
    return unified_below(own, server);
}

base::Result<void> set_limits(const std::string& folder, const Limits& limits, bool unified, const std::string& controller) {
    auto is = [&](const char* name) { return unified || controller == name; };
    if (is("memory") && limits.memory_bytes > 0) {
        std::string bytes = std::to_string(limits.memory_bytes);
        TRY(write_value(folder + (unified ? "/memory.max" : "/memory.limit_in_bytes"), bytes));
        // No swapping beyond it, where the kernel counts swap.
        std::string swap = folder + (unified ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes");
        if (::access(swap.c_str(), W_OK) == 0) TRY(write_value(swap, unified ? "0" : bytes));
    }
    if (is("cpu") && limits.cpus > 0) {
        std::string quota = std::to_string(static_cast<int64_t>(limits.cpus * period));
        if (unified) {
            TRY(write_value(folder + "/cpu.max", quota + " " + std::to_string(period)));
        } else {
            TRY(write_value(folder + "/cpu.cfs_period_us", std::to_string(period)));
            TRY(write_value(folder + "/cpu.cfs_quota_us", quota));
        }
    }
    if (is("pids") && limits.processes_max > 0) TRY(write_value(folder + "/pids.max", std::to_string(limits.processes_max)));
    return {};
}

}  // namespace

ControlGroup::~ControlGroup() {
    doors_.clear();
    for (const auto& folder : folders_) (void)remove_group(folder);  // the next server's open() tries again
}

bool ControlGroup::memory_was_exhausted() const {
    if (folders_.empty()) return false;
    // The memory group is the first. v2: `oom_kill N`; v1 the same since Linux 4.13.
    std::string text = read_value(folders_.front() + (unified_ ? "/memory.events" : "/memory.oom_control"));
    auto at = text.find("oom_kill ");
    return at != std::string::npos && std::strtoul(text.c_str() + at + 9, nullptr, 10) > 0;
}

base::Result<std::unique_ptr<ControlGroups>> ControlGroups::open(const std::string& server, uint64_t memory_bytes_max,
                                                                 const std::string& root) {
    std::unique_ptr<ControlGroups> groups(new ControlGroups);
    groups->unified_ = ::access((root + "/cgroup.controllers").c_str(), F_OK) == 0;
    if (groups->unified_) {
        groups->folders_ = {TRY(unified_folder(root, server))};
    } else {
        for (const char* controller : controllers) {
            std::string folder = root + "/" + controller;
            if (::access(folder.c_str(), F_OK) != 0) return unavailable("there is no control group " + folder, ENOENT);
            groups->folders_.push_back(TRY(make_server_folder(folder, server)));
        }
    }
    for (const auto& folder : groups->folders_) remove_workers_of(folder);
    TRY(set_limits(groups->folders_.front(), {.memory_bytes = memory_bytes_max}, groups->unified_, controllers[0]));
    return groups;
}

ControlGroups::~ControlGroups() {
    for (const auto& folder : folders_) {
        ::rmdir(folder.c_str());
        ::rmdir(fs::path(folder).parent_path().c_str());  // unless another server is in it
    }
}

base::Result<std::unique_ptr<ControlGroup>> ControlGroups::make(const std::string& worker, const Limits& limits) const {
    std::unique_ptr<ControlGroup> group(new ControlGroup);
    group->unified_ = unified_;
    for (size_t i = 0; i < folders_.size(); ++i) {
        std::string folder = folders_[i] + "/" + worker;
        TRY(make_folder(folder));
        group->folders_.push_back(folder);
        TRY(set_limits(folder, limits, unified_, controllers[i]));
        net::Descriptor door(::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
        if (!door.is_open()) return unavailable("cannot open " + folder + "/cgroup.procs", errno);
        group->doors_.push_back(std::move(door));
    }
    return group;
}

}  // namespace sandbox
