// AWS configuration files, one section at a time. Pure; `options_from_environment` (client.hpp) does the reading.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace wire {

using ProfileSettings = std::map<std::string, std::string>;  // names in lower case

// The settings of `[section]`; empty if there is none.
[[nodiscard]] ProfileSettings parse_profile(std::string_view text, std::string_view section);

}  // namespace wire
