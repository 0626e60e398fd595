// Is there a request that some policies allow and others refuse? Yes, with such a request and what it rests on; no, proved; or not known, and why.
//
// A yes is a request that the deciding engine has answered as claimed. A no rests on the formula (encode.hpp) being the engine's own decision, which
// tests compare with it request by request. What a limit cuts off, or what a variable whose value nobody knows leaves open, is never a no.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "policy/request.hpp"
#include "proof/encode.hpp"

namespace proof {

struct Question {
    const Subject* subject = nullptr;
    std::vector<View> allowed;                   // each of these allows the request …
    std::vector<View> refused;                   // … and none of these
    std::vector<std::string> actions = {"*"};    // patterns, as in policies
    std::vector<std::string> except = {};        // actions that are left out: patterns
    std::vector<std::string> resources = {"*"};  // patterns
    std::string resource_account;                // who owns the resources; empty: the subject's account
    policy::Context known;                       // circumstances that are settled: aws:SourceIp, …
    std::string region = "us-east-1";
    bool with_requirements = false;  // also say what a yes rests on (Answer::requirements, Answer::statements)
};

// A part of some policy that has to come out so. Variables stand as the policy has them: `${aws:PrincipalTag/team}`.
struct Requirement {
    enum class Kind : uint8_t { resource, condition };
    Kind kind = Kind::condition;
    bool holds = true;                // false: the condition does not hold, or the resource matches none of the patterns
    std::string key;                  // condition: as AWS spells it, aws:SourceIp
    std::string op;                   // condition: ForAnyValue:StringLikeIfExists
    std::vector<std::string> values;  // condition: what it compares with; resource: patterns
    auto operator<=>(const Requirement&) const = default;
};

// An Allow that a yes rests on. Points into the views of the question.
struct Granting {
    policy::Layer layer = policy::Layer::identity;
    const policy::AttachedPolicy* policy = nullptr;
    uint32_t statement = 0;
    auto operator<=>(const Granting&) const = default;
};

struct Answer {
    enum class Kind : uint8_t { no, yes, unknown };
    Kind kind = Kind::no;
    std::optional<policy::Request> witness;  // yes
    std::string reason;                      // unknown: which limit, or what is open
    // Yes, if the question asks for them. Every request of the question for one of `actions` that meets all requirements is an answer as well, if
    // its resource is one that the action takes. None follows from the others or from the question; without any of them, `statements` are not enough.
    std::vector<Requirement> requirements = {};
    // The Allows of the first view of `allowed` that then apply, one for each layer (each level of an organization) that allowed the witness.
    std::vector<Granting> statements = {};
    std::vector<std::string> actions = {};  // find_ways: for which it is the same
    explicit operator bool() const = delete;
};

[[nodiscard]] Answer prove(const Question& question, const Limits& limits = {});

// The different ways in which a request can be as asked.
struct Ways {
    std::vector<Answer> ways;  // each a yes; none of them is a case of another one for the same action
    bool complete = true;      // proved: there is no other way
    std::string reason;        // not complete: which limit, or what is open
};
// At most `ways_max` for one action.
[[nodiscard]] Ways find_ways(const Question& question, size_t ways_max = 8, const Limits& limits = {});

}  // namespace proof
