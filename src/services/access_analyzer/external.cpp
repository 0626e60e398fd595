#include "services/access_analyzer/external.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/strings.hpp"
#include "objects/public_policy.hpp"
#include "proof/grant_worlds.hpp"
#include "proof/ways.hpp"
#include "text/json.hpp"

namespace services::access_analyzer {
namespace {

using proof::Actor;
using Condition = std::map<std::string, std::string>;

constexpr const char* internal_error = "INTERNAL_ERROR";
constexpr size_t account_digits = 12;
constexpr std::string_view unnamed_service = "unnamed.amazonaws.com";

// A bucket or a role.
struct Resource {
    std::string arn;
    m::ResourceType type{};
    policy::AttachedPolicy policy;
    proof::Target target;
};

std::string principal_kind(const Actor& actor) {
    if (actor.kind == Actor::Kind::service) return "Service";
    return actor.kind == Actor::Kind::federated ? "Federated" : "AWS";
}

// As policies name them: an account by its number.
std::string principal_name(const Actor& actor) {
    if (actor.name == unnamed_service) return "*";
    constexpr std::string_view root = ":root";
    if (actor.kind == Actor::Kind::anonymous || actor.kind == Actor::Kind::unnamed_account) return "*";
    if (actor.kind == Actor::Kind::named_account && actor.name.ends_with(root)) return actor.subject.principal.account;
    return actor.name;
}

// Accounts that a policy names anywhere, in conditions too, as a policy that lets them in.
policy::PolicyPtr policy_for_accounts(std::string_view text, const std::string& own) {
    std::set<std::string> accounts;
    for (size_t at = 0; at < text.size();) {
        size_t end = at;
        while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
        if (end - at == account_digits && text.substr(at, account_digits) != own)
            accounts.emplace(text.substr(at, account_digits));
        at = end + 1;
    }
    if (accounts.empty()) return nullptr;
    text::Json names = text::Json::array();
    for (const std::string& account : accounts) names.push(account);
    text::Json statement = text::Json::object({{"Effect", "Allow"}, {"Action", "*"}, {"Resource", "*"}});
    statement.set("Principal", text::Json::object({{"AWS", names}}));
    const text::Json document = text::Json::object({{"Version", "2012-10-17"}, {"Statement", text::Json::array({statement})}});
    return policy::Policy::parse_stored(document.dump(), policy::PolicyKind::resource);
}

// A service that conditions alone could mean: those of aws:PrincipalServiceName, or all.
policy::PolicyPtr policy_for_services(std::string_view text) {
    const std::string lower = base::lower(text);
    if (!lower.contains("aws:principalisawsservice") && !lower.contains("aws:principalservicename")) return nullptr;
    static const policy::PolicyPtr policy = policy::Policy::parse_stored(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"unnamed.amazonaws.com"},"Action":"*","Resource":"*"}]})",
        policy::PolicyKind::resource);
    return policy;
}

// What a principal's organization and names are is not known: whatever a condition asks for counts as possible.
Actor of_any_name(Actor actor) {
    actor.subject.is_any = true;
    for (const char* key : {"aws:username", "aws:userid", "aws:PrincipalArn"}) actor.subject.known.erase(key);
    if (actor.name.ends_with(":root") || actor.kind == Actor::Kind::unnamed_account)
        actor.subject.open.push_back({"aws:principalarn", "arn:aws:iam::" + actor.subject.principal.account + ":?*"});
    else
        actor.subject.known.set("aws:PrincipalArn", actor.name);
    return actor;
}

// What AWS gives a principal, its id and its organization, is none that a policy names: AWS's meaning of public.
Actor of_no_organization(Actor actor) {
    std::erase_if(actor.subject.open, [](const proof::OpenKey& open) {
        return open.key == "aws:principalorgid" || open.key == "aws:principalorgpaths" || open.key == "aws:userid";
    });
    actor.subject.known.set("aws:userid", actor.subject.principal.unique_id);
    return actor;
}

class Analysis {
public:
    Analysis(const proof::AccountPolicies& account, const std::string& region, const ExternalLimits& limits)
        : account_(account), region_(region), limits_(limits) {}

    void add(const Resource& resource) {
        if (out_.resources.size() >= limits_.resources_max || out_.findings.size() >= limits_.findings_max) {
            out_.open.insert(resource.arn);
            return;
        }
        out_.resources.push_back({resource.arn, resource.type});
        if (!resource.policy.policy) return;
        // What a trust policy says hangs on its text alone: many roles have the same.
        const bool is_role = resource.type == m::ResourceType::aws__iam__role;
        if (is_role) {
            const auto known = of_trust_.find(resource.policy.policy->text());
            if (known != of_trust_.end()) return add_found(resource, known->second);
        }
        const Found found = find(resource);
        add_found(resource, found);
        if (is_role) of_trust_.emplace(resource.policy.policy->text(), found);
    }

    Computed finish() && { return std::move(out_); }

private:
    using Key = std::tuple<std::string, std::string, Condition>;  // kind and name of the principal, under which conditions
    struct Details {
        std::set<std::string> actions;
        bool is_public = false;
    };
    struct Found {
        std::map<Key, Details> groups;
        bool is_open = false;  // there may be more
    };

    void add_found(const Resource& resource, const Found& found) {
        for (const auto& [key, details] : found.groups) add_finding(resource, key, details);
        if (found.is_open) add_error(resource);
    }

    Found find(const Resource& resource) {
        std::vector<policy::PolicyPtr> policies{resource.policy.policy};
        if (auto named = policy_for_accounts(resource.policy.policy->text(), account_.id)) policies.push_back(std::move(named));
        if (auto named = policy_for_services(resource.policy.policy->text())) policies.push_back(std::move(named));
        auto actors = proof::outsiders(account_, policies);
        if (actors.size() > limits_.principals_max) return {.groups = {}, .is_open = true};
        found_ = {.groups = {}, .is_open = !is_covered(*resource.policy.policy)};
        for (const Actor& actor : actors) add(resource, actor);
        return std::move(found_);
    }

    // Does somebody who is asked about stand for everyone of whom the policy speaks? Not for accounts by a part of their numbers.
    static bool is_covered(const policy::Policy& policy) {
        const auto document = proof::read_grant_document(policy.text(), proof::DocumentKind::resource, {});
        if (!document) return false;
        const proof::GrantDocument* const alone = &*document;
        return proof::worlds_of({&alone, 1}, proof::DocumentKind::resource).open.empty();
    }

    void add(const Resource& resource, const Actor& actor) {
        if (actor.kind == Actor::Kind::principal) return;
        if (actor.kind == Actor::Kind::anonymous || actor.kind == Actor::Kind::federated) {
            add_ways(resource, actor, actor.kind == Actor::Kind::anonymous);
        } else if (actor.kind == Actor::Kind::service) {
            if (resource.type == m::ResourceType::aws__s3__bucket) add_ways(resource, for_another_account(actor), false);
        } else {
            // First as nobody knows them: that is the public.
            if (actor.kind == Actor::Kind::unnamed_account) add_ways(resource, of_no_organization(actor), true);
            add_ways(resource, of_any_name(actor), false);
        }
    }

    // A service that acts for somebody else than this account.
    Actor for_another_account(Actor actor) const {
        const std::string other = account_.id == "999999999999" ? "999999999998" : "999999999999";
        actor.subject.known.set("aws:SourceAccount", other);
        actor.subject.known.set(
            "aws:SourceArn", "arn:aws:" + actor.name.substr(0, actor.name.find('.')) + ":" + region_ + ":" + other + ":resource");
        if (actor.name == unnamed_service) {
            for (const char* key : {"aws:PrincipalServiceName", "aws:PrincipalServiceNamesList"}) actor.subject.known.erase(key);
            actor.subject.open = {{"aws:principalservicename", "?*"}, {"aws:principalservicenameslist", "?*"}};
        }
        return actor;
    }

    void add_ways(const Resource& resource, const Actor& actor, bool is_public) {
        if (!proof::speaks_of(resource.policy, actor)) return;
        proof::Target target = resource.target;
        target.policy = &resource.policy;
        if (actor.kind != Actor::Kind::service) target.absent.emplace_back("aws:principalservicename");
        if (questions_ >= limits_.questions_max) {
            found_.is_open = true;
            return;
        }
        const auto ways = proof::ways_of(actor.subject, actor.policies, target, {});
        questions_ += ways.questions;
        if (!ways.open.empty()) found_.is_open = true;
        for (const proof::WayIn& way : ways.found) {
            Details& details = found_.groups[{principal_kind(actor), principal_name(actor), condition_of(way)}];
            details.actions.insert(way.actions.begin(), way.actions.end());
            details.is_public = details.is_public || is_public;
        }
    }

    static Condition condition_of(const proof::WayIn& way) {
        Condition out;
        for (const proof::StatementOf& statement : way.allowed_by) {
            if (statement.layer != policy::Layer::resource) continue;
            for (const auto& condition : proof::conditions_of(statement, {})) {
                std::string& values = out[condition.key];
                if (!values.empty()) values += ",";
                values += base::join(condition.values, ",");
            }
        }
        return out;
    }

    void add_finding(const Resource& resource, const Key& key, const Details& details) {
        const auto& [kind, name, condition] = key;
        m::ExternalAccessDetails external;
        external.action.emplace();
        for (const std::string& action : details.actions)
            if (external.action->size() < limits_.actions_shown_max) external.action->push_back(action);
        std::string identity = resource.arn + "\n" + kind + "\n" + name;
        for (const auto& [of, values] : condition) {
            external.condition.emplace_back(of, values);
            identity += "\n" + of + "=" + values;
        }
        external.is_public = details.is_public;
        external.principal = model::Map<std::string>{{kind, name}};
        external.resource_control_policy_restriction = m::ResourceControlPolicyRestriction::not_applicable;
        if (resource.type == m::ResourceType::aws__s3__bucket)
            external.sources = std::vector<m::FindingSource>{{.type = m::FindingSourceType::policy}};
        ComputedFinding finding{.key = std::move(identity),
                                .type = m::FindingType::external_access,
                                .resource = resource.arn,
                                .resource_type = resource.type};
        finding.details.push_back({.external_access_details = std::move(external)});
        out_.findings.push_back(std::move(finding));
    }

    void add_error(const Resource& resource) {
        out_.open.insert(resource.arn);
        ComputedFinding finding{.key = resource.arn + "\nerror",
                                .type = m::FindingType::external_access,
                                .resource = resource.arn,
                                .resource_type = resource.type,
                                .error = internal_error};
        finding.details.push_back({.external_access_details = m::ExternalAccessDetails{}});
        out_.findings.push_back(std::move(finding));
    }

    const proof::AccountPolicies& account_;
    const std::string& region_;
    const ExternalLimits& limits_;
    Computed out_;
    Found found_;                                         // of one resource
    std::map<std::string, Found, std::less<>> of_trust_;  // by the policy's text
    size_t questions_ = 0;
};

}  // namespace

Computed external_access(const proof::AccountPolicies& account, const std::string& region, const std::string& only,
                         const ExternalLimits& limits) {
    Analysis analysis(account, region, limits);
    for (const auto& [name, bucket] : account.buckets) {
        Resource resource{.arn = account.bucket_arn(name), .type = m::ResourceType::aws__s3__bucket};
        if (!only.empty() && resource.arn != only) continue;
        if (bucket.policy) resource.policy = *proof::policy_of(bucket);
        resource.target = {.actions = {"s3:*"},
                           .except = {},
                           .resources = account.parts_of_bucket(name),
                           .account = account.id,
                           .known = {},
                           .region = region};
        resource.target.restricts_public = bucket.restrict_public;
        resource.target.policy_is_public = bucket.policy && objects::is_public_policy(bucket.policy->text());
        analysis.add(resource);
    }
    for (const auto& [name, role] : account.roles) {
        Resource resource{.arn = role.arn, .type = m::ResourceType::aws__iam__role, .policy = proof::trust_of(role)};
        if (!only.empty() && resource.arn != only) continue;
        resource.target = {.actions = {"sts:AssumeRole*"},
                           .except = {},
                           .resources = {role.arn},
                           .account = account.id,
                           .known = {},
                           .region = region};
        analysis.add(resource);
    }
    return std::move(analysis).finish();
}

}  // namespace services::access_analyzer
