// A second evaluator, for tests only: the semantics transcribed rule by rule, naive on purpose. It shares with the engine the
// request, the readers of JSON, base64 and ISO dates and the catalogue of actions, and nothing else: no compiled statements, no
// globs, no typed values, no index.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "grammar.hpp"
#include "policy/evaluate.hpp"

namespace reference {

// Where the public simulator that the peer test asks reads AWS's pages differently. Each is a row of docs/disagreements.md, under
// this very name, with the page that settles it. All false is SEMANTICS: what the engine must do.
struct Reading {
    bool variables_in_every_version = false;
    bool incomparable_fails_negation = false;
    bool epochs_and_dates_unmixed = false;
    bool numbers_by_prefix = false;
    bool ipv6_as_text = false;
    bool zero_prefix_is_one_address = false;
    bool wildcards_stop_at_newline = false;
    bool empty_values_compared = false;
    bool empty_list_is_present = false;
    bool any_value_if_exists_fails = false;
    bool booleans_only = false;
    bool escapes_only_beside_wildcards = false;
    bool empty_value_is_no_value = false;
    bool list_takes_default = false;
    bool unresolved_not_resource_fails = false;
    bool arns_by_segment = false;
    bool partitions_ignored = false;
    bool not_principal_by_any_level = false;
    bool root_is_a_user = false;
    bool session_policy_caps_everything = false;
    bool federated_session_uncapped = false;
    bool trust_optional = false;
    bool anonymous_assumes_roles = false;
    bool control_policies_bind_everyone = false;
    bool resource_control_of_every_service = false;
};
struct NamedReading {
    const char* name;
    bool Reading::* flag;
};
[[nodiscard]] const std::vector<NamedReading>& all_readings();

struct Layers {
    std::vector<Document> identity;
    std::optional<Document> boundary;
    std::optional<std::vector<Document>> session;
    std::vector<std::vector<Document>> service_control, resource_control;
    std::optional<Document> resource, vpc_endpoint;
};

// Reads each policy's text again.
[[nodiscard]] Layers read(const policy::PolicySet& policies);

struct Answer {
    policy::Outcome outcome = policy::Outcome::implicit_deny;
    std::set<policy::Layer> missing;                                  // implicit deny: who had to allow and did not
    std::set<std::tuple<policy::Layer, std::string, size_t>> denies;  // explicit deny: layer, policy, statement
};
[[nodiscard]] Answer evaluate(const policy::Request& request, const Layers& layers, const Reading& reading = {});

// One line of a Condition block; for measuring generated conditions too.
[[nodiscard]] bool condition_holds(std::string op, const std::string& key, const std::vector<std::string>& wanted, bool variables,
                                   const policy::Context& context, const Reading& reading = {});

// One item of an Action or Resource element against a request; `action` is in lower case.
[[nodiscard]] bool action_matches(const std::string& item, const std::string& action);
struct ResourceMatch {
    bool matches = false;
    bool unsettled = false;  // no match, but for want of a variable's value (R68) or of an ARN
};
[[nodiscard]] ResourceMatch resource_matches(const std::string& item, const std::string& resource, policy::PolicyKind kind,
                                             bool variables, const policy::Context& context, const Reading& reading = {});

}  // namespace reference
