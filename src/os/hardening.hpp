// What a server gives up at its start, so that code that runs beside it finds less, and code that comes to run in it can do less.
//
//   no core dumps      a dump would write the master key and clients' secrets to a place that the machine's core_pattern names
//   no tracing         nobody but the machine's administrator (CAP_SYS_PTRACE) reads the process's memory, /proc/PID/environ or
//                      its descriptors; a process of the same user cannot. It goes with the dumps: the kernel knows one flag
//   no new privileges  neither the server nor what it starts becomes somebody else by a set-user-ID program
//   capabilities       those that sandboxes need stay (server_capabilities()), for the server and for everything that it starts
//   private files      the umask leaves nothing to others
//   no descriptors     what a shell or a supervisor left open above 2 is closed
//
// Not Landlock around the server: a thread under a Landlock ruleset of files cannot mount (Linux: Documentation/userspace-api/
// landlock.rst), and sandboxes, FastFile channels and images are mounts. Workers are under one, packaging/trainwarden.service
// confines the server.
//
// By system calls, without libcap-ng: three of them, and the library would not know threads better than this does.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace os {

struct HardeningWishes {
    bool allow_core_dumps = false;  // and tracing: for developers
    // Programs that will be started. If one of them is set-user-ID here, it would not work without new privileges: they stay possible.
    std::vector<std::string> programs;
    // Paths that will be opened. A descriptor that one of them names (/dev/fd/N, as shells write for <(…)) stays open.
    std::vector<std::string> paths;
};

struct Hardening {
    struct Measure {
        std::string_view name;
        bool holds = false;
        std::string why_not;  // "" if it holds
    };
    std::vector<Measure> measures;
    [[nodiscard]] bool holds(std::string_view name) const;
    // `core dumps and tracing: off; …` on one line.
    [[nodiscard]] std::string describe() const;
};

// REQUIRES: no other thread runs: all but the first two measures are a thread's own, which those that it starts inherit.
// Nothing of it can be taken back. What the kernel refuses is in the answer, with its reason.
[[nodiscard]] Hardening harden(const HardeningWishes& wishes);

// What a server of root's keeps, with what it gives workers that are plain processes. hardening.cpp says what for.
[[nodiscard]] std::span<const int> server_capabilities();

// The measures' names.
inline constexpr std::string_view no_core_dumps = "no core dumps", no_tracing = "no tracing",
                                  no_new_privileges = "no new privileges", few_capabilities = "few capabilities",
                                  private_files = "private files", no_inherited_descriptors = "no inherited descriptors";

}  // namespace os
