// Every service that has a typed model.
#pragma once

#include <span>
#include <string_view>

#include "model/types.hpp"

namespace model {

[[nodiscard]] std::span<const Service* const> services();

// Of the services that sign so; nullptr: none has it.
[[nodiscard]] const Operation* find_operation(std::string_view signing_name, std::string_view operation);

}  // namespace model
