// Who gets in, and how: the population that is asked about, and proof's ways as our answers show them.
#pragma once

#include <string>
#include <vector>

#include "model/trainwarden/operations.hpp"
#include "proof/reach.hpp"
#include "services/trainwarden/principals.hpp"
#include "services/trainwarden/targets.hpp"

namespace services::trainwarden {

// The candidates must outlive the askers, unmoved.
[[nodiscard]] std::vector<proof::Asker> askers_of(const std::vector<Candidate>& candidates);

// Those of this server, and whom the targets' policies name.
[[nodiscard]] std::vector<Candidate> population(const Dependencies& parts, const Targets& targets);

// The sessions of the role that session tags, a source identity or their name could let in where a new session is not, as far as its trust policy
// lets there be such sessions and policies ask; at most one. `of`: the role's place among the candidates.
[[nodiscard]] std::vector<Candidate> sessions_of_role(const Dependencies& parts, const Targets& targets, const Candidate& role,
                                                      size_t of);

// The names of actions, and patterns for the services that have all of them: s3:*, *.
[[nodiscard]] std::vector<std::string> shortened(const std::vector<std::string>& actions);

// As the answer has it. Of a candidate of another account, nothing of what its own policies say.
[[nodiscard]] model::trainwarden::WayIn shown(const proof::WayIn& way, const proof::Target& target, const Candidate& candidate);

// One request of a step, about its witness's resource alone. `known`: the principal's keys.
[[nodiscard]] model::trainwarden::WayIn shown_request(const proof::WayIn& way, const policy::Context& known);

// Does the gate decide the way's witness as allowed? It adds to what proof knows what services pass and Block Public Access.
[[nodiscard]] bool is_confirmed(const proof::WayIn& way, const proof::Target& target, const identity::Caller& caller);

// How answers name the principal.
[[nodiscard]] model::trainwarden::Principal shown_principal(const Candidate& candidate);

}  // namespace services::trainwarden
