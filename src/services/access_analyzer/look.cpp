// An analyzer looks at the account: what there is goes through the pure functions, and what they find beside what was found before.
#include <algorithm>
#include <chrono>
#include <set>

#include "audit/uses.hpp"
#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "services/access_analyzer/account.hpp"
#include "services/access_analyzer/external.hpp"
#include "services/access_analyzer/internal.hpp"
#include "services/access_analyzer/resources.hpp"
#include "services/access_analyzer/service.hpp"
#include "services/access_analyzer/unused.hpp"

namespace services::access_analyzer {
namespace {

constexpr std::chrono::hours unused_every{1};
constexpr int32_t age_default = 90;
constexpr size_t holders_max = 2'000;  // users and roles whose record one look at unused access reads

bool is_unused_access(const StoredAnalyzer& analyzer) { return analyzer.summary.type == m::Type::account_unused_access; }

std::optional<base::Time> last_use(const identity::Iam& iam, const std::string& key_or_role) {
    const auto use = iam.last_use(key_or_role);
    return use ? std::optional(use->time) : std::nullopt;
}

UnusedQuestion question_of(const m::AnalyzerSummary& analyzer, base::Time now) {
    UnusedQuestion out{.now = now, .age_days = age_default};
    if (!analyzer.configuration || !analyzer.configuration->unused_access) return out;
    const m::UnusedAccessConfiguration& said = *analyzer.configuration->unused_access;
    out.age_days = said.unused_access_age.value_or(age_default);
    if (!said.analysis_rule) return out;
    for (const auto& exclusion : model::items(said.analysis_rule->exclusions))
        for (const auto& tags : model::items(exclusion.resource_tags)) out.excluded_tags.emplace_back(tags.begin(), tags.end());
    return out;
}

Result<Computed> look_at_unused(const Analyzer& service, const Permit& permit, const StoredAnalyzer& analyzer) {
    const std::string& account = permit.account();
    const identity::Iam& iam = service.parts.directory->iam();
    const proof::AccountPolicies policies = TRY(read_account(*service.parts.directory, *service.parts.storage, account));
    UnusedQuestion question = question_of(analyzer.summary, permit.time());
    const base::Time since = question.now - std::chrono::days(question.age_days);
    question.record_reaches_back = TRY(audit::reaches_back_to(*service.parts.record, since));
    std::vector<HolderInUse> holders;
    std::set<std::string> open;
    const auto add = [&](HolderInUse holder) -> Result<void> {
        if (holders.size() >= holders_max) {
            open.insert(holder.arn);
            return {};
        }
        if (question.record_reaches_back && holder.created <= since)
            holder.uses = TRY(audit::uses_of(*service.parts.record, holder.arn, since));
        holders.push_back(std::move(holder));
        return {};
    };
    for (const auto& user : iam.users(account)) {
        HolderInUse holder{.arn = user->arn, .name = user->name, .created = user->created};
        holder.tags = {user->tags.begin(), user->tags.end()};
        for (const auto& key : TRY(iam.access_keys(account, user->name)))
            holder.keys.push_back(
                {.id = key->id, .created = key->created, .last_used = last_use(iam, key->id), .active = key->active});
        if (const auto found = policies.users.find(base::lower(user->name)); found != policies.users.end())
            holder.policies = proof::actor_of(policies, found->second).policies;
        TRY(add(std::move(holder)));
    }
    for (const auto& role : iam.roles(account)) {
        HolderInUse holder{.arn = role->arn, .name = role->name, .is_role = true, .created = role->created};
        holder.is_service_linked = role->path.starts_with("/aws-service-role/");
        holder.tags = {role->tags.begin(), role->tags.end()};
        holder.last_used = last_use(iam, role->id);
        if (const auto found = policies.roles.find(base::lower(role->name)); found != policies.roles.end())
            holder.policies = proof::actor_of(policies, found->second).policies;
        TRY(add(std::move(holder)));
    }
    Computed out = unused_access(question, holders);
    out.open.insert(open.begin(), open.end());
    return out;
}

// The buckets that the analyzer's rule names: by ARN, or all of the type.
std::set<std::string> included_buckets(const m::AnalyzerSummary& analyzer, const proof::AccountPolicies& account) {
    std::set<std::string> out;
    if (!analyzer.configuration || !analyzer.configuration->internal_access ||
        !analyzer.configuration->internal_access->analysis_rule)
        return out;
    for (const auto& criteria : model::items(analyzer.configuration->internal_access->analysis_rule->inclusions)) {
        const auto accounts = model::items(criteria.account_ids);
        if (!accounts.empty() && std::ranges::find(accounts, account.id) == accounts.end()) continue;
        const auto types = model::items(criteria.resource_types);
        if (!types.empty() && std::ranges::find(types, m::ResourceType::aws__s3__bucket) == types.end()) continue;
        const auto arns = model::items(criteria.resource_arns);
        out.insert(arns.begin(), arns.end());
        if (arns.empty())
            for (const auto& [name, bucket] : account.buckets) out.insert(account.bucket_arn(name));
    }
    return out;
}

Result<Computed> look_at(const Analyzer& service, const Permit& permit, const StoredAnalyzer& analyzer, const std::string& only) {
    if (is_unused_access(analyzer)) return look_at_unused(service, permit, analyzer);
    const proof::AccountPolicies account = TRY(read_account(*service.parts.directory, *service.parts.storage, permit.account()));
    if (analyzer.summary.type == m::Type::account_internal_access)
        return internal_access(account, included_buckets(analyzer.summary, account), permit.region());
    return external_access(account, permit.region(), only);
}

}  // namespace

Result<StoredAnalyzer> analyzer_of(const Analyzer& service, const Permit& permit, const std::string& arn) {
    const Place place = place_of(permit);
    const auto name = analyzer_named(place, arn);
    if (!name) return base::fail(no_such("analyzer", arn));
    return service.state->analyzer(place, *name);
}

Result<void> look(Analyzer& service, const Permit& permit, StoredAnalyzer& analyzer, const std::string& only) {
    const Looked now{
        .identity = service.parts.directory->version(), .objects = service.parts.storage->version(), .at = permit.time()};
    const auto before = service.looked->find(analyzer.summary.arn);
    const bool is_known = before != service.looked->end() && before->second.identity == now.identity &&
                          before->second.objects == now.objects &&
                          (!is_unused_access(analyzer) || now.at - before->second.at < unused_every);
    if (is_known && only.empty()) return {};
    const Place place = place_of(permit);
    const Computed computed = TRY(look_at(service, permit, analyzer, only));
    // Of one resource, external access alone is looked at by itself.
    const std::string looked_at = analyzer.summary.type == m::Type::account ? only : "";
    const auto changes = changes_of(TRY(service.state->findings(place, analyzer.summary.name)), computed,
                                    {.analyzer = analyzer.summary.arn,
                                     .account = place.account,
                                     .now = permit.time(),
                                     .rules = analyzer.filters(),
                                     .only = looked_at});
    TRY(service.state->change(place, analyzer.summary.name, changes));
    if (looked_at.empty()) (*service.looked)[analyzer.summary.arn] = now;
    analyzer.summary.last_resource_analyzed_at = permit.time();
    if (!computed.resources.empty()) analyzer.summary.last_resource_analyzed = computed.resources.back().arn;
    return service.state->put(place, analyzer);
}

}  // namespace services::access_analyzer
