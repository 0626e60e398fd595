// The policy simulator: SimulatePrincipalPolicy and SimulateCustomPolicy ask the real engine in advance, through the function
// that the gate itself decides with, so that the answer is enforcement's own; GetContextKeysFor…Policy say what they need to
// know.
//
// Sources: IAM API Reference of the four operations, "EvaluationResult", "ResourceSpecificResult", with its sample answers;
// IAM User Guide, "IAM policy testing with the IAM policy simulator"; SEMANTICS G7.
//
// Beyond AWS's simulator, and as enforcement has it:
// - SimulatePrincipalPolicy lets the policy that a bucket or a role really has count, and what is known of the resource (its
//   owner, its tags), where the request brings no ResourcePolicy;
// - a trust policy counts for the sts: actions on roles, a resource policy for roles as for users;
// - the global keys that every request here has (aws:CurrentTime, aws:RequestedRegion, …) are there unless ContextEntries say
//   otherwise.
// Permission to ask about one principal tells nothing of others or of the rest of the account: under another CallerArn nothing
// that is stored counts, and no document of the request can feel for a resource's tags. SimulateCustomPolicy knows nothing but
// what it is given.
#include <fmt/core.h>

#include <algorithm>

#include "gate/decide.hpp"
#include "policy/arn.hpp"
#include "policy/context_keys.hpp"
#include "policy/reference.hpp"
#include "services/iam/operations.hpp"
#include "services/iam/registration.hpp"
#include "services/iam/simulated_policies.hpp"
#include "services/iam/simulation_input.hpp"

namespace services::iam {

using gate::Permit;
using policy::Layer;
using policy::Outcome;
using policy::PolicyKind;
using text::Json;

namespace {

// A page ends early rather than ask more than this: IAM says that it may.
constexpr size_t decisions_a_page_max = 10'000;

// Who is simulated, under which policies, and how answers name them.
struct Simulated {
    identity::Caller caller;
    Labels labels;
    std::vector<std::string> keys;  // that those policies ask about
};

std::string_view word_of(Outcome outcome) {
    return outcome == Outcome::allow ? "allowed" : outcome == Outcome::explicit_deny ? "explicitDeny" : "implicitDeny";
}

Outcome stricter(Outcome a, Outcome b) {
    const auto rank = [](Outcome one) { return one == Outcome::explicit_deny ? 2 : one == Outcome::implicit_deny ? 1 : 0; };
    return rank(a) < rank(b) ? b : a;
}

void add_keys(std::vector<std::string>& keys, const policy::Policy& policy) {
    for (std::string& key : policy::context_keys(policy.text()))
        if (std::ranges::find(keys, key) == keys.end()) keys.push_back(std::move(key));
}

SimulatedPolicy of_request(policy::PolicyPtr policy, std::string id) {
    SimulatedPolicy out;
    out.attached = {std::move(policy), id};
    out.id = std::move(id);
    return out;
}

// PolicyInputList, PermissionsBoundaryPolicyInputList and OrderedOrganizationPolicyInputList join the policies.
base::Result<void> add_inputs(const Json& input, Simulated& out) {
    auto& policies = out.caller.policies;
    size_t number = 0;
    for (const Json& document : input["PolicyInputList"].items()) {
        ++number;
        auto parsed = TRY(parse_input(document, PolicyKind::identity, fmt::format("Policy input list item {}", number)));
        const auto policy = of_request(std::move(parsed), fmt::format("PolicyInputList.{}", number));
        policies.identity.push_back(policy.attached);
        out.labels.add(policy);
    }
    const auto& boundaries = input["PermissionsBoundaryPolicyInputList"].items();
    if (boundaries.size() > 1)
        return base::fail("InvalidInput", "The list of Permissions Boundary policies cannot exceed 1 items.");
    if (!boundaries.empty()) {
        auto parsed = TRY(parse_input(boundaries.front(), PolicyKind::identity, "Permissions boundary policy input list item 1"));
        const auto policy = of_request(std::move(parsed), "PermissionsBoundaryPolicyInputList.1");
        policies.boundary = policy.attached;
        out.labels.add(policy);
    }
    size_t level = 0;
    for (const Json& documents : input["OrderedOrganizationPolicyInputList"].items()) {
        ++level;
        const auto& list = documents["ServiceControlPolicyInputList"].items();
        if (list.empty())
            return base::fail("InvalidInput", fmt::format("Organization policy at index {} must contain at least one service "
                                                          "control policy",
                                                          level));
        auto& attached = policies.service_control.emplace_back();
        for (const Json& document : list) {
            const auto name = fmt::format("OrderedOrganizationPolicyInputList.{}.{}", level, attached.size() + 1);
            const auto what =
                fmt::format("Service control policy {} of organization policy at index {}", attached.size() + 1, level);
            attached.push_back({TRY(parse_input(document, PolicyKind::service_control, what)), name});
        }
    }
    for (const auto& attached : policies.identity) add_keys(out.keys, *attached.policy);
    if (policies.boundary) add_keys(out.keys, *policies.boundary->policy);
    return {};
}

// What one layer says by itself.
Outcome alone(const policy::Request& request, const policy::PolicySet& layer_alone, Layer layer) {
    const auto decision = policy::evaluate(request, layer_alone);
    if (decision.outcome == Outcome::explicit_deny) return Outcome::explicit_deny;
    return std::ranges::find(decision.missing, layer) == decision.missing.end() ? Outcome::allow : Outcome::implicit_deny;
}

// What of the account counts beside the policies that are simulated.
enum class Stored : uint8_t {
    nothing,
    resource_policies,  // and who owns the resource
    everything,         // and what is known of the resource
};

// One action on one resource, decided.
struct Verdict {
    std::string resource;
    Outcome outcome = Outcome::implicit_deny;
    std::vector<policy::StatementRef> matched;
    std::vector<std::string> missing_keys;
    std::optional<bool> allowed_by_organization, allowed_by_boundary;
    std::map<std::string, Outcome> details;  // cross-account: what each type of policy says
};

class Simulator {
public:
    Simulator(const Simulated& simulated, const SimulationInput& input, policy::Context context, const SimulatorParts& parts,
              Stored stored)
        : simulated_(simulated),
          labels_(simulated.labels),
          input_(input),
          context_(std::move(context)),
          parts_(parts),
          stored_(stored) {
        const auto& policies = simulated.caller.policies;
        identity_.identity = policies.identity;
        boundary_.boundary = policies.boundary;
        organization_.service_control = policies.service_control;
        // NotPrincipal asks whether there is a boundary, whatever it says (R23).
        if (policies.boundary) resource_.boundary = policy::AttachedPolicy{allows_everything(), "boundary"};
    }

    Json result_of(const std::string& action) {
        std::vector<gate::Access> accesses;
        for (const std::string& resource : input_.resources) accesses.push_back(access_to(action, resource));
        std::vector<Verdict> verdicts;
        for (const gate::Access& access : accesses) {
            if (!input_.context.find("aws:RequestedRegion"))
                context_.replace("aws:RequestedRegion", gate::supposed_region(access, parts_.region));
            verdicts.push_back(verdict_of(gate::decide_each(simulated_.caller, {access}, context_).front(), access));
        }
        return show(action, verdicts);
    }

private:
    static const policy::PolicyPtr& allows_everything() {
        static const policy::PolicyPtr policy = policy::Policy::parse_stored(
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})", PolicyKind::identity);
        return policy;
    }

    // A role that is not there trusts nobody.
    static policy::AttachedPolicy trusts_nobody(const std::string& role) {
        static const policy::PolicyPtr policy = policy::Policy::parse_stored(
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:NoSuchRole"}]})",
            PolicyKind::trust);
        return {policy, "trust policy of " + role};
    }

    gate::Access access_to(const std::string& action, const std::string& resource) {
        const bool trust = is_about_trust(action, resource);
        gate::Access access{.action = action, .resource = resource};
        if (stored_ != Stored::nothing && !input_.has_resource_policy()) {
            if (auto found = parts_.access_to(action, resource)) access = std::move(*found);
            if (stored_ != Stored::everything) access.context = {};
        }
        const auto arn = policy::parse_arn(resource);
        if (arn && arn->account.size() == 12)
            access.resource_account = std::string(arn->account);
        else if (!input_.owner.empty())
            access.resource_account = input_.owner;
        const auto& given = trust ? input_.trust_policy : input_.resource_policy;
        if (given) access.resource_policy = policy::AttachedPolicy{given, "ResourcePolicy"};
        // A bucket's policy is kept bound to who its principals are (SEMANTICS R32): its columns are not those of the document.
        if (access.resource_policy && (given || trust))
            labels_.add(of_request(access.resource_policy->policy, access.resource_policy->name));
        if (trust && !access.resource_policy) access.resource_policy = trusts_nobody(resource);
        return access;
    }

    Verdict verdict_of(const audit::DecidedAccess& decided, const gate::Access& access) {
        const auto& [request, decision] = decided;
        const auto& policies = simulated_.caller.policies;
        Verdict out;
        out.resource = request.resource;
        out.outcome = decision.outcome;
        if (!policies.service_control.empty())
            out.allowed_by_organization = alone(request, organization_, Layer::service_control) == Outcome::allow;
        const bool ends_there = out.allowed_by_organization == false;  // nothing below is looked at
        if (policies.boundary && !ends_there)
            out.allowed_by_boundary = alone(request, boundary_, Layer::boundary) == Outcome::allow;
        if (!ends_there) {
            for (const auto& statement : decision.because) {
                const bool denies = decision.outcome == Outcome::explicit_deny && statement.layer == Layer::boundary;
                if (statement.layer == Layer::identity || statement.layer == Layer::resource || denies)
                    out.matched.push_back(statement);
            }
            if (request.resource_account != request.principal.account) out.details = details_of(request, access);
        }
        auto keys = simulated_.keys;
        if (access.resource_policy) add_keys(keys, *access.resource_policy->policy);
        std::erase_if(keys, [&](const std::string& key) { return request.context.find(key) != nullptr; });
        out.missing_keys = std::move(keys);
        return out;
    }

    std::map<std::string, Outcome> details_of(const policy::Request& request, const gate::Access& access) {
        std::map<std::string, Outcome> out;
        out["IAM Policy"] = alone(request, identity_, Layer::identity);
        if (access.resource_policy) {
            resource_.resource = access.resource_policy;
            out["Resource Policy"] = alone(request, resource_, Layer::resource);
        }
        if (boundary_.boundary) out["Permissions Boundary Policy"] = alone(request, boundary_, Layer::boundary);
        return out;
    }

    Json show_matched(const std::vector<policy::StatementRef>& matched) const {
        Json list = Json::array();
        for (const auto& statement : matched) {
            Json shown = labels_.show(statement);
            if (std::ranges::find(list.items(), shown) == list.items().end()) list.push(std::move(shown));
        }
        return list;
    }

    static Json show_details(const std::map<std::string, Outcome>& details) {
        Json out = Json::object();
        for (const auto& [type, outcome] : details) out.set(type, word_of(outcome));
        return out;
    }

    static void set_flag(Json& out, const char* structure, const char* member, std::optional<bool> value) {
        if (value) out.set(structure, Json::object({{member, *value}}));
    }

    static Json strings(const std::vector<std::string>& list) {
        Json out = Json::array();
        for (const auto& item : list) out.push(item);
        return out;
    }

    // The strictest of all resources, and each of them.
    Json show(const std::string& action, const std::vector<Verdict>& verdicts) const {
        Verdict all;
        all.outcome = Outcome::allow;
        Json each = Json::array();
        for (const Verdict& one : verdicts) {
            all.outcome = stricter(all.outcome, one.outcome);
            std::ranges::copy(one.matched, std::back_inserter(all.matched));
            for (const auto& key : one.missing_keys)
                if (std::ranges::find(all.missing_keys, key) == all.missing_keys.end()) all.missing_keys.push_back(key);
            const auto both = [](std::optional<bool> a, std::optional<bool> b) { return a && b ? *a && *b : a ? a : b; };
            all.allowed_by_organization = both(all.allowed_by_organization, one.allowed_by_organization);
            all.allowed_by_boundary = both(all.allowed_by_boundary, one.allowed_by_boundary);
            for (const auto& [type, outcome] : one.details) {
                const auto [at, added] = all.details.emplace(type, outcome);
                at->second = stricter(at->second, outcome);
            }
            Json shown = Json::object({{"EvalResourceName", one.resource},
                                       {"EvalResourceDecision", word_of(one.outcome)},
                                       {"MatchedStatements", show_matched(one.matched)},
                                       {"MissingContextValues", strings(one.missing_keys)}});
            if (!one.details.empty()) shown.set("EvalDecisionDetails", show_details(one.details));
            set_flag(shown, "PermissionsBoundaryDecisionDetail", "AllowedByPermissionsBoundary", one.allowed_by_boundary);
            each.push(std::move(shown));
        }
        const std::string resource = verdicts.size() == 1 ? verdicts.front().resource : std::string(policy::arn_format(action));
        Json out = Json::object({{"EvalActionName", action},
                                 {"EvalResourceName", resource},
                                 {"EvalDecision", word_of(all.outcome)},
                                 {"MatchedStatements", show_matched(all.matched)},
                                 {"MissingContextValues", strings(all.missing_keys)}});
        set_flag(out, "OrganizationsDecisionDetail", "AllowedByOrganizations", all.allowed_by_organization);
        set_flag(out, "PermissionsBoundaryDecisionDetail", "AllowedByPermissionsBoundary", all.allowed_by_boundary);
        if (input_.any_resource()) return out;
        if (all.allowed_by_organization != false) out.set("EvalDecisionDetails", show_details(all.details));
        out.set("ResourceSpecificResults", std::move(each));
        return out;
    }

    const Simulated& simulated_;
    Labels labels_;
    const SimulationInput& input_;
    policy::Context context_;
    const SimulatorParts& parts_;
    Stored stored_;
    policy::PolicySet identity_, boundary_, organization_, resource_;
};

base::Result<Json> simulate(const Simulated& simulated, const SimulationInput& input, const SimulatorParts& parts, base::Time now,
                            Stored stored) {
    auto context = gate::supposed_context(simulated.caller, {.region = parts.region, .now = now, .said = input.context});
    Simulator simulator(simulated, input, std::move(context), parts, stored);
    Json results = Json::array();
    size_t next = input.first;
    while (next < input.actions.size() && results.size() < input.most) {
        if (results.size() > 0 && (results.size() + 1) * input.resources.size() > decisions_a_page_max) break;
        results.push(simulator.result_of(input.actions[next++]));
    }
    const bool truncated = next < input.actions.size();
    Json out = Json::object({{"EvaluationResults", std::move(results)}, {"IsTruncated", truncated}});
    if (truncated) out.set("Marker", marker_of(next));
    return out;
}

// Somebody with this ARN who need not exist: known by the ARN alone. A role asks as one of its sessions.
identity::Caller caller_named(const std::string& arn, const EntityArn& parts) {
    identity::Caller caller;
    auto& principal = caller.principal;
    principal.account = parts.account;
    caller.context.set("aws:PrincipalArn", arn);
    caller.context.set("aws:PrincipalAccount", parts.account);
    if (parts.kind == identity::HolderKind::role) {
        principal.kind = policy::PrincipalKind::role_session;
        principal.arn = fmt::format("arn:aws:sts::{}:assumed-role/{}/simulated", parts.account, parts.name);
        principal.role_arn = arn;
        caller.session_name = "simulated";
        caller.context.set("aws:PrincipalType", "AssumedRole");
        return caller;
    }
    principal.kind = policy::PrincipalKind::user;
    principal.arn = principal.user_arn = arn;
    caller.context.set("aws:PrincipalType", "User");
    if (parts.kind == identity::HolderKind::user) caller.context.set("aws:username", parts.name);
    return caller;
}

base::Result<identity::Caller> other_caller(const std::string& arn) {
    const auto parts = parse_entity_arn(arn);
    if (!parts) return base::fail("InvalidInput", "Invalid caller - Caller must be an IAM user, role or group in this context.");
    return caller_named(arn, *parts);
}

// Somebody of the account, of whom nothing else is known.
identity::Caller anybody(const std::string& account) {
    identity::Caller caller;
    caller.principal.kind = policy::PrincipalKind::user;
    caller.principal.account = account;
    caller.principal.arn = caller.principal.user_arn = fmt::format("arn:aws:iam::{}:user/simulated", account);
    caller.context.set("aws:PrincipalAccount", account);
    return caller;
}

base::Result<Entity> source_of(const identity::Iam& iam, const std::string& account, const std::string& arn) {
    const auto parts = parse_entity_arn(arn);
    if (!parts) return base::fail("InvalidInput", fmt::format("Invalid ARN provided in the request: {}", arn));
    if (parts->account != account)
        return base::fail("InvalidInput", fmt::format("Invalid Policy Source Arn: caller's account {} does not have access to "
                                                      "policies in account {}.",
                                                      account, parts->account));
    auto found = find_entity(iam, *parts);
    if (!found) return base::fail("NoSuchEntity", "Unable to retrieve specified IAM entity.");
    return found;
}

// The entity as it would be as a caller.
base::Result<identity::Caller> caller_of(const identity::Directory& directory, const Entity& source) {
    const std::string& arn = source.entity().arn;
    switch (source.kind) {
        case identity::HolderKind::user:
            return directory.user_caller(arn);
        case identity::HolderKind::role:
            return directory.role_caller(arn, "simulated");
        case identity::HolderKind::group:
            break;
    }
    return caller_named(arn, {source.kind, source.entity().account, source.entity().name});
}

base::Result<Json> simulate_principal(const identity::Directory& directory, const identity::Iam& iam, const SimulatorParts& parts,
                                      const Permit& permit, const Json& input) {
    const Entity source = TRY(source_of(iam, permit.account(), input["PolicySourceArn"].as_string()));
    const Exclusions exclusions = TRY(Exclusions::read(input["PolicyExclusionList"]));
    const SimulationInput question = TRY(read_simulation(input));
    Simulated simulated;
    const bool another = input.contains("CallerArn") && input["CallerArn"].as_string() != source.entity().arn;
    simulated.caller = TRY(another ? other_caller(input["CallerArn"].as_string()) : caller_of(directory, source));
    auto& policies = simulated.caller.policies;
    policies.identity.clear();
    for (const SimulatedPolicy& policy : policies_of(iam, source)) {
        if (exclusions.leaves_out(policy)) continue;
        policies.identity.push_back(policy.attached);
        simulated.labels.add(policy);
    }
    policies.boundary.reset();
    if (!source.boundary().empty() && !exclusions.leaves_out_boundary()) {
        const auto boundary = managed_policy(iam, permit.account(), source.boundary());
        policies.boundary = boundary.attached;
        simulated.labels.add(boundary);
    }
    if (exclusions.leaves_out_service_control()) policies.service_control.clear();
    TRY(add_inputs(input, simulated));
    const Stored stored = another                               ? Stored::nothing
                          : input["PolicyInputList"].size() > 0 ? Stored::resource_policies
                                                                : Stored::everything;
    return simulate(simulated, question, parts, permit.time(), stored);
}

base::Result<Json> simulate_custom(const SimulatorParts& parts, const Permit& permit, const Json& input) {
    if (input.contains("ResourcePolicy") && !input.contains("CallerArn"))
        return base::fail("InvalidInput", "Invalid caller - Caller cannot be null or empty.");
    const SimulationInput question = TRY(read_simulation(input));
    Simulated simulated;
    simulated.caller =
        input.contains("CallerArn") ? TRY(other_caller(input["CallerArn"].as_string())) : anybody(permit.account());
    TRY(add_inputs(input, simulated));
    return simulate(simulated, question, parts, permit.time(), Stored::nothing);
}

base::Result<void> add_input_keys(const Json& input, std::vector<std::string>& keys) {
    size_t number = 0;
    for (const Json& document : input["PolicyInputList"].items()) {
        const auto what = fmt::format("Policy input list item {}", ++number);
        add_keys(keys, *TRY(parse_input(document, PolicyKind::identity, what)));
    }
    return {};
}

Json show_keys(const std::vector<std::string>& keys) {
    Json list = Json::array();
    for (const auto& key : keys) list.push(key);
    return Json::object({{"ContextKeyNames", std::move(list)}});
}

}  // namespace

void add_simulation_operations(Registration& registration, SimulatorParts simulator) {
    identity::Directory& directory = registration.directory();
    identity::Iam& iam = registration.iam();
    const auto parts = std::make_shared<const SimulatorParts>(std::move(simulator));
    // An entity is asked about by any path, and authorized by its own.
    const auto source = [&iam](const identity::Caller& caller, const Json& input) -> std::string {
        const std::string& said = input["PolicySourceArn"].as_string();
        const auto arn = parse_entity_arn(said);
        if (!arn || arn->account != caller.principal.account) return said;
        const auto found = find_entity(iam, *arn);
        return found ? found->entity().arn : said;
    };
    const auto account = [](const identity::Caller&, const Json&) -> std::string { return "*"; };
    registration.add("SimulatePrincipalPolicy", source, [&directory, &iam, parts](const Permit& permit, const Json& input) {
        return simulate_principal(directory, iam, *parts, permit, input);
    });
    registration.add("SimulateCustomPolicy", account,
                     [parts](const Permit& permit, const Json& input) { return simulate_custom(*parts, permit, input); });
    registration.add("GetContextKeysForPrincipalPolicy", source,
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         const Entity source = TRY(source_of(iam, permit.account(), input["PolicySourceArn"].as_string()));
                         std::vector<std::string> keys;
                         for (const auto& policy : policies_of(iam, source)) add_keys(keys, *policy.attached.policy);
                         TRY(add_input_keys(input, keys));
                         return show_keys(keys);
                     });
    registration.add("GetContextKeysForCustomPolicy", account, [](const Permit&, const Json& input) -> base::Result<Json> {
        std::vector<std::string> keys;
        TRY(add_input_keys(input, keys));
        return show_keys(keys);
    });
}

}  // namespace services::iam
