// What a backup says of itself: `manifest.json`, without which it is none. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "text/json.hpp"

namespace admin {

constexpr int64_t backup_format = 1;
constexpr std::string_view manifest_file = "manifest.json";
constexpr std::string_view blobs_file = "blobs";  // every blob that the backup needs: ID and size, one a line

struct BackedUpFile {
    std::string path;  // below the backup's folder
    uint64_t bytes = 0;
    int64_t modified = 0;  // nanoseconds, of the original: who has not changed is not copied again
    std::string sha256;    // hexadecimal
};

struct Manifest {
    std::string id;
    base::Time time;  // of the snapshot: what was acknowledged before is in it
    std::string made_by;
    std::string installation;    // the server's id
    std::string store_identity;  // of the database: files of another are not taken for its own
    bool has_master_key = false;
    uint64_t entries = 0, objects = 0, blobs = 0, blob_bytes = 0;
    uint64_t new_bytes = 0;  // that this backup has added to its folder
    std::vector<BackedUpFile> files;
    text::Json heads;  // of the audit log, at its end
};

[[nodiscard]] std::string to_text(const Manifest& manifest);
// Error `BackupUnusable`: it is damaged, or of a format of a newer version.
[[nodiscard]] base::Result<Manifest> read_manifest(std::string_view text);

// A path that stays below the folder it is read in: relative, without `..`.
[[nodiscard]] bool is_inside(std::string_view path);
// An id that `write_backup` makes: digits, `T`, `Z`, `-` and small letters.
[[nodiscard]] bool is_backup_id(std::string_view id);

}  // namespace admin
