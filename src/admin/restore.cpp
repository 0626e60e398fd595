#include "admin/restore.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "admin/backup.hpp"
#include "admin/files.hpp"
#include "base/error_codes.hpp"
#include "os/file.hpp"
#include "store/blobs.hpp"

namespace admin {
namespace {

namespace fs = std::filesystem;

// For who restores, or written anew.
constexpr auto not_copied = std::to_array<std::string_view>({"installation", "master-key", "audit-key.pub", blobs_file});

std::unexpected<base::Error> damaged(const std::string& what) {
    return base::fail(
        base::Error(base::code::BackupUnusable, what).note("restore another backup: `trainwarden admin backups` lists them"));
}

}  // namespace

base::Result<void> check_is_empty(const std::string& directory) {
    std::error_code error;
    if (!fs::exists(directory, error)) return {};
    if (fs::is_directory(directory, error) && fs::is_empty(directory, error)) return {};
    const bool has_server = facts_of(directory + "/installation").has_value();
    return base::fail(
        base::Error(base::code::RestoreRefused,
                    "`" + directory + "` is not an empty folder" + (has_server ? ": it is the data folder of a server" : ""))
            .note(has_server ? "restore into another folder, and serve from that one once it is checked"
                             : "name a folder that is not there; what a restore that was cut off has left may be removed"));
}

base::Result<void> copy_out(const std::string& folder, const Manifest& manifest, const std::string& directory) {
    TRY(check_is_empty(directory));
    TRY(make_private_folder(directory));
    const std::string root = backup_path(folder, manifest.id);
    for (const auto& file : manifest.files) {
        if (std::ranges::find(not_copied, file.path) != not_copied.end()) continue;
        const std::string from = root + "/" + file.path, to = directory + "/" + file.path;
        TRY(make_private_folder(fs::path(to).parent_path().string()));
        auto copied = copy_file(from, to, {.bytes = {}, .may_link = false, .digest = true});
        if (!copied && copied.error().code == base::code::FileNotFound) return damaged(copied.error().message);
        if (TRY(std::move(copied)).sha256 != file.sha256)
            return damaged("`" + from + "` was altered: its digest is not the manifest's");
    }
    for (const char* inner : {"blobs", "audit", "logs", "jobs"}) TRY(make_private_folder(directory + "/" + inner));
    const std::string list = root + "/" + std::string(blobs_file);
    TRY(each_blob(list, [&](const std::string& id, uint64_t) -> base::Result<void> {
        const std::string to = store::blob_path(directory + "/blobs", id);
        TRY(make_private_folder(fs::path(to).parent_path().string()));
        auto copied = copy_file(store::blob_path(folder + "/blobs", id), to, {.bytes = {}, .may_link = false, .digest = false});
        // What was missing when the backup was made is missing here: the check says which object that is.
        if (!copied && copied.error().code != base::code::FileNotFound) return base::fail(copied.error());
        return {};
    }));
    return sync_all(directory);
}

}  // namespace admin
