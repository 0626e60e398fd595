// The program of inside/, static, as it lies in this one.
#pragma once

#include <string_view>

namespace sandbox {

[[nodiscard]] std::string_view inside_program();

}  // namespace sandbox
