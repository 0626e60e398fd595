// The audit log as the settings of `trainwarden serve` want it.
#pragma once

#include <memory>

#include "audit/log.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "server/data_folder.hpp"
#include "server/server.hpp"

namespace server {

// Errors: `InvalidConfiguration`, those of open_audit_key and of audit::Log::open.
[[nodiscard]] base::Result<std::unique_ptr<audit::Log>> open_audit_log(const DataFolder& folder, const base::Clock& clock,
                                                                       const AuditSettings& settings);

struct KeptAudit;
// Error `InvalidConfiguration`.
[[nodiscard]] base::Result<audit::Log::Keeping> parse_keeping(const KeptAudit& kept);

// "512", "64M", "16G", "2T": bytes. Error `InvalidConfiguration`.
[[nodiscard]] base::Result<uint64_t> parse_bytes(const std::string& option, const std::string& text);

}  // namespace server
