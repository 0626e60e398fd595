// Deciding accesses for a caller, one by one: what the gate enforces and what `trainwarden explain` and `who-can` tell is this
// one function.
#pragma once

#include <vector>

#include "audit/log.hpp"
#include "gate/gate.hpp"

namespace gate {

// `globals` are merged last: nothing that an access brings replaces a global condition key.
[[nodiscard]] std::vector<audit::DecidedAccess> decide_each(const identity::Caller& caller, const std::vector<Access>& accesses,
                                                            const policy::Context& globals);

// Who asks without credentials.
[[nodiscard]] identity::Caller anonymous_caller();

}  // namespace gate
