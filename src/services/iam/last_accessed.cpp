// IAM's service last accessed information: reports that are made at once and kept for their reader, and which policies give access to a service.
//
// Source: IAM API Reference, GenerateServiceLastAccessedDetails, GetServiceLastAccessedDetails, GetServiceLastAccessedDetailsWithEntities,
// ListPoliciesGrantingServiceAccess; IAM User Guide, "Refine permissions in AWS using last accessed information". The tracking period here is what
// the record holds.
#include "model/iam/last_accessed.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "model/iam/service.hpp"
#include "policy/arn.hpp"
#include "policy/catalogue.hpp"
#include "policy/granted_actions.hpp"
#include "services/iam/last_accessed_report.hpp"
#include "services/iam/page.hpp"
#include "services/iam/request.hpp"
#include "services/iam/simulated_policies.hpp"
#include "text/time.hpp"

namespace services::iam {
namespace {

using identity::HolderKind;
using text::Json;

constexpr size_t entities_max = 200;   // users and roles of one report
constexpr size_t reports_max = 2'000;  // of one account; older ones give way
constexpr auto kept_for = std::chrono::days(7);

std::string report_key(const std::string& account, const std::string& job) { return "iam-reports/report/" + account + "/" + job; }
std::string expiry_prefix(const std::string& account) { return "iam-reports/by-time/" + account + "/"; }

// --- What a report is about

struct Subject {
    policy::PrincipalPolicies policies;
    std::vector<ReportedEntity> entities;
};

ReportedEntity entity_of(const identity::Entity& entity, HolderKind kind) {
    return {.kind = kind, .arn = entity.arn, .name = entity.name, .id = entity.id, .path = entity.path};
}

std::unexpected<base::Error> invalid_arn(const std::string& arn) {
    return base::fail(base::code::InvalidInput, fmt::format("Invalid ARN provided in the request: {}", arn));
}

Result<void> add_members(const identity::Iam& iam, const std::string& account, const std::string& group,
                         std::vector<ReportedEntity>& to) {
    for (const auto& user : TRY(iam.members(account, group))) to.push_back(entity_of(*user, HolderKind::user));
    return {};
}

// Whoever it hangs on, and the members of the groups that it hangs on: each once.
Result<Subject> subject_of_policy(const identity::Iam& iam, const std::string& account, const std::string& arn) {
    const auto policy = TRY(iam.managed_policy(account, arn));
    Subject out;
    out.policies.identity.push_back({policy->version(policy->default_version)->policy, policy->arn, policy->default_version});
    for (const auto& holder : iam.policy_holders(account, arn, {.bounded = false})) {
        if (holder.kind == HolderKind::group) TRY(add_members(iam, account, holder.name, out.entities));
        if (holder.kind == HolderKind::role) out.entities.push_back(entity_of(*TRY(iam.role(account, holder.name)), holder.kind));
        if (holder.kind == HolderKind::user) out.entities.push_back(entity_of(*TRY(iam.user(account, holder.name)), holder.kind));
    }
    std::ranges::sort(out.entities, {}, &ReportedEntity::arn);
    const auto repeated = std::ranges::unique(out.entities, {}, &ReportedEntity::arn);
    out.entities.erase(repeated.begin(), repeated.end());
    return out;
}

Result<Entity> entity_named(const identity::Iam& iam, const std::string& account, const std::string& arn) {
    const auto parts = parse_entity_arn(arn);
    if (!parts || parts->account != account) return invalid_arn(arn);
    return find_entity(iam, *parts);
}

Result<Subject> subject_of(const identity::Iam& iam, const std::string& account, const std::string& arn) {
    if (const auto parts = policy::parse_arn(arn); parts && parts->service == "iam" && parts->resource.starts_with("policy/"))
        return subject_of_policy(iam, account, arn);
    const Entity entity = TRY(entity_named(iam, account, arn));
    Subject out;
    for (const auto& one : policies_of(iam, entity)) out.policies.identity.push_back(one.attached);
    if (entity.kind == HolderKind::group)
        TRY(add_members(iam, account, entity.group->name, out.entities));
    else
        out.entities.push_back(entity_of(entity.entity(), entity.kind));
    return out;
}

// --- Reports

// A report is read by whom it was made for: by the same user, or any session of the same role.
std::string reader_of(const identity::Caller& caller) {
    const policy::Principal& principal = caller.principal;
    return !principal.role_arn.empty() ? principal.role_arn : principal.arn;
}

// Those that have been kept long enough, and the oldest of too many.
Result<void> remove_old(store::KeyValueStore& keys, const std::string& account, base::Time now) {
    const std::string prefix = expiry_prefix(account), oldest = prefix + text::iso8601_millis(now - kept_for);
    const auto all = TRY(keys.scan({.prefix = prefix}));
    store::Batch batch;
    for (size_t i = 0; i < all.size(); ++i) {
        if (all[i].key >= oldest && i + reports_max > all.size()) break;
        batch.erase(all[i].key).erase(report_key(account, all[i].value));
    }
    return batch.writes().empty() ? Result<void>() : keys.commit(batch);
}

Result<m::GenerateServiceLastAccessedDetailsResponse> generate(Iam& iam, const Permit& permit,
                                                               const m::GenerateServiceLastAccessedDetailsRequest& in) {
    INVARIANT(iam.reports.record != nullptr && iam.reports.keys != nullptr && iam.reports.random != nullptr);
    const std::string& account = permit.account();
    Subject subject = TRY(subject_of(iam.entities(), account, in.arn));
    if (subject.entities.size() > entities_max)
        return base::fail(base::code::LimitExceeded,
                          fmt::format("Cannot report on more than {} users and roles: {} are concerned.", entities_max,
                                      subject.entities.size()));
    LastAccessedReport report{.created = permit.time(), .by = reader_of(permit.caller())};
    report.action_level = in.granularity == m::AccessAdvisorUsageGranularityType::action_level;
    std::vector<audit::Uses> uses;
    for (const ReportedEntity& entity : subject.entities) uses.push_back(TRY(audit::uses_of(*iam.reports.record, entity.id)));
    report.entities = std::move(subject.entities);
    fill_report(report, subject.policies, uses);
    report.completed = permit.time();
    TRY(remove_old(*iam.reports.keys, account, permit.time()));
    const std::string job = iam.reports.random->uuid();
    store::Batch batch;
    batch.put(report_key(account, job), to_json(report).dump());
    batch.put(expiry_prefix(account) + text::iso8601_millis(report.created) + "/" + job, job);
    TRY(iam.reports.keys->commit(batch));
    return m::GenerateServiceLastAccessedDetailsResponse{.job_id = job};
}

Result<LastAccessedReport> find_report(const Iam& iam, const Permit& permit, const std::string& job) {
    const auto none = [&] { return base::fail(base::code::NoSuchEntity, fmt::format("Job with JobId {} not found.", job)); };
    const auto stored = TRY(iam.reports.keys->get(report_key(permit.account(), job)));
    if (!stored) return none();
    const auto json = text::parse_json(*stored);
    LastAccessedReport report = TRY(read_report(json ? *json : Json()));
    if (report.by != reader_of(permit.caller()) || permit.time() - report.created > kept_for) return none();
    return report;
}

m::TrackedActionLastAccessed shown_action(const LastAccessedReport& report, const ReportedService& service,
                                          std::string_view action) {
    m::TrackedActionLastAccessed out{.action_name = std::string(action)};
    const auto use = service.used_actions.find(std::string(action));
    if (use == service.used_actions.end()) return out;
    out.last_accessed_entity = report.entities[use->second.entity].arn;
    out.last_accessed_time = use->second.time;
    out.last_accessed_region = use->second.region;
    return out;
}

m::ServiceLastAccessed shown_service(const LastAccessedReport& report, const ReportedService& service) {
    m::ServiceLastAccessed out{.service_name = std::string(name_of_service(service.prefix)), .service_namespace = service.prefix};
    out.total_authenticated_entities = static_cast<int32_t>(service.entities.size());
    if (service.last) {
        out.last_authenticated = service.last->time;
        out.last_authenticated_entity = report.entities[service.last->entity].arn;
        out.last_authenticated_region = service.last->region;
    }
    if (!report.action_level) return out;
    out.tracked_actions_last_accessed.emplace();
    const auto add = [&](std::string_view action) {
        out.tracked_actions_last_accessed->push_back(shown_action(report, service, action));
    };
    for (const std::string& action : service.granted_actions) add(action);
    if (service.all_actions)
        for (const std::string_view action : policy::actions_matching(service.prefix + ":*"))
            add(action.substr(action.find(':') + 1));
    return out;
}

Result<m::GetServiceLastAccessedDetailsResponse> details(Iam& iam, const Permit& permit,
                                                         const m::GetServiceLastAccessedDetailsRequest& in) {
    const LastAccessedReport report = TRY(find_report(iam, permit, in.job_id));
    Page page = TRY(Page::of(in));
    m::GetServiceLastAccessedDetailsResponse out{.job_status = m::jobStatusType::completed, .job_creation_date = report.created};
    out.job_type = report.action_level ? m::AccessAdvisorUsageGranularityType::action_level
                                       : m::AccessAdvisorUsageGranularityType::service_level;
    out.job_completion_date = report.completed;
    for (const ReportedService& service : report.services) {
        if (service.prefix <= page.after()) continue;
        if (!page.has_room_for(service.prefix)) break;
        out.services_last_accessed.push_back(shown_service(report, service));
    }
    page.close(out);
    return out;
}

Result<m::GetServiceLastAccessedDetailsWithEntitiesResponse> details_with_entities(
    Iam& iam, const Permit& permit, const m::GetServiceLastAccessedDetailsWithEntitiesRequest& in) {
    const LastAccessedReport report = TRY(find_report(iam, permit, in.job_id));
    const ReportedService* service = report.find(in.service_namespace);
    if (service == nullptr)
        return base::fail(base::code::NoSuchEntity,
                          fmt::format("The report does not have the service {}.", in.service_namespace));
    std::vector<Row<m::EntityDetails>> rows;
    for (size_t i = 0; i < report.entities.size(); ++i) {
        const ReportedEntity& entity = report.entities[i];
        m::EntityDetails one{.entity_info = {.arn = entity.arn,
                                             .name = entity.name,
                                             .type = entity.kind == HolderKind::role ? m::policyOwnerEntityType::role
                                                                                     : m::policyOwnerEntityType::user,
                                             .id = entity.id,
                                             .path = entity.path}};
        if (const auto used = service->entities.find(i); used != service->entities.end()) one.last_authenticated = used->second;
        rows.push_back({entity.arn, std::move(one)});
    }
    Page page = TRY(Page::of(in));
    m::GetServiceLastAccessedDetailsWithEntitiesResponse out{.job_status = m::jobStatusType::completed,
                                                             .job_creation_date = report.created,
                                                             .job_completion_date = report.completed,
                                                             .entity_details_list = page.part_of(std::move(rows))};
    page.close(out);
    return out;
}

// --- Which policies give access

bool grants(const policy::AttachedPolicy& policy, const std::string& prefix) {
    policy::PrincipalPolicies alone;
    alone.identity.push_back(policy);
    const auto actions = policy::granted_actions(alone);
    const auto first = actions.lower_bound(prefix + ":");
    return first != actions.end() && first->starts_with(prefix + ":");
}

m::PolicyGrantingServiceAccess shown_policy(const SimulatedPolicy& policy) {
    m::PolicyGrantingServiceAccess out;
    if (policy.inline_name.empty()) {
        out.policy_name = policy.attached.name.substr(policy.attached.name.rfind('/') + 1);
        out.policy_type = m::policyType::managed;
        out.policy_arn = policy.attached.name;
        return out;
    }
    out.policy_name = policy.inline_name;
    out.policy_type = m::policyType::inline_;
    out.entity_name = policy.holder_name;
    using Type = m::policyOwnerEntityType;
    out.entity_type = policy.holder == HolderKind::role    ? Type::role
                      : policy.holder == HolderKind::group ? Type::group
                                                           : Type::user;
    return out;
}

Result<m::ListPoliciesGrantingServiceAccessResponse> list_granting(Iam& iam, const Permit& permit,
                                                                   const m::ListPoliciesGrantingServiceAccessRequest& in) {
    const Entity entity = TRY(entity_named(iam.entities(), permit.account(), in.arn));
    const auto policies = policies_of(iam.entities(), entity);
    std::set<std::string> prefixes(in.service_namespaces.begin(), in.service_namespaces.end());
    Page page = TRY(Page::make(in.marker, std::nullopt));
    m::ListPoliciesGrantingServiceAccessResponse out;
    for (const std::string& prefix : prefixes) {
        if (prefix <= page.after()) continue;
        if (!page.has_room_for(prefix)) break;
        m::ListPoliciesGrantingServiceAccessEntry entry{.service_namespace = prefix};
        entry.policies.emplace();
        for (const SimulatedPolicy& policy : policies)
            if (grants(policy.attached, prefix)) entry.policies->push_back(shown_policy(policy));
        out.policies_granting_service_access.push_back(std::move(entry));
    }
    page.close(out);
    return out;
}

Result<RequiredAccesses<>> generate_needs(const Iam& iam, const RequestOrigin& asking,
                                          const m::GenerateServiceLastAccessedDetailsRequest& in) {
    return source_needs(iam.entities(), asking, m::Action::iam_GenerateServiceLastAccessedDetails, in.arn);
}

Result<RequiredAccesses<>> list_granting_needs(const Iam& iam, const RequestOrigin& asking,
                                               const m::ListPoliciesGrantingServiceAccessRequest& in) {
    return source_needs(iam.entities(), asking, m::Action::iam_ListPoliciesGrantingServiceAccess, in.arn);
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Iam>>({
    operation<m::GenerateServiceLastAccessedDetails, generate, generate_needs>(),
    operation<m::GetServiceLastAccessedDetails, details>(),
    operation<m::GetServiceLastAccessedDetailsWithEntities, details_with_entities>(),
    operation<m::ListPoliciesGrantingServiceAccess, list_granting, list_granting_needs>(),
});

}  // namespace

Rows last_accessed_operations() { return operations; }

}  // namespace services::iam
