// The actions that a question is about, in groups that its policies cannot tell apart.
#pragma once

#include <cstdint>
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

// Actions that are in the same statements and under the same rules of the engine.
struct ActionGroup {
    // Is a formula over resources and conditions the same for all of them? (Requests for some of S3's actions have keys that others have not.)
    bool alike = true;
    std::string first;                    // one of them, as AWS spells it
    std::vector<std::string> named = {};  // those that the catalogue does not have
    // Of the catalogue, by number: single actions, and services of which it has all.
    std::vector<uint32_t> actions = {}, services = {};
    std::vector<std::string> keys = {};  // S3's, that tell its actions apart
};

// Of the actions that match one of the patterns (`s3:Get*`), and none of `except`: those of the catalogue, and those that a pattern or a statement
// names exactly.
[[nodiscard]] std::vector<ActionGroup> group_actions(std::span<const StatementActions> statements,
                                                     std::span<const std::string> patterns,
                                                     std::span<const std::string> except = {});

// One action that stands for all that have the same ARN formats (and, if the group's are not alike, the same keys).
struct Representative {
    std::string action;
    std::vector<std::string> actions;  // with_all: it, and those that it stands for
};
[[nodiscard]] std::vector<Representative> representatives_of(const ActionGroup& group, bool with_all = false);

// Is the action, in lower case, one of those of the Action element? (Of a NotAction element: one of those that it excepts.)
[[nodiscard]] bool names_action(const policy::CompiledPolicy& policy, const policy::CompiledStatement& statement,
                                std::string_view lower_action);

}  // namespace proof
