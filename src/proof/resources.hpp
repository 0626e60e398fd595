// What the resources of an action look like: no witness names one that no request can be about.
#pragma once

#include <string>
#include <vector>

#include "proof/automaton.hpp"

namespace proof {

struct ResourceOwner {
    std::string partition = "aws";
    std::string account;  // 12 digits; empty: any
    std::string region;
};

// What requests for the action are decided on: a resource of one of the ARN formats that AWS's reference lists for it, or what the service passes
// (policy::passed_resource). Empty for an action that the reference does not have: anything.
[[nodiscard]] std::vector<Tokens> resources_of(std::string_view action, const ResourceOwner& owner);

}  // namespace proof
