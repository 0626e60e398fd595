// The smallest change that would turn a refusal into an allow, in words and as a statement to paste.
#pragma once

#include <string>
#include <vector>

#include "text/json.hpp"

namespace services::trainwarden {

// `access` and `principal` as audit::to_json writes them. Empty for what was allowed.
[[nodiscard]] std::vector<std::string> advice_for(const text::Json& access, const text::Json& principal);

}  // namespace services::trainwarden
