#include "sandbox/control_groups.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "base/error_codes.hpp"

namespace sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* controllers[] = {"memory", "cpu", "pids"};
constexpr int period = 100'000;  // microseconds, the kernel's default

std::unexpected<base::Error> unavailable(const std::string& what, int error) {
    return base::fail(base::code::LimitsUnavailable, what + ": " + std::strerror(error));
}

base::Result<void> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
    return unavailable("cannot make the control group " + path, errno);
}

base::Result<void> write_value(const std::string& path, const std::string& value) {
    os::Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
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

// Kills every process inside and removes the group; false if it is still there after two seconds.
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

std::vector<std::string> folders_in(const std::string& folder) {
    std::error_code error;
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        if (entry.is_directory(error)) found.push_back(entry.path());
    }
    return found;
}

// What killed servers have left, and no other server will remove: groups whose names begin with the number of a process
// that is gone. A server that lives makes its own folder anew if it was empty just now.
void remove_abandoned(const std::string& upper) {
    for (const auto& server : folders_in(upper)) {
        for (const auto& worker : folders_in(server)) {
            auto process = static_cast<pid_t>(std::strtol(fs::path(worker).filename().c_str(), nullptr, 10));
            if (process > 0 && ::kill(process, 0) != 0 && errno == ESRCH) ::rmdir(worker.c_str());
        }
        ::rmdir(server.c_str());
    }
}

// Version 2: the controllers must be handed down level by level.
base::Result<void> hand_down(const std::string& folder) {
    std::string wanted;
    for (const char* controller : controllers) wanted += std::string(wanted.empty() ? "+" : " +") + controller;
    return write_value(folder + "/cgroup.subtree_control", wanted);
}

// Where the server may make groups.
base::Result<std::string> unified_base(const std::string& root) {
    auto at_top = hand_down(root);
    if (at_top && make_folder(root + "/trainwarden")) return root;
    std::string own = read_value("/proc/self/cgroup");  // 0::/path
    auto start = own.find("0::/");
    if (start == std::string::npos) return unavailable("cannot make control groups in " + root, EACCES);
    own = root + own.substr(start + 3, own.find('\n', start) - start - 3);
    // A group with controllers for its children may hold no processes itself: we step aside, if we are the only one.
    std::istringstream inside(read_value(own + "/cgroup.procs"));
    for (pid_t process = 0; inside >> process;) {
        if (process != ::getpid()) return unavailable("the control group " + own + " is not this server's alone", EBUSY);
    }
    TRY(make_folder(own + "/server"));
    TRY(write_value(own + "/server/cgroup.procs", "0"));
    TRY(hand_down(own));
    return own;
}

// Where processors are short, a group gets its part by its weight. Without one, all workers together would weigh as much as one
// process beside them.
base::Result<void> set_weight(const std::string& folder, double cpus, bool unified) {
    const auto weight = static_cast<int64_t>(cpus * (unified ? 100 : 1024));  // of one process, and of one group, by default
    if (unified) return write_value(folder + "/cpu.weight", std::to_string(std::clamp<int64_t>(weight, 1, 10'000)));
    return write_value(folder + "/cpu.shares", std::to_string(std::clamp<int64_t>(weight, 2, 262'144)));
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
        TRY(set_weight(folder, limits.cpus, unified));
    }
    if (is("pids") && limits.processes_max > 0) TRY(write_value(folder + "/pids.max", std::to_string(limits.processes_max)));
    return {};
}

}  // namespace

ControlGroup::~ControlGroup() {
    procs_files_.clear();
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
    groups->server_ = server;
    groups->memory_bytes_max_ = memory_bytes_max;
    groups->unified_ = ::access((root + "/cgroup.controllers").c_str(), F_OK) == 0;
    if (groups->unified_) {
        groups->bases_ = {TRY(unified_base(root))};
    } else {
        for (const char* controller : controllers) {
            groups->bases_.push_back(root + "/" + controller);
            if (::access(groups->bases_.back().c_str(), F_OK) != 0)
                return unavailable("there is no control group " + groups->bases_.back(), ENOENT);
        }
    }
    for (size_t i = 0; i < groups->bases_.size(); ++i) {
        for (const auto& left : folders_in(TRY(groups->folder(i)))) {
            (void)remove_group(left);  // one that stays does no harm: names are never used twice
        }
        remove_abandoned(groups->bases_[i] + "/trainwarden");
    }
    return groups;
}

base::Result<std::string> ControlGroups::folder(size_t base) const {
    std::string upper = bases_[base] + "/trainwarden";
    TRY(make_folder(upper));
    if (unified_) TRY(hand_down(upper));
    std::string own = upper + "/" + server_;
    TRY(make_folder(own));
    if (unified_) TRY(hand_down(own));
    TRY(set_limits(own, {.memory_bytes = memory_bytes_max_}, unified_, controllers[base]));
    if (unified_ || controllers[base] == std::string_view("cpu")) {
        for (const auto& group : {upper, own}) TRY(set_weight(group, std::thread::hardware_concurrency(), unified_));
    }
    return own;
}

ControlGroups::~ControlGroups() {
    for (const auto& base : bases_) {
        ::rmdir((base + "/trainwarden/" + server_).c_str());
        ::rmdir((base + "/trainwarden").c_str());  // unless another server is in it
    }
}

base::Result<std::unique_ptr<ControlGroup>> ControlGroups::make(const std::string& worker, const Limits& limits) const {
    std::unique_ptr<ControlGroup> group(new ControlGroup);
    group->unified_ = unified_;
    for (size_t i = 0; i < bases_.size(); ++i) {
        std::string name = "/" + std::to_string(::getpid()) + "-" + worker;
        std::string own = TRY(folder(i)) + name;
        // Another server that starts or ends takes empty folders away, perhaps ours in between: once more, then.
        if (!make_folder(own)) {
            TRY(folder(i));
            TRY(make_folder(own));
        }
        group->folders_.push_back(own);
        TRY(set_limits(own, limits, unified_, controllers[i]));
        os::Descriptor procs_file(::open((own + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
        if (!procs_file.is_open()) return unavailable("cannot open " + own + "/cgroup.procs", errno);
        group->procs_files_.push_back(std::move(procs_file));
    }
    return group;
}

}  // namespace sandbox
