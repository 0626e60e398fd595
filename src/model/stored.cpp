#include "model/stored.hpp"

#include <algorithm>
#include <optional>

#include "base/invariant.hpp"
#include "model/json.hpp"
#include "model/scalar.hpp"

namespace model {

using text::Json;

namespace {

// A document's scalar; an enum's word that the model does not have is none.
std::optional<Scalar> scalar_of(const Shape& shape, const Json& value) {
    switch (shape.type) {
        case Type::string:
            return value.is_string() ? std::optional(Scalar{.text = value.as_string()}) : std::nullopt;
        case Type::enumeration:
            if (!value.is_string() || enumeration_number(shape, value.as_string()) == 0) return std::nullopt;
            return Scalar{.text = value.as_string()};
        case Type::boolean:
            return value.is_bool() ? std::optional(Scalar{.flag = value.as_bool()}) : std::nullopt;
        case Type::floating:
        case Type::integer:
        case Type::long_integer:
            return value.is_number() ? scalar_from_text(shape, value.as_string()) : std::nullopt;
        default:  // timestamp, blob
            return value.is_string() ? scalar_from_text(shape, value.as_string()) : std::nullopt;
    }
}

// Whether any of it can be read: a list and a map with one item that cannot is kept as a whole, a structure member by member.
bool fits(const Shape& shape, const Json& value) {
    switch (shape.type) {
        case Type::structure:
            return value.is_object();
        case Type::list:
            return value.is_array() &&
                   std::ranges::all_of(value.items(), [&](const Json& item) { return fits(*shape.item, item); });
        case Type::map:
            return value.is_object() &&
                   std::ranges::all_of(value.members(), [&](const auto& entry) { return fits(*shape.item, entry.second); });
        default:
            return scalar_of(shape, value).has_value();
    }
}

const Field* field_named(const Shape& shape, std::string_view name) {
    const auto found = std::ranges::find(shape.fields, name, &Field::name);
    return found == shape.fields.end() ? nullptr : &*found;
}

// REQUIRES: fits(shape, value).
Json read(const Shape& shape, const Json& value, void* into) {
    Json rest;
    switch (shape.type) {
        case Type::structure:
            for (const auto& [name, inside] : value.members()) {
                const Field* field = field_named(shape, name);
                if (!field || !fits(*field->shape, inside)) {
                    rest.set(name, inside);
                } else if (Json below = read(*field->shape, inside, field->make(into)); !below.is_null()) {
                    rest.set(name, std::move(below));
                }
            }
            return rest;
        case Type::list: {
            Json each = Json::array();
            for (const auto& item : value.items()) {
                each.push(read(*shape.item, item, shape.list->append(into)));
                if (!each.items().back().is_null()) rest = Json(true);
            }
            return rest.is_null() ? rest : each;
        }
        case Type::map:
            for (const auto& [key, inside] : value.members())
                if (Json below = read(*shape.item, inside, shape.map->append(into, key)); !below.is_null())
                    rest.set(key, std::move(below));
            return rest;
        default: {
            const auto scalar = scalar_of(shape, value);
            INVARIANT(scalar);
            store(shape, *scalar, into);
            return rest;
        }
    }
}

void add(const Json& rest, Json& document) {
    if (rest.is_null()) return;
    if (rest.is_object() && document.is_object()) {
        for (const auto& [name, below] : rest.members()) {
            if (Json* inside = document.find(name))
                add(below, *inside);
            else
                document.set(name, below);
        }
    } else if (rest.is_array() && document.is_array() && rest.size() == document.size()) {
        for (size_t i = 0; i < rest.size(); ++i) add(rest.items()[i], document.items()[i]);
    } else {
        document = rest;
    }
}

}  // namespace

Json read_stored(const Shape& shape, const Json& document, void* into) {
    return fits(shape, document) ? read(shape, document, into) : document;
}

Json write_stored(const Shape& shape, const void* value, const Json& rest) {
    Json document = write_document(shape, value);
    add(rest, document);
    return document;
}

}  // namespace model
