// Questions about requests that nobody has made, read strictly: an answer about an action, a resource or a value that cannot be is
// worse than none.
#pragma once

#include <string>

#include "base/result.hpp"
#include "gate/gate.hpp"
#include "policy/request.hpp"
#include "services/trainwarden/operations.hpp"
#include "text/json.hpp"

namespace services::trainwarden {

struct Question {
    gate::Access access;   // as the gate would ask it
    policy::Context said;  // what the asker supposes
};

// The members Action, Resource and Context. A name's `*`, `?` and `$` are written `${*}`, `${?}` and `${$}`, as in policies: alone they
// would make a pattern, which stands for many questions. Errors: `ValidationException` for what is no question, `NoSuchResource` for
// what this server does not have.
[[nodiscard]] base::Result<Question> read_question(const Dependencies& parts, const text::Json& input);

// The member Context alone. Error `ValidationException`.
[[nodiscard]] base::Result<policy::Context> read_context(const text::Json& input);

}  // namespace services::trainwarden
