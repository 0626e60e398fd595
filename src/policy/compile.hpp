// What a statement becomes when its policy is parsed. Only the engine and `proof` look inside.
#pragma once

#include <string>
#include <vector>

#include "policy/condition.hpp"
#include "policy/glob.hpp"
#include "policy/policy.hpp"
#include "policy/principal.hpp"

namespace policy {

struct CompiledStatement {
    Effect effect = Effect::deny;
    // Could not be compiled (parse_stored only): never allows; if it denies, always denies (R73).
    bool broken = false;
    bool not_action = false;
    bool not_resource = false;
    bool any_resource = false;     // no Resource element: trust policies (R48)
    std::vector<Pattern> actions;  // lower case; an item that can name no action is left out (R38)
    std::vector<Pattern> resources;
    PrincipalClause principal;
    std::vector<Condition> conditions;
};

}  // namespace policy
