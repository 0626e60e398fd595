// The resources that an analyzer of external access looks at.
//
// Source: IAM Access Analyzer API Reference, GetAnalyzedResource, ListAnalyzedResources, StartResourceScan.
#include <algorithm>
#include <array>
#include <set>

#include "base/error_codes.hpp"
#include "model/words.hpp"
#include "services/access_analyzer/account.hpp"
#include "services/access_analyzer/pages.hpp"
#include "services/access_analyzer/service.hpp"

namespace services::access_analyzer {
namespace {

struct Analyzed {
    std::string arn;
    m::ResourceType type{};
    base::Time created;
};

Result<std::vector<Analyzed>> resources_of(const Analyzer& service, const Permit& permit) {
    std::vector<Analyzed> out;
    for (const auto& bucket : service.parts.storage->buckets_of(permit.account()))
        out.push_back({bucket->arn(), m::ResourceType::aws__s3__bucket, bucket->created});
    for (const auto& role : service.parts.directory->iam().roles(permit.account()))
        out.push_back({role->arn, m::ResourceType::aws__iam__role, role->created});
    std::ranges::sort(out, {}, &Analyzed::arn);
    return out;
}

Result<StoredAnalyzer> external_analyzer(const Analyzer& service, const Permit& permit, const std::string& arn) {
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, arn));
    if (analyzer.summary.type != m::Type::account)
        return not_supported("This operation is supported for analyzers of external access alone.");
    return analyzer;
}

Result<m::ListAnalyzedResourcesResponse> list_resources(Analyzer& service, const Permit& permit,
                                                        const m::ListAnalyzedResourcesRequest& in) {
    const std::string type(model::word_of(in.resource_type.value_or(m::ResourceType::unknown)));
    const Page page = TRY(Page::of(in.next_token, in.max_results, in.analyzer_arn + "\nresources " + type));
    TRY(external_analyzer(service, permit, in.analyzer_arn));
    std::vector<m::AnalyzedResourceSummary> all;
    for (const Analyzed& one : TRY(resources_of(service, permit)))
        if (!in.resource_type || one.type == *in.resource_type)
            all.push_back({.resource_arn = one.arn, .resource_owner_account = permit.account(), .resource_type = one.type});
    auto [part, next] = part_of(page, std::move(all), [](const auto& one) { return one.resource_arn; });
    return m::ListAnalyzedResourcesResponse{.analyzed_resources = std::move(part), .next_token = std::move(next)};
}

Result<Analyzed> find_resource(const Analyzer& service, const Permit& permit, const std::string& arn) {
    for (Analyzed& one : TRY(resources_of(service, permit)))
        if (one.arn == arn) return std::move(one);
    return base::fail(no_such(Thing::resource, arn));
}

Result<m::GetAnalyzedResourceResponse> get_resource(Analyzer& service, const Permit& permit,
                                                    const m::GetAnalyzedResourceRequest& in) {
    StoredAnalyzer analyzer = TRY(external_analyzer(service, permit, in.analyzer_arn));
    const Analyzed found = TRY(find_resource(service, permit, in.resource_arn));
    analyzer = TRY(look(service, permit, analyzer.summary.name));
    m::AnalyzedResource out{.resource_arn = found.arn, .resource_type = found.type, .created_at = found.created};
    out.analyzed_at = analyzer.summary.last_resource_analyzed_at.value_or(permit.time());
    out.updated_at = found.created;
    out.resource_owner_account = permit.account();
    std::set<std::string> actions;
    for (const FindingRecord& finding : TRY(service.state->findings(place_of(permit), analyzer.summary.name))) {
        if (finding.resource != found.arn) continue;
        out.updated_at = std::max(out.updated_at, finding.updated_at);
        if (finding.status == m::FindingStatus::resolved) continue;
        if (!out.status || finding.status == m::FindingStatus::active) out.status = finding.status;
        if (finding.error) out.error = finding.error;
        for (const m::FindingDetails& details : finding.finding_details) {
            if (!details.external_access_details) continue;
            out.is_public = out.is_public || details.external_access_details->is_public.value_or(false);
            for (const std::string& action : model::items(details.external_access_details->action)) actions.insert(action);
        }
    }
    if (!actions.empty()) out.actions = std::vector<std::string>(actions.begin(), actions.end());
    if (out.status && found.type == m::ResourceType::aws__s3__bucket) out.shared_via = std::vector<std::string>{"POLICY"};
    return m::GetAnalyzedResourceResponse{.resource = std::move(out)};
}

Result<Nothing> start_scan(Analyzer& service, const Permit& permit, const m::StartResourceScanRequest& in) {
    const StoredAnalyzer analyzer = TRY(external_analyzer(service, permit, in.analyzer_arn));
    if (in.resource_owner_account && *in.resource_owner_account != permit.account())
        return invalid_field("resourceOwnerAccount", "The resource is not of this account.");
    const Analyzed found = TRY(find_resource(service, permit, in.resource_arn));
    TRY(look(service, permit, analyzer.summary.name, found.arn));
    return Nothing{};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Analyzer>>({
    operation<m::ListAnalyzedResources, list_resources>(),
    operation<m::GetAnalyzedResource, get_resource>(),
    operation<m::StartResourceScan, start_scan>(),
});

}  // namespace

Rows analyzed_resource_operations() { return operations; }

}  // namespace services::access_analyzer
