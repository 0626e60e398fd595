// What a backup is made of: a server's folder that does not change, or not where it matters: a snapshot of a running server
// (snapshots.hpp), or the data folder of one that is stopped.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "text/json.hpp"

namespace admin {

constexpr std::string_view snapshot_said_file = "snapshot.json";
// Of the data folder, beside its subfolders. `installation` says which master key belongs to it, `restored` where it came from.
constexpr auto single_files = std::to_array<std::string_view>(
    {"installation", "root-credentials", "root-credentials.due", "regions", "retention", "restored"});
constexpr auto audit_state_files = std::to_array<std::string_view>({"retention.json", "syslog-sent"});

struct SourceFile {
    std::string path;               // below `root`
    std::optional<uint64_t> bytes;  // as many of it; nothing: all
    bool never_changes = false;
};

struct Source {
    std::string root;   // with keys/, audit/, logs/, tls/ and single_files
    std::string blobs;  // the folder of blobs
    base::Time time;
    std::string store_identity;
    text::Json heads;                             // of the audit log, at its end
    std::map<std::string, uint64_t> audit_bytes;  // of files in audit/ that grow: as many
    // Of a server that goes on: what came since is no garbage. Absent: nothing comes.
    bool is_served = false;
};

// Of a snapshot of the server of `data`. Error `BackupUnusable`.
[[nodiscard]] base::Result<Source> source_of_snapshot(const std::string& data, const std::string& snapshot);
// Of a data folder that no server has. `heads`: of its audit log, as kept beside its key.
[[nodiscard]] Source source_of_folder(const std::string& data, base::Time now, text::Json heads);

[[nodiscard]] base::Result<std::vector<SourceFile>> files_of(const Source& source);

// What RocksDB calls the database of this data folder: another one for each that is made, also from a copy. "": it says nothing.
[[nodiscard]] std::string store_identity_of(const std::string& data);

}  // namespace admin
