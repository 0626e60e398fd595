// Source: Smithy, "AWS JSON 1.1 protocol": timestamps are numbers of seconds, blobs base64.
#include "model/json.hpp"

#include <cmath>

#include "base/error_codes.hpp"
#include "model/reader.hpp"
#include "text/base64.hpp"

namespace model {

using base::Result;
using text::Json;

namespace {

enum class Names { wire, model };

class JsonSource {
public:
    using Node = const Json*;
    explicit JsonSource(Names names) : names_(names) {}

    [[nodiscard]] bool is_structure(Node node) const { return node->is_object(); }

    [[nodiscard]] std::optional<Node> child(Node structure, const Field& field) const {
        const auto* inside = structure->find(names_ == Names::wire ? field.wire_name : field.name);
        return inside && !inside->is_null() ? std::optional(inside) : std::nullopt;
    }

    template <class Visit>
    bool each_item(const Shape& shape, Node node, const Place& place, std::optional<base::Error>& stopped, Visit visit) const {
        if (!node->is_array()) {
            stopped = wrong_type(shape, node, place);
            return false;
        }
        for (const auto& item : node->items())
            if (!visit(&item)) return false;
        return true;
    }

    template <class Visit>
    bool each_entry(const Shape& shape, Node node, const Place& place, std::optional<base::Error>& stopped, Visit visit) const {
        if (!node->is_object()) {
            stopped = wrong_type(shape, node, place);
            return false;
        }
        for (const auto& [key, value] : node->members())
            if (!value.is_null() && !visit(key, &value)) return false;
        return true;
    }

    [[nodiscard]] std::optional<Scalar> scalar(const Shape& shape, Node node) const {
        switch (shape.type) {
            case Type::string:
            case Type::enumeration:
                return node->is_string() ? std::optional(Scalar{.text = node->as_string()}) : std::nullopt;
            case Type::boolean:
                return node->is_bool() ? std::optional(Scalar{.flag = node->as_bool()}) : std::nullopt;
            case Type::floating:
                // Shown as it was written.
                return node->is_number() ? std::optional(Scalar{.text = node->as_string(), .number = node->as_double()})
                                         : std::nullopt;
            case Type::integer:
            case Type::long_integer:
                return integer(shape, node);
            case Type::timestamp:
                if (node->is_number()) {
                    const auto time = time_from_seconds(node->as_string());
                    return time ? std::optional(Scalar{.time = *time}) : std::nullopt;
                }
                return node->is_string() ? scalar_from_text(shape, node->as_string()) : std::nullopt;
            default:  // blob
                return node->is_string() ? scalar_from_text(shape, node->as_string()) : std::nullopt;
        }
    }

    [[nodiscard]] base::Error wrong_type(const Shape& shape, Node, const Place& place) const {
        const auto path = path_of(place);
        return {base::code::SerializationException,
                "The value of " + (path.empty() ? "the request" : path) + " is not " + std::string(description_of(shape.type))};
    }

private:
    [[nodiscard]] static std::optional<Scalar> integer(const Shape& shape, Node node) {
        if (!node->is_number()) return std::nullopt;
        if (auto read = scalar_from_text(shape, node->as_string())) return read;
        // 3.0 and 3e0 are the integer 3 to AWS too.
        const double number = node->as_double(NAN);
        if (std::trunc(number) != number || !(std::abs(number) < 9e15)) return std::nullopt;
        return scalar_from_text(shape, std::to_string(static_cast<int64_t>(number)));
    }

    Names names_;
};

Result<void> read_from(const Operation& operation, const Json& document, Names names, void* input) {
    if (!operation.input) return {};
    JsonSource source(names);
    return Reader(source).read(operation, &document, input);
}

void write_name(std::string_view name, bool& first, std::string& out) {
    if (!first) out += ',';
    first = false;
    out += text::quote_json(name);
    out += ':';
}

void write_seconds(base::Time time, std::string& out) {
    const int64_t millis = time.time_since_epoch().count();
    out += millis % 1000 == 0 ? std::to_string(millis / 1000) : number_text(static_cast<double>(millis) / 1000);
}

void write_scalar(const Shape& shape, const void* value, std::string& out) {
    switch (shape.type) {
        case Type::timestamp:
            return write_seconds(*static_cast<const base::Time*>(value), out);
        case Type::string:
            out += text::quote_json(*static_cast<const std::string*>(value));
            return;
        case Type::enumeration:
        case Type::blob:
            out += text::quote_json(scalar_text(shape, value));
            return;
        case Type::floating:
            // JSON has no word for the others.
            out += std::isfinite(*static_cast<const double*>(value)) ? scalar_text(shape, value) : "null";
            return;
        default:
            out += scalar_text(shape, value);
    }
}

void write_value(const Shape& shape, const void* value, std::string& out) {
    bool first = true;
    switch (shape.type) {
        case Type::structure:
            out += '{';
            for (const auto& field : shape.fields)
                if (const void* inside = find_known(field, value)) {
                    write_name(field.wire_name, first, out);
                    write_value(*field.shape, inside, out);
                }
            out += '}';
            return;
        case Type::list:
            out += '[';
            for (size_t i = 0, size = shape.list->size(value); i < size; ++i) {
                if (i > 0) out += ',';
                write_value(*shape.item, shape.list->item(value, i), out);
            }
            out += ']';
            return;
        case Type::map:
            out += '{';
            for (size_t i = 0, size = shape.map->size(value); i < size; ++i) {
                const auto [key, item] = shape.map->entry(value, i);
                write_name(key, first, out);
                write_value(*shape.item, item, out);
            }
            out += '}';
            return;
        default:
            write_scalar(shape, value, out);
    }
}

}  // namespace

// One behind each comma and each opening bracket, and the document itself.
size_t values_at_most(std::string_view document) {
    size_t count = 1;
    bool quoted = false;
    for (size_t at = 0; at < document.size(); ++at) {
        const char c = document[at];
        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            at += c == '\\';
        else
            count += c == ',' || c == '[' || c == '{';
    }
    return count;
}

Result<void> check_values(std::string_view document) {
    if (values_at_most(document) <= input_values_max) return {};
    return base::fail(base::code::SerializationException,
                      "The request holds more than " + std::to_string(input_values_max) + " values");
}

Result<void> read_json(const Operation& operation, std::string_view body, void* input) {
    TRY(check_values(body));
    if (body.empty()) return read_from(operation, Json::object(), Names::wire, input);
    const auto parsed = text::parse_json(body);
    if (!parsed) return base::fail(base::code::SerializationException, parsed.error().message);
    return read_from(operation, *parsed, Names::wire, input);
}

Result<void> read_document(const Operation& operation, const Json& document, void* input) {
    return read_from(operation, document, Names::model, input);
}

Result<void> read_json_answer(const Operation& operation, std::string_view body, void* output) {
    if (!operation.output || body.empty()) return {};
    const auto parsed = text::parse_json(body);
    if (!parsed) return base::fail(base::code::MalformedAnswer, parsed.error().message);
    JsonSource source(Names::wire);
    if (auto read = Reader(source).read_answer(*operation.output, &*parsed, output); !read)
        return base::fail(base::code::MalformedAnswer, std::move(read).error().message);
    return {};
}

std::string write_json(const Shape& shape, const void* value) {
    std::string out;
    write_value(shape, value, out);
    return out;
}

Json write_document(const Shape& shape, const void* value) {
    switch (shape.type) {
        case Type::structure: {
            Json out = Json::object();
            for (const auto& field : shape.fields)
                if (const void* inside = find_known(field, value))
                    out.members().emplace_back(field.name, write_document(*field.shape, inside));
            return out;
        }
        case Type::list: {
            Json out = Json::array();
            for (size_t i = 0, size = shape.list->size(value); i < size; ++i)
                out.push(write_document(*shape.item, shape.list->item(value, i)));
            return out;
        }
        case Type::map: {
            Json out = Json::object();
            for (size_t i = 0, size = shape.map->size(value); i < size; ++i) {
                const auto [key, item] = shape.map->entry(value, i);
                out.members().emplace_back(key, write_document(*shape.item, item));
            }
            return out;
        }
        case Type::integer:
            return Json(*static_cast<const int32_t*>(value));
        case Type::long_integer:
            return Json(*static_cast<const int64_t*>(value));
        case Type::floating:
            return Json(*static_cast<const double*>(value));
        case Type::boolean:
            return Json(*static_cast<const bool*>(value));
        default:
            return Json(scalar_text(shape, value));
    }
}

}  // namespace model
