#include "sandbox/system_calls.hpp"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "base/error_codes.hpp"

namespace sandbox {
namespace {

constexpr const char* refused[] = {
    // mounts and roots
    "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "listmount", "statmount",
    // namespaces
    "unshare", "setns",
    // other processes
    "ptrace", "kcmp", "process_madvise",
    // the kernel itself
    "bpf", "perf_event_open", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module",
    "query_module", "get_kernel_syms", "lookup_dcookie", "syslog", "userfaultfd", "fanotify_init", "nfsservctl", "vm86",
    "vm86old", "modify_ldt", "uselib", "ustat", "sysfs", "_sysctl",
    // keys, which no namespace separates
    "add_key", "request_key", "keyctl",
    // files by handle, which know no folders
    "open_by_handle_at", "name_to_handle_at",
    // the machine
    "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "settimeofday", "stime", "clock_settime", "clock_settime64",
    "clock_adjtime", "clock_adjtime64", "adjtimex", "iopl", "ioperm", "sethostname", "setdomainname", "vhangup"};

constexpr const char* absent[] = {"io_uring_setup", "io_uring_enter", "io_uring_register",
                                  "clone3"};  // its flags lie in memory, where no filter can see them

// Address families that stay: everything else is old kernel code or, as AF_VSOCK, a way around the network namespace.
constexpr int families[] = {AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
constexpr int families_end = 64;

struct Rules {
    scmp_filter_ctx filter;
    int error = 0;

    template <class... Comparisons>
    void refuse(const char* name, int answer, Comparisons... comparisons) {
        int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR || error != 0) return;  // A call that this libseccomp or this architecture does not know.
        scmp_arg_cmp list[] = {comparisons..., scmp_arg_cmp{}};
        int added =
            seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(static_cast<uint32_t>(answer)), number, sizeof...(comparisons), list);
        if (added != 0 && added != -EEXIST && added != -EDOM) error = -added;
    }
};

void add_rules(Rules& rules) {
    for (const char* name : refused) rules.refuse(name, EPERM);
    for (const char* name : absent) rules.refuse(name, ENOSYS);
    for (int flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
        auto bit = static_cast<scmp_datum_t>(flag);
        rules.refuse("clone", EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
    }
    for (int family = 0; family < families_end; ++family) {
        bool allowed = false;
        for (int one : families) allowed = allowed || one == family;
        if (!allowed) rules.refuse("socket", EAFNOSUPPORT, SCMP_A0_32(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)));
    }
    rules.refuse("socket", EAFNOSUPPORT, SCMP_A0_32(SCMP_CMP_GE, static_cast<scmp_datum_t>(families_end)));
    // A terminal's input queue, the console's clipboard.
    for (unsigned long request : {static_cast<unsigned long>(TIOCSTI), static_cast<unsigned long>(TIOCLINUX)}) {
        // The kernel takes 32 bits of the request: so does the rule, whatever stands above them.
        rules.refuse("ioctl", EPERM, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, request));
    }
    // Device files need a capability anyway.
    for (unsigned type : {0020000U /* S_IFCHR */, 0060000U /* S_IFBLK */}) {
        rules.refuse("mknod", EPERM, SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0170000, type));
        rules.refuse("mknodat", EPERM, SCMP_A2_32(SCMP_CMP_MASKED_EQ, 0170000, type));
    }
}

std::unexpected<base::Error> unavailable(const char* what, int error) {
    return base::fail(base::code::SandboxUnavailable,
                      std::string("the system-call filter: ") + what + ": " + std::strerror(error));
}

}  // namespace

base::Result<std::string> system_call_filter() {
    std::unique_ptr<void, void (*)(void*)> filter(seccomp_init(SCMP_ACT_ALLOW), [](void* one) { seccomp_release(one); });
    if (!filter) return unavailable("cannot begin", ENOMEM);
    // Programs of another architecture (32 bit) have another table: none of their calls.
    seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    Rules rules{filter.get()};
    add_rules(rules);
    if (rules.error != 0) return unavailable("a rule was not taken", rules.error);
    int file = ::memfd_create("filter", MFD_CLOEXEC);
    if (file < 0) return unavailable("no memory file", errno);
    int exported = seccomp_export_bpf(filter.get(), file);
    std::string program(static_cast<size_t>(::lseek(file, 0, SEEK_END)), '\0');
    bool whole = ::pread(file, program.data(), program.size(), 0) == static_cast<ssize_t>(program.size());
    ::close(file);
    if (exported != 0 || !whole || program.empty()) return unavailable("cannot be written out", exported != 0 ? -exported : EIO);
    return program;
}

}  // namespace sandbox
