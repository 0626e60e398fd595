// What a policy document may give alone or as a list: a statement, an action, a condition's value.
#pragma once

#include <span>

#include "text/json.hpp"

namespace text {

// The items of an array, or the value itself; nothing of null. It points into the value.
[[nodiscard]] inline std::span<const Json> one_or_many(const Json& value) {
    if (value.is_array()) return value.items();
    if (value.is_null()) return {};
    return {&value, 1};
}

}  // namespace text
