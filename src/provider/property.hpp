// Values of resource properties: JSON plus what a deployment adds to it (Pulumi's property values).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json.hpp"

namespace provider {

class Property {
public:
    enum class Kind : uint8_t { null, boolean, number, string, array, object, unknown, secret, asset, archive, reference };
    using Array = std::vector<Property>;
    using Object = std::map<std::string, Property, std::less<>>;

    Property() = default;
    Property(bool value) : kind_(Kind::boolean), flag_(value) {}
    Property(double value) : kind_(Kind::number), number_(value) {}
    Property(int value) : Property(static_cast<double>(value)) {}
    Property(const char* value) : kind_(Kind::string), text_(value) {}
    Property(std::string value) : kind_(Kind::string), text_(std::move(value)) {}
    Property(std::string_view value) : kind_(Kind::string), text_(value) {}
    Property(Array items) : kind_(Kind::array), items_(std::move(items)) {}
    Property(Object members) : kind_(Kind::object), members_(std::move(members)) {}

    [[nodiscard]] static Property unknown();  // computed when applied
    [[nodiscard]] static Property secret(Property inner);
    // An asset: {text|path|uri}; an archive: {assets|path|uri}. `fields` is the object with those.
    [[nodiscard]] static Property asset(Object fields);
    [[nodiscard]] static Property archive(Object fields);
    [[nodiscard]] static Property reference(std::string urn, Property id);

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] bool is(Kind kind) const { return kind_ == kind; }
    [[nodiscard]] bool as_bool(bool fallback = false) const { return kind_ == Kind::boolean ? flag_ : fallback; }
    [[nodiscard]] double as_number(double fallback = 0) const { return kind_ == Kind::number ? number_ : fallback; }
    [[nodiscard]] const std::string& as_string() const { return text_; }  // "" unless a string; the URN of a reference
    [[nodiscard]] const Array& items() const { return items_; }           // the one inside a secret; a reference's id
    [[nodiscard]] Array& items() { return items_; }
    [[nodiscard]] const Object& members() const { return members_; }  // objects, assets, archives
    [[nodiscard]] Object& members() { return members_; }
    [[nodiscard]] const Property& operator[](std::string_view key) const;  // null if absent
    [[nodiscard]] bool contains(std::string_view key) const { return members_.contains(key); }
    void set(std::string_view key, Property value);  // null becomes an object

    [[nodiscard]] bool has_unknowns() const;
    [[nodiscard]] bool has_secrets() const;
    [[nodiscard]] Property without_secrets() const;  // unwrapped at every level
    [[nodiscard]] bool operator==(const Property& other) const = default;

    // JSON and back, for values without unknowns, secrets, assets and references (those have no JSON; INVARIANT).
    [[nodiscard]] text::Json to_json() const;
    [[nodiscard]] static Property from_json(const text::Json& json);

private:
    Kind kind_ = Kind::null;
    bool flag_ = false;
    double number_ = 0;
    std::string text_;
    Array items_;
    Object members_;
};

}  // namespace provider
