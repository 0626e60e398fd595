// Archive rules. A rule archives the findings that are made after it; ApplyArchiveRule, those that are there.
//
// Source: IAM Access Analyzer API Reference, CreateArchiveRule, ApplyArchiveRule.
#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "services/access_analyzer/pages.hpp"
#include "services/access_analyzer/service.hpp"

namespace services::access_analyzer {
namespace {

std::vector<m::ArchiveRuleSummary>::iterator find_rule(StoredAnalyzer& analyzer, const std::string& name) {
    return std::ranges::find(analyzer.rules, name, &m::ArchiveRuleSummary::rule_name);
}

Result<Nothing> create_rule(Analyzer& service, const Permit& permit, const m::CreateArchiveRuleRequest& in) {
    TRY(check_filter(in.filter));
    // What was found until now is not archived by it.
    TRY(look(service, permit, in.analyzer_name));
    const base::Lock lock(service.state->changing);
    StoredAnalyzer analyzer = TRY(service.state->analyzer(place_of(permit), in.analyzer_name));
    if (find_rule(analyzer, in.rule_name) != analyzer.rules.end())
        return base::fail(
            conflict(Thing::archive_rule, in.rule_name, "An archive rule called " + in.rule_name + " already exists."));
    if (analyzer.rules.size() >= archive_rules_max) return base::fail(too_many_rules(in.analyzer_name, archive_rules_max));
    analyzer.rules.push_back(
        {.rule_name = in.rule_name, .filter = in.filter, .created_at = permit.time(), .updated_at = permit.time()});
    std::ranges::sort(analyzer.rules, {}, &m::ArchiveRuleSummary::rule_name);
    TRY(service.state->put(place_of(permit), analyzer));
    return Nothing{};
}

Result<m::GetArchiveRuleResponse> get_rule(Analyzer& service, const Permit& permit, const m::GetArchiveRuleRequest& in) {
    StoredAnalyzer analyzer = TRY(service.state->analyzer(place_of(permit), in.analyzer_name));
    const auto rule = find_rule(analyzer, in.rule_name);
    if (rule == analyzer.rules.end()) return base::fail(no_such(Thing::archive_rule, in.rule_name));
    return m::GetArchiveRuleResponse{.archive_rule = *rule};
}

Result<m::ListArchiveRulesResponse> list_rules(Analyzer& service, const Permit& permit, const m::ListArchiveRulesRequest& in) {
    const Page page = TRY(Page::of(in.next_token, in.max_results, "archive rules " + in.analyzer_name));
    StoredAnalyzer analyzer = TRY(service.state->analyzer(place_of(permit), in.analyzer_name));
    auto [part, next] = part_of(page, std::move(analyzer.rules), [](const auto& one) { return one.rule_name; });
    return m::ListArchiveRulesResponse{.archive_rules = std::move(part), .next_token = std::move(next)};
}

Result<Nothing> update_rule(Analyzer& service, const Permit& permit, const m::UpdateArchiveRuleRequest& in) {
    TRY(check_filter(in.filter));
    const base::Lock lock(service.state->changing);
    StoredAnalyzer analyzer = TRY(service.state->analyzer(place_of(permit), in.analyzer_name));
    const auto rule = find_rule(analyzer, in.rule_name);
    if (rule == analyzer.rules.end()) return base::fail(no_such(Thing::archive_rule, in.rule_name));
    rule->filter = in.filter;
    rule->updated_at = permit.time();
    TRY(service.state->put(place_of(permit), analyzer));
    return Nothing{};
}

Result<Nothing> delete_rule(Analyzer& service, const Permit& permit, const m::DeleteArchiveRuleRequest& in) {
    const base::Lock lock(service.state->changing);
    StoredAnalyzer analyzer = TRY(service.state->analyzer(place_of(permit), in.analyzer_name));
    const auto rule = find_rule(analyzer, in.rule_name);
    if (rule == analyzer.rules.end()) return base::fail(no_such(Thing::archive_rule, in.rule_name));
    analyzer.rules.erase(rule);
    TRY(service.state->put(place_of(permit), analyzer));
    return Nothing{};
}

Result<Nothing> apply_rule(Analyzer& service, const Permit& permit, const m::ApplyArchiveRuleRequest& in) {
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, in.analyzer_arn));
    if (find_rule(analyzer, in.rule_name) == analyzer.rules.end()) return base::fail(no_such(Thing::archive_rule, in.rule_name));
    TRY(look(service, permit, analyzer.summary.name));
    const base::Lock lock(service.state->changing);
    analyzer = TRY(service.state->analyzer(place_of(permit), analyzer.summary.name));
    const auto rule = find_rule(analyzer, in.rule_name);
    if (rule == analyzer.rules.end()) return base::fail(no_such(Thing::archive_rule, in.rule_name));
    const Filter filter = rule->filter;
    FindingChanges changes;
    for (FindingRecord& finding : TRY(service.state->findings(place_of(permit), analyzer.summary.name))) {
        if (finding.status != m::FindingStatus::active || !matches(finding, filter)) continue;
        finding.status = m::FindingStatus::archived;
        finding.updated_at = permit.time();
        changes.put.push_back(std::move(finding));
    }
    TRY(service.state->change(place_of(permit), analyzer.summary.name, changes));
    return Nothing{};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Analyzer>>({
    operation<m::CreateArchiveRule, create_rule>(),
    operation<m::GetArchiveRule, get_rule>(),
    operation<m::ListArchiveRules, list_rules>(),
    operation<m::UpdateArchiveRule, update_rule>(),
    operation<m::DeleteArchiveRule, delete_rule>(),
    operation<m::ApplyArchiveRule, apply_rule>(),
});

}  // namespace

Rows archive_rule_operations() { return operations; }

}  // namespace services::access_analyzer
