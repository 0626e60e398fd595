// A folder of backups, of one server or of several: a manifest says whose its backup is (`installation`).
//
//     DEST/                  0700
//       trainwarden-backups  what this folder is; no other folder is written into
//       lock                 locked while something is written or removed
//       backups/ID/          a backup: manifest.json (manifest.hpp), keys/ audit/ logs/ … as they were, `blobs`: which blobs it needs
//       blobs/xx/ID          the blobs of all backups, each once
//       unfinished/          what a backup that was cut off has left; removed by the next
//
// A backup is in backups/ whole or not at all: it is made in unfinished/, everything is on the disk, then it is renamed. What an earlier
// backup has is not copied again: blobs by their id, other files that have not changed by another name of the earlier copy. On the server's
// own file system, files that never change are further names of the server's own, unless `copy` says otherwise.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/manifest.hpp"
#include "admin/source.hpp"
#include "base/result.hpp"
#include "os/descriptor.hpp"

namespace admin {

constexpr size_t manifest_bytes_max = size_t{256} << 20;

struct BackupOptions {
    std::string destination;
    std::string made_by;      // the version of this program
    std::string master_keys;  // the content of their file, as it was when the source was; empty: they are not part of the backup
    bool copy = false;        // no file of the backup is one of the server's
    std::string audit_public_key;  // PEM: for who verifies the log
    // Asked before every file: an error ends the backup.
    std::function<base::Result<void>()> go_on;
};

// Writes the next backup into the folder, which it makes. Errors: `BackupUnusable`, those of files.
[[nodiscard]] base::Result<Manifest> write_backup(const Source& source, const BackupOptions& options);

// What is in the folder, oldest first.
struct FoundBackups {
    std::vector<Manifest> backups;
    struct Unusable {
        std::string path;
        std::string why;
        bool may_be_backup = false;  // a folder whose manifest is missing or damaged; else something that was put there
    };
    std::vector<Unusable> others;
};
// Error `BackupUnusable`: it is no folder of backups, or cannot be listed.
[[nodiscard]] base::Result<FoundBackups> backups_in(const std::string& folder);
// The one with this id; without one, the newest, where there is no doubt which that is. Error `BackupUnusable`: there is none, or there are
// backups of several servers, or one that cannot be read.
[[nodiscard]] base::Result<Manifest> find_backup(const std::string& folder, const std::string& id);

// Of the backups of this installation removes all but the newest `keep`; then the blobs that no backup needs, whosever it is. How many went.
// Error `BackupUnusable`: also where it is not known what a backup needs.
struct Pruned {
    size_t backups = 0, blobs = 0;
};
[[nodiscard]] base::Result<Pruned> prune_backups(const std::string& folder, const std::string& installation, size_t keep);

[[nodiscard]] bool is_backup_folder(const std::string& folder);
[[nodiscard]] std::string backup_path(const std::string& folder, const std::string& id);

// The blobs that a backup needs, from its list. Error `BackupUnusable`.
[[nodiscard]] base::Result<void> each_blob(const std::string& list,
                                           const std::function<base::Result<void>(const std::string& id, uint64_t bytes)>& visit);

// Nobody else writes into the folder while this lives. Error `BackupUnusable`.
[[nodiscard]] base::Result<os::Descriptor> lock_folder(const std::string& folder);

}  // namespace admin
