// The actions that a question is about, in groups that its policies cannot tell apart.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/compile.hpp"

namespace proof {

// A statement whose Action element matters.
struct StatementActions {
    const policy::CompiledPolicy* policy = nullptr;
    const policy::CompiledStatement* statement = nullptr;
};

// Actions of one service that are in the same statements and under the same rules of the engine.
struct ActionGroup {
    // One for each set of ARN formats that its actions have, as AWS spells them.
    std::vector<std::string> representatives;
    size_t size = 0;  // how many actions
};

// Of the actions that match one of the patterns (`s3:Get*`): those of the catalogue, and those that a pattern or a statement names exactly.
[[nodiscard]] std::vector<ActionGroup> group_actions(std::span<const StatementActions> statements,
                                                     std::span<const std::string> patterns);

// Is the action, in lower case, one of those of the Action element? (Of a NotAction element: one of those that it excepts.)
[[nodiscard]] bool names_action(const policy::CompiledPolicy& policy, const policy::CompiledStatement& statement,
                                std::string_view lower_action);

}  // namespace proof
