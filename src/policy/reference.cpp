#include "policy/reference.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/reference_data.hpp"

namespace policy {

std::string_view arn_format(std::string_view action) {
    const auto all = reference_actions();
    const std::string name = base::lower(action);
    const auto at = std::ranges::lower_bound(all, std::string_view(name), {},
                                             [](const ReferenceAction& one) -> std::string_view { return one.name; });
    return at != all.end() && at->name == name ? reference_arn_formats()[at->arn_format] : "*";
}

bool key_holds_list(std::string_view key) { return std::ranges::binary_search(reference_list_keys(), base::lower(key)); }

}  // namespace policy
