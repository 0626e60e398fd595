#include "deploy/urn.hpp"

#include <array>

namespace deploy {

namespace {

constexpr std::string_view prefix = "urn:pulumi:";
constexpr std::string_view provider_prefix = "pulumi:providers:";

// stack, project, qualified type, name; all empty when it is not a URN.
std::array<std::string_view, 4> parts_of(std::string_view urn) {
    if (!urn.starts_with(prefix)) return {};
    std::string_view rest = urn.substr(prefix.size());
    std::array<std::string_view, 4> parts;
    for (size_t i = 0; i < 3; ++i) {
        const size_t end = rest.find("::");
        if (end == std::string_view::npos) return {};
        parts.at(i) = rest.substr(0, end);
        rest.remove_prefix(end + 2);
    }
    parts[3] = rest;
    return parts;
}

}  // namespace

std::string make_urn(std::string_view stack, std::string_view project, std::string_view parent_urn, std::string_view type,
                     std::string_view name) {
    std::string urn(prefix);
    urn.append(stack).append("::").append(project).append("::");
    const std::string_view parent_type = urn_qualified_type(parent_urn);
    if (!parent_type.empty() && parent_type != stack_type) urn.append(parent_type).append("$");
    urn.append(type).append("::").append(name);
    return urn;
}

std::string_view urn_stack(std::string_view urn) { return parts_of(urn)[0]; }
std::string_view urn_project(std::string_view urn) { return parts_of(urn)[1]; }
std::string_view urn_qualified_type(std::string_view urn) { return parts_of(urn)[2]; }
std::string_view urn_name(std::string_view urn) { return parts_of(urn)[3]; }

std::string_view urn_type(std::string_view urn) {
    const std::string_view qualified = urn_qualified_type(urn);
    const size_t last = qualified.rfind('$');
    return last == std::string_view::npos ? qualified : qualified.substr(last + 1);
}

bool is_provider_type(std::string_view type) { return type.starts_with(provider_prefix); }

std::string_view package_of(std::string_view type) {
    if (is_provider_type(type)) return type.substr(provider_prefix.size());
    return type.substr(0, type.find(':'));
}

ProviderReference parse_provider_reference(std::string_view reference) {
    const size_t last = reference.rfind("::");
    if (last == std::string_view::npos) return {};
    return {std::string(reference.substr(0, last)), std::string(reference.substr(last + 2))};
}

}  // namespace deploy
