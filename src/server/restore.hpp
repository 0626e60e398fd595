// A server from a backup: another installation with a key file and an audit key of its own, which holds what the first one held, and says
// that it is a copy.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "admin/manifest.hpp"
#include "admin/source.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace server {

struct RestoreSettings {
    std::string source, directory;
    std::string backup;           // id; empty: the newest
    std::string from_key_file;    // the master key that the backup was sealed under; empty: the backup's own, or where it was
    std::string master_key_file;  // for the new server; empty: the default place
    // Asked once everything is there but what makes it a server's folder: an error leaves it without. `audit_keys`: PEM, one behind the other.
    std::function<base::Result<void>(const admin::Source& made, const std::string& audit_keys)> check;
};

struct Restored {
    admin::Manifest manifest;
    std::string id, master_key_file, audit_key_file;
    std::vector<std::string> failed_jobs;  // that had not ended when the backup was made
};

// Errors: `RestoreRefused`, `BackupUnusable`, `MasterKeyMissing`, `MasterKeyWrong`. Until it has returned, and after an error, no server takes the folder.
[[nodiscard]] base::Result<Restored> restore(const RestoreSettings& settings, const base::Clock& clock);

}  // namespace server
