// `inside namespaces`: makes a user namespace with one user in it, network namespaces that it owns, and hands them over.
//
// A program of its own, because only the owner of /proc/self/uid_map may write it: the kernel gives that file to root while a
// process may not be traced (os/hardening.hpp), a server's child included. To make that child traceable for a moment would show
// the server's memory, of which it is a copy, to every process of the same user. This program holds nothing.
#pragma once

#include <stdint.h>

namespace sandbox {

enum class NamespaceStep : int32_t { none, make_user, map_user, make_network, open, run };

// On descriptor 0, a socket of packets: one for each namespace in their order, with its descriptor; or what failed, and ends.
struct NamespaceReport {
    NamespaceStep step;  // none: a descriptor comes with it
    int32_t error;
};

// words: the user's map, the group's (as in /proc/self/uid_map), the number of networks. The exit status.
int make_namespaces_inside(int count, char** words);

}  // namespace sandbox
