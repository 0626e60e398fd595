// A backup's files and blobs into a new data folder. What makes the folder a server's (its keys, its `installation`) is the caller's to
// write, last: a folder without `installation` is refused by every server, so a restore that was cut off is none.
#pragma once

#include <functional>
#include <string>

#include "admin/manifest.hpp"
#include "base/result.hpp"

namespace admin {

// `directory`: not there, or empty. Every file is compared with its digest on the way; blobs are for `check_source`, once all is there. On
// the disk when it returns. Errors: `RestoreRefused` (the folder is not empty), `BackupUnusable` (a file is damaged or missing).
[[nodiscard]] base::Result<void> copy_out(const std::string& folder, const Manifest& manifest, const std::string& directory);

// Error `RestoreRefused`.
[[nodiscard]] base::Result<void> check_is_empty(const std::string& directory);

}  // namespace admin
