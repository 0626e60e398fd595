// What an analyzer finds in an account, before it is compared with what it found earlier.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/accessanalyzer/operations.hpp"

namespace services::access_analyzer {

namespace m = model::accessanalyzer;

struct ComputedFinding {
    std::string key;  // what makes it this one: resource, principal, conditions; as long as that stays, it is the same finding
    m::FindingType type{};
    std::string resource;  // its ARN
    m::ResourceType resource_type{};
    std::vector<m::FindingDetails> details;
    std::string error;  // INTERNAL_ERROR: a limit cut the analysis off, there may be more than was found
};

struct ComputedResource {
    std::string arn;
    m::ResourceType type{};
};

struct Computed {
    std::vector<ComputedFinding> findings;
    std::vector<ComputedResource> resources;  // that were looked at
    // Of which not everything is known: what was found of them earlier is not taken for resolved.
    std::set<std::string> open;
};

}  // namespace services::access_analyzer
