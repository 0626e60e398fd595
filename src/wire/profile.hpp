// AWS configuration files, one section at a time. Parsing is pure; `options_from_environment` (client.hpp) and
// `place_from_environment` do the reading.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace wire {

using ProfileSettings = std::map<std::string, std::string>;  // names in lower case

// The settings of `[section]`; empty if there is none.
[[nodiscard]] ProfileSettings parse_profile(std::string_view text, std::string_view section);

// Where requests go when their credentials come from elsewhere: as `options_from_environment`, which fails without credentials.
struct Place {
    std::string endpoint, region, socket;  // "": not said. Socket: of ClientOptions
};
[[nodiscard]] Place place_from_environment();

}  // namespace wire
