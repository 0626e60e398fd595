// What schema.cpp and comparison.cpp share about rules.
#pragma once

#include <string_view>
#include <vector>

#include "provider/schema.hpp"

namespace provider {

// nullptr: there is none of this name.
[[nodiscard]] const Rule* find_rule(const std::vector<Rule>& rules, std::string_view name);
// Was the property filled in for the program, by what `__defaults` of its inputs says?
[[nodiscard]] bool is_default_of(const Property& inputs, std::string_view name);

}  // namespace provider
