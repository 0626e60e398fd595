// Training images: root file systems that workers run in.
//
//     host/python3[:TAG]        this machine's /usr
//     NAME[:TAG]                FOLDER/NAME[:TAG], a folder: a root file system, or an OCI layout (it has `oci-layout`)
//                               FOLDER/NAME[:TAG].tar[.gz|.xz|.zst], an archive of either, `docker save`'s included
//
// NAME may be a registry's (111122223333.dkr.ecr.us-east-1.amazonaws.com/pytorch:2): the folders below FOLDER have its parts.
// Nothing is ever pulled. Archives and layouts are unpacked once into CACHE, keyed by what they were (path, size, time), with
// libarchive; a root file system in a folder is used where it is, read-only.
//
// Sources: OCI Image Format Specification 1.1 (image-layout, manifest, layer: whiteouts), the `manifest.json` of `docker save`.
//
// In an unpacked image the group and all others get the owner's rights: a worker is one user, the image's owner to itself, as a
// container's root is. Devices and set-user-ID bits are left out.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "base/result.hpp"

namespace sandbox {

struct Image {
    std::string root;  // empty: this machine's /usr
    // What an OCI image says of itself. Its Cmd is not here: a training job gives `train` instead.
    std::vector<std::string> entry_point;
    std::vector<std::pair<std::string, std::string>> environment;
    std::string directory;
};

constexpr std::string_view host_image = "host/python3";  // with any tag
[[nodiscard]] bool is_host_image(std::string_view name);

class Images {
public:
    Images(std::string folder, std::string cache) : folder_(std::move(folder)), cache_(std::move(cache)) {}
    // Errors: `ImageNotFound` (says where it looked), `InvalidImage`. Unpacks if need be; callers wait for each other.
    [[nodiscard]] base::Result<Image> find(const std::string& name);
    // Without unpacking anything: is there such an image?
    [[nodiscard]] base::Result<void> check(const std::string& name) const;

private:
    [[nodiscard]] base::Result<std::string> path_of(const std::string& name) const;
    std::string folder_, cache_;
    base::Mutex mutex_;  // one unpacks, the others wait
};

}  // namespace sandbox
