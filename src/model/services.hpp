// Every service that has a typed model.
#pragma once

#include <span>

#include "model/types.hpp"

namespace model {

[[nodiscard]] std::span<const Service* const> services();

}  // namespace model
