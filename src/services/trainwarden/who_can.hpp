// The answers to WhoCan and WhatCan about many requests at once.
#pragma once

#include "model/trainwarden/operations.hpp"
#include "services/trainwarden/operations.hpp"

namespace services::trainwarden {

// Who may do any of it, in groups that get in alike.
[[nodiscard]] base::Result<model::trainwarden::WhoCanResponse> who_can_any(const Dependencies& parts,
                                                                           const model::trainwarden::WhoCanRequest& in);

[[nodiscard]] base::Result<model::trainwarden::WhatCanResponse> what_can(const Dependencies& parts,
                                                                         const model::trainwarden::WhatCanRequest& in);

}  // namespace services::trainwarden
