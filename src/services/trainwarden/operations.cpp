#include "services/trainwarden/operations.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <set>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "gate/decide.hpp"
#include "gate/operation.hpp"
#include "gate/wording.hpp"
#include "model/trainwarden/operations.hpp"
#include "model/trainwarden/service.hpp"
#include "model/words.hpp"
#include "policy/granted_actions.hpp"
#include "services/trainwarden/asked_operation.hpp"
#include "services/trainwarden/explained.hpp"
#include "services/trainwarden/least_privilege.hpp"
#include "services/trainwarden/principals.hpp"
#include "services/trainwarden/question.hpp"
#include "services/trainwarden/resources.hpp"
#include "services/trainwarden/source_arn.hpp"
#include "services/trainwarden/targets.hpp"
#include "services/trainwarden/who_can.hpp"
#include "text/time.hpp"

namespace services::trainwarden {
namespace {

namespace m = model::trainwarden;
using base::Result;
using gate::operation;
using gate::Permit;
using gate::RequestOrigin;
using gate::RequiredAccesses;
using identity::Caller;
using text::Json;

constexpr int32_t list_requests_default = 50;
constexpr size_t resources_named_max = 20;  // of one used action
constexpr size_t sessions_asked_max = 100;  // of one ARN

// A principal is asked about by each of its names, and each access must be allowed. What is known of the principal itself (tags) is no
// condition of it: it may be one that is gone, or of another account.
Result<RequiredAccesses<>> asks_about(const Dependencies& parts, model::ActionName action, const std::string& principal) {
    RequiredAccesses<> needs;
    for (std::string& name : TRY(names_of(*parts.directory, principal)))
        needs.add(action, gate::Description{.arn = std::move(name)});
    return needs;
}

Result<RequiredAccesses<>> explain_access_needs(const Dependencies& parts, const RequestOrigin&,
                                                const m::ExplainAccessRequest& in) {
    return asks_about(parts, m::Action::trainwarden_ExplainAccess, in.principal_arn);
}

Result<RequiredAccesses<>> list_requests_needs(const Dependencies& parts, const RequestOrigin&,
                                               const m::ListRequestsRequest& in) {
    return asks_about(parts, m::Action::trainwarden_ListRequests, in.principal_arn.value_or("*"));
}

Result<RequiredAccesses<>> used_actions_needs(const Dependencies& parts, const RequestOrigin&, const m::UsedActionsRequest& in) {
    return asks_about(parts, m::Action::trainwarden_UsedActions, in.principal_arn);
}

Result<RequiredAccesses<>> what_can_needs(const Dependencies& parts, const RequestOrigin&, const m::WhatCanRequest& in) {
    return asks_about(parts, m::Action::trainwarden_WhatCan, in.principal_arn);
}

Result<RequiredAccesses<>> least_privilege_needs(const Dependencies& parts, const RequestOrigin&,
                                                 const m::LeastPrivilegeRequest& in) {
    return asks_about(parts, m::Action::trainwarden_LeastPrivilege, in.role_arn);
}

bool may_do(const Caller& caller, const policy::Context& globals, const std::vector<gate::Access>& accesses) {
    return std::ranges::all_of(gate::decide_each(caller, accesses, globals),
                               [](const auto& decided) { return decided.decision.outcome == policy::Outcome::allow; });
}

// May the caller do this with this principal, by each of its names?
bool may_ask_about(const Dependencies& parts, const Caller& caller, const policy::Context& globals, model::ActionName action,
                   const m::Principal& principal) {
    const std::string arn = principal.arn.value_or(principal.service.value_or(""));
    std::set<std::string> names{arn};
    if (principal.role_arn) names.insert(*principal.role_arn);
    if (auto found = names_of(*parts.directory, arn)) names.insert(found->begin(), found->end());
    std::vector<gate::Access> accesses;
    for (const std::string& name : names) accesses.push_back({.action = std::string(action.text), .resource = name});
    return may_do(caller, globals, accesses);
}

Result<m::ExplainRequestResponse> explain_request(Dependencies& parts, const Permit&, const m::ExplainRequestRequest& in) {
    m::ExplainRequestResponse out;
    for (const Json& record : TRY(parts.audit->find(in.request_id))) out.records.push_back(explained_record(record));
    return out;
}

// A question is about a request to the region that it supposes, else to the one that it was asked in itself.
Result<Dependencies> in_region(const Dependencies& parts, const Permit& permit, std::span<const m::ContextEntry> context) {
    Dependencies out = parts;
    out.region = permit.region();
    const policy::Context said = TRY(context_of(context));
    const auto* region = said.find("aws:RequestedRegion");
    if (region != nullptr && parts.describer->is_served(region->values.front())) out.region = region->values.front();
    return out;
}

gate::HypotheticalRequest hypothetical(const Dependencies& parts, const Question& question) {
    return {.region = parts.region, .now = parts.clock->now(), .said = question.said};
}

// With the sentence that a request would be answered.
m::DecidedAccess explained_question(const audit::DecidedAccess& decided) {
    m::DecidedAccess out = explained(decided);
    if (decided.decision.outcome != policy::Outcome::allow)
        out.message = gate::refusal_sentence(decided.request, decided.decision);
    return out;
}

// Why is told to who may ask about the principal of the act itself, and the name of what a listing found to who may list; others hear
// what the request would be told.
m::DecidedAccess without_reasons(m::DecidedAccess access) {
    return {.action = std::move(access.action),
            .resource = std::move(access.resource),
            .decision = access.decision,
            .decided_by = std::move(access.decided_by),
            .message = std::move(access.message)};
}

m::ServiceAct explained_act(const Dependencies& parts, const Permit& permit, AskedAct&& act) {
    m::ServiceAct out{
        .service = std::move(act.service), .operation = std::move(act.operation), .principal = shown(act.principal)};
    const bool may =
        may_ask_about(parts, permit.caller(), permit.global_keys(), m::Action::trainwarden_ExplainAccess, out.principal);
    const bool may_see = !act.found || may_do(permit.caller(), permit.global_keys(), act.found->listing);
    for (audit::DecidedAccess& decided : act.accesses) {
        if (!may_see) decided.request.resource = act.found->shown_as;
        m::DecidedAccess access = explained_question(decided);
        out.accesses.push_back(may && may_see ? std::move(access) : without_reasons(std::move(access)));
    }
    return out;
}

Result<m::ExplainAccessResponse> explain_operation(const Dependencies& parts, const Permit& permit, const Caller& caller,
                                                   const m::ExplainAccessRequest& in) {
    const gate::HypotheticalRequest supposed{
        .region = parts.region, .now = parts.clock->now(), .said = TRY(context_of(model::items(in.context)))};
    AskedOperation asked =
        TRY(decide_operation(*parts.registry, *parts.acts, caller, in.operation.value_or(""), in.input.value_or("{}"), supposed));
    m::ExplainAccessResponse out{.principal = shown(caller.principal),
                                 .decision = asked.allowed ? m::RequestDecision::allowed : m::RequestDecision::refused};
    out.accesses.emplace();
    for (const audit::DecidedAccess& decided : asked.accesses) out.accesses->push_back(explained_question(decided));
    for (AskedAct& act : asked.acts) {
        if (!out.service_acts) out.service_acts.emplace();
        out.service_acts->push_back(explained_act(parts, permit, std::move(act)));
    }
    if (!asked.message.empty()) out.message = std::move(asked.message);
    if (!asked.note.empty()) out.note = std::move(asked.note);
    return out;
}

Result<m::ExplainAccessResponse> explain_for(const Dependencies& parts, const Permit& permit, const Caller& caller,
                                             const m::ExplainAccessRequest& in) {
    if (in.operation) return explain_operation(parts, permit, caller, in);
    const Question question =
        TRY(read_question(parts, in.action.value_or(""), in.resource.value_or("*"), model::items(in.context)));
    SupposedDecision decided =
        decide_for(caller, question.access, hypothetical(parts, question), parts.directory->default_account());
    m::ExplainAccessResponse out{.principal = shown(caller.principal), .access = explained_question(decided.decided)};
    if (decided.hangs_on) out.note = "It hangs on aws:SourceArn, which the question does not say: " + *decided.hangs_on;
    return out;
}

bool is_allowed(const m::ExplainAccessResponse& answer) {
    return answer.access ? answer.access->decision == m::Decision::allowed : answer.decision == m::RequestDecision::allowed;
}

// Of the sessions of one ARN, which the answer is about.
std::string note_on(const AskedPrincipal& who, size_t otherwise) {
    std::string out = which_session(who);
    if (who.callers.size() > 1)
        out += otherwise == 0 ? " The others are decided likewise."
                              : " " + std::to_string(otherwise) + " of them are decided otherwise.";
    return out;
}

Result<m::ExplainAccessResponse> explain_access(Dependencies& everywhere, const Permit& permit,
                                                const m::ExplainAccessRequest& in) {
    const Dependencies parts = TRY(in_region(everywhere, permit, model::items(in.context)));
    const AskedPrincipal who = TRY(asked_principal(*parts.directory, in.principal_arn, parts.region));
    if (in.operation.has_value() == in.action.has_value())
        return base::fail(base::code::ValidationException,
                          "ask about one thing: an Action, on a Resource, or an Operation, with its Input");
    m::ExplainAccessResponse out = TRY(explain_for(parts, permit, who.callers.front(), in));
    if (!who.is_session) return out;
    size_t otherwise = 0;
    const size_t most = std::min(who.callers.size(), sessions_asked_max);
    for (size_t i = 1; i < most; ++i)
        if (is_allowed(TRY(explain_for(parts, permit, who.callers[i], in))) != is_allowed(out)) ++otherwise;
    out.note = note_on(who, otherwise) + (out.note ? " " + *out.note : "");
    if (most < who.callers.size()) *out.note += " Only the newest " + std::to_string(most) + " were looked at.";
    return out;
}

// What lets the candidate: of another account's own policies nothing is known.
m::PrincipalWhoCan shown_candidate(const Candidate& candidate, audit::DecidedAccess decided) {
    if (!candidate.needs.empty())
        std::erase_if(decided.decision.because,
                      [](const policy::StatementRef& ref) { return ref.layer != policy::Layer::resource; });
    m::DecidedAccess decision = explained(decided);
    m::PrincipalWhoCan out{.principal = shown(candidate.caller.principal),
                           .matched_statements = std::move(decision.matched_statements).value_or(std::vector<m::Statement>()),
                           .decided_by = std::move(decision.decided_by)};
    if (!candidate.shown_as.empty()) out.principal.name = candidate.shown_as;
    if (!candidate.needs.empty()) out.needs = candidate.needs;
    return out;
}

Result<m::WhoCanResponse> who_can(Dependencies& everywhere, const Permit& permit, const m::WhoCanRequest& in) {
    const Dependencies parts = TRY(in_region(everywhere, permit, model::items(in.context)));
    if (in.any_circumstances.value_or(false) || in.paths.value_or(false) ||
        is_pattern_question(in.action, in.resource.value_or("*")))
        return who_can_any(parts, in);
    const Question question = TRY(read_question(parts, in.action, in.resource.value_or("*"), model::items(in.context)));
    const gate::HypotheticalRequest supposed = hypothetical(parts, question);
    const std::vector<Candidate> all = candidates(*parts.directory, question.access, parts.region);
    m::WhoCanResponse out{.checked = static_cast<int64_t>(all.size())};
    out.principals.emplace();
    for (const Candidate& candidate : all) {
        SupposedDecision supposed_decision =
            decide_for(candidate.caller, question.access, supposed, parts.directory->default_account());
        audit::DecidedAccess& decided = supposed_decision.hangs_on ? supposed_decision.if_it_holds : supposed_decision.decided;
        if (decided.decision.outcome != policy::Outcome::allow) continue;
        m::PrincipalWhoCan& shown = out.principals->emplace_back(shown_candidate(candidate, std::move(decided)));
        if (supposed_decision.hangs_on) shown.needs = "an aws:SourceArn that fits: " + *supposed_decision.hangs_on;
    }
    return out;
}

Result<m::WhatCanResponse> what_can_do(Dependencies& everywhere, const Permit& permit, const m::WhatCanRequest& in) {
    return what_can(TRY(in_region(everywhere, permit, model::items(in.context))), in);
}

Result<std::optional<base::Time>> time_in(const std::optional<std::string>& member, std::string_view name) {
    if (!member) return std::nullopt;
    auto time = text::parse_iso8601(*member);
    if (!time)
        return base::fail(base::code::ValidationException,
                          std::string(name) + " must be a date and time in ISO 8601, for example 2026-01-31T12:00:00Z");
    return time;
}

// Whose records a caller may read, each principal decided once: a list of all holds those that asking for each would give.
class Readable {
public:
    Readable(const Dependencies& parts, const Permit& permit)
        : parts_(parts), caller_(permit.caller()), globals_(permit.global_keys()) {}

    bool operator()(const m::RequestRecord& record) {
        if (!record.principal) return true;  // no principal's: who may ask for all may read it
        const m::Principal& principal = *record.principal;
        const std::string arn = principal.arn.value_or(principal.service.value_or(""));
        if (arn.empty()) return true;
        const auto known = known_.find(arn);
        if (known != known_.end()) return known->second;
        return known_[arn] = may_ask_about(parts_, caller_, globals_, m::Action::trainwarden_ListRequests, principal);
    }

private:
    const Dependencies& parts_;
    const Caller& caller_;
    policy::Context globals_;
    std::map<std::string, bool> known_;
};

// Who follows the log must not follow itself.
bool is_own_question(const m::RequestRecord& record) {
    const model::Operation& own = m::ListRequests::operation;
    return model::text(record.service) == own.service->signing_name && model::text(record.operation) == own.name;
}

// Words that nothing is recorded under are an error: a list that is empty for a misspelt one would say that it never happened.
Result<audit::Query> read_query(const m::ListRequestsRequest& in) {
    audit::Query query;
    query.principal = model::text(in.principal_arn);
    if (in.action) query.action = TRY(known_action(*in.action));
    if (in.resource) query.resource = TRY(recorded_resource(*in.resource));
    query.outcome =
        model::word_of(in.refused_only.value_or(false) ? m::Outcome::refused : in.outcome.value_or(m::Outcome::unknown));
    query.since = TRY(time_in(in.since, "Since"));
    query.until = TRY(time_in(in.until, "Until"));
    query.most = static_cast<size_t>(in.max_results.value_or(list_requests_default));
    query.older_than = model::text(in.next_token);
    query.written_since = model::text(in.newer);
    if (!query.older_than.empty() && !query.written_since.empty())
        return base::fail(base::code::ValidationException,
                          "NextToken asks for what is older, Newer for what is newer: give one of them");
    return query;
}

Result<m::ListRequestsResponse> list_requests(Dependencies& parts, const Permit& permit, const m::ListRequestsRequest& in) {
    audit::Query query = TRY(read_query(in));
    Readable readable(parts, permit);
    const bool follows = !query.written_since.empty();
    int64_t withheld = 0;
    if (in.after_request_id)
        if (const auto found = parts.audit->find(*in.after_request_id))
            query.since = text::parse_iso8601(model::text(read_record(found->back()).time));
    query.accept = [&](const Json& document) {
        const m::RequestRecord record = read_record(document);
        if (in.after_request_id && record.request_id == in.after_request_id) return false;
        if (follows && is_own_question(record)) return false;
        if (!query.principal.empty() || readable(record)) return true;
        ++withheld;
        return false;
    };
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(in.wait_seconds.value_or(0));
    auto found = parts.audit->search(query);
    if (!found && found.error().code == base::code::InvalidToken)
        return base::fail(base::code::ValidationException, "NextToken and Newer take what an earlier answer gave");
    audit::Page page = TRY(std::move(found));
    while (follows && page.records.empty()) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        query.written_since = page.newer;
        if (left <= std::chrono::milliseconds(0) || !parts.audit->wait(page.newer, left)) break;
        page = TRY(parts.audit->search(query));
    }
    if (!follows) std::ranges::reverse(page.records);
    m::ListRequestsResponse out{.newer = std::move(page.newer)};
    out.records.reserve(page.records.size());
    for (const Json& record : page.records) out.records.push_back(read_record(record));
    if (!page.older.empty()) out.next_token = std::move(page.older);
    if (withheld > 0) out.withheld = withheld;
    return out;
}

// Records come newest first.
void count_uses(const m::RequestRecord& record, std::map<std::string, m::UsedAction>& used) {
    if (record.outcome == m::Outcome::refused || record.unreadable) return;
    const int64_t times = record.repeated.value_or(1);
    for (const m::DecidedAccess& access : model::items(record.accesses)) {
        if (access.decision != m::Decision::allowed) continue;
        m::UsedAction& use = used[access.action];
        use.count += times;
        if (record.outcome == m::Outcome::failed) use.failed += times;
        if (use.last_used.empty()) use.last_used = model::text(record.time);
        if (use.resources.size() < resources_named_max &&
            std::ranges::find(use.resources, access.resource) == use.resources.end())
            use.resources.push_back(access.resource);
    }
}

Result<m::UsedActionsResponse> used_actions(Dependencies& parts, const Permit&, const m::UsedActionsRequest& in) {
    const Caller caller = TRY(find_principal(*parts.directory, in.principal_arn, parts.region));
    std::map<std::string, m::UsedAction> used;
    audit::Query query;
    // By its unique id, which no predecessor of the same name has, and which outlives a renaming. A service has a name alone, and so has a session.
    const policy::Principal& principal = caller.principal;
    const bool is_session = principal.kind == policy::PrincipalKind::role_session;
    query.principal_id = is_session ? principal.role_id : principal.unique_id;
    if (query.principal_id.empty() || (is_session && in.principal_arn == principal.arn)) query.principal = in.principal_arn;
    query.since = TRY(time_in(in.since, "Since"));
    query.accept = [&](const Json& record) {
        count_uses(read_record(record), used);
        return false;
    };
    (void)TRY(parts.audit->search(query));
    m::UsedActionsResponse out;
    std::set<std::string> used_names;
    for (auto& [action, use] : used) {
        used_names.insert(base::lower(action));
        use.action = action;
        out.used.push_back(std::move(use));
    }
    for (const std::string& action : policy::granted_actions(caller.policies)) {
        out.granted_actions.push_back(action);
        if (!used_names.contains(base::lower(action))) out.unused_actions.push_back(action);
    }
    if (caller.principal.kind == policy::PrincipalKind::root) out.unlimited = true;
    return out;
}

Result<m::LeastPrivilegeResponse> least_privilege(Dependencies& parts, const Permit&, const m::LeastPrivilegeRequest& in) {
    return least_privilege_of(parts, in, TRY(time_in(in.since, "Since")), TRY(time_in(in.until, "Until")));
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Dependencies>>({
    operation<m::ExplainAccess, explain_access, explain_access_needs>(),
    operation<m::ExplainRequest, explain_request>(),
    operation<m::LeastPrivilege, least_privilege, least_privilege_needs>(),
    operation<m::ListRequests, list_requests, list_requests_needs>(),
    operation<m::UsedActions, used_actions, used_actions_needs>(),
    operation<m::WhatCan, what_can_do, what_can_needs>(),
    operation<m::WhoCan, who_can>(),
});

}  // namespace

void add_operations(gate::Registry& registry, Dependencies parts) {
    registry.describer().add("trainwarden", std::make_unique<Resources>());
    parts.registry = &registry;
    gate::add_operations<Dependencies>(registry, std::move(parts), operations);
}

}  // namespace services::trainwarden
