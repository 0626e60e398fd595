#include "model/unknown_member.hpp"

#include <algorithm>
#include <vector>

#include "base/nearest.hpp"

namespace model {
namespace {

std::string inside(const std::string& place, const std::string& name) { return place.empty() ? name : place + "." + name; }

std::optional<UnknownMember> find(const Shape& shape, const text::Json& document, const std::string& place) {
    if (shape.type == Type::list) {
        size_t number = 0;
        for (const text::Json& item : document.items())
            if (auto found = find(*shape.item, item, inside(place, std::to_string(++number)))) return found;
    }
    if (shape.type == Type::map) {
        for (const auto& [key, value] : document.members())
            if (auto found = find(*shape.item, value, inside(place, key))) return found;
    }
    if (shape.type != Type::structure) return std::nullopt;
    for (const auto& [name, value] : document.members()) {
        const auto field = std::ranges::find(shape.fields, name, &Field::name);
        if (field == shape.fields.end()) {
            std::vector<std::string> known;
            for (const Field& one : shape.fields) known.emplace_back(one.name);
            return UnknownMember{place, name, base::nearest(name, known)};
        }
        if (auto found = find(*field->shape, value, inside(place, name))) return found;
    }
    return std::nullopt;
}

}  // namespace

std::optional<UnknownMember> unknown_member(const Shape& shape, const text::Json& document) { return find(shape, document, {}); }

}  // namespace model
