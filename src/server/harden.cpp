#include "server/harden.hpp"

#include <unistd.h>

#include "base/log.hpp"
#include "os/hardening.hpp"

namespace server {

void harden(const Settings& settings) {
    // What is started otherwise (ip, salloc, srun, scancel, squeue; munge by its socket) is nobody else's.
    std::vector<std::string> programs = {"/usr/bin/bwrap"};
    if (::geteuid() != 0) programs.emplace_back("/usr/bin/fusermount3");  // root mounts FastFile channels by itself
    const os::Hardening hardening =
        os::harden({.allow_core_dumps = settings.allow_core_dumps,
                    .programs = programs,
                    .paths = {settings.master_key_file, settings.audit.key_file, settings.instance_types_file,
                              settings.ready_file, settings.tls.certificate_file, settings.tls.key_file}});
    base::log_info("hardened: " + hardening.describe());
}

}  // namespace server
