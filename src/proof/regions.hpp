// Which regions a question has to be asked about so that its answer holds of all: what is decided depends on the region only as far as policies name
// regions, in ARNs and in conditions on aws:RequestedRegion.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "policy/policy.hpp"

namespace proof {

// AWS General Reference, "Regional endpoints".
[[nodiscard]] std::span<const std::string_view> regions_of_aws();

struct RegionsToAsk {
    std::vector<std::string> regions;  // `home` first; each stands for all that the policies and patterns do not tell from it
    bool complete = true;              // false: there are more than regions_asked_max
};
constexpr size_t regions_asked_max = 12;

// `patterns`: ARNs that are asked about. nullptrs among the policies are passed over.
[[nodiscard]] RegionsToAsk regions_to_ask(std::span<const policy::PolicyPtr> policies, std::span<const std::string> patterns,
                                          const std::string& home);

}  // namespace proof
