// Smithy's RPC v2 with CBOR, which AWS's newer SDKs speak to CloudWatch.
//
// Source: Smithy, "Smithy RPC v2 CBOR protocol".
//   POST [prefix]/service/NAME/operation/OPERATION, smithy-protocol: rpc-v2-cbor; input and output are one map each, of member
//   names. Timestamps are tag 1 (seconds since 1970), blobs are bytes; a null member is one that is not there.
#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/error_codes.hpp"
#include "text/base64.hpp"
#include "wire/cbor.hpp"
#include "wire/model.hpp"
#include "wire/scalar.hpp"

namespace wire {

using base::fail;
using base::Result;
using text::Json;

namespace {

constexpr uint64_t timestamp_tag = 1;

class InputReader {
public:
    explicit InputReader(CborReader& cbor) : cbor_(cbor) {}

    // Null for a CBOR null.
    [[nodiscard]] Result<Json> read(const Shape& shape, const std::string& path, int depth) {
        const auto head = TRY(cbor_.take_head());
        if (head.is_null()) return Json();
        if (depth > cbor_depth_max) return cbor_.malformed("it is nested too deep");
        switch (shape.type) {
            case ShapeType::structure:
                return head.major == CborMajor::map ? read_structure(shape, head, path, depth) : wrong_type(shape, path);
            case ShapeType::list:
                return head.major == CborMajor::array ? read_list(shape, head, path, depth) : wrong_type(shape, path);
            case ShapeType::map:
                return head.major == CborMajor::map ? read_map(shape, head, path, depth) : wrong_type(shape, path);
            default:
                return read_scalar(shape, head, path);
        }
    }

private:
    [[nodiscard]] static std::unexpected<base::Error> wrong_type(const Shape& shape, const std::string& path) {
        return fail(base::code::SerializationException,
                    "The value of " + (path.empty() ? "the request" : path) + " is not " + std::string(name_of(shape.type)));
    }

    [[nodiscard]] static std::string below(const std::string& path, std::string_view name) {
        return path.empty() ? std::string(name) : path + "." + std::string(name);
    }

    [[nodiscard]] Result<std::string> take_key() {
        const auto head = TRY(cbor_.take_head());
        if (head.major != CborMajor::text) return cbor_.malformed("a key of a map is not text");
        return cbor_.take_string(head);
    }

    // Members that the model does not know are dropped.
    [[nodiscard]] Result<Json> read_structure(const Shape& shape, const CborHead& head, const std::string& path, int depth) {
        Json out = Json::object();
        std::set<const Member*> seen;
        for (uint64_t taken = 0; !TRY(cbor_.at_end(head, taken)); ++taken) {
            const auto key = TRY(take_key());
            const auto member = std::ranges::find(shape.members, std::string_view(key), &Member::name);
            if (member == shape.members.end()) {
                TRY(cbor_.skip_item(depth + 1));
                continue;
            }
            if (!seen.insert(&*member).second)
                return fail(base::code::SerializationException, "The member " + below(path, key) + " is there twice");
            auto value = TRY(read(*member->shape, below(path, key), depth + 1));
            if (!value.is_null()) out.members().emplace_back(key, std::move(value));
        }
        return out;
    }

    [[nodiscard]] Result<Json> read_list(const Shape& shape, const CborHead& head, const std::string& path, int depth) {
        Json out = Json::array();
        for (uint64_t taken = 0; !TRY(cbor_.at_end(head, taken)); ++taken) {
            const auto place = below(path, std::to_string(taken + 1));
            auto item = TRY(read(*shape.item, place, depth + 1));
            if (item.is_null()) return wrong_type(*shape.item, place);
            out.push(std::move(item));
        }
        return out;
    }

    [[nodiscard]] Result<Json> read_map(const Shape& shape, const CborHead& head, const std::string& path, int depth) {
        Json out = Json::object();
        std::set<std::string> seen;
        for (uint64_t taken = 0; !TRY(cbor_.at_end(head, taken)); ++taken) {
            const auto key = TRY(take_key());
            if (!seen.insert(key).second)
                return fail(base::code::SerializationException, "The key " + below(path, key) + " is there twice");
            auto value = TRY(read(*shape.item, below(path, key), depth + 1));
            if (!value.is_null()) out.members().emplace_back(key, std::move(value));
        }
        return out;
    }

    [[nodiscard]] static std::optional<Json> number_of(const CborHead& head) {
        if (head.is_float()) return std::isfinite(head.float_value()) ? std::optional(Json(head.float_value())) : std::nullopt;
        if (!head.is_integer() || head.argument > INT64_MAX) return std::nullopt;
        const auto value = static_cast<int64_t>(head.argument);
        return Json(head.major == CborMajor::negative ? -1 - value : value);
    }

    [[nodiscard]] Result<Json> read_scalar(const Shape& shape, const CborHead& head, const std::string& path) {
        switch (shape.type) {
            case ShapeType::string:
                if (head.major == CborMajor::text) return Json(TRY(cbor_.take_string(head)));
                break;
            case ShapeType::blob:
                if (head.major == CborMajor::bytes) return Json(text::encode_base64(TRY(cbor_.take_string(head))));
                break;
            case ShapeType::boolean:
                if (head.is_bool()) return Json(head.information == 21);
                break;
            case ShapeType::floating:
                if (auto number = number_of(head)) return std::move(*number);
                break;
            case ShapeType::integer: {
                const auto number = number_of(head);
                if (!number) break;
                double whole = 0;
                if (head.is_float() && std::modf(head.float_value(), &whole) == 0 && std::abs(whole) < 9e15) {
                    if (auto read = scalar_from_text(shape, std::to_string(static_cast<int64_t>(whole)))) return std::move(*read);
                } else if (auto read = scalar_from_text(shape, number->as_string())) {
                    return std::move(*read);
                }
                break;
            }
            case ShapeType::timestamp: {
                if (head.major != CborMajor::tag || head.argument != timestamp_tag) break;
                const auto number = number_of(TRY(cbor_.take_head()));
                if (!number) break;
                if (auto iso = timestamp_from_seconds(*number)) return Json(std::move(*iso));
                break;
            }
            default:
                break;
        }
        return wrong_type(shape, path);
    }

    CborReader& cbor_;
};

void write_number(const Json& number, std::string& out) {
    const auto& digits = number.as_string();
    const bool whole = digits.find_first_of(".eE") == std::string::npos;
    const int64_t value = number.as_int();
    if (!whole || std::to_string(value) != digits) return put_cbor_double(number.as_double(), out);
    if (value < 0)
        put_cbor_head(CborMajor::negative, static_cast<uint64_t>(-1 - value), out);
    else
        put_cbor_head(CborMajor::unsigned_integer, static_cast<uint64_t>(value), out);
}

void write_value(const Shape& shape, const Json& value, std::string& out) {
    switch (shape.type) {
        case ShapeType::structure: {
            const auto is_there = [&](const Member& member) { return !value[member.name].is_null(); };
            put_cbor_head(CborMajor::map, static_cast<uint64_t>(std::ranges::count_if(shape.members, is_there)), out);
            for (const auto& member : shape.members) {
                if (!is_there(member)) continue;
                put_cbor_text(member.name, out);
                write_value(*member.shape, value[member.name], out);
            }
            return;
        }
        case ShapeType::list:
            put_cbor_head(CborMajor::array, value.items().size(), out);
            for (const auto& item : value.items()) write_value(*shape.item, item, out);
            return;
        case ShapeType::map:
            put_cbor_head(CborMajor::map, value.members().size(), out);
            for (const auto& [key, item] : value.members()) {
                put_cbor_text(key, out);
                write_value(*shape.item, item, out);
            }
            return;
        case ShapeType::timestamp:
            put_cbor_head(CborMajor::tag, timestamp_tag, out);
            return write_number(timestamp_to_seconds(value), out);
        case ShapeType::blob: {
            const auto bytes = text::decode_base64(value.as_string()).value_or("");
            put_cbor_head(CborMajor::bytes, bytes.size(), out);
            out += bytes;
            return;
        }
        case ShapeType::boolean:
            put_cbor_head(CborMajor::simple, value.as_bool() ? 21 : 20, out);
            return;
        case ShapeType::integer:
            return write_number(value, out);
        case ShapeType::floating:
            return put_cbor_double(value.as_double(), out);
        case ShapeType::string:
            return put_cbor_text(value.as_string(), out);
    }
}

}  // namespace

Result<Json> decode_cbor_input(const ServiceModel& service, const OperationModel& operation, std::string_view body) {
    Json input = Json::object();
    if (!body.empty()) {
        CborReader cbor(body, input_values_max);
        if (operation.input)
            input = TRY(InputReader(cbor).read(*operation.input, "", 0));
        else
            TRY(cbor.skip_item(0));
        if (!cbor.all_taken()) return cbor.malformed("there is more behind its end");
        if (input.is_null()) return fail(base::code::SerializationException, "The value of the request is not a structure");
    }
    if (!operation.input) return Json::object();
    TRY(validate(service, *operation.input, input));
    return input;
}

std::string encode_cbor_output(const OperationModel& operation, const Json& output) {
    std::string out;
    if (operation.output) write_value(*operation.output, output.is_null() ? Json::object() : output, out);
    return out;
}

std::string encode_cbor_input(const OperationModel& operation, const Json& input) {
    std::string out;
    if (operation.input) write_value(*operation.input, input.is_null() ? Json::object() : input, out);
    return out;
}

}  // namespace wire
