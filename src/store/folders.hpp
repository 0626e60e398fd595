// Folders whose names are on disk: a file that is synced in a folder that is not is lost with the power.
#pragma once

#include <string>

#include "base/result.hpp"

namespace store {

// Makes the folder and those above it, as far as they are not there. Durable when it returns. Error `InternalError`.
[[nodiscard]] base::Result<void> make_folders(const std::string& path);

// What was made, renamed or removed in the folder before is durable when it returns. Error `InternalError`.
[[nodiscard]] base::Result<void> sync_folder(const std::string& path);

}  // namespace store
