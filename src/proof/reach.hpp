// Who can? Many principals, each with its policies, and resources with theirs: who gets at what, and in which ways.
//
// Principals that nothing in the policies tells apart are asked about once: what decides of a principal is the text of its policies, how the resource's
// statements name it, which conditions on its own keys hold, and the values that variables have. So ten thousand principals cost what their different
// policies cost.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proof/ways.hpp"

namespace proof {

// A principal that is asked about.
struct Asker {
    Subject subject;
    const policy::PrincipalPolicies* policies = nullptr;
};

struct ReachLimits {
    size_t questions_max = 200'000;  // in all
    size_t work_max = 60'000'000;    // of one principal (automaton.hpp): what its policies make dear is not at others' cost
    WayLimits ways;
};

// Askers that get in alike.
struct Reached {
    std::vector<uint32_t> askers;  // which; ascending. What is said of them names the first one's policies
    struct AtTarget {
        uint32_t target = 0;
        std::shared_ptr<const WaysIn> ways;
    };
    std::vector<AtTarget> at;  // where it found ways, or cannot tell
};

struct Reach {
    std::vector<Reached> groups;  // by their first asker; a principal that is in none is refused everywhere
    size_t classes = 0;           // principals and targets that were asked about, each standing for others
    std::string open;             // not empty: what cut the search off; a principal that is in no group may be allowed
};

// `known`: circumstances that are settled. Askers' policies and targets must outlive the answer.
[[nodiscard]] Reach reach(std::span<const Asker> askers, std::span<const Target> targets, const policy::Context& known,
                          const ReachLimits& limits = {});

}  // namespace proof
