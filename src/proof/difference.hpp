// Who gains and who loses what when an account changes: what a person reads before a plan is applied.
//
// Only what the changed policies can affect is asked: the users and roles whose own policies differ, and those whom a changed policy of a bucket or
// role names. For each, the engine looks for a request that is allowed on one side and refused on the other, says which statement it rests on, and goes
// on beyond what that statement speaks of until there is provably nothing more, or a limit is reached.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proof/account.hpp"
#include "proof/prove.hpp"

namespace proof {

struct AccessChange {
    enum class Kind : uint8_t {
        gained,
        lost,
        already,  // of a new bucket: who may use it by policies that have been there
    };
    Kind kind = Kind::gained;
    std::vector<std::string> who;                   // `role trainer`, `anyone without credentials`
    std::vector<std::string> actions, resources;    // patterns, in the words of the policy that it rests on
    bool not_action = false, not_resource = false;  // all but these
    std::string condition;                          // under which the statement says so, for people; empty: none
    std::string why;                                // `by inline policy data of role trainer`
    std::string policy;                 // all that this policy allows: `actions` and `resources` are those of all its statements
    std::vector<std::string> rests_on;  // statements, canonical: for the search
    bool partly = false;                // some of what the words mean was so before, or is not so
    bool more = false;                  // and more that is not listed: lines_max
    std::optional<policy::Request> witness;  // by the first of `who`: the engine has answered it as claimed
};

struct AccessDifference {
    std::vector<AccessChange> changes;
    std::vector<std::string> unknown;  // what is not known, for people: `role x may gain more: solver steps`
    size_t questions = 0;              // that were put to the engine
};

struct DifferenceLimits {
    size_t lines_max = 12;    // of one principal, about what is not a bucket's or role's own policy; the rest is one more line
    size_t refined_max = 24;  // patterns of one statement that are asked one by one
    size_t questions_max = 20'000;  // in all; what is left then is unknown
    Limits engine = {};
};

[[nodiscard]] AccessDifference access_difference(const AccountPolicies& before, const AccountPolicies& after,
                                                 const DifferenceLimits& limits = {});

}  // namespace proof
