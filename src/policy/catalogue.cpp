#include "policy/catalogue.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/catalogue_data.hpp"
#include "policy/glob.hpp"
#include "policy/hash.hpp"

namespace policy {

namespace {

std::string_view name_of(const CatalogueAction& action) { return {action.name, action.length}; }

bool less_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::lexicographical_compare(a, b, [](char x, char y) {
        return static_cast<unsigned char>(base::lower(x)) < static_cast<unsigned char>(base::lower(y));
    });
}

const CatalogueAction* find(std::string_view action, uint64_t hash) {
    const auto actions = catalogue_actions();
    const auto places = catalogue_places();
    for (auto at = hash & (places.size() - 1); places[at] != 0; at = (at + 1) & (places.size() - 1)) {
        const auto& found = actions[places[at] - 1u];
        if (base::equals_ignoring_case(name_of(found), action)) return &found;
    }
    return nullptr;
}

const CatalogueAction* find(std::string_view action) {
    const auto lower = base::lower(action);
    return find(lower, hash_of(lower));
}

}  // namespace

bool action_has_resources(std::string_view action) {
    const auto* found = find(action);
    return !found || found->has_resources;
}

KnownAction find_action(std::string_view lower_action, uint64_t hash) {
    if (const auto* found = find(lower_action, hash)) {
        const auto place = static_cast<uint32_t>(found - catalogue_actions().data());
        return {place, found->has_resources, found->under_resource_control};
    }
    return {.under_resource_control = supports_resource_control(lower_action.substr(0, lower_action.find(':')))};
}

ActionPlaces actions_beginning(std::string_view lower_prefix) {
    const auto all = catalogue_actions();
    const auto first = std::ranges::lower_bound(all, lower_prefix, less_ignoring_case, name_of);
    const auto end = std::ranges::partition_point(first, all.end(), [&](const CatalogueAction& action) {
        return base::equals_ignoring_case(name_of(action).substr(0, lower_prefix.size()), lower_prefix);
    });
    return {static_cast<uint16_t>(first - all.begin()), static_cast<uint16_t>(end - first)};
}

std::vector<std::string_view> actions_matching(std::string_view pattern) {
    std::vector<std::string_view> out;
    const auto glob = base::lower(pattern);
    // Everything before the first wildcard is a prefix of the match: search only there.
    const auto prefix = pattern.substr(0, pattern.find_first_of("*?"));
    const auto all = catalogue_actions();
    for (auto at = std::ranges::lower_bound(all, prefix, less_ignoring_case, name_of); at != all.end(); ++at) {
        const auto name = name_of(*at);
        if (!base::equals_ignoring_case(name.substr(0, prefix.size()), prefix)) break;
        if (glob_matches(glob, base::lower(name))) out.push_back(name);
    }
    return out;
}

bool supports_resource_control(std::string_view service) {
    return std::ranges::binary_search(resource_control_services(), service);
}

}  // namespace policy
