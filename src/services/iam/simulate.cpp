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
#include <array>

#include "base/error_codes.hpp"
#include "gate/decide.hpp"
#include "model/iam/service.hpp"
#include "model/iam/simulation.hpp"
#include "policy/arn.hpp"
#include "policy/context_keys.hpp"
#include "policy/reference.hpp"
#include "services/iam/request.hpp"
#include "services/iam/resources.hpp"
#include "services/iam/simulated_policies.hpp"
#include "services/iam/simulation_input.hpp"

namespace services::iam {

using policy::Layer;
using policy::Outcome;
using policy::PolicyKind;

namespace {

// A page ends early rather than ask more than this: IAM says that it may.
constexpr size_t decisions_a_page_max = 10'000;

// Who is simulated, under which policies, and how answers name them.
struct Simulated {
    identity::Caller caller;
    Labels labels;
    std::vector<std::string> keys;  // that those policies ask about
};

using Decision = m::PolicyEvaluationDecisionType;

Decision shown(Outcome outcome) {
    return outcome == Outcome::allow           ? Decision::allowed
           : outcome == Outcome::explicit_deny ? Decision::explicit_deny
                                               : Decision::implicit_deny;
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
Result<void> add_inputs(const SimulationRequest& in, Simulated& out) {
    auto& policies = out.caller.policies;
    size_t number = 0;
    for (const auto& document : in.policies) {
        ++number;
        auto parsed = TRY(parse_input(document, PolicyKind::identity, fmt::format("Policy input list item {}", number)));
        const auto policy = of_request(std::move(parsed), fmt::format("PolicyInputList.{}", number));
        policies.identity.push_back(policy.attached);
        out.labels.add(policy);
    }
    if (in.boundaries.size() > 1)
        return base::fail(base::code::InvalidInput, "The list of Permissions Boundary policies cannot exceed 1 items.");
    if (!in.boundaries.empty()) {
        auto parsed =
            TRY(parse_input(in.boundaries.front(), PolicyKind::identity, "Permissions boundary policy input list item 1"));
        const auto policy = of_request(std::move(parsed), "PermissionsBoundaryPolicyInputList.1");
        policies.boundary = policy.attached;
        out.labels.add(policy);
    }
    size_t level = 0;
    for (const auto& documents : in.organization_policies) {
        ++level;
        const auto list = model::items(documents.service_control_policy_input_list);
        if (list.empty())
            return base::fail(base::code::InvalidInput,
                              fmt::format("Organization policy at index {} must contain at least one service "
                                          "control policy",
                                          level));
        auto& attached = policies.service_control.emplace_back();
        for (const auto& document : list) {
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
    Simulator(const Simulated& simulated, const SimulationInput& input, policy::Context context,
              const SimulatorDependencies& dependencies, Stored stored)
        : simulated_(simulated),
          labels_(simulated.labels),
          input_(input),
          context_(std::move(context)),
          dependencies_(dependencies),
          stored_(stored) {}

    m::EvaluationResult result_of(const std::string& action) {
        std::vector<gate::Access> accesses;
        for (const std::string& resource : input_.resources) accesses.push_back(access_to(action, resource));
        std::vector<Verdict> verdicts;
        for (const gate::Access& access : accesses) {
            if (!input_.context.find("aws:RequestedRegion"))
                context_.replace("aws:RequestedRegion", gate::supposed_region(access, dependencies_.region));
            verdicts.push_back(verdict_of(gate::decide_each(simulated_.caller, {access}, context_).front(), access));
        }
        return shown_result(action, verdicts);
    }

private:
    gate::Access access_to(const std::string& action, const std::string& resource) {
        const bool trust = is_about_trust(action, resource);
        gate::Access access{.action = action, .resource = resource};
        if (stored_ != Stored::nothing && !input_.has_resource_policy()) {
            if (auto found = gate::asked_access(*dependencies_.describer, action, resource, simulated_.caller.principal.account,
                                                &input_.context))
                access = std::move(*found);
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
        if (trust && !access.resource_policy) access.resource_policy = trusts_no_one(resource);
        return access;
    }

    Verdict verdict_of(const audit::DecidedAccess& decided, const gate::Access& access) {
        const auto& [request, decision] = decided;
        const auto& policies = simulated_.caller.policies;
        Verdict out;
        out.resource = request.resource;
        out.outcome = decision.outcome;
        if (!policies.service_control.empty())
            out.allowed_by_organization = decision.said_by(Layer::service_control) == Outcome::allow;
        const bool ends_there = out.allowed_by_organization == false;  // nothing below is looked at
        if (policies.boundary && !ends_there) out.allowed_by_boundary = decision.said_by(Layer::boundary) == Outcome::allow;
        if (!ends_there) {
            for (const auto& statement : decision.because) {
                const bool denies = decision.outcome == Outcome::explicit_deny && statement.layer == Layer::boundary;
                if (statement.layer == Layer::identity || statement.layer == Layer::resource || denies)
                    out.matched.push_back(statement);
            }
            if (request.resource_account != request.principal.account) out.details = details_of(decision, access);
        }
        auto keys = simulated_.keys;
        if (access.resource_policy) add_keys(keys, *access.resource_policy->policy);
        std::erase_if(keys, [&](const std::string& key) { return request.context.find(key) != nullptr; });
        out.missing_keys = std::move(keys);
        return out;
    }

    std::map<std::string, Outcome> details_of(const policy::Decision& decision, const gate::Access& access) const {
        std::map<std::string, Outcome> out;
        out["IAM Policy"] = decision.said_by(Layer::identity);
        if (access.resource_policy) out["Resource Policy"] = decision.said_by(Layer::resource);
        if (simulated_.caller.policies.boundary) out["Permissions Boundary Policy"] = decision.said_by(Layer::boundary);
        return out;
    }

    [[nodiscard]] std::vector<m::Statement> shown_matched(const std::vector<policy::StatementRef>& matched) const {
        const auto place = [](const std::optional<m::Position>& at) {
            return at ? std::pair(at->line, at->column) : std::pair<std::optional<int32_t>, std::optional<int32_t>>();
        };
        const auto parts = [&](const m::Statement& one) {
            return std::tuple(one.source_policy_id, one.source_policy_type, place(one.start_position), place(one.end_position));
        };
        std::vector<m::Statement> list;
        for (const auto& statement : matched) {
            auto one = labels_.shown(statement);
            if (std::ranges::find(list, parts(one), parts) == list.end()) list.push_back(std::move(one));
        }
        return list;
    }

    static model::Map<Decision> shown_details(const std::map<std::string, Outcome>& details) {
        model::Map<Decision> out;
        for (const auto& [type, outcome] : details) out.emplace_back(type, shown(outcome));
        return out;
    }

    static std::optional<m::PermissionsBoundaryDecisionDetail> shown_boundary(std::optional<bool> allowed) {
        if (!allowed) return std::nullopt;
        return m::PermissionsBoundaryDecisionDetail{.allowed_by_permissions_boundary = allowed};
    }

    [[nodiscard]] m::ResourceSpecificResult shown_one(const Verdict& one) const {
        m::ResourceSpecificResult out{
            .eval_resource_name = one.resource,
            .eval_resource_decision = shown(one.outcome),
            .matched_statements = shown_matched(one.matched),
            .missing_context_values = one.missing_keys,
            .permissions_boundary_decision_detail = shown_boundary(one.allowed_by_boundary),
        };
        if (!one.details.empty()) out.eval_decision_details = shown_details(one.details);
        return out;
    }

    // The strictest of all resources.
    static Verdict strictest(const std::vector<Verdict>& verdicts) {
        Verdict all;
        all.outcome = Outcome::allow;
        const auto both = [](std::optional<bool> a, std::optional<bool> b) { return a && b ? *a && *b : a ? a : b; };
        for (const Verdict& one : verdicts) {
            all.outcome = stricter(all.outcome, one.outcome);
            std::ranges::copy(one.matched, std::back_inserter(all.matched));
            for (const auto& key : one.missing_keys)
                if (std::ranges::find(all.missing_keys, key) == all.missing_keys.end()) all.missing_keys.push_back(key);
            all.allowed_by_organization = both(all.allowed_by_organization, one.allowed_by_organization);
            all.allowed_by_boundary = both(all.allowed_by_boundary, one.allowed_by_boundary);
            for (const auto& [type, outcome] : one.details) {
                const auto [at, added] = all.details.emplace(type, outcome);
                at->second = stricter(at->second, outcome);
            }
        }
        return all;
    }

    [[nodiscard]] m::EvaluationResult shown_result(const std::string& action, const std::vector<Verdict>& verdicts) const {
        const Verdict all = strictest(verdicts);
        m::EvaluationResult out{
            .eval_action_name = action,
            .eval_resource_name = verdicts.size() == 1 ? verdicts.front().resource : std::string(policy::arn_format(action)),
            .eval_decision = shown(all.outcome),
            .matched_statements = shown_matched(all.matched),
            .missing_context_values = all.missing_keys,
            .permissions_boundary_decision_detail = shown_boundary(all.allowed_by_boundary),
        };
        if (all.allowed_by_organization)
            out.organizations_decision_detail =
                m::OrganizationsDecisionDetail{.allowed_by_organizations = all.allowed_by_organization};
        if (input_.any_resource()) return out;
        if (all.allowed_by_organization != false) out.eval_decision_details = shown_details(all.details);
        auto& each = out.resource_specific_results.emplace();
        for (const Verdict& one : verdicts) each.push_back(shown_one(one));
        return out;
    }

    const Simulated& simulated_;
    Labels labels_;
    const SimulationInput& input_;
    policy::Context context_;
    const SimulatorDependencies& dependencies_;
    Stored stored_;
};

Result<m::SimulatePolicyResponse> simulate(const Simulated& simulated, const SimulationInput& input,
                                           const SimulatorDependencies& dependencies, base::Time now, Stored stored) {
    auto context = gate::supposed_context(simulated.caller, {.region = dependencies.region, .now = now, .said = input.context});
    Simulator simulator(simulated, input, std::move(context), dependencies, stored);
    std::vector<m::EvaluationResult> results;
    size_t next = input.first;
    while (next < input.actions.size() && results.size() < input.most) {
        if (!results.empty() && (results.size() + 1) * input.resources.size() > decisions_a_page_max) break;
        results.push_back(simulator.result_of(input.actions[next++]));
    }
    const bool truncated = next < input.actions.size();
    m::SimulatePolicyResponse out{.evaluation_results = std::move(results), .is_truncated = truncated};
    if (truncated) out.marker = marker_of(next);
    return out;
}

// A principal with this ARN, which need not exist: known by the ARN alone. A role asks as one of its sessions.
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

Result<identity::Caller> other_caller(const std::string& arn) {
    const auto parts = parse_entity_arn(arn);
    if (!parts)
        return base::fail(base::code::InvalidInput,
                          "Invalid caller - Caller must be an IAM user, role or group in this context.");
    return caller_named(arn, *parts);
}

// A principal of the account, of which nothing else is known.
identity::Caller some_principal(const std::string& account) {
    identity::Caller caller;
    caller.principal.kind = policy::PrincipalKind::user;
    caller.principal.account = account;
    caller.principal.arn = caller.principal.user_arn = fmt::format("arn:aws:iam::{}:user/simulated", account);
    caller.context.set("aws:PrincipalAccount", account);
    return caller;
}

Result<Entity> source_of(const identity::Iam& iam, const std::string& account, const std::string& arn) {
    const auto parts = parse_entity_arn(arn);
    if (!parts) return base::fail(base::code::InvalidInput, fmt::format("Invalid ARN provided in the request: {}", arn));
    if (parts->account != account)
        return base::fail(base::code::InvalidInput,
                          fmt::format("Invalid Policy Source Arn: caller's account {} does not have access to "
                                      "policies in account {}.",
                                      account, parts->account));
    auto found = find_entity(iam, *parts);
    if (!found) return base::fail(base::code::NoSuchEntity, "Unable to retrieve specified IAM entity.");
    return found;
}

// The entity as it would be as a caller.
Result<identity::Caller> caller_of(const identity::Directory& directory, const Entity& source) {
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

Result<m::SimulatePolicyResponse> simulate_principal(Iam& iam, const Permit& permit,
                                                     const m::SimulatePrincipalPolicyRequest& in) {
    const SimulationRequest request(in);
    const Entity source = TRY(source_of(iam.entities(), permit.account(), in.policy_source_arn));
    const Exclusions exclusions = TRY(Exclusions::read(model::items(in.policy_exclusion_list)));
    const SimulationInput question = TRY(read_simulation(request));
    Simulated simulated;
    const bool another = in.caller_arn && *in.caller_arn != source.entity().arn;
    simulated.caller = TRY(another ? other_caller(*in.caller_arn) : caller_of(iam.directory, source));
    auto& policies = simulated.caller.policies;
    policies.identity.clear();
    for (const SimulatedPolicy& policy : policies_of(iam.entities(), source)) {
        if (exclusions.leaves_out(policy)) continue;
        policies.identity.push_back(policy.attached);
        simulated.labels.add(policy);
    }
    policies.boundary.reset();
    if (!source.boundary().empty() && !exclusions.leaves_out_boundary()) {
        const auto boundary = managed_policy(iam.entities(), permit.account(), source.boundary());
        policies.boundary = boundary.attached;
        simulated.labels.add(boundary);
    }
    if (exclusions.leaves_out_service_control()) policies.service_control.clear();
    TRY(add_inputs(request, simulated));
    const Stored stored = another ? Stored::nothing : !request.policies.empty() ? Stored::resource_policies : Stored::everything;
    return simulate(simulated, question, iam.simulator, permit.time(), stored);
}

Result<m::SimulatePolicyResponse> simulate_custom(Iam& iam, const Permit& permit, const m::SimulateCustomPolicyRequest& in) {
    if (in.resource_policy && !in.caller_arn)
        return base::fail(base::code::InvalidInput, "Invalid caller - Caller cannot be null or empty.");
    const SimulationRequest request(in);
    const SimulationInput question = TRY(read_simulation(request));
    Simulated simulated;
    simulated.caller = in.caller_arn ? TRY(other_caller(*in.caller_arn)) : some_principal(permit.account());
    TRY(add_inputs(request, simulated));
    return simulate(simulated, question, iam.simulator, permit.time(), Stored::nothing);
}

Result<void> add_input_keys(std::span<const std::string> documents, std::vector<std::string>& keys) {
    size_t number = 0;
    for (const auto& document : documents) {
        const auto what = fmt::format("Policy input list item {}", ++number);
        add_keys(keys, *TRY(parse_input(document, PolicyKind::identity, what)));
    }
    return {};
}

Result<m::GetContextKeysForPolicyResponse> principal_keys(Iam& iam, const Permit& permit,
                                                          const m::GetContextKeysForPrincipalPolicyRequest& in) {
    const Entity source = TRY(source_of(iam.entities(), permit.account(), in.policy_source_arn));
    std::vector<std::string> keys;
    for (const auto& policy : policies_of(iam.entities(), source)) add_keys(keys, *policy.attached.policy);
    TRY(add_input_keys(model::items(in.policy_input_list), keys));
    return m::GetContextKeysForPolicyResponse{.context_key_names = std::move(keys)};
}

Result<m::GetContextKeysForPolicyResponse> custom_keys(Iam&, const Permit&, const m::GetContextKeysForCustomPolicyRequest& in) {
    std::vector<std::string> keys;
    TRY(add_input_keys(in.policy_input_list, keys));
    return m::GetContextKeysForPolicyResponse{.context_key_names = std::move(keys)};
}

Result<RequiredAccesses<>> simulate_needs(const Iam& iam, const RequestOrigin& asking,
                                          const m::SimulatePrincipalPolicyRequest& in) {
    return source_needs(iam.entities(), asking, m::Action::iam_SimulatePrincipalPolicy, in.policy_source_arn);
}

Result<RequiredAccesses<>> keys_needs(const Iam& iam, const RequestOrigin& asking,
                                      const m::GetContextKeysForPrincipalPolicyRequest& in) {
    return source_needs(iam.entities(), asking, m::Action::iam_GetContextKeysForPrincipalPolicy, in.policy_source_arn);
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Iam>>({
    operation<m::SimulatePrincipalPolicy, simulate_principal, simulate_needs>(),
    operation<m::SimulateCustomPolicy, simulate_custom>(),
    operation<m::GetContextKeysForPrincipalPolicy, principal_keys, keys_needs>(),
    operation<m::GetContextKeysForCustomPolicy, custom_keys>(),
});

}  // namespace

Rows simulation_operations() { return operations; }

}  // namespace services::iam
