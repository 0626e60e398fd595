// What a simulation is asked: the actions, the resources and the circumstances, checked as IAM checks them. The errors are
// `InvalidInput` with IAM's messages.
//
// Source: IAM API Reference, "SimulateCustomPolicy", "ContextEntry"; SEMANTICS G7 (lengths are checked by the service model).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/iam/simulation.hpp"
#include "policy/attached.hpp"
#include "policy/request.hpp"

namespace services::iam {

// What the requests of SimulatePrincipalPolicy and SimulateCustomPolicy have in common: views of one of them.
struct SimulationRequest {
    std::span<const std::string> policies, boundaries, actions, resources;
    std::span<const model::iam::OrderedOrganizationPolicyType> organization_policies;
    std::span<const model::iam::ContextEntry> context_entries;
    const std::optional<std::string>&resource_policy, &resource_owner, &caller_arn, &resource_handling_option, &marker;
    std::optional<int32_t> max_items;

    template <class Input>
    explicit SimulationRequest(const Input& in)
        : boundaries(model::items(in.permissions_boundary_policy_input_list)),
          actions(in.action_names),
          resources(model::items(in.resource_arns)),
          context_entries(model::items(in.context_entries)),
          resource_policy(in.resource_policy),
          resource_owner(in.resource_owner),
          caller_arn(in.caller_arn),
          resource_handling_option(in.resource_handling_option),
          marker(in.marker),
          max_items(in.max_items) {
        if constexpr (requires { in.ordered_organization_policy_input_list; })
            organization_policies = model::items(in.ordered_organization_policy_input_list);
        if constexpr (requires { in.policy_input_list->size(); })
            policies = model::items(in.policy_input_list);
        else
            policies = in.policy_input_list;
    }
};

struct SimulationInput {
    std::vector<std::string> actions;
    std::vector<std::string> resources;  // at least one; `*` stands alone
    std::string owner;                   // the account of ResourceOwner; empty: not said
    policy::Context context;             // ContextEntries
    // ResourcePolicy, parsed as what it has to be for these actions: a role's trust policy for sts: actions on roles.
    policy::PolicyPtr trust_policy, resource_policy;
    // The page: actions from `first`, at most `most`.
    size_t first = 0, most = 0;

    [[nodiscard]] bool any_resource() const { return resources.front() == "*"; }
    [[nodiscard]] bool has_resource_policy() const { return trust_policy || resource_policy; }
};

[[nodiscard]] base::Result<SimulationInput> read_simulation(const SimulationRequest& in);

// Does a role's trust policy decide this?
[[nodiscard]] bool is_about_trust(std::string_view action, std::string_view resource);

// A document of the request; `what` is the subject of the error: "Policy input list item 1 has invalid content".
[[nodiscard]] base::Result<policy::PolicyPtr> parse_input(const std::string& document, policy::PolicyKind kind,
                                                          const std::string& what);

// The Marker of the page that begins with this action.
[[nodiscard]] std::string marker_of(size_t action);

}  // namespace services::iam
