#include "services/access_analyzer/internal.hpp"

#include <deque>
#include <map>
#include <utility>

#include "base/strings.hpp"
#include "objects/public_policy.hpp"
#include "proof/reach.hpp"

namespace services::access_analyzer {
namespace {

using Condition = std::map<std::string, std::string>;

Condition condition_of(const proof::WayIn& way) {
    Condition out;
    for (const proof::StatementOf& statement : way.allowed_by)
        for (const auto& condition : proof::conditions_of(statement, {})) {
            std::string& values = out[condition.key];
            if (!values.empty()) values += ",";
            values += base::join(condition.values, ",");
        }
    return out;
}

m::FindingDetails details_of(const proof::Actor& actor, const std::string& account, const std::set<std::string>& actions,
                             const Condition& condition, size_t actions_max) {
    const bool is_role = !actor.subject.principal.role_arn.empty();
    m::InternalAccessDetails internal{.action = std::vector<std::string>(), .condition = model::Map<std::string>()};
    for (const std::string& action : actions)
        if (internal.action->size() < actions_max) internal.action->push_back(action);
    for (const auto& [key, values] : condition) internal.condition->emplace_back(key, values);
    internal.principal = model::Map<std::string>{{"AWS", actor.name}};
    internal.principal_owner_account = account;
    internal.access_type = m::InternalAccessType::intra_account;
    internal.principal_type = is_role ? m::PrincipalType::iam_role : m::PrincipalType::iam_user;
    internal.resource_control_policy_restriction = m::ResourceControlPolicyRestriction::not_applicable;
    internal.service_control_policy_restriction = m::ServiceControlPolicyRestriction::not_applicable;
    return {.internal_access_details = std::move(internal)};
}

}  // namespace

Computed internal_access(const proof::AccountPolicies& account, const std::set<std::string>& buckets, const std::string& region,
                         const InternalLimits& limits) {
    Computed out;
    std::deque<policy::AttachedPolicy> policies;
    std::vector<proof::Target> targets;
    std::vector<std::string> arns;
    for (const auto& [name, bucket] : account.buckets) {
        const std::string arn = account.bucket_arn(name);
        if (!buckets.contains(arn)) continue;
        if (targets.size() >= limits.buckets_max) {
            out.open.insert(arn);
            continue;
        }
        proof::Target target{.actions = {"s3:*"},
                             .except = {},
                             .resources = account.parts_of_bucket(name),
                             .account = account.id,
                             .known = {},
                             .region = region};
        if (const auto policy = proof::policy_of(bucket)) target.policy = &policies.emplace_back(*policy);
        target.restricts_public = bucket.restrict_public;
        target.policy_is_public = bucket.policy && objects::is_public_policy(bucket.policy->text());
        targets.push_back(std::move(target));
        arns.push_back(arn);
        out.resources.push_back({arn, m::ResourceType::aws__s3__bucket});
    }
    std::vector<proof::Actor> actors;
    for (const auto& [name, user] : account.users) actors.push_back(proof::actor_of(account, user));
    for (const auto& [name, role] : account.roles) actors.push_back(proof::actor_of(account, role));
    if (actors.size() > limits.principals_max) {
        actors.resize(limits.principals_max);
        out.open.insert(arns.begin(), arns.end());
    }
    std::vector<proof::Asker> askers;
    for (const proof::Actor& actor : actors) askers.push_back({.subject = actor.subject, .policies = &actor.policies});
    const proof::Reach reach = proof::reach(askers, targets, {}, {.questions_max = limits.questions_max, .ways = {}});
    if (!reach.open.empty()) out.open.insert(arns.begin(), arns.end());
    for (const proof::Reached& group : reach.groups) {
        for (const proof::Reached::AtTarget& at : group.at) {
            const std::string& arn = arns[at.target];
            if (!at.ways->open.empty()) out.open.insert(arn);
            std::map<Condition, std::set<std::string>> by_condition;
            for (const proof::WayIn& way : at.ways->found)
                by_condition[condition_of(way)].insert(way.actions.begin(), way.actions.end());
            if (by_condition.empty()) continue;
            for (const uint32_t asker : group.askers) {
                const proof::Actor& actor = actors[asker];
                if (out.findings.size() >= limits.findings_max) {
                    out.open.insert(arn);
                    break;
                }
                ComputedFinding finding{.key = arn + "\n" + actor.name,
                                        .type = m::FindingType::internal_access,
                                        .resource = arn,
                                        .resource_type = m::ResourceType::aws__s3__bucket};
                for (const auto& [condition, actions] : by_condition)
                    finding.details.push_back(details_of(actor, account.id, actions, condition, limits.actions_shown_max));
                out.findings.push_back(std::move(finding));
            }
        }
    }
    return out;
}

}  // namespace services::access_analyzer
