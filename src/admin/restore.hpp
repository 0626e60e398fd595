// A backup's files and blobs into a new data folder. What makes the folder a server's (its keys, its `installation`) is the caller's to
// write, last: a folder without `installation` is refused by every server, so a restore that was cut off, or that has found what is damaged, is none.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "admin/manifest.hpp"
#include "base/result.hpp"

namespace admin {

// `directory`: not there, or empty. Every file is compared with its digest on the way; blobs are for `check_source`, once all is there. On
// the disk when it returns. Errors: `RestoreRefused` (the folder is not empty), `BackupUnusable` (a file is damaged or missing).
[[nodiscard]] base::Result<void> copy_out(const std::string& folder, const Manifest& manifest, const std::string& directory);

// A file of the backup (`installation`, `master-key`, `audit-key.pub`) whose bytes are those of the manifest's digest; nullopt: the manifest
// has no such file, whatever lies there. Error `BackupUnusable`: it is damaged or missing.
[[nodiscard]] base::Result<std::optional<std::string>> read_backed_up(const std::string& folder, const Manifest& manifest,
                                                                      std::string_view path);

// Error `RestoreRefused`.
[[nodiscard]] base::Result<void> check_is_empty(const std::string& directory);

}  // namespace admin
