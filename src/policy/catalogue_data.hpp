// The shape of the generated tables; see catalogue.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace policy {

struct CatalogueAction {
    const char* name;  // as AWS writes it: s3:GetObject
    uint16_t length;
    bool has_resources;
};

[[nodiscard]] std::span<const CatalogueAction> catalogue_actions();           // sorted by name in lower case
[[nodiscard]] std::span<const std::string_view> resource_control_services();  // sorted

}  // namespace policy
