#include "services/access_analyzer/lifecycle.hpp"

#include <algorithm>
#include <map>

#include "crypto/digest.hpp"
#include "model/json.hpp"

namespace services::access_analyzer {
namespace {

using Status = m::FindingStatus;

bool is_archived_by(const FindingRecord& finding, const std::vector<Filter>& rules) {
    return std::ranges::any_of(rules, [&](const Filter& rule) { return matches(finding, rule); });
}

FindingRecord record_of(const ComputedFinding& computed, const std::string& id, const LookedAt& how) {
    FindingRecord out{.analyzed_at = how.now, .created_at = how.now, .id = id};
    if (!computed.error.empty()) out.error = computed.error;
    out.resource = computed.resource;
    out.resource_type = computed.resource_type;
    out.resource_owner_account = how.account;
    out.status = Status::active;
    out.updated_at = how.now;
    out.finding_details = computed.details;
    out.finding_type = computed.type;
    return out;
}

bool says_the_same(FindingRecord a, const FindingRecord& b) {
    a.analyzed_at = b.analyzed_at;
    a.created_at = b.created_at;
    a.updated_at = b.updated_at;
    a.status = b.status;
    return model::write_document(a) == model::write_document(b);
}

}  // namespace

std::string finding_id(const std::string& analyzer, const std::string& key) {
    std::string hex = crypto::hex(crypto::sha256(analyzer + "\n" + key)).substr(0, 32);
    for (const size_t at : {20, 16, 12, 8}) hex.insert(at, "-");
    return hex;
}

FindingChanges changes_of(const std::vector<FindingRecord>& before, const Computed& computed, const LookedAt& how) {
    FindingChanges out;
    std::map<std::string, const FindingRecord*> known;
    for (const FindingRecord& one : before) known.emplace(one.id, &one);
    size_t count = before.size();
    std::map<std::string, bool> found;
    for (const ComputedFinding& one : computed.findings) {
        const std::string id = finding_id(how.analyzer, one.key);
        found.emplace(id, true);
        FindingRecord now = record_of(one, id, how);
        const auto earlier = known.find(id);
        if (earlier == known.end()) {
            if (count >= findings_max) continue;
            ++count;
            if (is_archived_by(now, how.rules)) now.status = Status::archived;
            out.put.push_back(std::move(now));
            continue;
        }
        const FindingRecord& was = *earlier->second;
        now.created_at = was.created_at;
        now.status = was.status;
        if (was.status == Status::resolved)
            now.status = is_archived_by(now, how.rules) ? Status::archived : Status::active;
        else if (says_the_same(now, was))
            continue;
        out.put.push_back(std::move(now));
    }
    for (const FindingRecord& was : before) {
        if (found.contains(was.id)) continue;
        if (was.status == Status::resolved) {
            if (how.now - was.updated_at > resolved_kept_for) out.erase.push_back(was.id);
            continue;
        }
        const std::string resource = was.resource.value_or("");
        if (computed.open.contains(resource) || (!how.only.empty() && resource != how.only)) continue;
        FindingRecord now = was;
        now.status = Status::resolved;
        now.updated_at = how.now;
        out.put.push_back(std::move(now));
    }
    return out;
}

}  // namespace services::access_analyzer
