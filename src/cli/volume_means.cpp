#include "cli/volume_means.hpp"

#include <unistd.h>

namespace cli {

MissingMeans missing_for_volumes() {
    if (::geteuid() != 0)
        return {"the server must be root's", "as another user's it measures what jobs write, and ends those that write too much"};
    if (::access("/usr/sbin/mkfs.ext4", X_OK) != 0) return {"there is no /usr/sbin/mkfs.ext4", "apt install e2fsprogs"};
    if (::access("/dev/loop-control", R_OK | W_OK) != 0)
        return {"there is no /dev/loop-control", "load the kernel's module `loop`; give a container its loop devices"};
    return {};
}

}  // namespace cli
