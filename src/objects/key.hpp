// Object keys. A key that is being made must be text that every listing can show; one that is asked for or deleted need not, so
// that keys stored by an earlier version can be removed.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace objects {

// Errors `KeyTooLongError`, `InvalidArgument` (empty, NUL).
[[nodiscard]] base::Result<void> check_key(std::string_view key);
// And `InvalidURI`: not UTF-8.
[[nodiscard]] base::Result<void> check_new_key(std::string_view key);

[[nodiscard]] bool is_utf8(std::string_view bytes);

}  // namespace objects
