// What a worker sees of the file system, as bubblewrap's arguments.
//
//     /                   a tmpfs, read-only: only the following is in it
//     /usr, /bin, …       the image, read-only: this machine's /usr, or every folder of an image of its own
//     /etc                what programs need of the image's, and our hosts, passwd, group, hostname, resolv.conf, nsswitch.conf
//     /opt                the image's, and in it /opt/ml: the worker's own
//     /tmp, /var/tmp      the worker's own, on disk        /home/worker   the worker's own, on disk
//     /run, /dev/shm      the worker's own, in memory      /dev, /proc    bubblewrap's: no devices but null, zero, random, tty …
//     shared folders      read-only, in their own places
//     GPUs                /dev/nvidia*, all of the machine's, if the task has GPUs
//
// Sources lie where launch.cpp puts them for bubblewrap: stage_*. Reads the image's folders, changes nothing.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "sandbox/image.hpp"

namespace sandbox {

constexpr const char* worker_home = "/home/worker";
constexpr unsigned worker_user = 1000;  // as the worker sees itself

// Where launch() binds the sources before bubblewrap starts.
constexpr const char* stage = "/tmp";
constexpr const char* stage_worker = "/tmp/worker";  // ml, home, tmp, etc
constexpr const char* stage_image = "/tmp/image";
constexpr const char* stage_share = "/tmp/share";  // and a number

constexpr const char* inside_path = "/.inside";  // the first process's program

// The paths that Landlock leaves writable.
[[nodiscard]] std::vector<std::string> writable_paths();

// `inside_descriptor`: where bubblewrap reads the first process's program from.
// Error `SandboxUnavailable`: the image's folder cannot be read.
[[nodiscard]] base::Result<std::vector<std::string>> mount_arguments(const Image& image, const std::vector<std::string>& shared,
                                                                     bool gpus, int inside_descriptor);

// Writes WORKER/etc. Error `SandboxUnavailable`.
[[nodiscard]] base::Result<void> write_settings(const std::string& worker_folder, const std::string& host_name,
                                                const std::string& hosts);

}  // namespace sandbox
