// What the index (index.hpp) is told of each statement of a policy: every request that the statement may apply to must find it.
#pragma once

#include "policy/compile.hpp"

namespace policy {

// Nothing for small policies.
[[nodiscard]] Index::Draft index_of(const Draft& draft, PolicyKind kind);

}  // namespace policy
