// Ways in as people read them: actions, resources, conditions in words, statements, an example.
#pragma once

#include <span>

#include "cli/terminal.hpp"
#include "model/trainwarden/operations.hpp"

namespace cli {

[[nodiscard]] Text show_way(const model::trainwarden::WayIn& way, const Text& indent);

// "aws:SourceIp is in 10.0.0.0/8", "with a second factor", "aws:UserAgent is not boto*, if it is there".
[[nodiscard]] std::string in_words(const model::trainwarden::WayCondition& condition);

// A role's own ARN, though it is asked as one of its sessions.
[[nodiscard]] Text name_of(const model::trainwarden::Principal& principal);

}  // namespace cli
