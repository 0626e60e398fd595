#include "sandbox/namespaces.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>

#include "base/error_codes.hpp"
#include "os/child.hpp"
#include "os/file.hpp"
#include "sandbox/inside/namespaces.hpp"
#include "sandbox/inside_program.hpp"

namespace sandbox {
namespace {

std::unexpected<base::Error> unavailable(const std::string& what) { return base::fail(base::code::SandboxUnavailable, what); }

// One message of a child: which step failed (0: none) and why, and with it one descriptor or none.
struct Report {
    int step;
    int error;
};

void send(int channel, Report report, int descriptor) {
    iovec part{&report, sizeof report};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    ssize_t ignored = ::sendmsg(channel, &message, MSG_NOSIGNAL);
    (void)ignored;  // No other way to report it.
}

std::optional<std::pair<Report, os::Descriptor>> receive(int channel) {
    Report report{};
    iovec part{&report, sizeof report};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got = 0;
    do got = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != sizeof report) return std::nullopt;
    os::Descriptor descriptor;
    if (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr && header->cmsg_type == SCM_RIGHTS) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(header), sizeof number);
        descriptor = os::Descriptor(number);
    }
    return std::pair(report, std::move(descriptor));
}

// Forks; the child runs `work(channel)`, which sends its descriptors, and ends. `steps` are what a Report's step says.
template <class Work>
base::Result<std::vector<os::Descriptor>> descriptors_of_child(size_t count, const char* const* steps, const Work& work) {
    int channel[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0)
        return unavailable(std::string("no socket pair: ") + std::strerror(errno));
    os::Descriptor ours(channel[0]), theirs(channel[1]);
    const auto become = [&] {
        work(theirs.number());
        ::_exit(0);
    };
    const auto child = os::start_child(become);
    if (!child) return unavailable(child.error().message);
    theirs.close();
    std::vector<os::Descriptor> found;
    std::string failure;
    while (auto message = receive(ours.number())) {
        if (message->first.step != 0)
            failure = std::string("cannot ") + steps[message->first.step] + ": " + std::strerror(message->first.error);
        else
            found.push_back(std::move(message->second));
    }
    (void)os::reap(child->process);
    if (!failure.empty()) return unavailable(failure);
    if (found.size() != count) return unavailable("a child ended before it had made its namespaces");
    return found;
}

// Where a machine lets nothing run from memory unless it is asked for (vm.memfd_noexec), it is asked for; older kernels do not know
// the flag.
base::Result<os::Descriptor> program_in_memory() {
    constexpr unsigned executable = 0x10;  // MFD_EXEC
    os::Descriptor file(::memfd_create("inside", MFD_CLOEXEC | executable));
    if (!file.is_open() && errno == EINVAL) file = os::Descriptor(::memfd_create("inside", MFD_CLOEXEC));
    if (!file.is_open()) return unavailable(std::string("no memory file for a program: ") + std::strerror(errno));
    if (auto written = os::write_all(file.number(), inside_program(), "inside"); !written)
        return unavailable(written.error().message);
    return file;
}

}  // namespace

bool enter(int user, int network) {
    if (user >= 0 && ::setns(user, CLONE_NEWUSER) != 0) return false;
    return network < 0 || ::setns(network, CLONE_NEWNET) == 0;
}

base::Result<Namespaces> make_namespaces(size_t networks, UserInside user) {
    static constexpr const char* steps[] = {"",
                                            "make a user namespace",
                                            "map the user into its namespace",
                                            "make a network namespace",
                                            "open a namespace",
                                            "run the program that makes namespaces"};  // in the order of NamespaceStep
    static_assert(sizeof(Report) == sizeof(NamespaceReport) && std::size(steps) == static_cast<size_t>(NamespaceStep::run) + 1);
    Namespaces made;
    if (::geteuid() == 0) {
        auto work = [&](int channel) {
            for (size_t i = 0; i < networks; ++i) {
                if (::unshare(CLONE_NEWNET) != 0) {
                    send(channel, {static_cast<int>(NamespaceStep::make_network), errno}, -1);
                    ::_exit(1);
                }
                const os::Descriptor own(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
                send(channel, {own.is_open() ? 0 : static_cast<int>(NamespaceStep::open), errno}, own.number());
                if (!own.is_open()) ::_exit(1);
            }
        };
        made.networks = TRY(descriptors_of_child(networks, steps, work));
        return made;
    }
    const os::Descriptor program = TRY(program_in_memory());
    const auto map = [user](unsigned own) {
        return std::to_string(user == UserInside::root ? 0 : own) + " " + std::to_string(own) + " 1\n";
    };
    std::string users = map(::geteuid()), groups = map(::getegid()), count = std::to_string(networks);
    char name[] = "inside", mode[] = "namespaces";
    std::array<char*, 6> words = {name, mode, users.data(), groups.data(), count.data(), nullptr};
    char* no_variables[] = {nullptr};
    auto work = [&](int channel) {
        ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
        if (::dup2(channel, 0) == 0) ::syscall(SYS_execveat, program.number(), "", words.data(), no_variables, AT_EMPTY_PATH);
        send(channel, {static_cast<int>(NamespaceStep::run), errno}, -1);
        ::_exit(1);
    };
    auto found = TRY(descriptors_of_child(networks + 1, steps, work));
    made.user = std::move(found.front());
    made.networks.assign(std::make_move_iterator(found.begin() + 1), std::make_move_iterator(found.end()));
    return made;
}

base::Result<std::vector<os::Descriptor>> listen_inside(int user, int network, const std::vector<SocketAddress>& addresses) {
    static constexpr const char* steps[] = {"", "enter a worker's network", "make a socket in a worker's network",
                                            "listen in a worker's network"};
    std::vector<sockaddr_storage> names(addresses.size());
    std::vector<socklen_t> sizes(addresses.size());
    for (size_t i = 0; i < addresses.size(); ++i) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(names[i]);
        auto& v6 = reinterpret_cast<sockaddr_in6&>(names[i]);
        if (::inet_pton(AF_INET, addresses[i].address.c_str(), &v4.sin_addr) == 1) {
            v4.sin_family = AF_INET;
            v4.sin_port = htons(addresses[i].port);
            sizes[i] = sizeof v4;
        } else if (::inet_pton(AF_INET6, addresses[i].address.c_str(), &v6.sin6_addr) == 1) {
            v6.sin6_family = AF_INET6;
            v6.sin6_port = htons(addresses[i].port);
            sizes[i] = sizeof v6;
        } else {
            return unavailable("`" + addresses[i].address + "` is not a listen address");
        }
    }
    auto work = [&](int channel) {
        auto fail = [&](int step) {
            send(channel, {step, errno}, -1);
            ::_exit(1);
        };
        if (!enter(user, network)) fail(1);
        for (size_t i = 0; i < names.size(); ++i) {
            int listener = ::socket(names[i].ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (listener < 0) fail(2);
            if (::bind(listener, reinterpret_cast<sockaddr*>(&names[i]), sizes[i]) != 0 || ::listen(listener, 4096) != 0) fail(3);
            send(channel, {0, 0}, listener);
            ::close(listener);
        }
    };
    return descriptors_of_child(addresses.size(), steps, work);
}

base::Result<os::Descriptor> open_tunnel(int user, int network, const std::string& name) {
    static constexpr const char* steps[] = {"", "enter a worker's network",
                                            "open /dev/net/tun (is the kernel module tun loaded?)",
                                            "make a tunnel in a worker's network"};
    ifreq device{};
    device.ifr_flags = IFF_TUN | IFF_NO_PI;
    name.copy(device.ifr_name, sizeof device.ifr_name - 1);
    auto work = [&](int channel) {
        auto fail = [&](int step) {
            send(channel, {step, errno}, -1);
            ::_exit(1);
        };
        if (!enter(user, network)) fail(1);
        int tunnel = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (tunnel < 0) fail(2);
        if (::ioctl(tunnel, TUNSETIFF, &device) != 0) fail(3);
        send(channel, {0, 0}, tunnel);
    };
    auto found = TRY(descriptors_of_child(1, steps, work));
    return std::move(found.front());
}

base::Result<os::Descriptor> open_connections(int user, int network) {
    static constexpr const char* steps[] = {"", "enter a worker's network", "look at a worker's connections"};
    auto work = [&](int channel) {
        auto fail = [&](int step) {
            send(channel, {step, errno}, -1);
            ::_exit(1);
        };
        if (!enter(user, network)) fail(1);
        // The file is of the network that its opener is in.
        int table = ::open("/proc/self/net/tcp", O_RDONLY | O_CLOEXEC);
        if (table < 0) fail(2);
        send(channel, {0, 0}, table);
    };
    auto found = TRY(descriptors_of_child(1, steps, work));
    return std::move(found.front());
}

base::Result<void> configure_inside(int user, int network, const std::string& lines, const std::vector<int>& passed) {
    static constexpr const char* program = "/sbin/ip";
    const os::Descriptor script(::memfd_create("ip", MFD_CLOEXEC));
    auto output = os::make_pipe();
    if (!script.is_open() || !output || !os::write_all(script.number(), lines, "ip") ||
        ::lseek(script.number(), 0, SEEK_SET) != 0)
        return unavailable(std::string("cannot prepare `ip`: ") + std::strerror(errno));
    os::Descriptor &said = output->read, &say = output->write;
    std::array<const char*, 4> words = {"ip", "-batch", "-", nullptr};
    std::array<const char*, 2> variables = {"LC_ALL=C", nullptr};
    const auto become = [&] {
        auto fail = [&](const char* what) {
            const char* why = ::strerrordesc_np(errno);
            for (const char* part : {what, ": ", why}) {
                ssize_t ignored = ::write(say.number(), part, std::strlen(part));
                (void)ignored;
            }
            ::_exit(127);
        };
        if (!enter(user, network)) fail("cannot enter the network");
        ::dup2(script.number(), 0);
        ::dup2(say.number(), 1);
        ::dup2(say.number(), 2);
        ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
        for (int descriptor : passed) ::fcntl(descriptor, F_SETFD, 0);
        ::execve(program, const_cast<char**>(words.data()), const_cast<char**>(variables.data()));
        fail("cannot run /sbin/ip (Debian package iproute2)");
    };
    const auto child = os::start_child(become);
    if (!child) return unavailable(child.error().message);
    say.close();
    std::string text;
    char buffer[512];
    for (ssize_t got; (got = ::read(said.number(), buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR);) {
        if (got > 0 && text.size() < 4096) text.append(buffer, static_cast<size_t>(got));
    }
    if (os::reap(child->process).success()) return {};
    while (text.ends_with('\n')) text.pop_back();
    return unavailable("the worker's network cannot be set up: " + text);
}

}  // namespace sandbox
