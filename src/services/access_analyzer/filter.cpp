#include "services/access_analyzer/filter.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "model/words.hpp"
#include "services/access_analyzer/errors.hpp"
#include "text/time.hpp"

namespace services::access_analyzer {
namespace {

using Values = std::vector<std::string>;

constexpr std::string_view condition_key = "condition.";
constexpr auto keys = std::to_array<std::string_view>({"accessType", "createdAt", "error", "findingType", "id", "isPublic",
                                                       "principal.AWS", "principal.CanonicalUser", "principal.Federated",
                                                       "principal.Service", "principalOwnerAccount", "principalType", "resource",
                                                       "resourceOwnerAccount", "resourceType", "status", "updatedAt"});
constexpr auto sorted_by = std::to_array<std::string_view>(
    {"createdAt", "findingType", "id", "resource", "resourceOwnerAccount", "resourceType", "status", "updatedAt"});

bool contains(std::span<const std::string_view> values, std::string_view value) {
    return std::ranges::find(values, value) != values.end();
}

void add(const model::Map<std::string>& from, std::string_view key, Values& to) {
    for (const auto& [name, value] : from)
        if (base::equals_ignoring_case(name, key)) to.push_back(value);
}

void add_details(const m::FindingDetails& details, std::string_view key, Values& to) {
    const auto& external = details.external_access_details;
    const auto& internal = details.internal_access_details;
    constexpr std::string_view principal = "principal.";
    if (key.starts_with(condition_key)) {
        if (external) add(external->condition, key.substr(condition_key.size()), to);
        if (internal && internal->condition) add(*internal->condition, key.substr(condition_key.size()), to);
    } else if (key.starts_with(principal)) {
        if (external && external->principal) add(*external->principal, key.substr(principal.size()), to);
        if (internal && internal->principal) add(*internal->principal, key.substr(principal.size()), to);
    } else if (key == "isPublic" && external && external->is_public) {
        to.emplace_back(*external->is_public ? "true" : "false");
    } else if (internal) {
        if (key == "principalOwnerAccount" && internal->principal_owner_account) to.push_back(*internal->principal_owner_account);
        if (key == "accessType" && internal->access_type) to.emplace_back(model::word_of(*internal->access_type));
        if (key == "principalType" && internal->principal_type) to.emplace_back(model::word_of(*internal->principal_type));
    }
}

Values values_of(const FindingRecord& finding, std::string_view key) {
    if (key == "id") return {finding.id};
    if (key == "status") return {std::string(model::word_of(finding.status))};
    if (key == "resourceType") return {std::string(model::word_of(finding.resource_type))};
    if (key == "resourceOwnerAccount") return {finding.resource_owner_account};
    if (key == "createdAt") return {text::iso8601_millis(finding.created_at)};
    if (key == "updatedAt") return {text::iso8601_millis(finding.updated_at)};
    Values out;
    if (key == "resource" && finding.resource) out.push_back(*finding.resource);
    if (key == "error" && finding.error) out.push_back(*finding.error);
    if (key == "findingType" && finding.finding_type) out.emplace_back(model::word_of(*finding.finding_type));
    for (const m::FindingDetails& details : finding.finding_details) add_details(details, key, out);
    return out;
}

bool fits(const Values& values, const m::Criterion& criterion) {
    const auto has = [&](const std::string& value) { return std::ranges::find(values, value) != values.end(); };
    const auto has_part = [&](const std::string& part) {
        return std::ranges::any_of(values, [&](const std::string& value) { return value.find(part) != std::string::npos; });
    };
    if (criterion.exists && *criterion.exists == values.empty()) return false;
    if (criterion.eq && std::ranges::none_of(*criterion.eq, has)) return false;
    if (criterion.neq && std::ranges::any_of(*criterion.neq, has)) return false;
    return !criterion.contains || std::ranges::any_of(*criterion.contains, has_part);
}

}  // namespace

base::Result<void> check_filter(const Filter& filter) {
    if (filter.size() > filter_keys_max)
        return invalid_field("filter", "A filter has at most " + std::to_string(filter_keys_max) + " keys.");
    for (const auto& [key, criterion] : filter) {
        const bool is_condition = key.starts_with(condition_key) && key.size() > condition_key.size();
        if (!is_condition && !contains(keys, key))
            return invalid_field("filter", "The filter key " + key + " is not one that findings have.");
        if (!criterion.eq && !criterion.neq && !criterion.contains && !criterion.exists)
            return invalid_field("filter",
                                 "The criterion of the filter key " + key + " has none of eq, neq, contains and exists.");
        for (const auto* values : {&criterion.eq, &criterion.neq, &criterion.contains})
            if (*values && ((*values)->empty() || (*values)->size() > criterion_values_max))
                return invalid_field("filter",
                                     "A criterion has 1 to " + std::to_string(criterion_values_max) + " values: " + key + ".");
    }
    return {};
}

bool matches(const FindingRecord& finding, const Filter& filter) {
    return std::ranges::all_of(filter, [&](const auto& entry) { return fits(values_of(finding, entry.first), entry.second); });
}

base::Result<FindingOrder> FindingOrder::of(const std::optional<m::SortCriteria>& sort) {
    FindingOrder out;
    if (sort && sort->attribute_name) out.attribute_ = *sort->attribute_name;
    if (!contains(sorted_by, out.attribute_))
        return invalid_field("sort.attributeName", "Findings are not sorted by " + out.attribute_ + ".");
    out.descends_ = sort && sort->order_by == m::OrderBy::desc;
    return out;
}

std::string FindingOrder::key(const FindingRecord& finding) const {
    // What no value has ends it: of two values of which one begins the other, the shorter is the first.
    return base::join(values_of(finding, attribute_), ",") + '\0' + finding.id;
}

}  // namespace services::access_analyzer
