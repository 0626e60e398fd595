// Whole files, read and replaced.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace deploy {

[[nodiscard]] base::Result<std::string> read_whole(const std::filesystem::path& path);
// The file has the old content or the new one, whatever happens: a new file beside it, fsync, rename, fsync of the folder. Mode
// 0600: states hold secrets.
[[nodiscard]] base::Result<void> replace_whole(const std::filesystem::path& path, std::string_view content, int mode = 0600);
[[nodiscard]] base::Result<void> make_folders(const std::filesystem::path& folder);

}  // namespace deploy
