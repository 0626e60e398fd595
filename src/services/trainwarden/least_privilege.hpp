// The answer to LeastPrivilege: a role's record, read and judged; the policy that proof makes of it; and what that policy leaves out.
#pragma once

#include <optional>

#include "base/clock.hpp"
#include "model/trainwarden/operations.hpp"
#include "services/trainwarden/operations.hpp"

namespace services::trainwarden {

// What a record must hold at least before a policy is made of it, unless the asker says otherwise.
constexpr int64_t recorded_requests_min = 10;

// Errors: `NoSuchPrincipal`, `ValidationException` for what is no role; `MalformedPolicyDocument` for a role with a policy that cannot be read.
[[nodiscard]] base::Result<model::trainwarden::LeastPrivilegeResponse> least_privilege_of(
    const Dependencies& parts, const model::trainwarden::LeastPrivilegeRequest& in, std::optional<base::Time> since,
    std::optional<base::Time> until);

}  // namespace services::trainwarden
