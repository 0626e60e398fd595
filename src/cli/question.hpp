// What the questions `explain --as` and `who-can` share.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "text/json.hpp"

namespace cli {

// "KEY=VALUE" and "KEY=VALUE,VALUE" as the Context member of a question.
[[nodiscard]] base::Result<void> set_context(text::Json& input, const std::vector<std::string>& context);

}  // namespace cli
