// How long the record of requests is kept: by an option of `serve`, else by what `admin retention` set (DIR/retention), else by default.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "server/server.hpp"

namespace server {

// As options write them.
struct KeptAudit {
    std::string keep_days = "90", keep_bytes = "16G", when_full = "remove";
};

// Error `DataFolderUnusable`: the file cannot be read.
[[nodiscard]] base::Result<KeptAudit> kept_audit(const std::string& data, const AuditSettings& options);
// The options of serve that say something, which nothing else changes: `--audit-keep-days`, …
[[nodiscard]] std::vector<std::string> retention_options(const AuditSettings& options);
// What stands for the next start, durable when it returns.
[[nodiscard]] base::Result<void> write_kept_audit(const std::string& data, const KeptAudit& kept);

}  // namespace server
