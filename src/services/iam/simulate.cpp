// SimulatePrincipalPolicy and SimulateCustomPolicy: the real engine asked in advance, so that the answer is enforcement's own.
// Source: IAM API Reference; IAM User Guide, "IAM policy simulator" (SEMANTICS G7).
//
// What is simulated is one account: the caller's. Trust and bucket policies count only if the request brings them as
// ResourcePolicy.
#include <fmt/core.h>

#include <algorithm>

#include "base/strings.hpp"
#include "identity/iam.hpp"
#include "policy/arn.hpp"
#include "policy/evaluate.hpp"
#include "services/iam/present.hpp"
#include "services/iam/registration.hpp"

namespace services::iam {

using gate::Permit;
using policy::PolicyKind;
using text::Json;

namespace {

// Parsed with the engine's own rules; the simulator's error code for a bad document is InvalidInput.
base::Result<policy::AttachedPolicy> parse(const Json& document, PolicyKind kind, std::string name) {
    auto parsed = policy::Policy::parse(document.as_string(), kind);
    if (!parsed) return base::fail("InvalidInput", fmt::format("Invalid policy input. {}", parsed.error().message));
    return policy::AttachedPolicy{std::move(*parsed), std::move(name)};
}

base::Result<void> add_inputs(const Json& input, identity::Caller& caller) {
    size_t number = 0;
    for (const Json& document : input["PolicyInputList"].items()) {
        caller.policies.identity.push_back(
            TRY(parse(document, PolicyKind::identity, fmt::format("PolicyInputList.{}", ++number))));
    }
    const auto& boundaries = input["PermissionsBoundaryPolicyInputList"].items();
    if (boundaries.size() > 1) return base::fail("InvalidInput", "At most one permissions boundary can be simulated.");
    if (!boundaries.empty()) {
        caller.policies.boundary = TRY(parse(boundaries.front(), PolicyKind::identity, "PermissionsBoundaryPolicyInputList.1"));
    }
    if (input.contains("ResourcePolicy")) {
        caller.policies.resource = TRY(parse(input["ResourcePolicy"], PolicyKind::resource, "ResourcePolicy"));
    }
    for (const Json& entry : input["ContextEntries"].items()) {
        const std::string& key = entry["ContextKeyName"].as_string();
        std::vector<std::string> values = read_strings(entry["ContextKeyValues"]);
        if (entry["ContextKeyType"].as_string().ends_with("List")) {
            caller.context.set_list(key, std::move(values));
        } else if (values.size() == 1) {
            caller.context.set(key, std::move(values.front()));
        } else {
            return base::fail("InvalidInput", fmt::format("Context key {} must have one value.", key));
        }
    }
    return {};
}

std::string_view word_of(policy::Outcome outcome) {
    switch (outcome) {
        case policy::Outcome::allow:
            return "allowed";
        case policy::Outcome::explicit_deny:
            return "explicitDeny";
        case policy::Outcome::implicit_deny:
            break;
    }
    return "implicitDeny";
}

Json show(const policy::Request& request, const policy::Decision& decision, bool bounded) {
    Json statements = Json::array();
    for (const auto& one : decision.because) {
        Json statement = Json::object({{"SourcePolicyId", one.policy_name},
                                       {"SourcePolicyType", one.layer == policy::Layer::resource ? "resource" : "IAM Policy"}});
        statement.set("StartPosition", Json::object({{"Line", static_cast<int64_t>(one.info.position.line)},
                                                     {"Column", static_cast<int64_t>(one.info.position.column)}}));
        statements.push(std::move(statement));
    }
    Json out = Json::object({{"EvalActionName", request.action},
                             {"EvalResourceName", request.resource},
                             {"EvalDecision", word_of(decision.outcome)},
                             {"MatchedStatements", std::move(statements)}});
    if (bounded) {
        const auto missing = std::ranges::find(decision.missing, policy::Layer::boundary) != decision.missing.end();
        const bool denies = decision.outcome == policy::Outcome::explicit_deny && decision.layer == policy::Layer::boundary;
        out.set("PermissionsBoundaryDecisionDetail", Json::object({{"AllowedByPermissionsBoundary", !missing && !denies}}));
    }
    return out;
}

base::Result<Json> simulate(identity::Caller caller, const Json& input) {
    if (input.contains("ResourceHandlingOption")) {
        return base::fail("InvalidInput",
                          "ResourceHandlingOption is not supported by Trainwarden: name the resources that the action needs.");
    }
    TRY(add_inputs(input, caller));
    std::vector<std::string> resources = read_strings(input["ResourceArns"]);
    if (resources.empty()) resources.emplace_back("*");
    std::string owner;
    if (const auto arn = policy::parse_arn(input["ResourceOwner"].as_string())) owner = std::string(arn->account);
    std::vector<Row> rows;
    for (const std::string& action : read_strings(input["ActionNames"])) {
        if (action.find(':') == std::string::npos || action.find('*') != std::string::npos) {
            return base::fail("InvalidInput", fmt::format("Invalid Entity Id: {} is not the name of an action.", action));
        }
        for (const std::string& resource : resources) {
            policy::Request request;
            request.principal = caller.principal;
            request.action = action;
            request.resource = resource;
            request.resource_account = owner;
            request.context = caller.context;
            const auto decision = policy::evaluate(request, caller.policies);
            rows.push_back({fmt::format("{:06}", rows.size()), show(request, decision, caller.policies.boundary.has_value())});
        }
    }
    return page(input, "EvaluationResults", std::move(rows));
}

// The user or role whose policies are simulated, as it would be as a caller.
base::Result<identity::Caller> caller_of(const identity::Directory& directory, const std::string& account,
                                         const std::string& arn) {
    const auto parts = policy::parse_arn(arn);
    if (!parts || parts->account != account) {
        return base::fail("InvalidInput",
                          fmt::format("Invalid Entity Arn: {} does not clearly define entity type and name.", arn));
    }
    if (parts->resource.starts_with("role/")) return directory.role_caller(arn, "simulated");
    for (auto& caller : directory.all_callers()) {
        if (caller.principal.arn == arn) return std::move(caller);
    }
    return base::fail("NoSuchEntity", fmt::format("The principal {} cannot be found.", arn));
}

}  // namespace

void add_simulation_operations(Registration& registration) {
    identity::Directory& directory = registration.directory();
    const auto on_source = [](const identity::Caller&, const Json& input) -> base::Result<gate::Access> {
        gate::Access access;
        access.resource = input["PolicySourceArn"].as_string();
        return access;
    };
    registration.add(
        "SimulatePrincipalPolicy", on_source, [&directory](const Permit& permit, const Json& input) -> base::Result<Json> {
            const std::string& source = input["PolicySourceArn"].as_string();
            if (input.contains("CallerArn") && input["CallerArn"].as_string() != source) {
                return base::fail("InvalidInput", "CallerArn other than PolicySourceArn is not supported by Trainwarden.");
            }
            return simulate(TRY(caller_of(directory, permit.account(), source)), input);
        });
    registration.add(
        "SimulateCustomPolicy", Registration::on_account(), [](const Permit& permit, const Json& input) -> base::Result<Json> {
            if (input.contains("CallerArn")) {
                return base::fail("InvalidInput", "CallerArn is not supported by Trainwarden in SimulateCustomPolicy.");
            }
            // Somebody of the account who has nothing but what the request brings.
            identity::Caller nobody;
            nobody.principal.kind = policy::PrincipalKind::user;
            nobody.principal.account = permit.account();
            nobody.principal.arn = nobody.principal.user_arn = fmt::format("arn:aws:iam::{}:user/simulated", permit.account());
            return simulate(std::move(nobody), input);
        });
}

}  // namespace services::iam
