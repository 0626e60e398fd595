// The access of an action to a described resource, made where it stays: moving one costs as much as making it.
#pragma once

#include <string_view>
#include <vector>

#include "gate/describer.hpp"
#include "gate/gate.hpp"

namespace gate {

// As access_to (describer.hpp), at the end of `accesses`.
void add_access(std::vector<Access>& accesses, std::string_view action, Description&& resource, const policy::Context& request);

}  // namespace gate
