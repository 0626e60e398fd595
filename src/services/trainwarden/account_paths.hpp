// The paths of an answer to WhoCan: who could come to do it, over which users, roles and policies of this server's account.
#pragma once

#include <span>
#include <vector>

#include "base/result.hpp"
#include "model/trainwarden/operations.hpp"
#include "proof/reach.hpp"
#include "services/trainwarden/principals.hpp"
#include "services/trainwarden/targets.hpp"

namespace services::trainwarden {

struct FoundPaths {
    std::vector<model::trainwarden::AccessPath> paths;  // the shortest first
    std::string open;                                   // what cut the search off; empty: nothing
};

// `all` and `askers`: the population that the question was asked about, in the same order.
[[nodiscard]] base::Result<FoundPaths> paths_of(const Dependencies& parts, const Targets& targets, const policy::Context& said,
                                                std::span<const Candidate> all, std::span<const proof::Asker> askers);

}  // namespace services::trainwarden
