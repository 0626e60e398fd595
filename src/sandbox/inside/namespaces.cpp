#include "sandbox/inside/namespaces.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sandbox {
namespace {

constexpr int channel = 0;

void send(NamespaceReport report, int descriptor) {
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
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    ssize_t ignored = sendmsg(channel, &message, MSG_NOSIGNAL);
    (void)ignored;  // No other way to report it.
}

[[noreturn]] void give_up(NamespaceStep step) {
    send({step, errno}, -1);
    _exit(1);
}

bool write_whole(const char* path, const char* content) {
    const int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    const size_t size = strlen(content);
    const bool good = write(file, content, size) == static_cast<ssize_t>(size);
    const int error = errno;
    close(file);
    errno = error;
    return good;
}

void give(const char* path) {
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) give_up(NamespaceStep::open);
    send({NamespaceStep::none, 0}, descriptor);
    close(descriptor);
}

}  // namespace

int make_namespaces_inside(int count, char** words) {
    if (count != 3) return 127;
    if (unshare(CLONE_NEWUSER) != 0) give_up(NamespaceStep::make_user);
    if (!write_whole("/proc/self/setgroups", "deny") || !write_whole("/proc/self/uid_map", words[0]) ||
        !write_whole("/proc/self/gid_map", words[1])) {
        give_up(NamespaceStep::map_user);
    }
    give("/proc/self/ns/user");
    for (unsigned long left = strtoul(words[2], nullptr, 10); left > 0; --left) {
        if (unshare(CLONE_NEWNET) != 0) give_up(NamespaceStep::make_network);
        give("/proc/self/ns/net");
    }
    return 0;
}

}  // namespace sandbox
