// The shape of the generated tables; see reference.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace policy {

struct ReferenceAction {
    const char* name;     // lower case
    uint16_t arn_format;  // which of reference_arn_formats()
};

[[nodiscard]] std::span<const ReferenceAction> reference_actions();  // sorted by name; those that work on resources
[[nodiscard]] std::span<const std::string_view> reference_arn_formats();
[[nodiscard]] std::span<const std::string_view> reference_list_keys();  // lower case, sorted

}  // namespace policy
