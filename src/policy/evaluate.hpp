// Decides one request against every policy that applies (SEMANTICS.md section 1).
//
// The rule: an explicit deny anywhere wins; every ceiling that is present (RCP, SCP, VPC endpoint,
// boundary, session) must allow; then one
// identity or resource allow is enough in the same account, both across accounts. Otherwise: implicit deny.
//
// Pure: same inputs, same Decision. Nothing here reads a clock, a file or a socket: aws:CurrentTime is in the request.
// A statement that cannot be evaluated never allows, and denies if its effect is Deny (fail closed).
//
// Only the gate asks, and proof (tests/layers.py): all others ask the gate, where the decision is recorded.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "policy/attached.hpp"
#include "policy/decision.hpp"
#include "policy/question.hpp"
#include "policy/request.hpp"

namespace policy {

// `resource`: the policy of the resource; nullptr: it has none.
[[nodiscard]] Decision evaluate(const Question& question, const PrincipalPolicies& policies, const AttachedPolicy* resource);
[[nodiscard]] Decision evaluate(const Request& request, const PolicySet& policies);

// A statement that allowed something. Points into the policies that were asked.
struct Granting {
    Layer layer;
    uint32_t statement;
    const AttachedPolicy* policy;
};

// The decision without its reasons: the same walk, taking no notes and stopping where the outcome is settled. Allocates nothing.
struct Verdict {
    static constexpr size_t granting_max = 20;  // an organization's levels included; of more, the first

    Outcome outcome = Outcome::implicit_deny;
    Layer layer = Layer::identity;  // as in Decision
    uint16_t missing = 0;           // implicit deny: the bit 1 << layer of every layer that had to allow and did not

    // Allowed: for each layer that allowed it (for each level of an organization), the first statement whose grant was the strongest that
    // the walk met. In the order of Decision::because.
    [[nodiscard]] std::span<const Granting> granting() const { return {granting_.data(), granting_count_}; }
    void add(const Granting& granting) {
        if (granting_count_ < granting_max) granting_[granting_count_++] = granting;
    }
    explicit operator bool() const = delete;

private:
    size_t granting_count_ = 0;
    std::array<Granting, granting_max> granting_;  // as many as granting_count_
};
[[nodiscard]] Verdict decide(const Question& question, const PrincipalPolicies& policies, const AttachedPolicy* resource);
[[nodiscard]] Verdict decide(const Question& question, const PolicySet& policies);
// The same outcome, layer and missing layers, from what is left of the policies. Where several statements of a layer are the strongest that
// allow, it may name another one. REQUIRES: of this caller, these policies (the objects), this resource's policy and action, and every known
// key has the value that it had then. A context with ambiguous keys is decided on all policies.
class Residual;
[[nodiscard]] Verdict decide(const Question& question, const PrincipalPolicies& policies, const AttachedPolicy* resource,
                             const Residual& residual);

// REQUIRES: the policies that were asked are still there.
[[nodiscard]] StatementRef reference_to(const Granting& granting);
// A Decision for what the verdict allows: with one statement for each layer.
[[nodiscard]] Decision decision_of(const Verdict& verdict);

}  // namespace policy
