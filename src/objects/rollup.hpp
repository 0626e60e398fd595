// Common prefixes, as listings of objects and of uploads roll keys up to them.
#pragma once

#include <string>
#include <string_view>

namespace objects {

// The first string that sorts after every string with this prefix; "" if there is none.
[[nodiscard]] std::string beyond(std::string prefix);

// What a key that has `prefix` rolls up to: the key up to and with the first delimiter after the prefix; "" if it is listed
// itself.
[[nodiscard]] std::string_view common_prefix(std::string_view key, std::string_view prefix, std::string_view delimiter);

// The common prefix that a listing's marker lies in or is; "" if none. A listing goes on beyond all of it: the prefix was listed on
// the page that the marker ends.
[[nodiscard]] std::string_view rolled_marker(std::string_view marker, std::string_view prefix, std::string_view delimiter);

}  // namespace objects
