// "Did you mean": the known word that a misspelt one is nearest to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace base {

// Empty if none is near. Ignores case.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace base
