// What to do about a refused training job, beside what the server says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace cli {

// An error of CreateTrainingJob with notes that say what to do. AWS's sentence about an unknown instance type lists some hundred of
// them: what remains is the type and the names that are most like it.
[[nodiscard]] base::Error with_remedy(base::Error error, const std::string& instance_type);

// The answer that there is no such job, with its name and where to find others.
[[nodiscard]] base::Error of_job(base::Error error, const std::string& name);

// Levenshtein's distance: single characters put in, taken out or replaced. Pure.
[[nodiscard]] size_t distance(std::string_view a, std::string_view b);

// The `count` names that fewest changes make out of `wanted`, the nearest first. Pure.
[[nodiscard]] std::vector<std::string> nearest_names(std::string_view wanted, const std::vector<std::string>& names,
                                                     size_t count);

}  // namespace cli
