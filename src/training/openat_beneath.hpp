// Reading a worker's folder without being led out of it.
//
// A worker may put symbolic links into its folder that point at the server's own files; whoever collects a model or a failure
// message must never follow them. openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS refuses them at every component,
// whatever the worker does meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/descriptor.hpp"

namespace training {

struct FoundFile {
    std::string path;  // relative to the folder: bytes, whatever they are
    uint64_t size = 0;
    int64_t modified = 0;  // nanoseconds since the epoch
    bool is_link = false;
    std::string link;        // where it points; only for links
    bool is_folder = false;  // an empty one
    bool is_executable = false;
    uint64_t inode = 0, device = 0, names = 1;  // how many hard links it has
};

struct Listing {
    std::vector<FoundFile> files;      // in order of path
    std::vector<std::string> special;  // sockets, named pipes, devices: nothing to keep
    std::vector<std::string> unread;   // what could not be looked into, and why: the listing is not whole
    bool is_folder = false;            // there is such a folder
};

// Regular files, symbolic links (not followed) and empty folders below root/folder. A folder that is not there is empty. Bounded:
// by limits.hpp, and by one descriptor at a time.
// Once `cancelled`, what was found so far, which is not whole.
[[nodiscard]] Listing files_beneath(const std::string& root, const std::string& folder,
                                    const std::function<bool()>& cancelled = {});

// An open descriptor of a regular file, the caller's to close. Error `NotAFile`.
[[nodiscard]] base::Result<os::Descriptor> open_beneath(const std::string& root, const std::string& path);

// Its first bytes; empty if there is no such regular file.
[[nodiscard]] std::string read_beneath(const std::string& root, const std::string& path, size_t most);

// Copies a regular file out; what is a hole stays one. Errors `NotAFile`, `DiskFull`, `InternalError`,
// `Cancelled`.
[[nodiscard]] base::Result<void> copy_beneath(const std::string& root, const std::string& path, const std::string& to,
                                              const std::function<bool()>& cancelled);

// Has any process the file open for writing? False where the file system cannot tell.
[[nodiscard]] bool is_open_for_writing(int descriptor);

// A stretch of a file that holds data: [offset, offset + size).
struct Extent {
    uint64_t offset = 0, size = 0;
};
struct Extents {
    std::vector<Extent> list;  // in order; at most limits.hpp's sparse_extents_max
    uint64_t holes = 0;        // bytes of holes that the list counts as data, so that there are not more
};
// Of a file of this size. With more than holes_bytes_max of such holes the list ends early: nobody is to use it.
[[nodiscard]] Extents extents_of(int descriptor, uint64_t size);

// Makes a named pipe that everybody may read, in a folder that is there; an O_PATH descriptor of that very pipe, the caller's to
// close. Error `InternalError`.
[[nodiscard]] base::Result<os::Descriptor> make_fifo_beneath(const std::string& root, const std::string& path);

// How much of a file is holes; from holes_bytes_max on, at least so much.
[[nodiscard]] uint64_t holes_of(int descriptor, uint64_t size);

// Removes a file, if it is there.
void remove_beneath(const std::string& root, const std::string& path);

// Removes a folder and all that is in it, however deep, whatever its modes are. Error `InternalError`: what remains, and why.
[[nodiscard]] base::Result<void> remove_folder(const std::string& folder);

}  // namespace training
