// Reading a worker's folder without being led out of it.
//
// A worker may put symbolic links into its folder that point at the server's own files; whoever collects a model or a failure
// message must never follow them. openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS refuses them at every component,
// whatever the worker does meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace training {

struct FoundFile {
    std::string path;  // relative to the folder
    uint64_t size = 0;
    int64_t modified = 0;  // nanoseconds since the epoch
    bool is_link = false;
    std::string link;  // where it points; only for links
};

// Regular files and symbolic links (not followed) below root/folder, in order of path. A folder that is not there is empty.
[[nodiscard]] std::vector<FoundFile> files_beneath(const std::string& root, const std::string& folder);

// An open descriptor of a regular file, the caller's to close. Error `NotAFile`.
[[nodiscard]] base::Result<int> open_beneath(const std::string& root, const std::string& path);

// Its first bytes; empty if there is no such regular file.
[[nodiscard]] std::string read_beneath(const std::string& root, const std::string& path, size_t most);

// Copies a regular file out; error `NotAFile`, `InternalError`.
[[nodiscard]] base::Result<void> copy_beneath(const std::string& root, const std::string& path, const std::string& to);

// Makes a named pipe that everybody may read, in a folder that is there; an O_PATH descriptor of that very pipe, the caller's to
// close. Error `InternalError`.
[[nodiscard]] base::Result<int> make_fifo_beneath(const std::string& root, const std::string& path);

// Removes a file, if it is there.
void remove_beneath(const std::string& root, const std::string& path);

}  // namespace training
