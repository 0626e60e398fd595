// Policies that are generated of what a role or user did, from this server's own record: proof/least_privilege.hpp makes them, and proves them inside what
// the principal may do today. Made at once and kept for a week.
//
// Source: IAM Access Analyzer API Reference, StartPolicyGeneration, GetGeneratedPolicy, ListPolicyGenerations, CancelPolicyGeneration. A trail that a
// request names is not read: of cloudTrailDetails, the times count alone.
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "gate/principal_record.hpp"
#include "model/stored.hpp"
#include "policy/arn.hpp"
#include "policy/context_keys.hpp"
#include "proof/least_privilege.hpp"
#include "proof/subjects.hpp"
#include "services/access_analyzer/pages.hpp"
#include "services/access_analyzer/service.hpp"
#include "text/json.hpp"
#include "text/time.hpp"

namespace services::access_analyzer {
namespace {

using text::Json;

constexpr std::chrono::days kept_for{7};
constexpr std::chrono::days window_default{90};
constexpr size_t jobs_max = 1'000;  // of one account and region, at one time

struct StoredJob {
    m::JobDetails job;
    m::GeneratedPolicyResult result;
};

std::string prefix_of(const Place& place) { return "access-analyzer/" + place.account + "/" + place.region + "/generation/"; }

Result<StoredJob> read(const store::Entry& entry) {
    StoredJob out;
    if (const auto json = text::parse_json(entry.value)) {
        (void)model::read_stored((*json)["Job"], out.job);
        (void)model::read_stored((*json)["Result"], out.result);
    }
    if (out.job.job_id.empty())
        return base::fail(base::code::InternalError, "the stored record " + entry.key + " cannot be read");
    return out;
}

Result<StoredJob> find_job(const Analyzer& service, const Permit& permit, const std::string& id) {
    const std::string key = prefix_of(place_of(permit)) + id;
    auto value = TRY(service.parts.keys->get(key));
    if (value) {
        StoredJob out = TRY(read({key, *std::move(value)}));
        if (permit.time() - out.job.started_on <= kept_for) return out;
    }
    return invalid_field("jobId", "There is no policy generation with the job id " + id + ".");
}

Result<void> put(const Analyzer& service, const Permit& permit, const StoredJob& job) {
    const std::string prefix = prefix_of(place_of(permit));
    store::Batch batch;
    size_t kept = 0;
    for (const store::Entry& entry : TRY(service.parts.keys->scan({.prefix = prefix}))) {
        if (permit.time() - TRY(read(entry)).job.started_on > kept_for)
            batch.erase(entry.key);
        else
            ++kept;
    }
    if (kept >= jobs_max)
        return base::fail(quota_exceeded(Thing::policy_generation, job.job.job_id,
                                         "There are at most " + std::to_string(jobs_max) + " policy generations a week."));
    batch.put(prefix + job.job.job_id,
              Json::object({{"Job", model::write_document(job.job)}, {"Result", model::write_document(job.result)}}).dump());
    return service.parts.keys->commit(batch);
}

// Those that tell requests apart: what its policies ask for, and what may become a condition.
std::set<std::string> keys_of(const identity::Caller& principal) {
    std::set<std::string> out{"s3:prefix", "iam:passedtoservice"};
    const auto add = [&](const policy::AttachedPolicy& attached) {
        for (const std::string& key : policy::context_keys(attached.policy->text())) out.insert(base::lower(key));
    };
    for (const policy::AttachedPolicy& one : principal.policies.identity) add(one);
    if (principal.policies.boundary) add(*principal.policies.boundary);
    return out;
}

bool is_role(std::string_view arn) { return arn.contains(":role/"); }

// As it would ask today: a user may have had another name then.
policy::Request asked_now(policy::Request request, const identity::Caller& principal) {
    if (principal.principal.kind != policy::PrincipalKind::user) return request;
    request.principal = principal.principal;
    for (const char* key : {"aws:PrincipalArn", "aws:username"})
        if (const auto* now = principal.context.find(key); now != nullptr && request.context.find(key) != nullptr)
            request.context.replace(key, now->values.front());
    return request;
}

// The policies, and whether they are of the whole time.
Result<void> generate(const Analyzer& service, const Permit& permit, base::Time since, base::Time until, StoredJob& job) {
    const std::string& arn = job.result.properties.principal_arn;
    const identity::Caller principal = is_role(arn) ? TRY(service.parts.directory->role_caller(arn, "policy-generation"))
                                                    : TRY(service.parts.directory->user_caller(arn));
    const std::string& id = is_role(arn) ? principal.principal.role_id : principal.principal.unique_id;
    const gate::PrincipalRecord record = TRY(gate::read_principal_record(
        *service.parts.record, *service.describer, {.arn = arn, .id = id, .keys = keys_of(principal)}, since, until));
    job.result.properties.is_complete =
        record.cut_off.empty() && record.unreadable == 0 && record.begins && *record.begins <= since;
    job.result.generated_policies.emplace();
    if (record.accesses.empty()) return {};
    std::vector<proof::RecordedAccess> accesses;
    for (const gate::AllowedAccess& one : record.accesses)
        accesses.push_back({.request = asked_now(one.request, principal),
                            .resource = one.resource_policy ? &*one.resource_policy : nullptr,
                            .times = one.times});
    const proof::Subject subject = is_role(arn) ? proof::any_session_of_role(principal.principal, principal.context)
                                                : proof::Subject{.principal = principal.principal, .known = principal.context};
    const std::vector<std::string> runs(record.jobs.begin(), record.jobs.end());
    const proof::LeastPrivilege made = TRY(proof::least_privilege({.subject = &subject,
                                                                   .policies = &principal.policies,
                                                                   .record = accesses,
                                                                   .generality = proof::Generality::prefix,
                                                                   .runs = runs,
                                                                   .regions = {permit.region()}}));
    for (const proof::Answer* answer : {&made.more, &made.undenied})
        if (answer->kind == proof::Answer::Kind::yes)
            return base::fail(base::code::InternalFailure, "the generated policy would allow " + answer->witness->action +
                                                               " on " + answer->witness->resource +
                                                               ", which the principal may not do today");
    if (!made.document.empty()) job.result.generated_policies->push_back({.policy = made.document});
    return {};
}

Result<m::StartPolicyGenerationResponse> start(Analyzer& service, const Permit& permit,
                                               const m::StartPolicyGenerationRequest& in) {
    const std::string& arn = in.policy_generation_details.principal_arn;
    const auto parsed = policy::parse_arn(arn);
    if (!parsed || parsed->account != permit.account() ||
        (!parsed->resource.starts_with("role/") && !parsed->resource.starts_with("user/")) || parsed->service != "iam")
        return invalid_field("policyGenerationDetails.principalArn",
                             "Policies are generated for roles and users of this account: " + arn + " is neither.");
    const base::Time until =
        in.cloud_trail_details && in.cloud_trail_details->end_time ? *in.cloud_trail_details->end_time : permit.time();
    const base::Time since = in.cloud_trail_details ? in.cloud_trail_details->start_time : until - window_default;
    if (since > until) return invalid_field("cloudTrailDetails.startTime", "The start time is after the end time.");
    StoredJob job;
    job.job = {.job_id = service.parts.random->uuid(), .status = m::JobStatus::succeeded, .started_on = permit.time()};
    job.job.completed_on = permit.time();
    job.result.properties.principal_arn = arn;
    if (in.cloud_trail_details) {
        m::CloudTrailProperties properties{.start_time = since, .end_time = until};
        for (const m::Trail& trail : in.cloud_trail_details->trails)
            properties.trail_properties.push_back(
                {.cloud_trail_arn = trail.cloud_trail_arn, .regions = trail.regions, .all_regions = trail.all_regions});
        job.result.properties.cloud_trail_properties = std::move(properties);
    }
    if (auto made = generate(service, permit, since, until, job); !made) {
        if (made.error().code == base::code::NoSuchEntity)
            return invalid_field("policyGenerationDetails.principalArn", "The principal " + arn + " does not exist.");
        if (made.error().code != base::code::MalformedPolicyDocument) return base::fail(std::move(made).error());
        job.job.status = m::JobStatus::failed;
        job.job.job_error = m::JobError{.code = m::JobErrorCode::service_error, .message = made.error().message};
    }
    const base::Lock lock(service.state->changing);
    TRY(put(service, permit, job));
    return m::StartPolicyGenerationResponse{.job_id = job.job.job_id};
}

Result<m::GetGeneratedPolicyResponse> get(Analyzer& service, const Permit& permit, const m::GetGeneratedPolicyRequest& in) {
    StoredJob job = TRY(find_job(service, permit, in.job_id));
    return m::GetGeneratedPolicyResponse{.job_details = std::move(job.job), .generated_policy_result = std::move(job.result)};
}

Result<m::ListPolicyGenerationsResponse> list(Analyzer& service, const Permit& permit,
                                              const m::ListPolicyGenerationsRequest& in) {
    const Page page = TRY(Page::of(in.next_token, in.max_results, "generations " + in.principal_arn.value_or("")));
    std::vector<m::PolicyGeneration> all;
    for (const store::Entry& entry : TRY(service.parts.keys->scan({.prefix = prefix_of(place_of(permit))}))) {
        const StoredJob job = TRY(read(entry));
        const std::string& principal = job.result.properties.principal_arn;
        if (permit.time() - job.job.started_on > kept_for || (in.principal_arn && principal != *in.principal_arn)) continue;
        all.push_back({.job_id = job.job.job_id,
                       .principal_arn = principal,
                       .status = job.job.status,
                       .started_on = job.job.started_on,
                       .completed_on = job.job.completed_on});
    }
    const auto key = [](const m::PolicyGeneration& one) { return text::iso8601_millis(one.started_on) + one.job_id; };
    std::ranges::sort(all, std::greater(), key);
    auto [part, next] = part_of(page, std::move(all), key, Order::descending);
    return m::ListPolicyGenerationsResponse{.policy_generations = std::move(part), .next_token = std::move(next)};
}

// They are made at once: there is none to cancel.
Result<m::CancelPolicyGenerationResponse> cancel(Analyzer& service, const Permit& permit,
                                                 const m::CancelPolicyGenerationRequest& in) {
    TRY(find_job(service, permit, in.job_id));
    return invalid("The policy generation " + in.job_id + " has been completed and cannot be canceled.");
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Analyzer>>({
    operation<m::StartPolicyGeneration, start>(),
    operation<m::GetGeneratedPolicy, get>(),
    operation<m::ListPolicyGenerations, list>(),
    operation<m::CancelPolicyGeneration, cancel>(),
});

}  // namespace

Rows policy_generation_operations() { return operations; }

}  // namespace services::access_analyzer
