// The lines of one principal about one part of the world: what is allowed on one side and refused on the other.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/decision.hpp"
#include "policy/evaluate.hpp"
#include "proof/difference.hpp"
#include "proof/unknown_resources.hpp"
#include "proof/words.hpp"

namespace proof {

// All that applies to one principal, at one time, where the question is about.
struct Side {
    const policy::PrincipalPolicies* policies = nullptr;
    std::optional<policy::AttachedPolicy> resource;
    bool restricts_public = false;  // of a bucket (R79)
};

struct Scope {
    std::vector<std::string> actions = {"*"};
    std::vector<std::string> resources = {"*"};
    std::vector<std::string> except = {};  // resources that are asked about apart
};

// Which of a principal's statements may be about a new bucket: those of all resources, the same for each, and others by how they begin.
struct S3Statements {
    bool any = false, of_all = false, of_names = false;
    std::vector<std::string> beginnings;
    std::string key;  // of those of all resources, with which others may share what they allow; empty: they ask who it is
};

// What lines of several principals share: the words of policies, and how much has been asked.
class DifferenceSearch {
public:
    DifferenceSearch(const std::string& account, const DifferenceLimits& limits, AccessDifference& out)
        : account_(account), owner_(account), keys_(policy_leaving_to(account, key_actions)), limits_(limits), out_(out) {}

    // The regions of the requests that are asked about from now on (regions.hpp).
    void ask_in(std::vector<std::string> regions) { regions_ = std::move(regions); }

    // Whose resources the requests are about from now on. Those of another account let everybody in, it is supposed.
    void ask_about(const std::string& account) { owner_ = account; }

    // What this actor may do by `allowed` and not by `refused`, as lines of `kind`.
    void search(AccessChange::Kind kind, const Actor& actor, const Side& allowed, const Side& refused, const Scope& scope);
    // One line for everything that `allowed` allows.
    void all(AccessChange::Kind kind, const Actor& actor, const Side& allowed, const std::string& why);

    // Decides the witness with another principal in its place.
    [[nodiscard]] static policy::Request as(const policy::Request& witness, const Actor& from, const Actor& to);
    [[nodiscard]] bool allows(const policy::Request& request, const Side& side) const;
    [[nodiscard]] WordsOfPolicies& words() { return words_; }
    // Do its conditions or variables ask about the principal?
    [[nodiscard]] bool asks_who(const policy::PolicyPtr& policy);
    [[nodiscard]] S3Statements s3_statements(const Actor& actor);
    [[nodiscard]] bool is_spent() const { return out_.questions >= limits_.questions_max; }
    [[nodiscard]] Answer ask(const Actor& actor, const std::vector<Side>& allowed, const std::vector<Side>& refused,
                             const std::vector<std::string>& actions, const std::vector<std::string>& resources);

private:
    // A statement that had a part in a decision.
    struct Cause {
        const policy::AttachedPolicy* policy = nullptr;
        policy::Layer layer = policy::Layer::identity;
        const Words* words = nullptr;
        bool is_new = false;  // the other side does not have it
    };
    struct Explained {
        AccessChange change;
        Words region;                      // what has been said with this line
        const Words* whole = nullptr;      // the statement that the region is
        std::vector<const Words*> others;  // and with them, of a whole policy
    };

    [[nodiscard]] std::vector<Cause> causes(const policy::Decision& decision, const Side& side, const Side& other);
    [[nodiscard]] bool has(const Side& side, policy::Layer layer, const Words& words);
    [[nodiscard]] Explained explain(AccessChange::Kind kind, const policy::Request& witness, const Side& allowed,
                                    const Side& refused);
    void describe_policy(const Cause& cause, Explained& out);
    void refine(const Actor& actor, const Side& allowed, const Side& refused, const Outside& outside, Explained& out);

    // Where a side has no policy of the resource: what keys leave to the account, or another account to everybody.
    [[nodiscard]] View view(const Side& side) const;

    const std::string& account_;
    std::string owner_;
    const policy::AttachedPolicy keys_;
    std::vector<std::string> regions_{"us-east-1"};
    const DifferenceLimits& limits_;
    AccessDifference& out_;
    WordsOfPolicies words_;
    // What has been found for a principal of these policies, where they ask nothing about who it is.
    struct Known {
        const Actor* actor;
        std::vector<AccessChange> lines;
    };
    [[nodiscard]] std::string key_of(AccessChange::Kind kind, const Actor& actor, const Side& allowed, const Side& refused,
                                     const Scope& scope);
    void search_part(AccessChange::Kind kind, const Actor& actor, const Side& allowed, const Side& refused, const Scope& scope);
    [[nodiscard]] bool has_said_all(const Side& side, const std::vector<AccessChange>& lines);
    [[nodiscard]] bool find_lines(AccessChange::Kind kind, const Actor& actor, const Side& allowed, const Side& refused,
                                  const Scope& scope, std::vector<AccessChange>& lines);
    [[nodiscard]] bool repeat(const Known& known, const Actor& actor, const Side& allowed, const Side& refused,
                              const Scope& scope);
    std::map<std::string, Known, std::less<>> known_;
    std::map<const policy::Policy*, bool> asks_who_;
};

// Is there something that can take away from what policies allow: a boundary, a session policy, a Deny?
[[nodiscard]] bool has_ceilings(const policy::PrincipalPolicies& policies, const std::optional<policy::AttachedPolicy>& resource);
// The policies of a side that a layer has.
[[nodiscard]] std::vector<const policy::AttachedPolicy*> policies_of(const Side& side, policy::Layer layer);

}  // namespace proof
