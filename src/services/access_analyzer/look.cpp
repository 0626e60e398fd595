// An analyzer looks at the account: what there is goes through the pure functions, and what they find beside what was found before.
#include <algorithm>
#include <chrono>
#include <set>

#include "audit/uses.hpp"
#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/json.hpp"
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
constexpr size_t looks_max = 3;            // of one request, at an analyzer that is being changed
constexpr size_t holders_max = 5'000;      // users and roles whose record one look at unused access reads …
constexpr size_t records_max = 1'000'000;  // … and how many records of all of them together

bool is_unused_access(const StoredAnalyzer& analyzer) { return analyzer.summary.type == m::Type::account_unused_access; }

std::optional<base::Time> last_use(const identity::Iam& iam, const std::string& key_or_role) {
    const auto use = iam.last_use(key_or_role);
    return use ? std::optional(use->time) : std::nullopt;
}

UnusedQuestion question_of(const m::AnalyzerSummary& analyzer, base::Time now) {
    UnusedQuestion out{.now = now, .age_days = age_of(analyzer)};
    if (!analyzer.configuration || !analyzer.configuration->unused_access) return out;
    const m::UnusedAccessConfiguration& said = *analyzer.configuration->unused_access;
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
    size_t records = 0;
    const auto add = [&](HolderInUse holder) -> Result<void> {
        const bool is_young = holder.created > since;
        if (holders.size() >= holders_max || (!is_young && records >= records_max)) {
            open.insert(holder.arn);
            return {};
        }
        if (question.record_reaches_back && !is_young) {
            holder.uses = TRY(audit::uses_of(*service.parts.record, holder.id, since));
            records += holder.uses.records;
        }
        holders.push_back(std::move(holder));
        return {};
    };
    for (const auto& user : iam.users(account)) {
        HolderInUse holder{.arn = user->arn, .id = user->id, .name = user->name, .created = user->created};
        holder.tags = {user->tags.begin(), user->tags.end()};
        for (const auto& key : TRY(iam.access_keys(account, user->name)))
            holder.keys.push_back(
                {.id = key->id, .created = key->created, .last_used = last_use(iam, key->id), .active = key->active});
        if (const auto found = policies.users.find(base::lower(user->name)); found != policies.users.end())
            holder.policies = proof::actor_of(policies, found->second).policies;
        TRY(add(std::move(holder)));
    }
    for (const auto& role : iam.roles(account)) {
        HolderInUse holder{.arn = role->arn, .id = role->id, .name = role->name, .is_role = true, .created = role->created};
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

// Of what it finds.
bool is_known(const Analyzer& service, const StoredAnalyzer& analyzer, const Looked& now) {
    const auto before = service.looked->find(analyzer.summary.arn);
    return before != service.looked->end() && before->second.identity == now.identity && before->second.objects == now.objects &&
           (!is_unused_access(analyzer) || now.at - before->second.at < unused_every);
}

bool same_configuration(const m::AnalyzerSummary& a, const m::AnalyzerSummary& b) {
    m::AnalyzerSummary of_a, of_b;
    of_a.configuration = a.configuration;
    of_b.configuration = b.configuration;
    return model::write_document(of_a) == model::write_document(of_b);
}

struct Kept {
    StoredAnalyzer analyzer;  // as it is now
    store::Batch findings;    // what becomes of them
};

Result<Kept> kept(const Analyzer& service, const Permit& permit, const std::string& name, const Computed& computed,
                  const std::string& only) {
    const Place place = place_of(permit);
    Kept out{.analyzer = TRY(service.state->analyzer(place, name)), .findings = {}};
    m::AnalyzerSummary& summary = out.analyzer.summary;
    const auto changes = changes_of(
        TRY(service.state->findings(place, name)), computed,
        {.analyzer = summary.arn, .account = place.account, .now = permit.time(), .rules = out.analyzer.filters(), .only = only});
    out.findings = State::batch_of(place, name, changes);
    summary.last_resource_analyzed_at = permit.time();
    if (!computed.resources.empty()) summary.last_resource_analyzed = computed.resources.back().arn;
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

int32_t age_of(const m::AnalyzerSummary& analyzer) {
    const auto& configuration = analyzer.configuration;
    return configuration && configuration->unused_access ? configuration->unused_access->unused_access_age.value_or(age_default)
                                                         : age_default;
}

Result<StoredAnalyzer> analyzer_of(const Analyzer& service, const Permit& permit, const std::string& arn) {
    const Place place = place_of(permit);
    const auto name = analyzer_named(place, arn);
    if (!name) return base::fail(no_such(Thing::analyzer, arn));
    auto found = service.state->analyzer(place, *name);
    // By what the request called it.
    if (!found && found.error().code == base::code::ResourceNotFoundException) return base::fail(no_such(Thing::analyzer, arn));
    return found;
}

Result<StoredAnalyzer> look(Analyzer& service, const Permit& permit, const std::string& name, const std::string& only) {
    // Nothing else waits for it: what is found is written under State::changing, which is not held meanwhile.
    const base::Lock looking(service.state->looking);
    const Place place = place_of(permit);
    for (size_t tries = 0;; ++tries) {
        StoredAnalyzer analyzer = TRY(service.state->analyzer(place, name));
        const Looked now{
            .identity = service.parts.directory->version(), .objects = service.parts.storage->version(), .at = permit.time()};
        {
            const base::Lock lock(service.state->changing);
            if (only.empty() && is_known(service, analyzer, now)) return analyzer;
        }
        const Computed computed = TRY(look_at(service, permit, analyzer, only));
        const uint64_t before = service.state->changes();
        Kept found = TRY(kept(service, permit, name, computed, only));
        const base::Lock lock(service.state->changing);
        // Somebody else has changed something since it was read.
        if (service.state->changes() != before) found = TRY(kept(service, permit, name, computed, only));
        // Made anew under its name, or configured otherwise, while it looked: it has looked at something else. Whoever goes on changing it gets the answer of
        // the last look, and the next look is one again.
        const bool is_same = found.analyzer.summary.created_at == analyzer.summary.created_at &&
                             same_configuration(found.analyzer.summary, analyzer.summary);
        if (!is_same && tries + 1 < looks_max) continue;
        TRY(service.state->change(found.findings));
        TRY(service.state->put(place, found.analyzer));
        if (only.empty() && is_same) (*service.looked)[found.analyzer.summary.arn] = now;
        return std::move(found.analyzer);
    }
}

}  // namespace services::access_analyzer
