// Putting other principals into a document, for the rooms that bind policies to who a principal is (SEMANTICS R32).
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace policy {

// The document with every `"AWS"` and `"CanonicalUser"` entry of Principal and NotPrincipal that is a key of `replacements`
// replaced by its value. Nothing else changes, white space and lines included; conditions that name the same ARN stay. A document
// that is not JSON comes back as it is.
[[nodiscard]] std::string replace_principals(std::string_view document, const std::map<std::string, std::string>& replacements);

}  // namespace policy
