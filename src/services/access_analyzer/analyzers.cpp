// Analyzers and their tags.
//
// Source: IAM Access Analyzer API Reference, CreateAnalyzer, GetAnalyzer, ListAnalyzers, UpdateAnalyzer, DeleteAnalyzer, TagResource.
#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/accessanalyzer/service.hpp"
#include "model/words.hpp"
#include "services/access_analyzer/pages.hpp"
#include "services/access_analyzer/resources.hpp"
#include "services/access_analyzer/service.hpp"

namespace services::access_analyzer {
namespace {

constexpr size_t tags_max = 50;
constexpr size_t tag_key_max = 128, tag_value_max = 256;
constexpr int32_t age_max = 365;               // API Reference, UnusedAccessConfiguration
constexpr size_t analyzers_of_a_type_max = 1;  // of one account and region
constexpr size_t criteria_max = 100;

using Tags = model::Map<std::string>;

Result<void> check_tags(const Tags& tags) {
    if (tags.size() > tags_max) return invalid_field("tags", "A resource has at most " + std::to_string(tags_max) + " tags.");
    for (const auto& [key, value] : tags) {
        if (key.empty() || key.size() > tag_key_max || value.size() > tag_value_max)
            return invalid_field("tags", "A tag key has 1 to 128 characters, its value at most 256.");
        if (base::lower(key).starts_with("aws:")) return invalid_field("tags", "Tag keys that begin with aws: are reserved.");
    }
    return {};
}

// What there is one of must be of the analyzer's type, and within its limits.
Result<void> check_configuration(m::Type type, const std::optional<m::AnalyzerConfiguration>& configuration) {
    if (!configuration) return {};
    if (configuration->unused_access && type != m::Type::account_unused_access)
        return invalid_field("configuration.unusedAccess", "unusedAccess is of analyzers of unused access alone.");
    if (configuration->internal_access && type != m::Type::account_internal_access)
        return invalid_field("configuration.internalAccess", "internalAccess is of analyzers of internal access alone.");
    if (configuration->unused_access) {
        const int32_t age = configuration->unused_access->unused_access_age.value_or(1);
        if (age < 1 || age > age_max)
            return invalid_field("configuration.unusedAccess.unusedAccessAge",
                                 "unusedAccessAge is a number of days from 1 to " + std::to_string(age_max) + ".");
        if (const auto& rule = configuration->unused_access->analysis_rule;
            rule && model::items(rule->exclusions).size() > criteria_max)
            return invalid_field("configuration.unusedAccess.analysisRule.exclusions",
                                 "An analysis rule has at most " + std::to_string(criteria_max) + " exclusions.");
    }
    if (configuration->internal_access && configuration->internal_access->analysis_rule) {
        const auto inclusions = model::items(configuration->internal_access->analysis_rule->inclusions);
        if (inclusions.size() > criteria_max)
            return invalid_field("configuration.internalAccess.analysisRule.inclusions",
                                 "An analysis rule has at most " + std::to_string(criteria_max) + " inclusions.");
        for (const auto& one : inclusions)
            for (const m::ResourceType resource : model::items(one.resource_types))
                if (resource != m::ResourceType::aws__s3__bucket)
                    return not_supported("Internal access is analyzed of the resource type AWS::S3::Bucket alone.");
    }
    return {};
}

Result<void> check_type(m::Type type) {
    if (type == m::Type::account || type == m::Type::account_unused_access || type == m::Type::account_internal_access) return {};
    return invalid("An analyzer of the type " + std::string(model::word_of(type)) +
                   " needs an organization, and this account is not part of one. Create an analyzer for the account instead.");
}

Result<m::CreateAnalyzerResponse> create_analyzer(Analyzer& service, const Permit& permit, const m::CreateAnalyzerRequest& in) {
    TRY(check_type(in.type));
    TRY(check_configuration(in.type, in.configuration));
    if (in.tags) TRY(check_tags(*in.tags));
    const auto rules = model::items(in.archive_rules);
    if (rules.size() > archive_rules_max) return base::fail(too_many_rules(in.analyzer_name, archive_rules_max));
    const Place place = place_of(permit);
    const base::Lock lock(service.state->changing);
    for (const StoredAnalyzer& other : TRY(service.state->analyzers(place))) {
        if (other.summary.name != in.analyzer_name) continue;
        if (in.client_token && other.client_token == *in.client_token && other.summary.type == in.type)
            return m::CreateAnalyzerResponse{.arn = other.summary.arn};
        return base::fail(
            conflict(Thing::analyzer, in.analyzer_name, "An analyzer called " + in.analyzer_name + " already exists."));
    }
    const auto alike = [&](const StoredAnalyzer& other) { return other.summary.type == in.type; };
    if (static_cast<size_t>(std::ranges::count_if(TRY(service.state->analyzers(place)), alike)) >= analyzers_of_a_type_max)
        return base::fail(quota_exceeded(Thing::analyzer, in.analyzer_name,
                                         "There is an analyzer of the type " + std::string(model::word_of(in.type)) +
                                             " already: an account has one in each region."));
    StoredAnalyzer made{.client_token = in.client_token.value_or("")};
    made.summary = {
        .arn = analyzer_arn(place, in.analyzer_name), .name = in.analyzer_name, .type = in.type, .created_at = permit.time()};
    made.summary.tags = in.tags ? *in.tags : Tags();
    made.summary.status = m::AnalyzerStatus::active;
    made.summary.configuration = in.configuration;
    for (const m::InlineArchiveRule& rule : rules) {
        TRY(check_filter(rule.filter));
        if (std::ranges::any_of(made.rules, [&](const auto& other) { return other.rule_name == rule.rule_name; }))
            return base::fail(
                conflict(Thing::archive_rule, rule.rule_name, "The archive rule " + rule.rule_name + " is given twice."));
        made.rules.push_back(
            {.rule_name = rule.rule_name, .filter = rule.filter, .created_at = permit.time(), .updated_at = permit.time()});
    }
    std::ranges::sort(made.rules, {}, &m::ArchiveRuleSummary::rule_name);
    TRY(service.state->put(place, made));
    return m::CreateAnalyzerResponse{.arn = made.summary.arn};
}

Result<m::GetAnalyzerResponse> get_analyzer(Analyzer& service, const Permit& permit, const m::GetAnalyzerRequest& in) {
    return m::GetAnalyzerResponse{.analyzer = TRY(service.state->analyzer(place_of(permit), in.analyzer_name)).summary};
}

Result<m::ListAnalyzersResponse> list_analyzers(Analyzer& service, const Permit& permit, const m::ListAnalyzersRequest& in) {
    const std::string type(model::word_of(in.type.value_or(m::Type::unknown)));
    const Page page = TRY(Page::of(in.next_token, in.max_results, "analyzers " + type));
    std::vector<m::AnalyzerSummary> all;
    for (StoredAnalyzer& one : TRY(service.state->analyzers(place_of(permit))))
        if (!in.type || one.summary.type == *in.type) all.push_back(std::move(one.summary));
    auto [part, next] = part_of(page, std::move(all), [](const m::AnalyzerSummary& one) { return one.name; });
    return m::ListAnalyzersResponse{.analyzers = std::move(part), .next_token = std::move(next)};
}

Result<m::UpdateAnalyzerResponse> update_analyzer(Analyzer& service, const Permit& permit, const m::UpdateAnalyzerRequest& in) {
    const base::Lock lock(service.state->changing);
    StoredAnalyzer analyzer = TRY(service.state->analyzer(place_of(permit), in.analyzer_name));
    TRY(check_configuration(analyzer.summary.type, in.configuration));
    if (analyzer.summary.type == m::Type::account && in.configuration)
        return invalid_field("configuration", "An analyzer of external access has no configuration.");
    if (in.configuration) analyzer.summary.configuration = in.configuration;
    TRY(service.state->put(place_of(permit), analyzer));
    service.looked->erase(analyzer.summary.arn);
    return m::UpdateAnalyzerResponse{.configuration = analyzer.summary.configuration};
}

Result<Nothing> delete_analyzer(Analyzer& service, const Permit& permit, const m::DeleteAnalyzerRequest& in) {
    const base::Lock lock(service.state->changing);
    const StoredAnalyzer analyzer = TRY(service.state->analyzer(place_of(permit), in.analyzer_name));
    TRY(service.state->erase(place_of(permit), in.analyzer_name));
    service.looked->erase(analyzer.summary.arn);
    return Nothing{};
}

Result<m::ListTagsForResourceResponse> list_tags(Analyzer& service, const Permit& permit,
                                                 const m::ListTagsForResourceRequest& in) {
    return m::ListTagsForResourceResponse{.tags =
                                              TRY(analyzer_of(service, permit, in.resource_arn)).summary.tags.value_or(Tags())};
}

Result<m::TagResourceResponse> tag_resource(Analyzer& service, const Permit& permit, const m::TagResourceRequest& in) {
    const base::Lock lock(service.state->changing);
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, in.resource_arn));
    Tags tags = analyzer.summary.tags.value_or(Tags());
    for (const auto& [key, value] : in.tags) {
        const auto same = std::ranges::find(tags, key, &std::pair<std::string, std::string>::first);
        if (same == tags.end())
            tags.emplace_back(key, value);
        else
            same->second = value;
    }
    TRY(check_tags(tags));
    analyzer.summary.tags = std::move(tags);
    TRY(service.state->put(place_of(permit), analyzer));
    return m::TagResourceResponse{};
}

Result<m::UntagResourceResponse> untag_resource(Analyzer& service, const Permit& permit, const m::UntagResourceRequest& in) {
    const base::Lock lock(service.state->changing);
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, in.resource_arn));
    Tags tags = analyzer.summary.tags.value_or(Tags());
    std::erase_if(tags, [&](const auto& tag) { return std::ranges::find(in.tag_keys, tag.first) != in.tag_keys.end(); });
    analyzer.summary.tags = std::move(tags);
    TRY(service.state->put(place_of(permit), analyzer));
    return m::UntagResourceResponse{};
}

policy::Context keys_of(const std::optional<Tags>& tags) {
    policy::Context out;
    if (!tags || tags->empty()) return out;
    std::vector<std::string> names;
    for (const auto& [key, value] : *tags) {
        out.set("aws:RequestTag/" + key, value);
        names.push_back(key);
    }
    out.set_list("aws:TagKeys", std::move(names));
    return out;
}

Result<RequiredAccesses<>> create_needs(const Analyzer&, const RequestOrigin& asking, const m::CreateAnalyzerRequest& in) {
    RequiredAccesses<> needs;
    const std::string arn = analyzer_arn({asking.caller.principal.account, std::string(asking.region)}, in.analyzer_name);
    needs.add(m::Action::access_analyzer_CreateAnalyzer,
              TRY(asking.describer.plan(arn, m::Action::access_analyzer_CreateAnalyzer.text, asking.caller.principal.account)),
              keys_of(in.tags));
    return needs;
}

Result<RequiredAccesses<>> tag_needs(const Analyzer&, const RequestOrigin& asking, const m::TagResourceRequest& in) {
    TRY(check_analyzer_arn(in.resource_arn, "resourceArn"));
    RequiredAccesses<> needs;
    needs.add(m::Action::access_analyzer_TagResource, TRY(asking.find(in.resource_arn, m::Action::access_analyzer_TagResource)),
              keys_of(in.tags));
    return needs;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Analyzer>>({
    operation<m::CreateAnalyzer, create_analyzer, create_needs>(),
    operation<m::GetAnalyzer, get_analyzer>(),
    operation<m::ListAnalyzers, list_analyzers>(),
    operation<m::UpdateAnalyzer, update_analyzer>(),
    operation<m::DeleteAnalyzer, delete_analyzer>(),
    operation<m::ListTagsForResource, list_tags>(),
    operation<m::TagResource, tag_resource, tag_needs>(),
    operation<m::UntagResource, untag_resource>(),
});

}  // namespace

Rows analyzer_operations() { return operations; }

}  // namespace services::access_analyzer
