// Options that take a time: `--since`, `--until`.
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace cli {

// ISO 8601 (a date alone is its first moment), or how long ago: 90s, 30m, 12h, 7d. Empty: none. Error `Usage`, which names the option.
[[nodiscard]] base::Result<std::optional<base::Time>> read_time_option(const std::string& option, const std::string& text,
                                                                       base::Time now);

}  // namespace cli
