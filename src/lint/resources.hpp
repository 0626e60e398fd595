// The Resource and NotResource elements: ARNs that something can have.
#pragma once

#include "lint/statement.hpp"

namespace lint {

void check_resources(const Document& document, Collector& out);

}  // namespace lint
