#include "server/retention_settings.hpp"

#include "base/error_codes.hpp"
#include "os/file.hpp"
#include "server/data_folder.hpp"
#include "text/json.hpp"

namespace server {
namespace {

constexpr size_t file_bytes_max = 64u << 10;

std::string file_of(const std::string& data) { return data + "/retention"; }

}  // namespace

base::Result<KeptAudit> kept_audit(const std::string& data, const AuditSettings& options) {
    KeptAudit kept;
    const auto text = os::read_file(file_of(data), file_bytes_max);
    if (!text && text.error().code != base::code::FileNotFound)
        return base::fail(base::code::DataFolderUnusable, text.error().message);
    if (text) {
        const auto json = text::parse_json(*text);
        if (!json || !json->is_object())
            return base::fail(base::Error(base::code::DataFolderUnusable, "`" + file_of(data) + "` cannot be read")
                                  .note("remove it, and set again what it said: trainwarden admin retention"));
        kept.keep_days = (*json)["AuditKeepDays"].as_string_or(kept.keep_days);
        kept.keep_bytes = (*json)["AuditKeepBytes"].as_string_or(kept.keep_bytes);
        kept.when_full = (*json)["AuditWhenFull"].as_string_or(kept.when_full);
    }
    if (!options.keep_days.empty()) kept.keep_days = options.keep_days;
    if (!options.keep_bytes.empty()) kept.keep_bytes = options.keep_bytes;
    if (!options.when_full.empty()) kept.when_full = options.when_full;
    return kept;
}

std::vector<std::string> retention_options(const AuditSettings& options) {
    std::vector<std::string> said;
    if (!options.keep_days.empty()) said.emplace_back("--audit-keep-days");
    if (!options.keep_bytes.empty()) said.emplace_back("--audit-keep-bytes");
    if (!options.when_full.empty()) said.emplace_back("--audit-when-full");
    return said;
}

base::Result<void> write_kept_audit(const std::string& data, const KeptAudit& kept) {
    return write_whole(file_of(data), text::Json::object({{"AuditKeepDays", kept.keep_days},
                                                          {"AuditKeepBytes", kept.keep_bytes},
                                                          {"AuditWhenFull", kept.when_full}})
                                              .pretty() +
                                          "\n");
}

}  // namespace server
