// What a simulation is asked: the actions, the resources and the circumstances, checked as IAM checks them. The errors are
// `InvalidInput` with IAM's messages.
//
// Source: IAM API Reference, "SimulateCustomPolicy", "ContextEntry"; SEMANTICS G7 (lengths are checked by the service model).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "policy/evaluate.hpp"
#include "policy/request.hpp"
#include "text/json.hpp"

namespace services::iam {

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

[[nodiscard]] base::Result<SimulationInput> read_simulation(const text::Json& input);

// Does a role's trust policy decide this?
[[nodiscard]] bool is_about_trust(std::string_view action, std::string_view resource);

// A document of the request; `what` is the subject of the error: "Policy input list item 1 has invalid content".
[[nodiscard]] base::Result<policy::PolicyPtr> parse_input(const text::Json& document, policy::PolicyKind kind,
                                                          const std::string& what);

// The Marker of the page that begins with this action.
[[nodiscard]] std::string marker_of(size_t action);

}  // namespace services::iam
