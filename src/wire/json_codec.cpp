// The AWS JSON protocols 1.0 and 1.1. Values keep their shape; only timestamps (numbers of seconds on the wire) and blobs are
// converted, and types are checked. Source: Smithy, "AWS JSON 1.1 protocol".
#include <cmath>

#include "base/error_codes.hpp"
#include "model/json.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"
#include "wire/model.hpp"
#include "wire/scalar.hpp"

namespace wire {

using base::fail;
using base::Result;
using text::Json;

namespace {

std::unexpected<base::Error> wrong_type(const Shape& shape, const std::string& path) {
    return fail(base::code::SerializationException,
                "The value of " + (path.empty() ? "the request" : path) + " is not " + std::string(name_of(shape.type)));
}

Result<Json> read_scalar(const Shape& shape, const Json& value, const std::string& path) {
    switch (shape.type) {
        case ShapeType::string:
            if (value.is_string()) return value;
            break;
        case ShapeType::boolean:
            if (value.is_bool()) return value;
            break;
        case ShapeType::floating:
            if (value.is_number()) return value;
            break;
        case ShapeType::integer: {
            if (!value.is_number()) break;
            if (auto read = scalar_from_text(shape, value.as_string())) return std::move(*read);
            // 3.0 and 3e0 are the integer 3 to AWS too.
            const double number = value.as_double(NAN);
            if (std::trunc(number) == number && std::abs(number) < 9e15)
                if (auto read = scalar_from_text(shape, std::to_string(static_cast<int64_t>(number)))) return std::move(*read);
            break;
        }
        case ShapeType::timestamp:
            if (value.is_number()) {
                if (auto iso = timestamp_from_seconds(value)) return Json(std::move(*iso));
            } else if (value.is_string()) {
                if (auto read = scalar_from_text(shape, value.as_string())) return std::move(*read);
            }
            break;
        case ShapeType::blob:
            if (value.is_string() && text::decode_base64(value.as_string())) return value;
            break;
        default:
            break;
    }
    return wrong_type(shape, path);
}

// Members that the model does not know and nulls are dropped.
Result<Json> read_value(const Shape& shape, const Json& value, const std::string& path) {
    const auto below = [&](std::string_view name) { return path.empty() ? std::string(name) : path + "." + std::string(name); };
    switch (shape.type) {
        case ShapeType::structure: {
            if (!value.is_object()) return wrong_type(shape, path);
            Json out = Json::object();
            for (const auto& member : shape.members)
                if (const auto* inside = value.find(member.wire_name); inside && !inside->is_null())
                    out.set(member.name, TRY(read_value(*member.shape, *inside, below(member.name))));
            return out;
        }
        case ShapeType::list: {
            if (!value.is_array()) return wrong_type(shape, path);
            Json out = Json::array();
            for (const auto& item : value.items())
                out.push(TRY(read_value(*shape.item, item, below(std::to_string(out.size() + 1)))));
            return out;
        }
        case ShapeType::map: {
            if (!value.is_object()) return wrong_type(shape, path);
            Json out = Json::object();
            for (const auto& [name, item] : value.members())
                if (!item.is_null()) out.members().emplace_back(name, TRY(read_value(*shape.item, item, below(name))));
            return out;
        }
        default:
            return read_scalar(shape, value, path);
    }
}

Json write_value(const Shape& shape, const Json& value) {
    switch (shape.type) {
        case ShapeType::structure: {
            Json out = Json::object();
            for (const auto& member : shape.members)
                if (const auto* inside = value.find(member.name); inside && !inside->is_null())
                    out.set(member.wire_name, write_value(*member.shape, *inside));
            return out;
        }
        case ShapeType::list: {
            Json out = Json::array();
            for (const auto& item : value.items()) out.push(write_value(*shape.item, item));
            return out;
        }
        case ShapeType::map: {
            Json out = Json::object();
            for (const auto& [name, item] : value.members()) out.set(name, write_value(*shape.item, item));
            return out;
        }
        case ShapeType::timestamp:
            return timestamp_to_seconds(value);
        default:
            return value;
    }
}

Result<Json> parse(std::string_view body, std::string_view code) {
    if (body.empty()) return Json::object();
    auto parsed = text::parse_json(body);
    if (!parsed) return fail(std::string(code), parsed.error().message);
    return parsed;
}

}  // namespace

Result<Json> decode_json_input(const ServiceModel& service, const OperationModel& operation, std::string_view body) {
    TRY(model::check_values(body));
    const auto parsed = TRY(parse(body, "SerializationException"));
    if (!operation.input) return Json::object();
    auto input = TRY(read_value(*operation.input, parsed, ""));
    TRY(validate(service, *operation.input, input));
    return input;
}

std::string encode_json_output(const OperationModel& operation, const Json& output) {
    return operation.output ? write_value(*operation.output, output.is_null() ? Json::object() : output).dump() : "";
}

std::string encode_json_input(const OperationModel& operation, const Json& input) {
    return operation.input ? write_value(*operation.input, input.is_null() ? Json::object() : input).dump() : "{}";
}

Result<Json> decode_json_output(const OperationModel& operation, std::string_view body) {
    const auto parsed = TRY(parse(body, "MalformedAnswer"));
    if (!operation.output) return Json::object();
    auto read = read_value(*operation.output, parsed, "");
    if (!read) return fail(base::code::MalformedAnswer, read.error().message);
    return read;
}

}  // namespace wire
