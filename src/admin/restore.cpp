#include "admin/restore.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "admin/backup.hpp"
#include "admin/files.hpp"
#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "os/file.hpp"
#include "store/blobs.hpp"

namespace admin {
namespace {

namespace fs = std::filesystem;
constexpr size_t small_file_bytes_max = 1u << 20;  // of those that are read whole: keys, `installation`

// For who restores, or written anew.
constexpr auto not_copied = std::to_array<std::string_view>({"installation", "master-key", "audit-key.pub", blobs_file});

std::unexpected<base::Error> damaged(const std::string& what) {
    return base::fail(
        base::Error(base::code::BackupUnusable, what).note("restore another backup: `trainwarden admin backups` lists them"));
}

std::unexpected<base::Error> altered(const std::string& file) {
    return damaged("`" + file + "` was altered: its digest is not the manifest's");
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

base::Result<std::optional<std::string>> read_backed_up(const std::string& folder, const Manifest& manifest,
                                                        std::string_view path) {
    const auto file = std::ranges::find(manifest.files, path, &BackedUpFile::path);
    if (file == manifest.files.end()) return std::nullopt;
    const std::string place = backup_path(folder, manifest.id) + "/" + file->path;
    auto content = os::read_file(place, small_file_bytes_max);
    if (!content) return damaged(content.error().message);
    if (crypto::hex(crypto::sha256(*content)) != file->sha256) return altered(place);
    return std::move(*content);
}

base::Result<void> copy_out(const std::string& folder, const Manifest& manifest, const std::string& directory) {
    TRY(check_is_empty(directory));
    TRY(make_private_folder(directory));
    const std::string root = backup_path(folder, manifest.id);
    for (const auto& file : manifest.files) {
        const std::string from = root + "/" + file.path, to = directory + "/" + file.path;
        if (std::ranges::find(not_copied, file.path) != not_copied.end()) {
            const auto digest = sha256_of_file(from);
            if (!digest) return damaged(digest.error().message);
            if (*digest != file.sha256) return altered(from);
            continue;
        }
        TRY(make_private_folder(fs::path(to).parent_path().string()));
        auto copied = copy_file(from, to, {.bytes = {}, .may_link = false, .digest = true});
        if (!copied && copied.error().code == base::code::FileNotFound) return damaged(copied.error().message);
        if (TRY(std::move(copied)).sha256 != file.sha256) return altered(from);
    }
    for (const char* inner : {"blobs", "audit", "logs", "jobs"}) TRY(make_private_folder(directory + "/" + inner));
    const std::string list = root + "/" + std::string(blobs_file);
    if (std::ranges::find(manifest.files, blobs_file, &BackedUpFile::path) == manifest.files.end())
        return damaged("the backup's manifest does not name `" + list + "`");
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
