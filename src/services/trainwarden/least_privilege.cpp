#include "services/trainwarden/least_privilege.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "gate/principal_record.hpp"
#include "policy/arn.hpp"
#include "policy/context_keys.hpp"
#include "proof/count.hpp"
#include "proof/least_privilege.hpp"
#include "proof/subjects.hpp"
#include "services/trainwarden/principals.hpp"
#include "services/trainwarden/source_arn.hpp"
#include "text/time.hpp"
#include "training/session.hpp"
#include "training/training.hpp"

namespace services::trainwarden {
namespace {

namespace m = model::trainwarden;
using base::Result;
using identity::Caller;

Result<Caller> role_called(const Dependencies& parts, const std::string& arn) {
    Caller caller = TRY(find_principal(*parts.directory, arn, parts.region));
    if (caller.principal.kind != policy::PrincipalKind::role_session || caller.principal.role_arn != arn)
        return base::fail(base::code::ValidationException,
                          "`" + arn + "` is not a role: least privilege is worked out for the ARN of a role");
    return caller;
}

void add_keys(std::set<std::string>& keys, const policy::AttachedPolicy& attached) {
    for (const std::string& key : policy::context_keys(attached.policy->text())) keys.insert(base::lower(key));
}

// Those that tell requests apart: what the role's policies ask for, and what may become a condition.
std::set<std::string> keys_of(const Caller& role) {
    std::set<std::string> out{"s3:prefix", "iam:passedtoservice"};
    for (const auto& one : role.policies.identity) add_keys(out, one);
    if (role.policies.boundary) add_keys(out, *role.policies.boundary);
    for (const auto* levels : {&role.policies.service_control, &role.policies.resource_control})
        for (const auto& level : *levels)
            for (const auto& one : level) add_keys(out, one);
    return out;
}

// May SageMaker assume the role, for some job?
Result<bool> is_for_training(const Dependencies& parts, const Caller& role) {
    const Caller service = TRY(find_principal(*parts.directory, std::string(training::service_principal), parts.region));
    const gate::Access access =
        TRY(gate::asked_access(*parts.describer, "sts:AssumeRole", role.principal.role_arn, role.principal.account));
    const SupposedDecision supposed = decide_for(service, access, {.region = parts.region, .now = parts.clock->now(), .said = {}},
                                                 parts.directory->default_account());
    return supposed.hangs_on || supposed.decided.decision.outcome == policy::Outcome::allow;
}

// Names of those that ran to their end.
std::vector<std::string> completed(const Dependencies& parts, const std::set<std::string>& jobs) {
    std::vector<std::string> out;
    for (const std::string& arn : jobs) {
        const auto id = training::parse_job_arn(arn);
        if (!id || parts.training == nullptr) continue;
        const auto job = parts.training->describe(*id);
        if (job && job->status == training::Status::completed) out.push_back(id->name);
    }
    return out;
}

// As a session of the role that begins now would ask it.
policy::Request asked_now(policy::Request request, base::Time now) {
    const std::string date = text::iso8601(now);
    for (const char* key : {"aws:CurrentTime", "aws:TokenIssueTime"})
        if (request.context.find(key) != nullptr) request.context.replace(key, date);
    if (request.context.find("aws:EpochTime") != nullptr)
        request.context.replace("aws:EpochTime", std::to_string(now.time_since_epoch().count() / 1000));
    return request;
}

// Why a policy of this record would be a guess; none: it would not.
Result<std::vector<std::string>> shortcomings(const Dependencies& parts, const gate::PrincipalRecord& record, const Caller& role,
                                              std::span<const std::string> jobs, std::optional<base::Time> since) {
    std::vector<std::string> out;
    if (record.requests < recorded_requests_min)
        out.push_back("the record has " + std::to_string(record.requests) +
                      " requests of the role that were allowed, and at least " + std::to_string(recorded_requests_min) +
                      " are wanted: let the role do all of its work, or look at more time");
    if (jobs.empty() && (!record.jobs.empty() || TRY(is_for_training(parts, role))))
        out.push_back(record.jobs.empty()
                          ? "SageMaker may assume the role, and the record has no training job of it: run one to its end"
                          : "of the " + std::to_string(record.job_arns.size()) +
                                " training jobs that were created with the role none has completed: run one to its end");
    if (since && record.begins && *record.begins > *since)
        out.push_back("the record begins at " + text::iso8601_millis(*record.begins) + ", after " + text::iso8601_millis(*since) +
                      ": what came before has been removed, or there was no server; look at the time since then");
    if (record.unreadable > 0)
        out.push_back(std::to_string(record.unreadable) +
                      " records of that time cannot be read (`trainwarden audit verify`): the role may have "
                      "needed what they say");
    if (!record.cut_off.empty()) out.push_back("the record is longer than " + record.cut_off + ": look at less time");
    return out;
}

std::string folder_of(const gate::AllowedAccess& access, const proof::Runs& runs) {
    return proof::patterns_for(access.request.action, access.request.resource, proof::Generality::prefix, runs).front();
}

// Objects by their folders: thousands of them were read.
std::vector<m::RecordedAccess> shown(const gate::PrincipalRecord& record, std::span<const size_t> places,
                                     const proof::Runs& runs) {
    std::map<std::pair<std::string, std::string>, int64_t> counts;
    for (const size_t place : places) {
        const gate::AllowedAccess& access = record.accesses[place];
        counts[{access.request.action, folder_of(access, runs)}] += access.times;
    }
    std::vector<m::RecordedAccess> out;
    for (const auto& [access, count] : counts) out.push_back({.action = access.first, .resource = access.second, .count = count});
    return out;
}

// Whose policies decided about these accesses.
std::set<std::string> policy_bearers(const Caller& role, const gate::PrincipalRecord& record, std::span<const size_t> places) {
    constexpr size_t buckets_max = 20;
    std::set<std::string> out{role.principal.role_arn};
    std::set<std::string> buckets;
    for (const size_t place : places) {
        const std::string& resource = record.accesses[place].request.resource;
        if (resource.starts_with("arn:aws:s3:::") && buckets.size() < buckets_max)
            buckets.insert(resource.substr(0, resource.find('/')));
    }
    out.merge(buckets);
    for (const policy::AttachedPolicy& one : role.policies.identity)
        if (one.name.starts_with("arn:")) out.insert(one.name);
    if (role.policies.boundary) out.insert(role.policies.boundary->name);
    return out;
}

// What was allowed and is not: which, since when, why and by which change; and whether what is left is a record at all.
Result<void> add_what_is_not_allowed_today(const Dependencies& parts, m::LeastPrivilegeResponse& out, const Caller& role,
                                           const gate::PrincipalRecord& record, const proof::LeastPrivilege& made,
                                           std::span<const proof::RecordedAccess> accesses) {
    out.not_allowed_today = shown(record, made.not_allowed_now, made.runs);
    std::map<std::pair<std::string, std::string>, m::RecordedAccess*> groups;
    for (m::RecordedAccess& one : *out.not_allowed_today) groups[{one.action, one.resource}] = &one;
    std::optional<base::Time> since;
    int64_t lost = 0, all = 0;
    for (const gate::AllowedAccess& one : record.accesses) all += one.times;
    for (const size_t place : made.not_allowed_now) {
        const gate::AllowedAccess& access = record.accesses[place];
        lost += access.times;
        if (access.last && (!since || *access.last < *since)) since = access.last;
        m::RecordedAccess& group = *groups[{access.request.action, folder_of(access, made.runs)}];
        if (access.last)
            if (std::string last = text::iso8601_millis(*access.last); last > group.last.value_or(""))
                group.last = std::move(last);
        if (!group.reason) group.reason = proof::refusal_of(accesses[place], role.policies);
    }
    constexpr size_t changes_max = 20;
    if (since) {
        out.policy_changes.emplace();
        for (gate::PolicyChange& one :
             TRY(gate::policy_changes(*parts.audit, policy_bearers(role, record, made.not_allowed_now), *since, changes_max)))
            out.policy_changes->push_back({.time = std::move(one.time),
                                           .request_id = std::move(one.request_id),
                                           .action = std::move(one.action),
                                           .resource = std::move(one.resource),
                                           .principal_arn = std::move(one.principal)});
    }
    const int64_t left = all - lost;
    const std::string how_many =
        "today's policies allow " + std::to_string(left) + " of the " + std::to_string(all) + " recorded accesses";
    const std::string help = ": let the role do its work under them, and look at the time since they changed (--since)";
    if (left == 0)
        out.too_short.push_back(
            "today's policies allow nothing of what was recorded: the role has to do its work under them first");
    else if (left < recorded_requests_min || left < lost)
        out.too_short.push_back(how_many + help);
    else if (made.document.empty())
        out.too_short.push_back(how_many + ", and these need no policy of the role" + help);
    return {};
}

m::CurrentPolicy shown_policy(const policy::AttachedPolicy& attached, const Caller& role) {
    m::CurrentPolicy out{.policy_name = attached.name, .is_managed = attached.name.starts_with("arn:"), .statements = {}};
    // As identity names them: `inline policy NAME of role ROLE`.
    constexpr std::string_view before = "inline policy ";
    const std::string& arn = role.principal.role_arn;
    const std::string after = " of role " + arn.substr(arn.rfind('/') + 1);
    if (attached.name.starts_with(before) && attached.name.ends_with(after))
        out.policy_name = attached.name.substr(before.size(), attached.name.size() - before.size() - after.size());
    return out;
}

std::vector<m::CurrentPolicy> shown_policies(const proof::LeastPrivilege& made, const Caller& role) {
    std::vector<m::CurrentPolicy> out;
    for (const policy::AttachedPolicy& attached : role.policies.identity) {
        out.push_back(shown_policy(attached, role));
        for (const auto& statement : made.statements) {
            if (statement.policy != &attached) continue;
            m::UsedStatement& used = out.back().statements.emplace_back();
            used.statement_index = static_cast<int32_t>(statement.number);
            used.effect = statement.denies ? m::Effect::deny : m::Effect::allow;
            used.accesses = statement.accesses;
            if (std::string sid = attached.policy->statement(statement.number).sid; !sid.empty()) used.sid = std::move(sid);
        }
    }
    return out;
}

// A policy that allows more would be a defect of this program; nobody shall have it.
Result<void> check(const proof::LeastPrivilege& made) {
    for (const proof::Answer* answer : {&made.more, &made.undenied})
        if (answer->kind == proof::Answer::Kind::yes)
            return base::fail(base::code::InternalFailure, "the policy that was made would allow " + answer->witness->action +
                                                               " on " + answer->witness->resource +
                                                               ", which the role may not do today");
    return {};
}

m::LeastPrivilegeProof shown_proof(const proof::LeastPrivilege& made, const gate::PrincipalRecord& record) {
    const auto word = [](const proof::Answer& answer) {
        return answer.kind == proof::Answer::Kind::no ? m::Proof::proved : m::Proof::not_proved;
    };
    m::LeastPrivilegeProof out{.inside = word(made.more),
                               .denies_kept = word(made.undenied),
                               .replayed = static_cast<int64_t>(record.accesses.size() - made.not_allowed_now.size()),
                               .lost = shown(record, made.lost, made.runs)};
    const std::string& reason = made.more.reason.empty() ? made.undenied.reason : made.more.reason;
    if (!reason.empty()) out.reason = reason;
    return out;
}

void add_count(m::LeastPrivilegeResponse& out, const proof::LeastPrivilege& made, const Caller& role, const std::string& region) {
    const proof::CountLimits limits;
    const proof::RequestCount count =
        proof::count_requests(role.policies.identity, made.policies.identity,
                              {.partition = "aws", .account = role.principal.account, .region = region}, role.context, limits);
    out.count = m::RequestCount{.before = count.before,
                                .after = count.after,
                                .lost = count.lost,
                                .region = region,
                                .length_max = static_cast<int64_t>(limits.text_length_max)};
    if (!count.open.empty()) out.count->open = count.open;
    out.dropped_actions = count.dropped;
    out.narrowed_actions = count.narrowed;
}

proof::Generality generality_of(m::Generality asked) {
    if (asked == m::Generality::exact) return proof::Generality::exact;
    return asked == m::Generality::bucket ? proof::Generality::bucket : proof::Generality::prefix;
}

}  // namespace

Result<m::LeastPrivilegeResponse> least_privilege_of(const Dependencies& parts, const m::LeastPrivilegeRequest& in,
                                                     std::optional<base::Time> since, std::optional<base::Time> until) {
    const Caller role = TRY(role_called(parts, in.role_arn));
    const gate::PrincipalRecord record = TRY(gate::read_principal_record(
        *parts.audit, *parts.describer, {.arn = in.role_arn, .id = role.principal.role_id, .keys = keys_of(role)}, since, until));
    const std::vector<std::string> runs(record.jobs.begin(), record.jobs.end());
    std::vector<std::string> jobs = completed(parts, record.job_arns);
    std::vector<std::string> too_short = TRY(shortcomings(parts, record, role, jobs, since));
    m::LeastPrivilegeResponse out{.role_arn = in.role_arn,
                                  .generality = in.generality.value_or(m::Generality::prefix),
                                  .requests = record.requests,
                                  .training_jobs = std::move(jobs),
                                  .too_short = std::move(too_short)};
    if (record.first) out.first = text::iso8601_millis(*record.first);
    if (record.last) out.last = text::iso8601_millis(*record.last);
    if (!out.too_short.empty() && !in.allow_short_record.value_or(false)) return out;

    std::vector<proof::RecordedAccess> accesses;
    for (const gate::AllowedAccess& one : record.accesses)
        accesses.push_back({.request = asked_now(one.request, parts.clock->now()),
                            .resource = one.resource_policy ? &*one.resource_policy : nullptr,
                            .times = one.times});
    const proof::Subject subject = proof::any_session_of_role(role.principal, role.context);
    const proof::LeastPrivilege made =
        TRY(proof::least_privilege({.subject = &subject,
                                    .policies = &role.policies,
                                    .record = accesses,
                                    .generality = generality_of(out.generality),
                                    .runs = runs,
                                    .regions = parts.regions.empty() ? std::vector{parts.region} : parts.regions}));
    TRY(check(made));
    if (!made.not_allowed_now.empty()) TRY(add_what_is_not_allowed_today(parts, out, role, record, made, accesses));
    const bool nothing_left =
        !made.not_allowed_now.empty() && (made.document.empty() || made.not_allowed_now.size() == accesses.size());
    if (nothing_left || (!out.too_short.empty() && !in.allow_short_record.value_or(false))) return out;
    if (made.document.empty())
        out.needs_no_policy = true;
    else
        out.policy_document = made.document;
    out.current_policies = shown_policies(made, role);
    out.allowed_by_resource_policies = shown(record, made.by_resource, made.runs);
    out.proof = shown_proof(made, record);
    add_count(out, made, role, parts.region);
    return out;
}

}  // namespace services::trainwarden
