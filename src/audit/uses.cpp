#include "audit/uses.hpp"

#include <algorithm>
#include <utility>

#include "audit/record_view.hpp"
#include "base/strings.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

constexpr size_t records_beyond = 256;  // that are read when there are too many

// Records come newest first.
void add(const RecordView& record, Uses& out) {
    const auto time = text::parse_iso8601(record.time);
    if (!time || record.is_unreadable) return;
    for (const RecordView::Access& access : record.accesses) {
        const auto [entry, added] = out.last.try_emplace(base::lower(access.action));
        if (added) entry->second = {std::string(access.action), *time, std::string(record.key("aws:requestedregion"))};
    }
}

}  // namespace

base::Result<Uses> uses_of(const Log& log, const std::string& id, std::optional<base::Time> since, const UsesLimits& limits) {
    Uses out;
    Query query;
    query.principal_id = id;
    query.since = since;
    query.most = records_beyond;
    std::optional<base::Time> oldest;
    // Taken up as they come; none is kept, until there are too many.
    query.accept = [&](const text::Json& document) {
        const RecordView record(document);
        add(record, out);
        if (const auto time = text::parse_iso8601(record.time)) oldest = time;
        return ++out.records >= limits.records_max;
    };
    const Page page = TRY(log.search(query));
    if (!page.older.empty()) out.read_since = oldest;
    return out;
}

base::Result<bool> reaches_back_to(const Log& log, base::Time time) {
    Query query;
    query.until = time;
    query.most = 1;
    return !TRY(log.search(query)).records.empty();
}

}  // namespace audit
