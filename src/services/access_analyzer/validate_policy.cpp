// ValidatePolicy: what room lint finds in a document, in AWS's shape.
//
// Source: IAM Access Analyzer API Reference, ValidatePolicy.
#include <array>
#include <string>

#include "base/error_codes.hpp"
#include "lint/validate.hpp"
#include "model/words.hpp"
#include "services/access_analyzer/pages.hpp"
#include "services/access_analyzer/service.hpp"

namespace services::access_analyzer {
namespace {

constexpr size_t document_bytes_max = 256u << 10;

lint::PolicyType type_of(m::PolicyType type) {
    switch (type) {
        case m::PolicyType::resource_policy:
            return lint::PolicyType::resource;
        case m::PolicyType::service_control_policy:
            return lint::PolicyType::service_control;
        case m::PolicyType::resource_control_policy:
            return lint::PolicyType::resource_control;
        default:
            return lint::PolicyType::identity;
    }
}

m::Position shown(const lint::Position& position) {
    return {.line = static_cast<int32_t>(position.line),
            .column = static_cast<int32_t>(position.column),
            .offset = static_cast<int32_t>(position.offset)};
}

m::PathElement shown(const lint::PathElement& element) {
    m::PathElement out;
    using enum lint::PathElement::Kind;
    if (element.kind == value) out.value = element.name;
    if (element.kind == key) out.key = element.name;
    if (element.kind == index) out.index = static_cast<int32_t>(element.index);
    return out;
}

m::ValidatePolicyFinding shown(const lint::Finding& finding) {
    m::ValidatePolicyFinding out{.finding_details = finding.details,
                                 .finding_type = model::value_of<m::ValidatePolicyFindingType>(lint::name_of(finding.kind)),
                                 .issue_code = finding.code,
                                 .learn_more_link = finding.learn_more};
    for (const lint::Location& location : finding.locations) {
        m::Location& one = out.locations.emplace_back();
        for (const lint::PathElement& element : location.path) one.path.push_back(shown(element));
        one.span = {.start = shown(location.span.start), .end = shown(location.span.end)};
    }
    return out;
}

// AWS's own checks alone: clients count on their codes. `trainwarden lint` has the others.
Result<m::ValidatePolicyResponse> validate_policy(Analyzer&, const Permit&, const m::ValidatePolicyRequest& in) {
    if (in.policy_document.size() > document_bytes_max)
        return invalid_field("policyDocument",
                             "The policy document has more than " + std::to_string(document_bytes_max) + " bytes.");
    if (in.validate_policy_resource_type && in.policy_type != m::PolicyType::resource_policy)
        return invalid_field("validatePolicyResourceType", "A resource type is of a RESOURCE_POLICY alone.");
    const std::string type(model::word_of(in.policy_type));
    const std::string resource_type(
        model::word_of(in.validate_policy_resource_type.value_or(m::ValidatePolicyResourceType::unknown)));
    const Page page = TRY(Page::of(in.next_token, in.max_results, type + "\n" + resource_type + "\n" + in.policy_document));
    const auto report =
        lint::check(in.policy_document, {.type = type_of(in.policy_type), .resource_type = resource_type, .own_checks = false});
    std::vector<std::pair<std::string, m::ValidatePolicyFinding>> all;
    for (const lint::Finding& finding : report.findings) all.emplace_back(key_of_place(all.size()), shown(finding));
    auto [part, next] = part_of(page, std::move(all), [](const auto& one) { return one.first; });
    m::ValidatePolicyResponse out{.next_token = std::move(next)};
    for (auto& [key, finding] : part) out.findings.push_back(std::move(finding));
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Analyzer>>({
    operation<m::ValidatePolicy, validate_policy>(),
});

}  // namespace

Rows validate_policy_operations() { return operations; }

}  // namespace services::access_analyzer
