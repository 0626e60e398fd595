#include "provider/property.hpp"

#include <cmath>
#include <utility>

#include "base/invariant.hpp"

namespace provider {

namespace {

const Property null_property;

}  // namespace

Property Property::unknown() {
    Property value;
    value.kind_ = Kind::unknown;
    return value;
}

Property Property::secret(Property inner) {
    // A secret of a secret is no more secret.
    if (inner.kind_ == Kind::secret) return inner;
    Property value;
    value.kind_ = Kind::secret;
    value.items_.push_back(std::move(inner));
    return value;
}

Property Property::asset(Object fields) {
    Property value;
    value.kind_ = Kind::asset;
    value.members_ = std::move(fields);
    return value;
}

Property Property::archive(Object fields) {
    Property value;
    value.kind_ = Kind::archive;
    value.members_ = std::move(fields);
    return value;
}

Property Property::reference(std::string urn, Property id) {
    Property value;
    value.kind_ = Kind::reference;
    value.text_ = std::move(urn);
    value.items_.push_back(std::move(id));
    return value;
}

const Property& Property::operator[](std::string_view key) const {
    const auto found = members_.find(key);
    return found == members_.end() ? null_property : found->second;
}

void Property::set(std::string_view key, Property value) {
    if (kind_ == Kind::null) kind_ = Kind::object;
    INVARIANT(kind_ == Kind::object || kind_ == Kind::asset || kind_ == Kind::archive);
    members_.insert_or_assign(std::string(key), std::move(value));
}

bool Property::has_unknowns() const {
    if (kind_ == Kind::unknown) return true;
    for (const Property& item : items_)
        if (item.has_unknowns()) return true;
    for (const auto& [key, member] : members_)
        if (member.has_unknowns()) return true;
    return false;
}

bool Property::has_secrets() const {
    if (kind_ == Kind::secret) return true;
    for (const Property& item : items_)
        if (item.has_secrets()) return true;
    for (const auto& [key, member] : members_)
        if (member.has_secrets()) return true;
    return false;
}

Property Property::without_secrets() const {
    if (kind_ == Kind::secret) return items_.front().without_secrets();
    Property value = *this;
    for (Property& item : value.items_) item = item.without_secrets();
    for (auto& [key, member] : value.members_) member = member.without_secrets();
    return value;
}

text::Json Property::to_json() const {
    switch (kind_) {
        case Kind::null:
            return {};
        case Kind::boolean:
            return flag_;
        case Kind::number:
            // JSON has one kind of number, people and AWS have two: 3600, not 3600.0 or 3.6e3.
            if (std::nearbyint(number_) == number_ && std::abs(number_) < 9007199254740992.0)
                return static_cast<int64_t>(number_);
            return number_;
        case Kind::string:
            return text_;
        case Kind::array: {
            text::Json json = text::Json::array();
            for (const Property& item : items_) json.push(item.to_json());
            return json;
        }
        case Kind::object: {
            text::Json json = text::Json::object();
            for (const auto& [key, member] : members_) json.set(key, member.to_json());
            return json;
        }
        case Kind::unknown:
        case Kind::secret:
        case Kind::asset:
        case Kind::archive:
        case Kind::reference:
            break;
    }
    INVARIANT(false && "a value that has no JSON: unwrap or refuse it first");
}

Property Property::from_json(const text::Json& json) {
    switch (json.type()) {
        case text::Json::Type::null:
            return {};
        case text::Json::Type::boolean:
            return json.as_bool();
        case text::Json::Type::number:
            return json.as_double();
        case text::Json::Type::string:
            return json.as_string();
        case text::Json::Type::array: {
            Array items;
            for (const text::Json& item : json.items()) items.push_back(from_json(item));
            return items;
        }
        case text::Json::Type::object: {
            Object members;
            for (const auto& [key, member] : json.members()) members.emplace(key, from_json(member));
            return members;
        }
    }
    INVARIANT(false && "a kind of JSON that does not exist");
}

}  // namespace provider
