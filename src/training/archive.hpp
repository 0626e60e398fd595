// tar.gz in and out (libarchive): the source directory that a job brings, the model that it leaves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace training {

struct Packed {
    size_t entries = 0;
    std::vector<std::string> clashes;  // files that more than one folder holds: the first folder's stays
};

// The files below root/folder of every root, merged, as a tar.gz at `path`. Symbolic links are kept as links, never followed.
[[nodiscard]] base::Result<Packed> pack(const std::vector<std::string>& roots, const std::string& folder,
                                        const std::string& path);

// Error `InvalidArchive`: not a tar.gz, or an entry that would leave the folder, or too much of it.
[[nodiscard]] base::Result<void> unpack(const std::string& path, const std::string& folder);

}  // namespace training
