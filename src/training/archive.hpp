// tar.gz in and out (libarchive): the source directory that a job brings, the model that it leaves.
//
// Names are bytes. What is UTF-8 is written as such, anything else as pax's `hdrcharset=BINARY`, whatever the server's locale is.
// A file with several names is packed once, holes are not packed at all (GNU's sparse format 1.0): an archive is never much
// larger than what its files take on the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "training/limits.hpp"

namespace training {

struct Packed {
    size_t entries = 0;
    std::vector<std::string> clashes;  // files that more than one folder holds: the first folder's stays
    std::vector<std::string> special;  // sockets, named pipes, devices: not packed
    std::vector<std::string> missing;  // what should be in the archive and is not, and why
};

using ByteSink = std::function<base::Result<void>(std::string_view)>;

// The files below root/folder of every root, merged, as a tar.gz, into `sink`, piece by piece. Symbolic links are kept as links,
// never followed. A file that cannot be read is `missing`, the others are packed all the same. Errors: the sink's, `Cancelled`,
// `InvalidArchive`.
[[nodiscard]] base::Result<Packed> pack(const std::vector<std::string>& roots, const std::string& folder, const ByteSink& sink,
                                        const std::function<bool()>& cancelled, uint64_t bytes_max = Limits{}.artifact_bytes_max);

// `1024 GiB`, `5 MiB`: a limit as messages have it.
[[nodiscard]] std::string size_text(uint64_t bytes);

// Errors `InvalidArchive`: not a tar.gz, or an entry that would leave the folder, or too much of it (limits.hpp); `Cancelled`.
[[nodiscard]] base::Result<void> unpack(const std::string& path, const std::string& folder,
                                        const std::function<bool()>& cancelled);

}  // namespace training
