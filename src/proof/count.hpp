// How many more requests one set of identity policies allows than another: what a narrowed role has lost, as a number.
//
// Counted are pairs of an action of the catalogue and a resource that the action takes, as the literature on permissiveness does (Eiers, Sankaran,
// Bultan: Quantitative Policy Repair for Access Control on the Cloud): ARNs of one region and account, of at most `text_length_max` characters, each of
// U+0020 to U+007E, in which no part but the last holds a `/` or a `:`. The numbers are told as logarithms to the base 2.
//
// Circumstances are not counted: a pair is allowed if there are circumstances in which it is. So an Allow counts whatever its Condition, and a Deny if it
// has none. A variable of unknown value stands for any text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/attached.hpp"
#include "policy/request.hpp"
#include "proof/resources.hpp"

namespace proof {

struct CountLimits {
    size_t text_length_max = 256;       // characters of an ARN
    size_t states_max = 100'000;        // of the automaton of one action
    size_t all_states_max = 2'000'000;  // … of all actions together
};

struct RequestCount {
    // log2 of the number of pairs; nullopt: there is none.
    std::optional<double> before, after;
    std::optional<double> lost;          // allowed before, and not after
    std::vector<std::string> dropped;    // actions that were allowed on some resource, and are on none
    std::vector<std::string> narrowed;   // … and are on fewer
    std::vector<std::string> unchanged;  // … and are on as many
    std::string open;                    // not empty: which limit cut the count off; it is then of a part, and the lists as well
};

// `known`: the principal's own condition keys, for variables.
[[nodiscard]] RequestCount count_requests(const std::vector<policy::AttachedPolicy>& before,
                                          const std::vector<policy::AttachedPolicy>& after, const ResourceOwner& owner,
                                          const policy::Context& known, const CountLimits& limits = {});

}  // namespace proof
