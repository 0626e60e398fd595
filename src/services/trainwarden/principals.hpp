// Finding principals by ARN, for questions about somebody who is not asking.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "identity/directory.hpp"

namespace services::trainwarden {

// A role, a session of a role (any name), a user, an account's root, or `*` for somebody without credentials.
// Error `NoSuchPrincipal`.
[[nodiscard]] base::Result<identity::Caller> find_principal(const identity::Directory& directory, const std::string& arn);

// Roles, users, the root, and the stranger.
[[nodiscard]] std::vector<identity::Caller> every_principal(const identity::Directory& directory);

}  // namespace services::trainwarden
