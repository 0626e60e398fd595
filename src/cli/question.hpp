// What the questions `explain --as` and `who-can` share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/trainwarden/operations.hpp"
#include "wire/client.hpp"

namespace cli {

// "KEY=VALUE" and "KEY=VALUE,VALUE" (a comma within a value: `\,`) as the Context member of a question.
[[nodiscard]] base::Result<std::optional<std::vector<model::trainwarden::ContextEntry>>> context_of(
    const std::vector<std::string>& said);

// As the environment says it, for questions about requests to this region; empty: the configured one.
[[nodiscard]] base::Result<wire::ClientOptions> client_options(const std::string& region);

}  // namespace cli
