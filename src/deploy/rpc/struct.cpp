#include "deploy/rpc/struct.hpp"

#include <google/protobuf/struct.pb.h>

#include <array>

#include "base/error_codes.hpp"
#include "deploy/rpc/signatures.hpp"

namespace deploy::rpc {

using provider::Property;
using Kind = Property::Kind;

bool is_unknown_mark(std::string_view text) {
    static constexpr std::array<std::string_view, 7> marks = {
        unknown_string,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    };
    if (text.size() != unknown_string.size()) return false;
    for (std::string_view mark : marks)
        if (text == mark) return true;
    return false;
}

namespace {

constexpr int depth_max = 100;

base::Result<Property> read_value_at(const google::protobuf::Value& message, int depth);

base::Result<Property::Object> read_members(const google::protobuf::Struct& message, int depth) {
    Property::Object members;
    for (const auto& [key, value] : message.fields()) members.emplace(key, TRY(read_value_at(value, depth + 1)));
    return members;
}

const google::protobuf::Value* field(const google::protobuf::Struct& message, std::string_view key) {
    const auto found = message.fields().find(std::string(key));
    return found == message.fields().end() ? nullptr : &found->second;
}

// The object `message`, whose signature_key says `mark`.
base::Result<Property> read_marked(const google::protobuf::Struct& message, const std::string& mark, int depth) {
    if (mark == secret_signature) {
        const auto* value = field(message, "value");
        if (value == nullptr) return base::fail(base::code::InvalidProperty, "a secret without a value");
        return Property::secret(TRY(read_value_at(*value, depth + 1)));
    }
    if (mark == output_signature) {
        const auto* value = field(message, "value");
        const auto* secret = field(message, "secret");
        Property inner = value == nullptr ? Property::unknown() : TRY(read_value_at(*value, depth + 1));
        return secret != nullptr && secret->bool_value() ? Property::secret(std::move(inner)) : inner;
    }
    if (mark == reference_signature) {
        const auto* urn = field(message, "urn");
        if (urn == nullptr || urn->string_value().empty())
            return base::fail(base::code::InvalidProperty, "a resource reference without a urn");
        // An empty id is how SDKs say "not known yet"; a reference to a component has none.
        const auto* id = field(message, "id");
        Property id_value;
        if (id != nullptr) id_value = id->string_value().empty() ? Property::unknown() : TRY(read_value_at(*id, depth + 1));
        return Property::reference(urn->string_value(), std::move(id_value));
    }
    if (mark == asset_signature || mark == archive_signature) {
        Property::Object members = TRY(read_members(message, depth));
        members.erase(std::string(signature_key));
        members.erase("__pulumiAsset");
        members.erase("__pulumiArchive");
        return mark == asset_signature ? Property::asset(std::move(members)) : Property::archive(std::move(members));
    }
    return base::fail(base::code::InvalidProperty, "a value with the unknown signature " + mark);
}

base::Result<Property> read_value_at(const google::protobuf::Value& message, int depth) {
    if (depth > depth_max)
        return base::fail(base::code::InvalidProperty, "a property nests deeper than " + std::to_string(depth_max) + " levels");
    switch (message.kind_case()) {
        case google::protobuf::Value::kBoolValue:
            return Property(message.bool_value());
        case google::protobuf::Value::kNumberValue:
            return Property(message.number_value());
        case google::protobuf::Value::kStringValue:
            return is_unknown_mark(message.string_value()) ? Property::unknown() : Property(message.string_value());
        case google::protobuf::Value::kListValue: {
            Property::Array items;
            for (const auto& item : message.list_value().values()) items.push_back(TRY(read_value_at(item, depth + 1)));
            return Property(std::move(items));
        }
        case google::protobuf::Value::kStructValue: {
            const auto* mark = field(message.struct_value(), signature_key);
            if (mark != nullptr && mark->kind_case() == google::protobuf::Value::kStringValue)
                return read_marked(message.struct_value(), mark->string_value(), depth);
            return Property(TRY(read_members(message.struct_value(), depth)));
        }
        default:
            return Property();
    }
}

google::protobuf::Value& slot(google::protobuf::Struct& message, std::string_view key) {
    return (*message.mutable_fields())[std::string(key)];
}

void write_members(const Property::Object& members, Understands caller, google::protobuf::Struct& message) {
    for (const auto& [key, value] : members) write_value(value, caller, slot(message, key));
}

}  // namespace

base::Result<Property> read_struct(const google::protobuf::Struct& message) { return Property(TRY(read_members(message, 0))); }

base::Result<Property> read_value(const google::protobuf::Value& message) { return read_value_at(message, 0); }

void write_struct(const Property& object, Understands caller, google::protobuf::Struct& message) {
    write_members(object.members(), caller, message);
}

void write_value(const Property& value, Understands caller, google::protobuf::Value& message) {
    switch (value.kind()) {
        case Kind::null:
            message.set_null_value(google::protobuf::NULL_VALUE);
            return;
        case Kind::boolean:
            message.set_bool_value(value.as_bool());
            return;
        case Kind::number:
            message.set_number_value(value.as_number());
            return;
        case Kind::string:
            message.set_string_value(value.as_string());
            return;
        case Kind::unknown:
            message.set_string_value(std::string(unknown_string));
            return;
        case Kind::array: {
            auto& list = *message.mutable_list_value();
            for (const Property& item : value.items()) write_value(item, caller, *list.add_values());
            return;
        }
        case Kind::object:
            write_members(value.members(), caller, *message.mutable_struct_value());
            return;
        case Kind::secret: {
            if (!caller.secrets) return write_value(value.items().front(), caller, message);
            auto& fields = *message.mutable_struct_value();
            slot(fields, signature_key).set_string_value(std::string(secret_signature));
            write_value(value.items().front(), caller, slot(fields, "value"));
            return;
        }
        case Kind::asset:
        case Kind::archive: {
            auto& fields = *message.mutable_struct_value();
            slot(fields, signature_key)
                .set_string_value(std::string(value.is(Kind::asset) ? asset_signature : archive_signature));
            write_members(value.members(), caller, fields);
            return;
        }
        case Kind::reference: {
            const Property& id = value.items().front();
            if (!caller.references) {
                if (id.is(Kind::null))
                    message.set_string_value(value.as_string());
                else
                    write_value(id, caller, message);
                return;
            }
            auto& fields = *message.mutable_struct_value();
            slot(fields, signature_key).set_string_value(std::string(reference_signature));
            slot(fields, "urn").set_string_value(value.as_string());
            if (!id.is(Kind::null)) slot(fields, "id").set_string_value(id.is(Kind::unknown) ? "" : id.as_string());
            return;
        }
    }
}

}  // namespace deploy::rpc
