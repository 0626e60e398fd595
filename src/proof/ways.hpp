// The ways in which one principal may do something to some resources: which statements allow it, on what conditions, and a request for each.
//
// A way is a smallest set of statements, of all kinds of policies, that allow some request together. They are found by asking again with
// statements of the ways before left out. Every way's request has been decided by the engine as allowed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "policy/decision.hpp"
#include "proof/prove.hpp"

namespace proof {

// Resources that have the same policy and the same condition keys, and what is asked about them.
struct Target {
    std::vector<std::string> actions;                // patterns, as in policies
    std::vector<std::string> except;                 // actions that are left out: patterns
    std::vector<std::string> resources;              // patterns
    const policy::AttachedPolicy* policy = nullptr;  // nullptr: they have none
    std::string account;                             // who owns them
    policy::Context known;                           // the keys that they bring: aws:ResourceTag/…
    std::string region = "us-east-1";
    std::vector<std::string> absent = {};  // keys that they lack (Subject::absent)
    bool restricts_public = false;         // RestrictPublicBuckets (R79): the policy grants nothing to anonymous callers …
    bool policy_is_public = false;         // … and this one nothing to any other account
};

struct WayLimits {
    size_t ways_max = 16;       // of one principal, for one target and actions that policies do not tell apart
    size_t questions_max = 48;  // that are asked to find them
    Limits each;
};

struct StatementOf {
    policy::Layer layer = policy::Layer::identity;
    const policy::AttachedPolicy* policy = nullptr;
    uint32_t statement = 0;
    auto operator<=>(const StatementOf&) const = default;
};

struct WayIn {
    std::vector<std::string> actions;     // each of them; as AWS writes them
    std::vector<StatementOf> allowed_by;  // one for each layer that allows it; none: the root user, or what every principal may
    std::vector<StatementOf> denied_by;   // statements that deny some of these requests
    policy::Request witness;              // for one of the actions
    std::vector<policy::Request> others = {};  // for one of each further service's
    // Patterns of the resources: those that are asked about as far as every one of the allowing statements' Resource elements goes. Patterns
    // that are joined by ` & ` must all match.
    std::vector<std::string> resources = {};
};

struct WaysIn {
    std::vector<WayIn> found;
    std::string open;  // not empty: there may be more; what cut it off, or what is not known
    size_t questions = 0;
};

// `known`: circumstances that are settled. The policies must outlive the answer.
[[nodiscard]] WaysIn ways_of(const Subject& subject, const policy::PrincipalPolicies& policies, const Target& target,
                             const policy::Context& known, const WayLimits& limits = {});

// May a request for the action be about a resource that matches one of the patterns?
[[nodiscard]] bool is_about(const std::string& action, const std::vector<std::string>& resources, const std::string& account,
                            const std::string& region);

// For people.
[[nodiscard]] policy::StatementRef reference_to(const StatementOf& statement);

// One condition of a statement, as its document has it.
struct StatementCondition {
    std::string op, key;
    std::vector<std::string> values;
};
// Its Resource element, or its NotResource element; as written.
struct StatementResources {
    std::vector<std::string> patterns;
    bool all_but = false;
};
[[nodiscard]] StatementResources resources_of(const StatementOf& statement);

// What a statement's Condition says; without what holds, or fails, by what is known already.
[[nodiscard]] std::vector<StatementCondition> conditions_of(const StatementOf& statement, const policy::Context& known);

}  // namespace proof
