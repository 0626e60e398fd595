// The account as proof takes it, read from what this server has.
#pragma once

#include <string>

#include "base/result.hpp"
#include "identity/directory.hpp"
#include "objects/storage.hpp"
#include "proof/account.hpp"

namespace services::access_analyzer {

// Policies of resources are those that decide: bound to the unique ids of whom they name (R32).
[[nodiscard]] base::Result<proof::AccountPolicies> read_account(identity::Directory& directory, const objects::Storage& storage,
                                                                const std::string& account);

}  // namespace services::access_analyzer
