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

// `/` at the end of a key stands for a tag's key. In lower case, sorted.
[[nodiscard]] std::span<const std::string_view> reference_global_keys();

// Actions whose requests never have aws:ResourceTag/…; in lower case, sorted.
[[nodiscard]] std::span<const std::string_view> reference_untagged_actions();

struct ReferenceKeys {
    std::string_view action;
    std::string_view keys;  // of its requests, with spaces between
};
[[nodiscard]] std::span<const ReferenceKeys> reference_s3_keys();
[[nodiscard]] std::span<const ReferenceKeys> reference_keys_of_others();  // `action`: a service

}  // namespace policy
