// Access previews: which findings an analyzer of external access would have if a bucket or a role were configured so. Made at once from the account as
// it is then, and kept for a day.
//
// Source: IAM Access Analyzer API Reference, CreateAccessPreview, S3BucketConfiguration, IamRoleConfiguration, AccessPreviewFinding.
#include <algorithm>
#include <array>
#include <map>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "objects/bucket.hpp"
#include "policy/arn.hpp"
#include "services/access_analyzer/account.hpp"
#include "services/access_analyzer/external.hpp"
#include "services/access_analyzer/pages.hpp"
#include "services/access_analyzer/preview_state.hpp"
#include "services/access_analyzer/service.hpp"

namespace services::access_analyzer {
namespace {

using Status = m::FindingStatus;
using Change = m::FindingChangeType;

// What the configuration makes of the account. Errors of what it says: codes of policy documents.
Result<void> put_bucket(const std::string& name, const m::S3BucketConfiguration& to, proof::AccountPolicies& account) {
    TRY(objects::check_bucket_name(name));
    proof::Bucket& bucket = account.buckets.try_emplace(name, proof::Bucket{.name = name}).first->second;
    if (to.bucket_policy) {
        bucket.policy = nullptr;
        if (!to.bucket_policy->empty())
            bucket.policy = TRY(policy::Policy::parse(*to.bucket_policy, policy::PolicyKind::resource));
    }
    if (to.bucket_public_access_block)
        bucket.restrict_public = to.bucket_public_access_block->restrict_public_buckets || account.restrict_public;
    return {};
}

Result<void> put_role(const std::string& arn, const m::IamRoleConfiguration& to, proof::AccountPolicies& account) {
    const std::string name = arn.substr(arn.rfind('/') + 1);
    const auto known = account.roles.find(base::lower(name));
    if (known == account.roles.end() && !to.trust_policy)
        return base::fail(base::code::MalformedPolicyDocument, "A role that does not exist needs a trust policy.");
    proof::Role& role = account.roles[base::lower(name)];
    if (role.arn.empty()) {
        role.name = name;
        role.arn = arn;
    }
    if (to.trust_policy) role.trust = TRY(policy::Policy::parse(*to.trust_policy, policy::PolicyKind::trust));
    return {};
}

// The one resource of a preview, which is of a kind that is analyzed here.
Result<void> check_configurations(const Place& place, const model::Map<m::Configuration>& configurations) {
    if (configurations.size() != 1) return invalid_field("configurations", "An access preview has exactly one configuration.");
    const auto& [arn, configuration] = configurations.front();
    const auto parsed = policy::parse_arn(arn);
    if (!parsed) return invalid_field("configurations", arn + " is not an ARN.");
    if (configuration.s3_bucket) {
        if (parsed->service != "s3" || parsed->resource.find('/') != std::string_view::npos)
            return invalid_field("configurations", arn + " is not the ARN of a bucket.");
        if (!model::items(configuration.s3_bucket->bucket_acl_grants).empty() ||
            (configuration.s3_bucket->access_points && !configuration.s3_bucket->access_points->empty()))
            return not_supported("Buckets here have no grants of an access control list, and no access points.");
        return {};
    }
    if (configuration.iam_role) {
        if (parsed->service != "iam" || parsed->account != place.account || !parsed->resource.starts_with("role/"))
            return invalid_field("configurations", arn + " is not the ARN of a role of this account.");
        return {};
    }
    return not_supported("Access previews are supported of the resource types AWS::S3::Bucket and AWS::IAM::Role alone.");
}

m::AccessPreviewFinding shown(const ComputedFinding& computed, const std::string& id, const Permit& permit) {
    m::AccessPreviewFinding out{.id = id};
    if (!computed.details.empty() && computed.details[0].external_access_details) {
        const m::ExternalAccessDetails& details = *computed.details[0].external_access_details;
        out.principal = details.principal;
        out.action = details.action;
        out.condition = details.condition;
        out.is_public = details.is_public;
        out.sources = details.sources;
        out.resource_control_policy_restriction = details.resource_control_policy_restriction;
    }
    out.resource = computed.resource;
    out.resource_type = computed.resource_type;
    out.created_at = permit.time();
    out.status = Status::active;
    out.resource_owner_account = permit.account();
    if (!computed.error.empty()) out.error = computed.error;
    return out;
}

// Beside the findings that there are of the resource.
std::vector<m::AccessPreviewFinding> compared(const Computed& computed, const std::vector<FindingRecord>& existing,
                                              const StoredAnalyzer& analyzer, const std::string& resource, const Permit& permit,
                                              crypto::Random& random) {
    std::map<std::string, const FindingRecord*> known;
    for (const FindingRecord& one : existing)
        if (one.resource == resource) known.emplace(one.id, &one);
    std::vector<m::AccessPreviewFinding> out;
    for (const ComputedFinding& one : computed.findings) {
        m::AccessPreviewFinding finding = shown(one, random.uuid(), permit);
        finding.change_type = Change::new_;
        const auto same = known.find(finding_id(analyzer.summary.arn, one.key));
        if (same != known.end() && same->second->status != Status::resolved) {
            finding.existing_finding_id = same->first;
            finding.existing_finding_status = same->second->status;
            finding.status = same->second->status;
            const auto& before = same->second->finding_details;
            const bool same_actions = !before.empty() && before[0].external_access_details &&
                                      before[0].external_access_details->action == finding.action;
            finding.change_type = same_actions ? Change::unchanged : Change::changed;
            known.erase(same);
        }
        out.push_back(std::move(finding));
    }
    // What would be gone.
    for (const auto& [id, one] : known) {
        if (one->status == Status::resolved) continue;
        ComputedFinding gone{.type = m::FindingType::external_access,
                             .resource = resource,
                             .resource_type = one->resource_type,
                             .details = one->finding_details};
        m::AccessPreviewFinding finding = shown(gone, random.uuid(), permit);
        finding.existing_finding_id = id;
        finding.existing_finding_status = one->status;
        finding.status = Status::resolved;
        finding.change_type = Change::changed;
        out.push_back(std::move(finding));
    }
    return out;
}

Result<StoredAnalyzer> external_analyzer(const Analyzer& service, const Permit& permit, const std::string& arn) {
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, arn));
    if (analyzer.summary.type != m::Type::account)
        return not_supported("Access previews are supported by analyzers of external access alone.");
    return analyzer;
}

Result<m::CreateAccessPreviewResponse> create_preview(Analyzer& service, const Permit& permit,
                                                      const m::CreateAccessPreviewRequest& in) {
    const Place place = place_of(permit);
    TRY(check_configurations(place, in.configurations));
    StoredAnalyzer analyzer = TRY(external_analyzer(service, permit, in.analyzer_arn));
    analyzer = TRY(look(service, permit, analyzer.summary.name));
    proof::AccountPolicies account = TRY(read_account(*service.parts.directory, *service.parts.storage, place.account));
    const auto& [arn, configuration] = in.configurations.front();
    const auto put = configuration.s3_bucket ? put_bucket(arn.substr(arn.rfind(':') + 1), *configuration.s3_bucket, account)
                                             : put_role(arn, *configuration.iam_role, account);
    StoredPreview preview;
    preview.preview = {.id = service.parts.random->uuid(),
                       .analyzer_arn = in.analyzer_arn,
                       .configurations = in.configurations,
                       .created_at = permit.time()};
    preview.preview.status = put ? m::AccessPreviewStatus::completed : m::AccessPreviewStatus::failed;
    if (!put) {
        preview.preview.status_reason =
            m::AccessPreviewStatusReason{.code = m::AccessPreviewStatusReasonCode::invalid_configuration};
    } else {
        const Computed computed = external_access(account, permit.region(), arn);
        preview.findings = compared(computed, TRY(service.state->findings(place, analyzer.summary.name)), analyzer, arn, permit,
                                    *service.parts.random);
    }
    const base::Lock lock(service.state->changing);
    TRY(service.state->analyzer(place, analyzer.summary.name));  // which may have gone meanwhile
    TRY(put_preview(*service.parts.keys, place, analyzer.summary.name, preview, permit.time()));
    return m::CreateAccessPreviewResponse{.id = preview.preview.id};
}

Result<m::GetAccessPreviewResponse> get_preview(Analyzer& service, const Permit& permit, const m::GetAccessPreviewRequest& in) {
    const StoredAnalyzer analyzer = TRY(external_analyzer(service, permit, in.analyzer_arn));
    return m::GetAccessPreviewResponse{
        .access_preview =
            TRY(find_preview(*service.parts.keys, place_of(permit), analyzer.summary.name, in.access_preview_id, permit.time()))
                .preview};
}

Result<m::ListAccessPreviewsResponse> list_previews(Analyzer& service, const Permit& permit,
                                                    const m::ListAccessPreviewsRequest& in) {
    const Page page = TRY(Page::of(in.next_token, in.max_results, in.analyzer_arn + "\npreviews"));
    const StoredAnalyzer analyzer = TRY(external_analyzer(service, permit, in.analyzer_arn));
    std::vector<m::AccessPreviewSummary> all;
    for (const StoredPreview& one : TRY(previews_of(*service.parts.keys, place_of(permit), analyzer.summary.name, permit.time())))
        all.push_back({.id = one.preview.id,
                       .analyzer_arn = one.preview.analyzer_arn,
                       .created_at = one.preview.created_at,
                       .status = one.preview.status,
                       .status_reason = one.preview.status_reason});
    auto [part, next] = part_of(page, std::move(all), [](const auto& one) { return one.id; });
    return m::ListAccessPreviewsResponse{.access_previews = std::move(part), .next_token = std::move(next)};
}

// The finding that it would be, for filters.
FindingRecord record_of(const m::AccessPreviewFinding& finding) {
    FindingRecord out{.created_at = finding.created_at,
                      .error = finding.error,
                      .id = finding.id,
                      .resource = finding.resource,
                      .resource_type = finding.resource_type};
    out.resource_owner_account = finding.resource_owner_account;
    out.status = finding.status;
    m::ExternalAccessDetails details;
    details.action = finding.action;
    details.condition = finding.condition.value_or(model::Map<std::string>());
    details.is_public = finding.is_public;
    details.principal = finding.principal;
    out.finding_details.push_back({.external_access_details = std::move(details)});
    out.finding_type = m::FindingType::external_access;
    return out;
}

Result<m::ListAccessPreviewFindingsResponse> list_preview_findings(Analyzer& service, const Permit& permit,
                                                                   const m::ListAccessPreviewFindingsRequest& in) {
    const Filter filter = in.filter.value_or(Filter());
    TRY(check_filter(filter));
    const Page page = TRY(Page::of(in.next_token, in.max_results, in.analyzer_arn + "\n" + in.access_preview_id));
    const StoredAnalyzer analyzer = TRY(external_analyzer(service, permit, in.analyzer_arn));
    StoredPreview preview =
        TRY(find_preview(*service.parts.keys, place_of(permit), analyzer.summary.name, in.access_preview_id, permit.time()));
    std::erase_if(preview.findings, [&](const auto& one) { return !matches(record_of(one), filter); });
    std::ranges::sort(preview.findings, {}, &m::AccessPreviewFinding::id);
    auto [part, next] = part_of(page, std::move(preview.findings), [](const auto& one) { return one.id; });
    return m::ListAccessPreviewFindingsResponse{.findings = std::move(part), .next_token = std::move(next)};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Analyzer>>({
    operation<m::CreateAccessPreview, create_preview>(),
    operation<m::GetAccessPreview, get_preview>(),
    operation<m::ListAccessPreviews, list_previews>(),
    operation<m::ListAccessPreviewFindings, list_preview_findings>(),
});

}  // namespace

Rows preview_operations() { return operations; }

}  // namespace services::access_analyzer
