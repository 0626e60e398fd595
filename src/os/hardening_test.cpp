// Each case forks: what is given up cannot be had back.
#include "os/hardening.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "machine.hpp"
#include "os/descriptor.hpp"
#include "temporary_folder.hpp"

namespace os {
namespace {

constexpr uid_t nobody = 65534;

// What `look` answers in a child: 0 … 99.
int in_child(const std::function<int()>& look) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(look());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

int permitted_beyond(std::span<const int> kept) {
    int beyond = 0;
    for (int capability = 0; capability < 64; ++capability) {
        const bool stays = std::ranges::find(kept, capability) != kept.end();
        beyond += !stays && ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1 ? 1 : 0;
    }
    return beyond;
}

TEST_CASE("a hardened process has no dumps, no way to new privileges and private files") {
    CHECK(in_child([] {
              const Hardening hardening = harden({});
              rlimit limit{1, 1};
              if (::getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0) return 1;
              if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) return 2;
              if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 3;
              if (::umask(0) != 077) return 4;
              for (const auto name : {no_core_dumps, no_tracing, no_new_privileges, private_files, no_inherited_descriptors})
                  if (!hardening.holds(name)) return 5;
              return hardening.describe().contains("no core dumps, no tracing, no new privileges") ? 0 : 6;
          }) == 0);
}

TEST_CASE("developers may have dumps and debuggers, and nothing else of it") {
    CHECK(in_child([] {
              rlimit before{}, after{};
              ::getrlimit(RLIMIT_CORE, &before);
              const Hardening hardening = harden({.allow_core_dumps = true});
              ::getrlimit(RLIMIT_CORE, &after);
              if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1 || after.rlim_max != before.rlim_max) return 1;
              if (hardening.holds(no_core_dumps) || hardening.holds(no_tracing)) return 2;
              if (!hardening.describe().contains("not: no core dumps (allowed)")) return 3;
              return hardening.holds(no_new_privileges) ? 0 : 4;
          }) == 0);
}

TEST_CASE("root keeps what sandboxes need and loses the rest, for what it starts too") {
    NEEDS("root");
    CHECK(in_child([] {
              if (::prctl(PR_CAPBSET_READ, CAP_SYS_MODULE, 0, 0, 0) == 0) return 0;  // a container has taken it already
              const Hardening hardening = harden({});
              if (!hardening.holds(few_capabilities)) return 1;
              if (permitted_beyond(server_capabilities()) != 0) return 2;
              if (::prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 1) return 3;
              // A program that it starts has no more: it asks the kernel by itself.
              return ::system("exec 2>/dev/null; test $((0x$(sed -n 's/^CapEff:.//p' /proc/self/status) >> 16 & 1)) = 0") == 0
                         ? 0
                         : 4;
          }) == 0);
    CHECK(std::ranges::find(server_capabilities(), CAP_SYS_MODULE) == server_capabilities().end());
    CHECK(std::ranges::find(server_capabilities(), CAP_SYS_RAWIO) == server_capabilities().end());
}

TEST_CASE("a set-user-ID program that is needed keeps new privileges possible, and is named") {
    const TemporaryFolder folder;
    const std::string program = folder.path + "/mount-helper";
    Descriptor(::open(program.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
    REQUIRE(::chmod(program.c_str(), 04755) == 0);
    CHECK(in_child([&] {
              const Hardening hardening = harden({.programs = {"/no/such/program", program}});
              if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0 || hardening.holds(no_new_privileges)) return 1;
              return hardening.describe().contains("no new privileges (" + program + " is set-user-ID") ? 0 : 2;
          }) == 0);
    REQUIRE(::chmod(program.c_str(), 0755) == 0);
    CHECK(in_child([&] { return harden({.programs = {program}}).holds(no_new_privileges) ? 0 : 1; }) == 0);
}

TEST_CASE("inherited descriptors are closed, but for those that a setting names") {
    CHECK(in_child([] {
              const int lowest = ::open("/dev/null", O_RDONLY), named = ::open("/dev/null", O_RDONLY),
                        after = ::open("/dev/null", O_RDONLY), process = ::open("/dev/null", O_RDONLY);
              const auto open = [](int number) { return ::fcntl(number, F_GETFD) >= 0; };
              (void)harden({.paths = {"/dev/fd/" + std::to_string(named), "/proc/self/fd/" + std::to_string(process), "/dev/fd/",
                                      "/dev/fd/12x", "/home/key"}});
              if (open(lowest) || open(after)) return 1;
              if (!open(named) || !open(process)) return 2;
              return open(0) && open(2) ? 0 : 3;
          }) == 0);
}

// Two processes of one user without rights: may one read the other's memory?
int reader_of(bool hardened) {
    const Pipe ready = *make_pipe(), over = *make_pipe();
    const pid_t secretive = ::fork();
    if (secretive == 0) {
        if (::setresuid(nobody, nobody, nobody) != 0) ::_exit(1);
        ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // as after an exec; a change of user takes it away
        if (hardened)
            (void)harden(
                {.paths = {"/dev/fd/" + std::to_string(ready.write.number()), "/dev/fd/" + std::to_string(over.read.number())}});
        char byte = 0;
        if (::write(ready.write.number(), "r", 1) != 1 || ::read(over.read.number(), &byte, 1) != 1) ::_exit(1);
        ::_exit(0);
    }
    const int answer = in_child([&] {
        char byte = 0;
        if (::read(ready.read.number(), &byte, 1) != 1 || ::setresuid(nobody, nobody, nobody) != 0) return 9;
        const std::string process = "/proc/" + std::to_string(secretive);
        const bool memory = Descriptor(::open((process + "/mem").c_str(), O_RDONLY | O_CLOEXEC)).is_open();
        const bool variables = Descriptor(::open((process + "/environ").c_str(), O_RDONLY | O_CLOEXEC)).is_open();
        return (memory ? 1 : 0) + (variables ? 2 : 0);
    });
    CHECK(::write(over.write.number(), "o", 1) == 1);
    int status = 0;
    CHECK(::waitpid(secretive, &status, 0) == secretive);
    CHECK(status == 0);
    return answer;
}

TEST_CASE("a process of the same user does not read a hardened one's memory or environment") {
    NEEDS("root");                 // to become somebody without rights
    CHECK(reader_of(false) >= 2);  // otherwise the next line would mean nothing; memory itself may be Yama's
    CHECK(reader_of(true) == 0);
}

}  // namespace
}  // namespace os
