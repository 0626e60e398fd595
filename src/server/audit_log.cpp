#include "server/audit_log.hpp"

#include <charconv>

#include "base/error_codes.hpp"
#include "server/audit_key.hpp"
#include "server/retention_settings.hpp"

namespace server {
namespace {

constexpr uint64_t keep_bytes_min = 1u << 20;
constexpr int64_t keep_days_max = 36500;

std::unexpected<base::Error> invalid(const std::string& option, const std::string& text, const std::string& takes) {
    return base::fail(base::Error(base::code::InvalidConfiguration, option + " takes " + takes + ", not `" + text + "`"));
}

base::Result<audit::Sync> parse_sync(const std::string& text) {
    if (text == "changes") return audit::Sync::changes;
    if (text == "answers") return audit::Sync::answers;
    if (text == "interval") return audit::Sync::interval;
    return invalid("--audit-sync", text, "changes, answers or interval");
}

base::Result<int64_t> parse_days(const std::string& option, const std::string& text) {
    int64_t days = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), days);
    if (error != std::errc() || end != text.data() + text.size() || days < 0 || days > keep_days_max)
        return invalid(option, text, "a number of days from 1 to 36500, or 0: no limit");
    return days;
}

base::Result<audit::WhenFull> parse_when_full(const std::string& text) {
    if (text == "remove") return audit::WhenFull::remove_oldest;
    if (text == "refuse") return audit::WhenFull::refuse;
    return invalid("--audit-when-full", text, "remove or refuse");
}

}  // namespace

base::Result<audit::Log::Keeping> parse_keeping(const KeptAudit& kept) {
    audit::Log::Keeping keeping;
    keeping.when_full = TRY(parse_when_full(kept.when_full));
    keeping.bytes = TRY(parse_bytes("--audit-keep-bytes", kept.keep_bytes));
    if (keeping.bytes != 0 && keeping.bytes < keep_bytes_min)
        return invalid("--audit-keep-bytes", kept.keep_bytes, "at least 1M, or 0: as many as the disk takes");
    keeping.days = TRY(parse_days("--audit-keep-days", kept.keep_days));
    return keeping;
}

base::Result<uint64_t> parse_bytes(const std::string& option, const std::string& text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
    const int shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : unit == "T" ? 40 : -1;
    if (error != std::errc() || shift < 0 || number > (UINT64_MAX >> 1) >> shift)
        return invalid(option, text, "a number of bytes, with K, M, G or T behind it: 16G");
    return number << shift;
}

base::Result<std::unique_ptr<audit::Log>> open_audit_log(const DataFolder& folder, const base::Clock& clock,
                                                         const AuditSettings& settings) {
    audit::LogOptions options{.directory = folder.audit_directory()};
    options.clock = &clock;
    options.sync = TRY(parse_sync(settings.sync));
    const KeptAudit kept = TRY(kept_audit(folder.path(), settings));
    const auto keeping = TRY(parse_keeping(kept));
    options.when_full = keeping.when_full;
    options.keep_bytes = keeping.bytes;
    options.keep_days = keeping.days;
    const AuditKey key = TRY(open_audit_key(folder, settings.key_file));
    options.key = key.key;
    options.head_file = key.head_file();
    if (!key.previous_file.empty()) options.previous_head_file = key.previous_file + ".head";
    return audit::Log::open(std::move(options));
}

}  // namespace server
