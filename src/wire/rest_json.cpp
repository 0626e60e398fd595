#include "wire/rest_json.hpp"

#include <optional>
#include <vector>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/broken_places.hpp"
#include "model/json.hpp"
#include "text/json.hpp"
#include "text/uri.hpp"

namespace wire {

using base::fail;
using base::Result;
using model::Field;
using model::Location;
using model::Type;
using text::Json;

namespace {

bool is_label(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

bool fits(std::string_view path, std::string_view said) {
    for (;;) {
        const size_t end = path.find('/'), said_end = said.find('/');
        const std::string_view segment = path.substr(0, end), said_segment = said.substr(0, said_end);
        if (is_label(segment) ? said_segment.empty() : segment != said_segment) return false;
        if ((end == std::string_view::npos) != (said_end == std::string_view::npos)) return false;
        if (end == std::string_view::npos) return true;
        path.remove_prefix(end + 1);
        said.remove_prefix(said_end + 1);
    }
}

std::unexpected<base::Error> not_readable(std::string_view name, std::string_view what) {
    return fail(base::code::SerializationException, "The value of " + std::string(name) + " is not " + std::string(what));
}

// A value of the path or the query, as the document has it. What constraints say of it is checked with the rest.
Result<Json> value_of(const model::Shape& shape, std::string_view name, std::string text) {
    switch (shape.type) {
        case Type::integer:
        case Type::long_integer: {
            Json number = Json::number(text);
            const bool is_number =
                !text.empty() && text.find_first_not_of("0123456789", text.starts_with('-') ? 1 : 0) == std::string::npos;
            // Leading zeros are none of JSON's, and what does not fit is not read back as itself.
            if (!is_number || std::to_string(number.as_int()) != text) return not_readable(name, "an integer");
            return number;
        }
        case Type::boolean:
            if (text != "true" && text != "false") return not_readable(name, "a boolean");
            return Json(text == "true");
        default:
            return Json(std::move(text));
    }
}

// The labels' values, decoded, in the order of the path.
Result<void> take_path(const RestRoute& route, const model::Shape& input, const http::RequestHead& head, Json& document) {
    const auto names = base::split(route.path, '/'), values = base::split(head.path, '/');
    for (size_t at = 0; at < names.size(); ++at) {
        if (!is_label(names[at])) continue;
        const std::string_view wire_name = names[at].substr(1, names[at].size() - 2);
        auto value = text::decode_uri(values[at]);
        if (!value) return not_readable(wire_name, "percent-encoded text");
        for (const Field& field : input.fields)
            if (field.location == Location::uri && field.wire_name == wire_name)
                document.set(field.name, TRY(value_of(*field.shape, wire_name, *value)));
    }
    return {};
}

Result<void> take_query(const model::Shape& input, const http::RequestHead& head, Json& document) {
    const auto parameters = text::parse_query(head.query);
    if (!parameters) return fail(base::code::SerializationException, "The query string contains a syntax error.");
    for (const auto& [name, text] : *parameters) {
        for (const Field& field : input.fields) {
            if (field.location != Location::query || field.wire_name != name) continue;
            if (field.shape->type == Type::list) {
                if (!document.contains(field.name)) document.set(field.name, Json::array());
                document.find(field.name)->push(TRY(value_of(*field.shape->item, name, text)));
                continue;
            }
            Json value = TRY(value_of(*field.shape, name, text));
            // Two readers could take one of two values each.
            if (const Json* before = document.find(field.name); before != nullptr && !(*before == value))
                return fail(base::code::SerializationException,
                            "The query parameter " + name + " is given twice with different values");
            document.set(field.name, std::move(value));
        }
    }
    return {};
}

// Which fields break a constraint, and how: a member of the error (errors.hpp). The sentence about each is in the message.
base::Error with_fields(base::Error error, const model::Shape& input, const Json& document) {
    constexpr std::string_view behind = "' failed to satisfy constraint: ", next = "; Value ";
    for (const std::string& field : model::broken_places(input, document)) {
        const std::string before = " at '" + field + std::string(behind);
        const size_t at = error.message.find(before);
        std::string what = "The value is not valid.";
        if (at != std::string::npos) {
            const size_t begin = at + before.size();
            what = error.message.substr(begin, error.message.find(next, begin) - begin);
        }
        error.notes.push_back("fieldList: " + field + ": " + what);
    }
    return error;
}

}  // namespace

const RestRoute* find_rest_route(const ServiceModel& service, const http::RequestHead& head) {
    for (const RestRoute& route : service.routes)
        if (route.method == head.method && fits(route.path, head.path)) return &route;
    return nullptr;
}

Result<void> read_rest_json(const RestRoute& route, const model::Operation& operation, const http::RequestHead& head,
                            std::string_view body, void* input) {
    if (operation.input == nullptr) return {};
    Json document = Json::object();
    if (!body.empty()) {
        TRY(model::check_values(body));
        auto parsed = text::parse_json(body);
        if (!parsed) return fail(base::code::SerializationException, parsed.error().message);
        if (!parsed->is_object()) return not_readable("the request", "a structure");
        document = *std::move(parsed);
        for (const Field& field : operation.input->fields)
            if (field.location != Location::body) document.erase(field.name);
    }
    TRY(take_path(route, *operation.input, head, document));
    TRY(take_query(*operation.input, head, document));
    auto read = model::read_document(operation, document, input);
    if (!read && read.error().code == base::code::ValidationException)
        return fail(with_fields(std::move(read).error(), *operation.input, document));
    return read;
}

std::string write_rest_json(const model::Operation& operation, const void* output) {
    return operation.output == nullptr ? "{}" : model::write_document(*operation.output, output).dump();
}

}  // namespace wire
