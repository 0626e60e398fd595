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
    bool under_resource_control;
};

[[nodiscard]] std::span<const CatalogueAction> catalogue_actions();  // sorted by name in lower case
// A hash table of the same: places in catalogue_actions() plus one, 0 for empty. An action whose name in lower case has the
// hash_of h stands at the first place from h modulo the size on that is its own.
[[nodiscard]] std::span<const uint16_t> catalogue_places();
[[nodiscard]] std::span<const std::string_view> resource_control_services();  // sorted

}  // namespace policy
