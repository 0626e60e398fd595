// The policies of a stack, for `lint`: as they were deployed last, or as its program would have them.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/deployment.hpp"
#include "lint/account.hpp"

namespace cli {

// Those that the resources of the stack's state are.
[[nodiscard]] base::Result<lint::AccountReport> check_stack(const StackChoice& choice);
// Those that `up` would leave: the program runs as `preview` runs it, and nothing is changed. What is known only after `up` is among the unknown. `config`:
// KEY=VALUE. Error `InvalidArgument`: the program, or a resource of it, failed; what failed is on stderr.
[[nodiscard]] base::Result<lint::AccountReport> check_preview(const StackChoice& choice, const std::vector<std::string>& config);

}  // namespace cli
