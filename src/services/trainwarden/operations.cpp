#include "services/trainwarden/operations.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "gate/decide.hpp"
#include "gate/globals.hpp"
#include "services/trainwarden/asked_operation.hpp"
#include "services/trainwarden/explained.hpp"
#include "services/trainwarden/granted.hpp"
#include "services/trainwarden/principals.hpp"
#include "services/trainwarden/question.hpp"
#include "services/trainwarden/resources.hpp"
#include "text/time.hpp"

namespace services::trainwarden {
namespace {

using identity::Caller;
using text::Json;

constexpr int64_t list_requests_default = 50;
constexpr int64_t wait_seconds_max = 20;
constexpr size_t resources_named_max = 20;  // of one used action

wire::Answer answer_of(std::initializer_list<Json::Member> members) {
    wire::Answer answer;
    answer.output = Json::object(members);
    return answer;
}

// With the words that explain each access.
Json in_words(Json record) {
    Json accesses = Json::array();
    for (const Json& access : record["Accesses"].items()) accesses.push(explained(access, record["Principal"]));
    record.set("Accesses", std::move(accesses));
    return record;
}

base::Result<wire::Answer> explain_request(const Dependencies& parts, const gate::Permit&, wire::Call& call) {
    Json records = Json::array();
    for (Json& record : TRY(parts.audit->find(call.input["RequestId"].as_string()))) records.push(in_words(std::move(record)));
    return answer_of({{"Records", std::move(records)}});
}

gate::Supposition supposition(const Dependencies& parts, const Question& question) {
    return {.region = parts.region, .now = parts.clock->now(), .said = question.said};
}

// With the sentence that a request would be answered.
Json explained_question(const audit::DecidedAccess& decided) {
    Json shown = explained(decided);
    if (decided.decision.outcome != policy::Outcome::allow)
        shown.set("Message", policy::denial_message(decided.request, decided.decision));
    return shown;
}

base::Result<wire::Answer> explain_operation(const Dependencies& parts, const Caller& caller, const Json& input) {
    const gate::Supposition supposed{.region = parts.region, .now = parts.clock->now(), .said = TRY(read_context(input))};
    const AskedOperation asked = TRY(
        decide_operation(*parts.registry, caller, input["Operation"].as_string(), input["Input"].as_string_or("{}"), supposed));
    Json accesses = Json::array();
    for (const audit::DecidedAccess& decided : asked.accesses) accesses.push(explained_question(decided));
    auto answer = answer_of({{"Principal", audit::to_json(caller.principal)},
                             {"Decision", asked.allowed ? "allowed" : "refused"},
                             {"Accesses", std::move(accesses)}});
    if (!asked.message.empty()) answer.output.set("Message", asked.message);
    return answer;
}

base::Result<wire::Answer> explain_access(const Dependencies& parts, const gate::Permit&, wire::Call& call) {
    const Caller caller = TRY(find_principal(*parts.directory, call.input["PrincipalArn"].as_string(), parts.region));
    if (call.input.contains("Operation") == call.input.contains("Action"))
        return base::fail(base::code::ValidationException,
                          "ask about one thing: an Action, on a Resource, or an Operation, with its Input");
    if (call.input.contains("Operation")) return explain_operation(parts, caller, call.input);
    const Question question = TRY(read_question(parts, call.input));
    return answer_of(
        {{"Principal", audit::to_json(caller.principal)},
         {"Access", explained_question(gate::decide_supposed(caller, question.access, supposition(parts, question)))}});
}

// What lets the candidate: of another account's own policies nothing is known.
Json shown_candidate(const Candidate& candidate, audit::DecidedAccess decided) {
    if (!candidate.needs.empty())
        std::erase_if(decided.decision.because,
                      [](const policy::StatementRef& ref) { return ref.layer != policy::Layer::resource; });
    const Json decision = explained(decided);
    Json principal = audit::to_json(candidate.caller.principal);
    if (!candidate.shown_as.empty()) principal.set("Name", candidate.shown_as);
    Json out = Json::object({{"Principal", std::move(principal)},
                             {"DecidedBy", decision["DecidedBy"]},
                             {"MatchedStatements", decision["MatchedStatements"]}});
    if (!candidate.needs.empty()) out.set("Needs", candidate.needs);
    return out;
}

base::Result<wire::Answer> who_can(const Dependencies& parts, const gate::Permit&, wire::Call& call) {
    const Question question = TRY(read_question(parts, call.input));
    const gate::Supposition supposed = supposition(parts, question);
    Json principals = Json::array();
    const std::vector<Candidate> all = candidates(*parts.directory, question.access, parts.region);
    for (const Candidate& candidate : all) {
        audit::DecidedAccess decided = gate::decide_supposed(candidate.caller, question.access, supposed);
        if (decided.decision.outcome != policy::Outcome::allow) continue;
        principals.push(shown_candidate(candidate, std::move(decided)));
    }
    return answer_of({{"Principals", std::move(principals)}, {"Checked", static_cast<uint64_t>(all.size())}});
}

base::Result<std::optional<base::Time>> time_in(const Json& input, const std::string& member) {
    if (!input.contains(member)) return std::nullopt;
    auto time = text::parse_iso8601(input[member].as_string());
    if (!time)
        return base::fail(base::code::ValidationException,
                          member + " must be a date and time in ISO 8601, for example 2026-01-31T12:00:00Z");
    return time;
}

// Whose records a caller may read, each principal decided once: who asks for everybody's gets those that asking for each would give.
class Readable {
public:
    Readable(const Dependencies& parts, const gate::Permit& permit, const wire::Call& call)
        : parts_(parts),
          caller_(permit.caller()),
          globals_(gate::global_context({.http = call.http,
                                         .service = "trainwarden",
                                         .region = call.region,
                                         .signature = call.signature,
                                         .now = permit.time()})) {}

    bool operator()(const Json& record) {
        const Json& principal = record["Principal"];
        const std::string arn = principal["Arn"].as_string_or(principal["Service"].as_string());
        if (arn.empty()) return true;  // nobody's: who may ask for all may read it
        const auto [known, is_new] = known_.try_emplace(arn, true);
        if (!is_new) return known->second;
        std::set<std::string> names{arn};
        if (const std::string& role = principal["RoleArn"].as_string(); !role.empty()) names.insert(role);
        if (auto found = names_of(*parts_.directory, arn)) names.insert(found->begin(), found->end());
        std::vector<gate::Access> accesses;
        for (const std::string& name : names) accesses.push_back({.action = "trainwarden:ListRequests", .resource = name});
        for (const auto& decided : gate::decide_each(caller_, accesses, globals_))
            known->second = known->second && decided.decision.outcome == policy::Outcome::allow;
        return known->second;
    }

private:
    const Dependencies& parts_;
    const Caller& caller_;
    policy::Context globals_;
    std::map<std::string, bool> known_;
};

// Who follows the log must not follow itself.
bool is_own_question(const Json& record) {
    return record["Service"].as_string() == "trainwarden" && record["Operation"].as_string() == "ListRequests";
}

base::Result<audit::Query> read_query(const Json& input) {
    audit::Query query;
    query.principal = input["PrincipalArn"].as_string();
    query.action = input["Action"].as_string();
    query.resource = input["Resource"].as_string();
    query.outcome = input["RefusedOnly"].as_bool() ? "refused" : input["Outcome"].as_string();
    query.since = TRY(time_in(input, "Since"));
    query.until = TRY(time_in(input, "Until"));
    query.most = static_cast<size_t>(input["MaxResults"].as_int(list_requests_default));
    query.older_than = input["NextToken"].as_string();
    query.written_since = input["Newer"].as_string();
    if (!query.older_than.empty() && !query.written_since.empty())
        return base::fail(base::code::ValidationException,
                          "NextToken asks for what is older, Newer for what is newer: give one of them");
    return query;
}

base::Result<wire::Answer> list_requests(const Dependencies& parts, const gate::Permit& permit, wire::Call& call) {
    const Json& input = call.input;
    audit::Query query = TRY(read_query(input));
    Readable readable(parts, permit, call);
    const bool follows = !query.written_since.empty();
    int64_t withheld = 0;
    const std::string after = input["AfterRequestId"].as_string();
    if (!after.empty())
        if (const auto found = parts.audit->find(after)) query.since = text::parse_iso8601(found->back()["Time"].as_string());
    query.accept = [&](const Json& record) {
        if (!after.empty() && record["RequestId"].as_string() == after) return false;
        if (follows && is_own_question(record)) return false;
        if (!query.principal.empty() || readable(record)) return true;
        ++withheld;
        return false;
    };
    const auto until = std::chrono::steady_clock::now() +
                       std::chrono::seconds(std::min<int64_t>(input["WaitSeconds"].as_int(), wait_seconds_max));
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
    Json records = Json::array();
    for (Json& record : page.records) records.push(std::move(record));
    auto answer = answer_of({{"Records", std::move(records)}, {"Newer", page.newer}});
    if (!page.older.empty()) answer.output.set("NextToken", page.older);
    if (withheld > 0) answer.output.set("Withheld", withheld);
    return answer;
}

struct Use {
    int64_t count = 0, failed = 0;
    std::string last;
    std::vector<std::string> resources;  // the newest
};

// Records come newest first.
void count_uses(const Json& record, std::map<std::string, Use>& used) {
    if (record["Outcome"].as_string() == "refused" || record.contains("Unreadable")) return;
    const int64_t times = record["Repeated"].as_int(1);
    for (const Json& access : record["Accesses"].items()) {
        if (access["Decision"].as_string() != "allowed") continue;
        Use& use = used[access["Action"].as_string()];
        use.count += times;
        if (record["Outcome"].as_string() == "failed") use.failed += times;
        if (use.last.empty()) use.last = record["Time"].as_string();
        const std::string& resource = access["Resource"].as_string();
        if (use.resources.size() < resources_named_max && std::ranges::find(use.resources, resource) == use.resources.end())
            use.resources.push_back(resource);
    }
}

base::Result<wire::Answer> used_actions(const Dependencies& parts, const gate::Permit&, wire::Call& call) {
    const std::string arn = call.input["PrincipalArn"].as_string();
    const Caller caller = TRY(find_principal(*parts.directory, arn, parts.region));
    std::map<std::string, Use> used;
    audit::Query query;
    query.principal = arn;
    query.since = TRY(time_in(call.input, "Since"));
    query.accept = [&](const Json& record) {
        count_uses(record, used);
        return false;
    };
    (void)TRY(parts.audit->search(query));
    Json used_json = Json::array(), granted = Json::array(), unused = Json::array();
    std::set<std::string> used_names;
    for (const auto& [action, use] : used) {
        used_names.insert(base::lower(action));
        Json resources = Json::array();
        for (const std::string& resource : use.resources) resources.push(resource);
        used_json.push(Json::object({{"Action", action},
                                     {"Count", use.count},
                                     {"Failed", use.failed},
                                     {"LastUsed", use.last},
                                     {"Resources", std::move(resources)}}));
    }
    for (const std::string& action : granted_actions(caller.policies)) {
        granted.push(action);
        if (!used_names.contains(base::lower(action))) unused.push(action);
    }
    return answer_of(
        {{"Used", std::move(used_json)}, {"GrantedActions", std::move(granted)}, {"UnusedActions", std::move(unused)}});
}

using Handler = base::Result<wire::Answer> (*)(const Dependencies&, const gate::Permit&, wire::Call&);
using Names = base::Result<std::vector<std::string>>;
using ResourcesOf = Names (*)(const Dependencies&, const Caller&, const wire::Call&);

Names everything(const Dependencies&, const Caller&, const wire::Call&) { return std::vector<std::string>{"*"}; }
Names the_principal(const Dependencies& parts, const Caller&, const wire::Call& call) {
    return names_of(*parts.directory, call.input["PrincipalArn"].as_string_or("*"));
}
Names the_request(const Dependencies&, const Caller& caller, const wire::Call& call) {
    return std::vector<std::string>{"arn:aws:trainwarden:" + call.region + ":" + caller.principal.account + ":request/" +
                                    call.input["RequestId"].as_string()};
}

}  // namespace

void add_operations(gate::Registry& registry, Dependencies dependencies) {
    registry.describer().add("trainwarden", std::make_unique<Resources>());
    dependencies.registry = &registry;
    const auto parts = std::make_shared<const Dependencies>(std::move(dependencies));
    auto add = [&](const std::string& name, ResourcesOf resources_of, Handler handler) {
        registry.add(
            {.service = "trainwarden",
             .name = name,
             .classify = [parts, name, resources_of](const Caller& caller,
                                                     wire::Call& call) -> base::Result<std::vector<gate::Access>> {
                 std::vector<gate::Access> accesses;
                 for (std::string& resource : TRY(resources_of(*parts, caller, call)))
                     accesses.push_back({.action = "trainwarden:" + name, .resource = std::move(resource)});
                 return accesses;
             },
             .handle = [parts, handler](const gate::Permit& permit, wire::Call& call) { return handler(*parts, permit, call); }});
    };
    add("ExplainRequest", the_request, explain_request);
    add("ExplainAccess", the_principal, explain_access);
    add("WhoCan", everything, who_can);
    add("ListRequests", the_principal, list_requests);
    add("UsedActions", the_principal, used_actions);
}

}  // namespace services::trainwarden
