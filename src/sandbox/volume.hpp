// A worker's disk, of the size that its job asked for: what it writes to /opt/ml, /tmp and its home together, and what the server
// puts there for it, is bounded by it. A worker that fills it gets ENOSPC, and nobody else does.
//
// A sparse file with ext4 in it, mounted by a loop device over the worker's folder. It takes of the disk what is written to it, and
// gives back what is deleted (discard). Why not project quotas: they take a data folder on a disk that was mounted for them, and a
// kernel with quotas, which many have not; a loop device takes neither.
//
// Nothing outlives its use: a loop device is tied to its mount (LO_FLAGS_AUTOCLEAR), or to this process while it has none. A mount
// that a killed server left goes at the next start (training/fastfile.hpp, unmount_below), the file with its worker's folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"

namespace sandbox {

constexpr const char* disk_full = "DiskFull";  // os/file.hpp's

// Mounted while this lives. The file stays: remove_volume.
class Volume {
public:
    Volume(const Volume&) = delete;
    Volume& operator=(const Volume&) = delete;
    ~Volume();

private:
    friend class Volumes;
    explicit Volume(std::string folder) : folder_(std::move(folder)) {}
    std::string folder_;
};

class Volumes {
public:
    // Tries it: a small volume is made in the folder `scratch`, and removed.
    [[nodiscard]] static Volumes open(const std::string& scratch);

    [[nodiscard]] bool available() const { return why_not_.empty(); }
    // "" if they are; else which step this machine does not permit.
    [[nodiscard]] const std::string& why_not() const { return why_not_; }

    // On the folder, which is made. What an earlier volume of this folder held is lost. Errors `DiskFull`, `InternalError`.
    [[nodiscard]] static base::Result<std::unique_ptr<Volume>> make(const std::string& folder, uint64_t bytes);
    // Mounts again what an earlier server left; nullptr if there is none. Error `InternalError`.
    [[nodiscard]] static base::Result<std::unique_ptr<Volume>> find(const std::string& folder);

private:
    std::string why_not_;
};

// The file of a folder's volume.
[[nodiscard]] std::string volume_file(const std::string& folder);
// What it takes of the disk; 0 if there is none.
[[nodiscard]] uint64_t volume_allocated(const std::string& folder);
// Of what is mounted at the folder: how much has been written, also what has not reached the disk yet …
[[nodiscard]] uint64_t volume_used(const std::string& folder);
// … and how much may still be.
[[nodiscard]] uint64_t volume_free(const std::string& folder);
// Whether nothing, or as good as nothing, may be written any more: no space or no inodes.
[[nodiscard]] bool volume_is_full(const std::string& folder);
// Removes the file, if it is there. REQUIRES: it is not mounted any more.
void remove_volume(const std::string& folder);

}  // namespace sandbox
