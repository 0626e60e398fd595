#include "os/hardening.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace os {
namespace {

constexpr std::array kept = {
    CAP_SYS_ADMIN,         // namespaces, mounts of images, of FastFile channels and of workers' folders
    CAP_NET_ADMIN,         // a job's network: bridge, devices, addresses, tunnels
    CAP_SYS_CHROOT,        // entering a mount namespace
    CAP_SETUID,            // workers run as users of their own …
    CAP_SETGID,            // … and groups
    CAP_CHOWN,             // who get their folders
    CAP_DAC_OVERRIDE,      // what workers wrote is read, packed and deleted …
    CAP_FOWNER,            // … whatever mode they gave it
    CAP_LEASE,             // a lease on a worker's file tells whether somebody has it open for writing (a torn checkpoint)
    CAP_KILL,              // workers are stopped
    CAP_SYS_PTRACE,        // /proc/N/environ of other users' processes: which are left of a job that a killed server had
    CAP_SETPCAP,           // taking capabilities away from workers
    CAP_NET_BIND_SERVICE,  // the metadata addresses' port 80 in a worker's network; --listen of a port below 1024
    // Only for workers that are plain processes: Docker's default (training/launch.cpp). What the server drops, they cannot have.
    CAP_FSETID, CAP_NET_RAW, CAP_SETFCAP, CAP_AUDIT_WRITE};

uint64_t mask_of_kept() {
    uint64_t mask = 0;
    for (const int capability : kept) mask |= uint64_t{1} << capability;
    return mask;
}

std::string system_says(int number) { return std::strerror(number); }

// The permitted and the effective set. False with errno.
bool read_sets(std::array<__user_cap_data_struct, 2>& sets) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    return ::syscall(SYS_capget, &header, sets.data()) == 0;
}

uint64_t permitted_of(const std::array<__user_cap_data_struct, 2>& sets) {
    return uint64_t{sets[1].permitted} << 32 | sets[0].permitted;
}

std::string drop_bounding_set() {
    const uint64_t stays = mask_of_kept();
    for (int capability = 0; capability < 64; ++capability) {
        if ((stays >> capability & 1) != 0 || ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1) continue;
        if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return "the bounding set stays: " + system_says(errno);
    }
    return "";
}

std::string drop_capabilities(bool new_privileges_possible) {
    std::array<__user_cap_data_struct, 2> sets{};
    if (!read_sets(sets)) return system_says(errno);
    // Without set-user-ID programs there is no way back to what is in the bounding set but not permitted.
    const std::string bounding = permitted_of(sets) == 0 && !new_privileges_possible ? "" : drop_bounding_set();
    const uint64_t stays = mask_of_kept();
    for (size_t half = 0; half < 2; ++half) {
        const auto mask = static_cast<uint32_t>(stays >> (32 * half));
        sets.at(half).effective &= mask;
        sets.at(half).permitted &= mask;
        sets.at(half).inheritable &= mask;
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    if (::syscall(SYS_capset, &header, sets.data()) != 0) return system_says(errno);
    return bounding;
}

std::string forbid_new_privileges(const std::vector<std::string>& programs) {
    for (const auto& program : programs) {
        struct stat status{};
        if (::stat(program.c_str(), &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID)) != 0)
            return program + " is set-user-ID and needs them";
    }
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? "" : system_says(errno);
}

// N of /dev/fd/N and /proc/self/fd/N, -1 of other paths.
int descriptor_in(std::string_view path) {
    for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
        if (!path.starts_with(folder)) continue;
        path.remove_prefix(folder.size());
        int number = -1;
        const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), number);
        return error == std::errc() && end == path.data() + path.size() ? number : -1;
    }
    return -1;
}

std::string close_inherited(const std::vector<std::string>& paths) {
    std::vector<unsigned> stay;
    for (const auto& path : paths)
        if (const int number = descriptor_in(path); number > 2) stay.push_back(static_cast<unsigned>(number));
    std::ranges::sort(stay);
    unsigned from = 3;
    for (const unsigned number : stay) {
        if (number > from && ::syscall(SYS_close_range, from, number - 1, 0U) != 0) return system_says(errno);
        from = number + 1;
    }
    return ::syscall(SYS_close_range, from, ~0U, 0U) == 0 ? "" : system_says(errno);
}

}  // namespace

std::span<const int> server_capabilities() { return kept; }

bool Hardening::holds(std::string_view name) const {
    const auto found = std::ranges::find(measures, name, &Measure::name);
    return found != measures.end() && found->holds;
}

std::string Hardening::describe() const {
    std::string good, bad;
    for (const auto& measure : measures) {
        std::string& list = measure.holds ? good : bad;
        list += (list.empty() ? "" : ", ") + std::string(measure.name);
        if (!measure.holds) list += " (" + measure.why_not + ")";
    }
    return (good.empty() ? "none" : good) + (bad.empty() ? "" : "; not: " + bad);
}

Hardening harden(const HardeningWishes& wishes) {
    Hardening hardening;
    const auto add = [&](std::string_view name, std::string why_not) {
        const bool holds = why_not.empty();
        hardening.measures.push_back({name, holds, std::move(why_not)});
    };
    if (wishes.allow_core_dumps) {
        add(no_core_dumps, "allowed");
        add(no_tracing, "allowed");
    } else {
        const rlimit none{0, 0};
        add(no_core_dumps, ::setrlimit(RLIMIT_CORE, &none) == 0 ? "" : system_says(errno));
        add(no_tracing, ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? "" : system_says(errno));
    }
    add(no_new_privileges, forbid_new_privileges(wishes.programs));
    add(few_capabilities, drop_capabilities(!hardening.holds(no_new_privileges)));
    ::umask(077);
    add(private_files, "");
    add(no_inherited_descriptors, close_inherited(wishes.paths));
    return hardening;
}

}  // namespace os
