// Questions about hypothetical requests, read strictly: an answer about an action, a resource or a value that cannot be is
// worse than none.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "gate/gate.hpp"
#include "model/trainwarden/operations.hpp"
#include "policy/request.hpp"
#include "services/trainwarden/operations.hpp"

namespace services::trainwarden {

struct Question {
    gate::Access access;   // as the gate would ask it
    policy::Context said;  // what the asker supposes
};

// A resource's `*`, `?` and `$` are written `${*}`, `${?}` and `${$}`, as in policies: alone they would make a pattern, which stands for
// many questions. Errors: `ValidationException` for what is not a question, `NoSuchResource` for what this server does not have.
[[nodiscard]] base::Result<Question> read_question(const Dependencies& parts, const std::string& action,
                                                   const std::string& resource,
                                                   std::span<const model::trainwarden::ContextEntry> context);

// The action as AWS writes it. Error `ValidationException`, with the one that may be meant.
[[nodiscard]] base::Result<std::string> known_action(const std::string& asked);

// This server's own actions that a pattern means (`trainwarden:*`, `*`).
[[nodiscard]] std::vector<std::string> own_actions_matching(std::string_view pattern);

// `*` or what can be an ARN: a name under which something may be recorded, there or not. Error `ValidationException`.
[[nodiscard]] base::Result<std::string> recorded_resource(const std::string& asked);

// Of a question, what the asker supposes. Error `ValidationException`.
[[nodiscard]] base::Result<policy::Context> context_of(std::span<const model::trainwarden::ContextEntry> entries);

}  // namespace services::trainwarden
