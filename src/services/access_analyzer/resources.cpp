#include "services/access_analyzer/resources.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/accessanalyzer/service.hpp"
#include "policy/arn.hpp"

namespace services::access_analyzer {
namespace {

using base::Result;
using gate::Description;
using gate::Existence;

constexpr std::string_view analyzer_type = "analyzer/";
constexpr std::string_view rule_type = "/archive-rule/";

struct Named {
    std::string analyzer, rule;  // empty: the analyzer itself
};

Named named_in(std::string_view resource) {
    resource.remove_prefix(analyzer_type.size());
    const size_t rule = resource.find(rule_type);
    if (rule == std::string_view::npos) return {std::string(resource), ""};
    return {std::string(resource.substr(0, rule)), std::string(resource.substr(rule + rule_type.size()))};
}

}  // namespace

Result<Description> Resources::describe(const gate::Subject& subject) const {
    Description out{.arn = std::string(subject.text), .existence = Existence::absent, .owner = std::string(subject.arn.account)};
    out.region = std::string(subject.arn.region);
    if (!subject.arn.resource.starts_with(analyzer_type)) return out;
    // What it makes is nothing that may be there already.
    if (base::equals_ignoring_case(subject.action, m::Action::access_analyzer_CreateAnalyzer.text)) {
        out.may_come = true;
        return out;
    }
    const auto [name, rule] = named_in(subject.arn.resource);
    const auto found = state_->analyzer({std::string(subject.arn.account), std::string(subject.arn.region)}, name);
    if (!found && found.error().code == base::code::ResourceNotFoundException) return out;
    if (!found) return base::fail(found.error());
    if (!rule.empty()) {
        if (std::ranges::any_of(found->rules, [&](const auto& one) { return one.rule_name == rule; }))
            out.existence = Existence::there;
        return out;
    }
    out.existence = Existence::there;
    if (found->summary.tags)
        for (const auto& [key, value] : *found->summary.tags) out.keys.set("aws:ResourceTag/" + key, value);
    return out;
}

Result<gate::ResourcePage> Resources::each_resource(const gate::ResourceQuery& query) const {
    gate::ResourcePager pager(query);
    for (const StoredAnalyzer& analyzer : TRY(state_->analyzers_of(std::string(query.account)))) {
        pager.add(analyzer.summary.arn);
        for (const auto& rule : analyzer.rules) pager.add(analyzer.summary.arn + std::string(rule_type) + rule.rule_name);
    }
    return std::move(pager).finish();
}

Result<void> check_analyzer_arn(std::string_view arn, const char* field) {
    const auto parsed = policy::parse_arn(arn);
    const bool good = parsed && parsed->service == "access-analyzer" && parsed->resource.starts_with(analyzer_type) &&
                      parsed->resource.find('/', analyzer_type.size()) == std::string_view::npos;
    if (!good) return invalid_field(field, std::string(arn) + " is not the ARN of an analyzer.");
    return {};
}

Result<model::NamedValues> analyzer_arn_value(const model::RequestOrigin&, std::span<const std::optional<std::string>> arn) {
    TRY(check_analyzer_arn(arn[0].value_or("")));
    return model::NamedValues{{"", arn[0].value_or("")}};
}

Result<model::NamedValues> tagged_arn_value(const model::RequestOrigin&, std::span<const std::optional<std::string>> arn) {
    TRY(check_analyzer_arn(arn[0].value_or(""), "resourceArn"));
    return model::NamedValues{{"", arn[0].value_or("")}};
}

std::optional<std::string> analyzer_named(const Place& place, std::string_view arn) {
    const std::string here = analyzer_arn(place, "");
    if (!arn.starts_with(here) || arn.size() == here.size()) return std::nullopt;
    return std::string(arn.substr(here.size()));
}

}  // namespace services::access_analyzer
