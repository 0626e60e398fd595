#include "services/trainwarden/operations.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "base/strings.hpp"
#include "gate/decide.hpp"
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
constexpr size_t resources_named_max = 20;  // of one used action

wire::Answer answer_of(std::initializer_list<Json::Member> members) {
    wire::Answer answer;
    answer.output = Json::object(members);
    return answer;
}

base::Result<wire::Answer> explain_request(const Dependencies& parts, wire::Call& call) {
    const auto lines = TRY(parts.audit->find(call.input["RequestId"].as_string()));
    Json records = Json::array();
    for (const std::string& line : lines) {
        Json record = TRY(text::parse_json(line));
        Json accesses = Json::array();
        for (const Json& access : record["Accesses"].items()) accesses.push(explained(access, record["Principal"]));
        record.set("Accesses", std::move(accesses));
        records.push(std::move(record));
    }
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
    return answer_of({{"Principal", audit::to_json(caller.principal)},
                      {"Decision", asked.allowed ? "allowed" : "refused"},
                      {"Accesses", std::move(accesses)}});
}

base::Result<wire::Answer> explain_access(const Dependencies& parts, wire::Call& call) {
    const Caller caller = TRY(find_principal(*parts.directory, call.input["PrincipalArn"].as_string(), parts.region));
    if (call.input.contains("Operation") == call.input.contains("Action"))
        return base::fail("ValidationException",
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

base::Result<wire::Answer> who_can(const Dependencies& parts, wire::Call& call) {
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

// A service has no ARN, but a name.
bool is_of(const Json& record, const std::string& principal_arn) {
    const Json& principal = record["Principal"];
    return principal["Arn"].as_string() == principal_arn || principal["RoleArn"].as_string() == principal_arn ||
           principal["Service"].as_string() == principal_arn;
}

base::Result<base::Time> since_of(const Json& input) {
    if (!input.contains("Since")) return base::Time{};
    auto since = text::parse_iso8601(input["Since"].as_string());
    if (!since)
        return base::fail("ValidationException", "Since must be a date and time in ISO 8601, for example 2026-01-31T12:00:00Z");
    return *since;
}

// Every record of a principal (empty: of anyone) since then, as JSON, oldest first.
base::Result<void> each_record(const Dependencies& parts, const std::string& principal_arn, base::Time since,
                               const std::function<void(Json)>& visit) {
    const std::string quoted = text::quote_json(principal_arn);
    return parts.audit->each([&](std::string_view line) {
        // Most lines are somebody else's: do not parse those.
        if (!principal_arn.empty() && line.find(quoted) == std::string_view::npos) return true;
        auto record = text::parse_json(line);
        if (!record || (!principal_arn.empty() && !is_of(*record, principal_arn))) return true;
        const auto time = text::parse_iso8601((*record)["Time"].as_string());
        if (time && *time >= since) visit(std::move(*record));
        return true;
    });
}

base::Result<wire::Answer> list_requests(const Dependencies& parts, wire::Call& call) {
    const Json& input = call.input;
    const base::Time since = TRY(since_of(input));
    const auto most = static_cast<size_t>(input["MaxResults"].as_int(list_requests_default));
    const std::string after = input["AfterRequestId"].as_string();
    const bool refused_only = input["RefusedOnly"].as_bool();
    std::deque<Json> newest;
    TRY(each_record(parts, input["PrincipalArn"].as_string(), since, [&](Json record) {
        if (!after.empty() && record["RequestId"].as_string() == after) {
            newest.clear();
            return;
        }
        if (refused_only && !record.contains("ErrorCode")) return;
        newest.push_back(std::move(record));
        if (newest.size() > most) newest.pop_front();
    }));
    Json records = Json::array();
    for (Json& record : newest) records.push(std::move(record));
    return answer_of({{"Records", std::move(records)}});
}

struct Use {
    int64_t count = 0;
    std::string last;
    std::vector<std::string> resources;
};

void count_uses(const Json& record, std::map<std::string, Use>& used) {
    if (record.contains("ErrorCode")) return;  // refused as a whole
    for (const Json& access : record["Accesses"].items()) {
        if (access["Decision"].as_string() != "allowed") continue;
        Use& use = used[access["Action"].as_string()];
        ++use.count;
        use.last = record["Time"].as_string();
        const std::string& resource = access["Resource"].as_string();
        if (use.resources.size() < resources_named_max && std::ranges::find(use.resources, resource) == use.resources.end())
            use.resources.push_back(resource);
    }
}

base::Result<wire::Answer> used_actions(const Dependencies& parts, wire::Call& call) {
    const std::string arn = call.input["PrincipalArn"].as_string();
    const Caller caller = TRY(find_principal(*parts.directory, arn, parts.region));
    const base::Time since = TRY(since_of(call.input));
    std::map<std::string, Use> used;
    TRY(each_record(parts, arn, since, [&](const Json& record) { count_uses(record, used); }));
    Json used_json = Json::array(), granted = Json::array(), unused = Json::array();
    std::set<std::string> used_names;
    for (const auto& [action, use] : used) {
        used_names.insert(base::lower(action));
        Json resources = Json::array();
        for (const std::string& resource : use.resources) resources.push(resource);
        used_json.push(Json::object(
            {{"Action", action}, {"Count", use.count}, {"LastUsed", use.last}, {"Resources", std::move(resources)}}));
    }
    for (const std::string& action : granted_actions(caller.policies)) {
        granted.push(action);
        if (!used_names.contains(base::lower(action))) unused.push(action);
    }
    return answer_of(
        {{"Used", std::move(used_json)}, {"GrantedActions", std::move(granted)}, {"UnusedActions", std::move(unused)}});
}

using Handler = base::Result<wire::Answer> (*)(const Dependencies&, wire::Call&);
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
        registry.add({.service = "trainwarden",
                      .name = name,
                      .classify = [parts, name, resources_of](const Caller& caller,
                                                              wire::Call& call) -> base::Result<std::vector<gate::Access>> {
                          std::vector<gate::Access> accesses;
                          for (std::string& resource : TRY(resources_of(*parts, caller, call)))
                              accesses.push_back({.action = "trainwarden:" + name, .resource = std::move(resource)});
                          return accesses;
                      },
                      .handle = [parts, handler](const gate::Permit&, wire::Call& call) { return handler(*parts, call); }});
    };
    registry.add({.service = "trainwarden",
                  .name = "InterruptTrainingJob",
                  .classify = [](const Caller& caller, wire::Call& call) -> base::Result<std::vector<gate::Access>> {
                      return std::vector<gate::Access>{{.action = "trainwarden:InterruptTrainingJob",
                                                        .resource = "arn:aws:sagemaker:" + call.region + ":" +
                                                                    caller.principal.account + ":training-job/" +
                                                                    call.input["TrainingJobName"].as_string()}};
                  },
                  .handle = [parts](const gate::Permit& permit, wire::Call& call) -> base::Result<wire::Answer> {
                      TRY(parts->interrupt(permit.account(), call.region, call.input["TrainingJobName"].as_string()));
                      return answer_of({});
                  }});
    add("ExplainRequest", the_request, explain_request);
    add("ExplainAccess", the_principal, explain_access);
    add("WhoCan", everything, who_can);
    add("ListRequests", the_principal, list_requests);
    add("UsedActions", the_principal, used_actions);
}

}  // namespace services::trainwarden
