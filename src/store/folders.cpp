#include "store/folders.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

namespace store {

namespace fs = std::filesystem;

base::Result<void> make_folders(const std::string& path) {
    std::error_code error;
    fs::path at = fs::absolute(path, error).lexically_normal();
    if (!at.has_filename()) at = at.parent_path();
    std::vector<fs::path> above;  // of each folder that is made here
    for (fs::path missing = at; !error && !fs::exists(missing, error) && missing.has_relative_path();
         missing = missing.parent_path())
        above.push_back(missing.parent_path());
    if (!error) fs::create_directories(at, error);
    if (error) return base::fail("InternalError", "cannot make the folder `" + path + "`: " + error.message());
    for (const auto& folder : above) TRY(sync_folder(folder.string()));
    return {};
}

base::Result<void> sync_folder(const std::string& path) {
    const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = folder >= 0 && ::fsync(folder) == 0;
    const int reason = errno;
    if (folder >= 0) ::close(folder);
    if (!synced) return base::fail("InternalError", "cannot sync the folder `" + path + "`: " + std::strerror(reason));
    return {};
}

}  // namespace store
