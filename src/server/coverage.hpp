// `trainwarden coverage`: the operations that the gate knows, from the very registry that serves. docs/coverage.md is made from
// it.
#pragma once

#include "cli/command.hpp"

namespace server {

void add_coverage(cli::Command& root);

}  // namespace server
