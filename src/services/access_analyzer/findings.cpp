// Findings: lists, single ones, and their archive.
//
// Source: IAM Access Analyzer API Reference, ListFindings, ListFindingsV2, GetFinding, GetFindingV2, UpdateFindings, GetFindingsStatistics.
#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "base/error_codes.hpp"
#include "model/words.hpp"
#include "services/access_analyzer/pages.hpp"
#include "services/access_analyzer/service.hpp"

namespace services::access_analyzer {
namespace {

Result<void> check_external(const StoredAnalyzer& analyzer, const char* instead) {
    if (analyzer.summary.type == m::Type::account) return {};
    return not_supported("This operation is not supported for analyzers of the type " +
                         std::string(model::word_of(analyzer.summary.type)) + ". Use " + instead + ".");
}

void show_when_it_looked(FindingRecord& finding, const StoredAnalyzer& analyzer) {
    if (finding.status != m::FindingStatus::resolved && analyzer.summary.last_resource_analyzed_at)
        finding.analyzed_at = *analyzer.summary.last_resource_analyzed_at;
}

// Those of the analyzer as the account is now. `analyzer`: with when it looked.
Result<std::vector<FindingRecord>> findings_of(Analyzer& service, const Permit& permit, StoredAnalyzer& analyzer) {
    analyzer = TRY(look(service, permit, analyzer.summary.name));
    return service.state->findings(place_of(permit), analyzer.summary.name);
}

// What a token goes on with.
std::string question_of(const std::string& analyzer, const std::optional<Filter>& filter,
                        const std::optional<m::SortCriteria>& sort) {
    std::string out = analyzer;
    if (filter)
        for (const auto& [key, criterion] : *filter) {
            out += "\n" + key;
            for (const auto* values : {&criterion.eq, &criterion.neq, &criterion.contains}) {
                out += "\n|";
                for (const std::string& value : model::items(*values)) out += value + "\n";
            }
            out += criterion.exists ? (*criterion.exists ? "+" : "-") : "";
        }
    if (sort)
        out += "\n" + sort->attribute_name.value_or("") + "\n" +
               std::string(model::word_of(sort->order_by.value_or(m::OrderBy::unknown)));
    return out;
}

struct Listed {
    std::vector<FindingRecord> findings;
    std::optional<std::string> next_token;
};

// By their ids, as they are kept: a page reads what it shows, and what the filter leaves out before it.
Result<Listed> listed_by_id(const Analyzer& service, const Place& place, const std::string& analyzer, const Page& page,
                            const std::optional<Filter>& filter) {
    constexpr size_t read_at_once = 256;
    Listed out;
    std::string after = page.after;
    for (;;) {
        auto some = TRY(service.state->findings_after(place, analyzer, after, read_at_once));
        for (FindingRecord& one : some) {
            after = one.id;
            if (filter && !matches(one, *filter)) continue;
            if (out.findings.size() == page.most) {
                out.next_token = page.token_after(out.findings.back().id);
                return out;
            }
            out.findings.push_back(std::move(one));
        }
        if (some.size() < read_at_once) return out;
    }
}

Result<Listed> listed_by(const FindingOrder& order, const Page& page, std::vector<FindingRecord> all) {
    const auto key = [&](const FindingRecord& one) { return order.key(one); };
    std::vector<std::pair<std::string, FindingRecord>> sorted;
    for (FindingRecord& one : all) sorted.emplace_back(key(one), std::move(one));
    const auto first = &std::pair<std::string, FindingRecord>::first;
    if (order.descends())
        std::ranges::sort(sorted, std::greater(), first);
    else
        std::ranges::sort(sorted, {}, first);
    auto [part, next] = part_of(
        page, std::move(sorted), [](const auto& one) -> const std::string& { return one.first; },
        order.descends() ? Order::descending : Order::ascending);
    Listed out{.findings = {}, .next_token = std::move(next)};
    for (auto& [of, one] : part) out.findings.push_back(std::move(one));
    return out;
}

// A list is of one look, its first page's: what changes while a client goes through it costs no look for each page.
template <class Request>
Result<Listed> listed(Analyzer& service, const Permit& permit, const Request& in, StoredAnalyzer& analyzer) {
    if (in.filter) TRY(check_filter(*in.filter));
    const FindingOrder order = TRY(FindingOrder::of(in.sort));
    const Page page = TRY(Page::of(in.next_token, in.max_results, question_of(in.analyzer_arn, in.filter, in.sort)));
    if (page.is_first) analyzer = TRY(look(service, permit, analyzer.summary.name));
    const Place place = place_of(permit);
    Listed out;
    if (order.is_by_id()) {
        out = TRY(listed_by_id(service, place, analyzer.summary.name, page, in.filter));
    } else {
        auto all = TRY(service.state->findings(place, analyzer.summary.name));
        if (in.filter) std::erase_if(all, [&](const FindingRecord& one) { return !matches(one, *in.filter); });
        out = TRY(listed_by(order, page, std::move(all)));
    }
    for (FindingRecord& one : out.findings) show_when_it_looked(one, analyzer);
    return out;
}

// As the first version of the API has it: of external access alone.
template <class Shown>
Shown shown(const FindingRecord& finding) {
    Shown out;
    out.id = finding.id;
    out.resource = finding.resource;
    out.resource_type = finding.resource_type;
    out.created_at = finding.created_at;
    out.analyzed_at = finding.analyzed_at;
    out.updated_at = finding.updated_at;
    out.status = finding.status;
    out.resource_owner_account = finding.resource_owner_account;
    out.error = finding.error;
    if (finding.finding_details.empty() || !finding.finding_details[0].external_access_details) return out;
    const m::ExternalAccessDetails& details = *finding.finding_details[0].external_access_details;
    out.principal = details.principal;
    out.action = details.action;
    out.is_public = details.is_public;
    out.condition = details.condition;
    out.sources = details.sources;
    out.resource_control_policy_restriction = details.resource_control_policy_restriction;
    return out;
}

Result<m::ListFindingsResponse> list_findings(Analyzer& service, const Permit& permit, const m::ListFindingsRequest& in) {
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, in.analyzer_arn));
    TRY(check_external(analyzer, "ListFindingsV2"));
    Listed found = TRY(listed(service, permit, in, analyzer));
    m::ListFindingsResponse out{.next_token = std::move(found.next_token)};
    for (const FindingRecord& one : found.findings) out.findings.push_back(shown<m::FindingSummary>(one));
    return out;
}

Result<m::ListFindingsV2Response> list_findings_v2(Analyzer& service, const Permit& permit, const m::ListFindingsV2Request& in) {
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, in.analyzer_arn));
    Listed found = TRY(listed(service, permit, in, analyzer));
    m::ListFindingsV2Response out{.next_token = std::move(found.next_token)};
    for (const FindingRecord& one : found.findings)
        out.findings.push_back({.analyzed_at = one.analyzed_at,
                                .created_at = one.created_at,
                                .error = one.error,
                                .id = one.id,
                                .resource = one.resource,
                                .resource_type = one.resource_type,
                                .resource_owner_account = one.resource_owner_account,
                                .status = one.status,
                                .updated_at = one.updated_at,
                                .finding_type = one.finding_type});
    return out;
}

Result<FindingRecord> one_finding(Analyzer& service, const Permit& permit, StoredAnalyzer& analyzer, const std::string& id) {
    analyzer = TRY(look(service, permit, analyzer.summary.name));
    FindingRecord out = TRY(service.state->finding(place_of(permit), analyzer.summary.name, id));
    show_when_it_looked(out, analyzer);
    return out;
}

Result<m::GetFindingResponse> get_finding(Analyzer& service, const Permit& permit, const m::GetFindingRequest& in) {
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, in.analyzer_arn));
    TRY(check_external(analyzer, "GetFindingV2"));
    return m::GetFindingResponse{.finding = shown<m::Finding>(TRY(one_finding(service, permit, analyzer, in.id)))};
}

Result<m::GetFindingV2Response> get_finding_v2(Analyzer& service, const Permit& permit, const m::GetFindingV2Request& in) {
    const Page page = TRY(Page::of(in.next_token, in.max_results, in.analyzer_arn + "\n" + in.id));
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, in.analyzer_arn));
    FindingRecord out = TRY(one_finding(service, permit, analyzer, in.id));
    std::vector<std::pair<std::string, m::FindingDetails>> details;
    for (m::FindingDetails& one : out.finding_details) details.emplace_back(key_of_place(details.size()), std::move(one));
    auto [part, next] = part_of(page, std::move(details), [](const auto& one) { return one.first; });
    out.finding_details.clear();
    for (auto& [key, one] : part) out.finding_details.push_back(std::move(one));
    out.next_token = std::move(next);
    return out;
}

// Resolved ones stay so: what is gone can be neither archived nor active.
Result<Nothing> update_findings(Analyzer& service, const Permit& permit, const m::UpdateFindingsRequest& in) {
    const auto ids = model::items(in.ids);
    if (ids.empty() == !in.resource_arn) return invalid("Exactly one of ids and resourceArn must be specified.");
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, in.analyzer_arn));
    const base::Lock lock(service.state->changing);
    const Place place = place_of(permit);
    std::vector<FindingRecord> named;
    for (const std::string& id : ids) named.push_back(TRY(service.state->finding(place, analyzer.summary.name, id)));
    if (in.resource_arn)
        for (FindingRecord& one : TRY(service.state->findings(place, analyzer.summary.name)))
            if (one.resource == *in.resource_arn) named.push_back(std::move(one));
    const auto status = in.status == m::FindingStatusUpdate::archived ? m::FindingStatus::archived : m::FindingStatus::active;
    FindingChanges changes;
    for (FindingRecord& one : named) {
        if (one.status == m::FindingStatus::resolved || one.status == status) continue;
        one.status = status;
        one.updated_at = permit.time();
        changes.put.push_back(std::move(one));
    }
    TRY(service.state->change(place, analyzer.summary.name, changes));
    return Nothing{};
}

// --- Statistics

struct Counts {
    int32_t active = 0, archived = 0, resolved = 0;
    void add(m::FindingStatus status) {
        if (status == m::FindingStatus::active) ++active;
        if (status == m::FindingStatus::archived) ++archived;
        if (status == m::FindingStatus::resolved) ++resolved;
    }
};

template <class Statistics>
Statistics totals(const std::vector<FindingRecord>& findings) {
    Counts counts;
    for (const FindingRecord& one : findings) counts.add(one.status);
    Statistics out;
    out.total_active_findings = counts.active;
    out.total_archived_findings = counts.archived;
    out.total_resolved_findings = counts.resolved;
    return out;
}

m::ExternalAccessFindingsStatistics external_statistics(const std::vector<FindingRecord>& findings) {
    auto out = totals<m::ExternalAccessFindingsStatistics>(findings);
    std::map<std::string, m::ResourceTypeDetails> by_type;
    for (const FindingRecord& one : findings) {
        auto& counts = by_type[std::string(model::word_of(one.resource_type))];
        if (!counts.total_active_public)
            counts.total_active_public = counts.total_active_cross_account = counts.total_active_errors = 0;
        if (one.status != m::FindingStatus::active) continue;
        const auto shown_finding = shown<m::Finding>(one);
        ++*(one.error                                 ? counts.total_active_errors
            : shown_finding.is_public.value_or(false) ? counts.total_active_public
                                                      : counts.total_active_cross_account);
    }
    out.resource_type_statistics = model::Map<m::ResourceTypeDetails>(by_type.begin(), by_type.end());
    return out;
}

m::UnusedAccessFindingsStatistics unused_statistics(const std::vector<FindingRecord>& findings) {
    auto out = totals<m::UnusedAccessFindingsStatistics>(findings);
    std::map<std::string, int32_t> by_type;
    for (const FindingRecord& one : findings)
        if (one.status == m::FindingStatus::active && one.finding_type) ++by_type[std::string(model::word_of(*one.finding_type))];
    out.unused_access_type_statistics.emplace();
    for (const auto& [type, total] : by_type)
        out.unused_access_type_statistics->push_back({.unused_access_type = type, .total = total});
    return out;
}

m::InternalAccessFindingsStatistics internal_statistics(const std::vector<FindingRecord>& findings) {
    auto out = totals<m::InternalAccessFindingsStatistics>(findings);
    std::map<std::string, Counts> by_type;
    for (const FindingRecord& one : findings) by_type[std::string(model::word_of(one.resource_type))].add(one.status);
    out.resource_type_statistics.emplace();
    for (const auto& [type, counts] : by_type)
        out.resource_type_statistics->emplace_back(
            type, m::InternalAccessResourceTypeDetails{.total_active_findings = counts.active,
                                                       .total_resolved_findings = counts.resolved,
                                                       .total_archived_findings = counts.archived});
    return out;
}

Result<m::GetFindingsStatisticsResponse> get_statistics(Analyzer& service, const Permit& permit,
                                                        const m::GetFindingsStatisticsRequest& in) {
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, in.analyzer_arn));
    const auto findings = TRY(findings_of(service, permit, analyzer));
    m::FindingsStatistics statistics;
    if (analyzer.summary.type == m::Type::account)
        statistics.external_access_findings_statistics = external_statistics(findings);
    else if (analyzer.summary.type == m::Type::account_unused_access)
        statistics.unused_access_findings_statistics = unused_statistics(findings);
    else
        statistics.internal_access_findings_statistics = internal_statistics(findings);
    m::GetFindingsStatisticsResponse out{.last_updated_at = analyzer.summary.last_resource_analyzed_at};
    out.findings_statistics.emplace().push_back(std::move(statistics));
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Analyzer>>({
    operation<m::ListFindings, list_findings>(),
    operation<m::ListFindingsV2, list_findings_v2>(),
    operation<m::GetFinding, get_finding>(),
    operation<m::GetFindingV2, get_finding_v2>(),
    operation<m::UpdateFindings, update_findings>(),
    operation<m::GetFindingsStatistics, get_statistics>(),
});

}  // namespace

Rows finding_operations() { return operations; }

}  // namespace services::access_analyzer
