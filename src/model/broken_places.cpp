#include "model/broken_places.hpp"

#include <algorithm>

#include "model/constraints.hpp"
#include "model/reader.hpp"

namespace model {
namespace {

using text::Json;

class Walk {
public:
    void value(const Shape& shape, const Json& json, const Place& place) {
        switch (shape.type) {
            case Type::structure:
                return members(shape, json, place);
            case Type::list:
                return items(shape, json, place);
            case Type::map:
                return entries(shape, json, place);
            case Type::stream:
                return;
            default:
                if (breaks(shape, json)) found(place);
        }
    }

    std::vector<std::string> places;

private:
    void found(const Place& place) {
        std::string path = lower_path_of(place);
        if (std::ranges::find(places, path) == places.end()) places.push_back(std::move(path));
    }

    static bool breaks(const Shape& shape, const Json& json) {
        if (shape.type == Type::boolean || shape.type == Type::timestamp) return false;
        const bool is_number = shape.type == Type::integer || shape.type == Type::long_integer || shape.type == Type::floating;
        if (is_number != json.is_number()) return false;
        const auto scalar = scalar_from_text(shape, json.as_string());
        return scalar && is_broken(shape, *scalar);
    }

    void members(const Shape& shape, const Json& json, const Place& place) {
        for (const Field& field : shape.fields) {
            if (field.shape->type == Type::stream) continue;
            const Place here{&place, field.name, 0, true};
            const Json& member = json[field.name];
            if (!member.is_null())
                value(*field.shape, member, here);
            else if (field.is_required())
                found(here);
        }
    }

    // Of scalars, AWS names the list that holds them.
    void items(const Shape& shape, const Json& json, const Place& place) {
        if (!json.is_array()) return;
        const bool is_plain = shape.item->is_scalar();
        const bool broken =
            std::ranges::any_of(json.items(), [&](const Json& item) { return is_plain && breaks(*shape.item, item); });
        if (broken || !size_violations(shape, json.size()).empty()) found(place);
        for (size_t i = 0; i < json.size() && !is_plain; ++i) value(*shape.item, json.items()[i], {&place, {}, i + 1});
    }

    void entries(const Shape& shape, const Json& json, const Place& place) {
        if (!json.is_object()) return;
        const bool is_plain = shape.item->is_scalar();
        const bool broken = std::ranges::any_of(json.members(), [&](const auto& entry) {
            return is_broken(*shape.key, Scalar{.text = entry.first}) || (is_plain && breaks(*shape.item, entry.second));
        });
        if (broken || !size_violations(shape, json.size()).empty()) found(place);
        if (is_plain) return;
        for (const auto& [key, entry] : json.members()) value(*shape.item, entry, {&place, key});
    }
};

}  // namespace

std::vector<std::string> broken_places(const Shape& input, const Json& document) {
    Walk walk;
    walk.value(input, document, Place{});
    return std::move(walk.places);
}

}  // namespace model
