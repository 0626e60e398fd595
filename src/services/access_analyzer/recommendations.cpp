// Recommendations for unused permissions: narrowed.hpp's steps over the policies that the finding's user or role has itself, and its record. Made at once and
// kept for a day: `access-analyzer/ACCOUNT/REGION/recommendation/ANALYZER/FINDING`.
//
// Source: IAM Access Analyzer API Reference, GenerateFindingRecommendation, GetFindingRecommendation.
#include <array>
#include <chrono>

#include "audit/uses.hpp"
#include "base/error_codes.hpp"
#include "model/stored.hpp"
#include "services/access_analyzer/narrowed.hpp"
#include "services/access_analyzer/pages.hpp"
#include "services/access_analyzer/service.hpp"
#include "text/json.hpp"

namespace services::access_analyzer {
namespace {

constexpr std::chrono::hours kept_for{24};
constexpr size_t recommendations_max = 1'000;  // of one analyzer: the oldest gives way

std::string prefix_of(const Place& place, const std::string& analyzer) {
    return "access-analyzer/" + place.account + "/" + place.region + "/recommendation/" + analyzer + "/";
}

Result<m::GetFindingRecommendationResponse> read(const store::Entry& entry) {
    m::GetFindingRecommendationResponse out;
    if (const auto json = text::parse_json(entry.value)) (void)model::read_stored(*json, out);
    if (out.resource_arn.empty())
        return base::fail(base::code::InternalError, "the stored record " + entry.key + " cannot be read");
    return out;
}

Result<void> put(const Analyzer& service, const Place& place, const std::string& analyzer, const std::string& finding,
                 const m::GetFindingRecommendationResponse& made) {
    const std::string prefix = prefix_of(place, analyzer);
    store::Batch batch;
    size_t kept = 0;
    std::optional<std::pair<base::Time, std::string>> oldest;
    for (const store::Entry& entry : TRY(service.parts.keys->scan({.prefix = prefix}))) {
        const base::Time time = TRY(read(entry)).started_at;
        if (made.started_at - time > kept_for) {
            batch.erase(entry.key);
        } else if (entry.key != prefix + finding) {
            ++kept;
            if (!oldest || time < oldest->first) oldest.emplace(time, entry.key);
        }
    }
    if (kept >= recommendations_max) batch.erase(oldest->second);
    batch.put(prefix + finding, model::write_document(made).dump());
    return service.parts.keys->commit(batch);
}

Result<StoredAnalyzer> unused_analyzer(const Analyzer& service, const Permit& permit, const std::string& arn) {
    StoredAnalyzer analyzer = TRY(analyzer_of(service, permit, arn));
    if (analyzer.summary.type != m::Type::account_unused_access)
        return not_supported("Recommendations are supported by analyzers of unused access alone.");
    return analyzer;
}

struct Holder {
    std::string id;  // its unique id
    std::vector<HeldPolicy> policies;
};

Result<Holder> holder_of(const identity::Iam& iam, const std::string& account, const identity::Entity& entity) {
    Holder out{.id = entity.id, .policies = {}};
    for (const std::string& arn : entity.attached) {
        const auto policy = TRY(iam.managed_policy(account, arn));
        out.policies.push_back(
            {.id = arn, .policy = policy->version(policy->default_version)->policy, .updated = policy->updated});
    }
    for (const identity::InlinePolicy& one : entity.inline_policies)
        out.policies.push_back({.id = one.name, .policy = one.policy, .updated = {}});
    return out;
}

// Error `ResourceNotFoundException`: it has gone.
Result<Holder> find_holder(const identity::Iam& iam, const std::string& account, const std::string& arn) {
    for (const auto& role : iam.roles(account))
        if (role->arn == arn) return holder_of(iam, account, *role);
    for (const auto& user : iam.users(account))
        if (user->arn == arn) return holder_of(iam, account, *user);
    return base::fail(no_such(Thing::resource, arn));
}

std::vector<m::RecommendedStep> shown(const std::vector<NarrowingStep>& steps) {
    std::vector<m::RecommendedStep> out;
    for (const NarrowingStep& step : steps) {
        const bool creates = step.kind == NarrowingStep::Kind::create;
        m::UnusedPermissionsRecommendedStep one{.policy_updated_at = step.updated};
        one.recommended_action =
            creates ? m::RecommendedRemediationAction::create_policy : m::RecommendedRemediationAction::detach_policy;
        if (creates) one.recommended_policy = step.document;
        one.existing_policy_id = step.policy;
        out.push_back({.unused_permissions_recommended_step = std::move(one)});
    }
    return out;
}

Result<Nothing> generate(Analyzer& service, const Permit& permit, const m::GenerateFindingRecommendationRequest& in) {
    const StoredAnalyzer analyzer = TRY(unused_analyzer(service, permit, in.analyzer_arn));
    const StoredAnalyzer looked = TRY(look(service, permit, analyzer.summary.name));
    const Place place = place_of(permit);
    const auto finding = service.state->finding(place, analyzer.summary.name, in.id);
    if (!finding && finding.error().code == base::code::ResourceNotFoundException)
        return invalid_field("id", "The finding " + in.id + " does not exist.");
    if (!finding) return base::fail(finding.error());
    if (finding->finding_type != m::FindingType::unused_permission || finding->status == m::FindingStatus::resolved)
        return invalid_field("id", "Recommendations are made for findings of unused permissions that are not resolved.");
    m::GetFindingRecommendationResponse made{.started_at = permit.time(), .resource_arn = finding->resource.value_or("")};
    made.recommendation_type = m::RecommendationType::unused_permission_recommendation;
    const Holder holder = TRY(find_holder(service.parts.directory->iam(), place.account, made.resource_arn));
    const auto uses =
        TRY(audit::uses_of(*service.parts.record, holder.id, permit.time() - std::chrono::days(age_of(looked.summary))));
    if (uses.read_since) {
        made.status = m::Status::failed;
        made.error = m::RecommendationError{.code = "SERVICE_ERROR",
                                            .message = "The record has more requests of the principal than are read."};
    } else {
        const auto steps =
            narrowing_steps(holder.policies, [&](const std::string& action) { return uses.last.contains(action); });
        made.status = m::Status::succeeded;
        made.recommended_steps = shown(TRY(steps));
    }
    made.completed_at = permit.time();
    const base::Lock lock(service.state->changing);
    TRY(service.state->analyzer(place, analyzer.summary.name));  // which may have gone meanwhile
    TRY(put(service, place, analyzer.summary.name, in.id, made));
    return Nothing{};
}

Result<m::GetFindingRecommendationResponse> get(Analyzer& service, const Permit& permit,
                                                const m::GetFindingRecommendationRequest& in) {
    const Page page = TRY(Page::of(in.next_token, in.max_results, in.analyzer_arn + "\nrecommendation " + in.id));
    const StoredAnalyzer analyzer = TRY(unused_analyzer(service, permit, in.analyzer_arn));
    const std::string key = prefix_of(place_of(permit), analyzer.summary.name) + in.id;
    auto value = TRY(service.parts.keys->get(key));
    if (!value) return base::fail(no_such(Thing::recommendation, in.id));
    m::GetFindingRecommendationResponse out = TRY(read({key, *std::move(value)}));
    if (permit.time() - out.started_at > kept_for) return base::fail(no_such(Thing::recommendation, in.id));
    std::vector<std::pair<std::string, m::RecommendedStep>> steps;
    for (const m::RecommendedStep& step : model::items(out.recommended_steps))
        steps.emplace_back(key_of_place(steps.size()), step);
    auto [part, next] = part_of(page, std::move(steps), [](const auto& one) { return one.first; });
    out.recommended_steps.emplace();
    for (auto& [place, step] : part) out.recommended_steps->push_back(std::move(step));
    out.next_token = std::move(next);
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Analyzer>>({
    operation<m::GenerateFindingRecommendation, generate>(),
    operation<m::GetFindingRecommendation, get>(),
});

}  // namespace

Rows recommendation_operations() { return operations; }

}  // namespace services::access_analyzer
