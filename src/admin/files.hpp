// Files on their way into a backup and out of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace admin {

struct CopyOptions {
    std::optional<uint64_t> bytes;  // the first so many; nothing: all that there is when the copy begins
    bool may_link = false;          // the file never changes: another name of it will do, where the file system can
    bool digest = true;
};
struct Copied {
    uint64_t bytes = 0;
    int64_t modified = 0;  // nanoseconds, of the original
    std::string sha256;    // hexadecimal, of what was read
    bool linked = false;
};
// A new file (0600) beside which there is none of that name; its folder is there. Not synced. Errors: os/file.hpp's.
[[nodiscard]] base::Result<Copied> copy_file(const std::string& from, const std::string& to, const CopyOptions& options);

[[nodiscard]] base::Result<std::string> sha256_of_file(const std::string& path);

struct FileFacts {
    uint64_t bytes = 0;
    int64_t modified = 0;
};
// nullopt: there is no regular file.
[[nodiscard]] std::optional<FileFacts> facts_of(const std::string& path);

// Regular files below the folder, relative to it, in order; symbolic links are not followed and not listed. None if there is no folder.
[[nodiscard]] base::Result<std::vector<std::string>> files_below(const std::string& folder);

// Everything that was written to the file system of this folder is on the disk when it returns.
[[nodiscard]] base::Result<void> sync_all(const std::string& folder);

// Removes a folder with all that is in it; nothing if it is not there.
[[nodiscard]] base::Result<void> remove_tree(const std::string& path);

// A folder for this user alone (0700), with those above it.
[[nodiscard]] base::Result<void> make_private_folder(const std::string& path);

}  // namespace admin
