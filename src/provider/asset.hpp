// Assets: content that a program names instead of saying, a text or a file.
// Two assets are the same when their content is: the hash (SHA-256) is taken when inputs are checked and kept in the state.
#pragma once

#include <string>

#include "base/result.hpp"
#include "provider/property.hpp"

namespace provider {

// The asset with its `hash`. Errors name the file; archives and remote assets are refused.
[[nodiscard]] base::Result<Property> asset_with_hash(const Property& asset);
[[nodiscard]] bool same_asset(const Property& a, const Property& b);
[[nodiscard]] base::Result<std::string> asset_content(const Property& asset);

}  // namespace provider
