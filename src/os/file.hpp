// Whole files, read and replaced, and folders whose names are on disk: a file that is synced in a folder that is not is lost with
// the power.
//
// Errors: `FileNotFound` (the file, or a folder on its way, is not there), `FileTooLarge` (more than the caller takes), `DiskFull`
// (no space or no quota), `FileError` (anything else). The message names the path and says what the system said.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/descriptor.hpp"

namespace os {

constexpr size_t whole_file_bytes_max = size_t{256} << 20;

// The error of a system call that has just failed: errno tells which. `what` completes "cannot ": `read`, `write`.
[[nodiscard]] base::Error file_error(std::string_view what, std::string_view path, int number);

// open(2), close-on-exec. `what` is for the message.
[[nodiscard]] base::Result<Descriptor> open_file(const std::string& path, int flags, mode_t mode = 0600,
                                                 std::string_view what = "open");

// The content of a file, also of those whose size the system does not say (/proc).
[[nodiscard]] base::Result<std::string> read_file(const std::string& path, size_t bytes_max = whole_file_bytes_max);

// All of the bytes, however many write(2) takes at once. `path` is for the message.
[[nodiscard]] base::Result<void> write_all(int descriptor, std::string_view bytes, std::string_view path);

// The system calls of replace_file, so that its test can make each of them fail. They answer as the system's do.
struct FileCalls {
    int (*open)(const char* path, int flags, mode_t mode);
    int (*set_mode)(int file, mode_t mode);
    ssize_t (*write)(int file, const void* bytes, size_t count);
    int (*sync)(int file);
    int (*close)(int file);
    int (*rename)(const char* from, const char* to);
};
extern const FileCalls system_file_calls;

// The file has the old content or the new one, whatever happens: a new file beside it, fsync, rename, fsync of the folder. Durable
// when it returns. After an error nothing lies beside it, and it still has the old content, except where the sync of the folder
// failed: then it has the new one, which a power loss may take back.
[[nodiscard]] base::Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode = 0600,
                                              const FileCalls& calls = system_file_calls);

// What was made, renamed or removed in the folder before is durable when it returns. "" is the current folder.
[[nodiscard]] base::Result<void> sync_folder(const std::string& path, const FileCalls& calls = system_file_calls);

// Makes the folder and those above it, as far as they are not there. Durable when it returns.
[[nodiscard]] base::Result<void> make_folders(const std::string& path);

}  // namespace os
