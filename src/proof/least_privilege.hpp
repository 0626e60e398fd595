// The policy that a record of requests shows to be needed: inside what a role's policies allow today, and enough for every request of the record.
//
// The pattern of each new statement is made of the record (generalize.hpp) and never leaves the statement that allowed the requests: where it would, the
// old statement's own pattern stands. Conditions of that statement stay; where several allowed the requests, one
// without conditions on what was so by chance (the time, the address) is taken; keys that say what a request is
// about (s3:prefix, iam:PassedToService) become conditions where every request brought one. Every Deny stays. What comes of it is not believed, but proved
// and tried: `more` and `undenied` by prove.hpp, and each request of the record by the deciding engine.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "policy/attached.hpp"
#include "policy/request.hpp"
#include "proof/generalize.hpp"
#include "proof/prove.hpp"

namespace proof {

// An access that was allowed, with everything that it was decided on.
struct RecordedAccess {
    policy::Request request;
    const policy::AttachedPolicy* resource = nullptr;  // the policy of the resource today; nullptr: it has none
    int64_t times = 1;
};

struct LeastPrivilegeQuestion {
    const Subject* subject = nullptr;                     // a new session of the role
    const policy::PrincipalPolicies* policies = nullptr;  // of the role, today
    std::span<const RecordedAccess> record;
    Generality generality = Generality::prefix;
    std::vector<std::string> runs;                     // names of training jobs that the role was passed to
    std::vector<std::string> regions = {"us-east-1"};  // that requests may go to
};

// Runs by their names: training jobs that the role was passed to, and those that it created itself.
[[nodiscard]] Runs runs_of(std::span<const RecordedAccess> record, std::span<const std::string> passed_to);

// Why these policies do not allow the access, in a sentence.
[[nodiscard]] std::string refusal_of(const RecordedAccess& access, const policy::PrincipalPolicies& policies);

struct LeastPrivilege {
    // A document of Version 2012-10-17, compact; empty: no policy of its own is needed.
    std::string document;
    // The role's policies, with this in the place of its identity policies.
    policy::PrincipalPolicies policies;

    Runs runs;

    // Places in the record:
    std::vector<size_t> by_resource;      // accesses that policies of resources allow by themselves
    std::vector<size_t> not_allowed_now;  // that today's policies do not allow; the new one need not
    std::vector<size_t> lost;  // that today's policies allow and the new one would not: none, unless this program is wrong

    Answer more;  // a request that the new policy allows and the old ones do not. No: the new one is inside, proved.
    Answer
        undenied;  // a request that the old ones deny, whatever else allows it, and the new one does not. No: every Deny is kept, proved.

    // Statements of the identity policies.
    struct Statement {
        const policy::AttachedPolicy* policy = nullptr;
        uint32_t number = 0;
        bool denies = false;   // it is in the new policy as it is
        int64_t accesses = 0;  // of an Allow: how many of the record the new policy allows in its place; 0: dropped
    };
    std::vector<Statement> statements;

    [[nodiscard]] bool is_proved() const {
        return more.kind == Answer::Kind::no && undenied.kind == Answer::Kind::no && lost.empty();
    }
};

// The identity policies that cannot be read say that they deny everything: error `MalformedPolicyDocument`, which names the first.
[[nodiscard]] base::Result<LeastPrivilege> least_privilege(const LeastPrivilegeQuestion& question, const Limits& limits = {});

}  // namespace proof
