#include "policy/reference.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/reference_data.hpp"

namespace policy {

namespace {

// `pattern` may end in `/`: then a tag's key follows.
bool is_key(std::string_view lower_key, std::string_view pattern) {
    return pattern.ends_with('/') ? lower_key.starts_with(pattern) && lower_key.size() > pattern.size() : lower_key == pattern;
}

bool is_among(std::string_view lower_key, std::string_view keys) {
    for (size_t at = 0; at < keys.size();) {
        const auto end = std::min(keys.find(' ', at), keys.size());
        if (is_key(lower_key, keys.substr(at, end - at))) return true;
        at = end + 1;
    }
    return false;
}

}  // namespace

std::string_view arn_format(std::string_view action) {
    const auto all = reference_actions();
    const std::string name = base::lower(action);
    const auto at = std::ranges::lower_bound(all, std::string_view(name), {},
                                             [](const ReferenceAction& one) -> std::string_view { return one.name; });
    return at != all.end() && at->name == name ? reference_arn_formats()[at->arn_format] : "*";
}

bool key_holds_list(std::string_view key) { return std::ranges::binary_search(reference_list_keys(), base::lower(key)); }

bool lacks_resource_tags(std::string_view action) {
    return std::ranges::binary_search(reference_untagged_actions(), base::lower(action));
}

bool is_global_key(std::string_view key) {
    const auto lower = base::lower(key);
    return std::ranges::any_of(reference_global_keys(), [&](std::string_view pattern) { return is_key(lower, pattern); });
}

bool is_s3_key(std::string_view key) {
    const auto lower = base::lower(key);
    return lower.starts_with("s3:") &&
           std::ranges::any_of(reference_s3_keys(), [&](const ReferenceKeys& one) { return is_among(lower, one.keys); });
}

bool is_key_of_s3_action(std::string_view key, std::string_view action) {
    const auto all = reference_s3_keys();
    const auto name = base::lower(action);
    const auto at = std::ranges::lower_bound(all, std::string_view(name), {}, &ReferenceKeys::action);
    return at != all.end() && at->action == name && is_among(base::lower(key), at->keys);
}

bool is_key_of_other_in(std::string_view lower_key, std::string_view lower_service) {
    const auto all = reference_keys_of_others();
    const auto at = std::ranges::lower_bound(all, lower_service, {}, &ReferenceKeys::action);
    return at != all.end() && at->action == lower_service && is_among(lower_key, at->keys);
}

}  // namespace policy
