// Service models as constant tables over the generated types: what a value is called on the wire, where it lies in its struct,
// and which constraints it has. One walker a direction and protocol reads them (reader.hpp, json.cpp, wire/query_types.cpp), so
// no code is generated for a type.
//
// The tables are made by tools/modelgen/typed.py, one file a service.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "model/types.hpp"

namespace re2 {
class RE2;
}

namespace model {

enum class Type : uint8_t {
    structure,
    list,
    map,
    string,
    enumeration,
    integer,
    long_integer,
    floating,
    boolean,
    timestamp,
    blob,
    stream  // of bytes that are never in memory as a whole: ByteSource, ResponseBody (stream.hpp)
};

// How a std::optional<T>, a std::vector<T>, a Map<T> is read and filled without knowing T: one object a distinct type.
struct OptionalAccess {
    void* (*emplace)(void* optional);            // a new T in it
    const void* (*value)(const void* optional);  // nullptr if there is none
};
struct ListAccess {
    void* (*append)(void* list);  // a new T at its end
    size_t (*size)(const void* list);
    const void* (*item)(const void* list, size_t place);
};
struct MapAccess {
    void* (*append)(void* map, std::string key);
    size_t (*size)(const void* map);
    std::pair<std::string_view, const void*> (*entry)(const void* map, size_t place);
};

template <class O>
inline constexpr OptionalAccess optional_access = {
    [](void* optional) -> void* { return &static_cast<O*>(optional)->emplace(); },
    [](const void* optional) -> const void* {
        const auto& value = *static_cast<const O*>(optional);
        return value ? &*value : nullptr;
    },
};
template <class L>
inline constexpr ListAccess list_access = {
    [](void* list) -> void* { return &static_cast<L*>(list)->emplace_back(); },
    [](const void* list) { return static_cast<const L*>(list)->size(); },
    [](const void* list, size_t place) -> const void* { return &(*static_cast<const L*>(list))[place]; },
};
template <class M>
inline constexpr MapAccess map_access = {
    [](void* map, std::string key) -> void* {
        return &static_cast<M*>(map)->emplace_back(std::move(key), typename M::value_type::second_type{}).second;
    },
    [](const void* map) { return static_cast<const M*>(map)->size(); },
    [](const void* map, size_t place) {
        const auto& entry = (*static_cast<const M*>(map))[place];
        return std::pair<std::string_view, const void*>(entry.first, &entry.second);
    },
};

struct Pattern {
    std::string_view java;  // for messages
    std::string_view re2;   // the same language for RE2; empty: not checked
    // Compiled at its first use (constraints.cpp): costs tens of microseconds, matching less than one.
    mutable std::atomic<const re2::RE2*> compiled = nullptr;
};

struct AccessRules;
struct MemberError;
struct RestOperation;
struct RestService;
struct Shape;

// Where a member stands in HTTP (rest.hpp). In other protocols all are in the body.
enum class Location : uint8_t {
    body,            // an element of the document
    attribute,       // of its structure's element
    header,          // …
    prefix_headers,  // a map: all headers that begin with the wire name, which is not a part of a key
    query,
    uri,
    status,   // of the answer
    payload,  // the whole document, or the whole body as it is
    stream    // the body, as a stream
};

struct Field {
    std::string_view name;
    std::string_view wire_name;  // the model's locationName, or the name
    const Shape* shape = nullptr;
    const OptionalAccess* optional = nullptr;  // nullptr: required, the value itself lies there
    size_t offset = 0;
    Location location = Location::body;
    const MemberError* error = nullptr;  // what a bad value is answered with; nullptr: it counts as absent

    [[nodiscard]] bool is_required() const { return optional == nullptr; }
    // Where its value is to be put, or stands in the struct; nullptr: absent.
    [[nodiscard]] void* make(void* structure) const {
        void* place = static_cast<char*>(structure) + offset;
        return optional ? optional->emplace(place) : place;
    }
    [[nodiscard]] const void* find(const void* structure) const {
        const void* place = static_cast<const char*>(structure) + offset;
        return optional ? optional->value(place) : place;
    }
};

struct Shape {
    std::string_view name;
    Type type = Type::string;
    bool sensitive = false;  // its values are never shown, not even to their sender
    bool flattened = false;  // list, map: without an element around the items
    bool iso8601 = false;    // timestamp: so in headers, too (the model's timestampFormat), whose dates are HTTP's else
    bool closed = false;     // structure: no other elements may stand in it
    bool has_min = false, has_max = false;
    int64_t min = 0, max = 0;  // length, size or value
    const Pattern* pattern = nullptr;
    std::span<const std::string_view> enumeration;           // the value v of the C++ enum is the (v-1)th
    std::string_view attribute_prefix, attribute_namespace;  // of the attributes among a structure's members
    std::span<const Field> fields;                           // structure
    std::string_view item_name;                              // list: XML name of an item (`member`); map: of a key
    std::string_view value_name;                             // map
    const Shape* item = nullptr;                             // list item, map value
    const Shape* key = nullptr;                              // map key: a string, whatever its shape says
    const ListAccess* list = nullptr;
    const MapAccess* map = nullptr;

    [[nodiscard]] bool is_scalar() const {
        return type != Type::structure && type != Type::list && type != Type::map && type != Type::stream;
    }
};

// A list or map is what it holds.
[[nodiscard]] inline bool is_sensitive(const Shape& shape) {
    return shape.sensitive || (shape.item && shape.item->sensitive) || (shape.key && shape.key->sensitive);
}

struct Service {
    std::string_view name;  // of models/NAME.yaml; several may sign alike (s3, s3control)
    std::string_view signing_name;
    std::string_view validation_error;  // the code of broken constraints
    std::string_view xml_namespace;
    std::span<const Operation* const> operations;  // sorted by name
    const RestService* rest = nullptr;             // of a REST-XML service
};

struct Operation {
    std::string_view name;
    const Service* service = nullptr;
    const Shape* input = nullptr;  // nullptr: takes nothing
    const Shape* output = nullptr;
    std::string_view result_wrapper;        // Query: CreateRoleResult
    const AccessRules* accesses = nullptr;  // access.hpp; nullptr: a function of its service says them
    const RestOperation* rest = nullptr;    // of a REST-XML service
};

}  // namespace model
