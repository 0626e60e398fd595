// The AWS Query protocol: form parameters in, XML out.
//
// Source: Smithy, "AWS Query protocol".
//   structure  Name.Member=…        list  Name.member.N=…  (flattened: Name.N)        map  Name.entry.N.key=… &
//   Name.entry.N.value=… answer     <OpResponse
//   xmlns><OpResult>…</OpResult><ResponseMetadata><RequestId/></ResponseMetadata></OpResponse>
#include <map>
#include <set>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "text/uri.hpp"
#include "text/xml.hpp"
#include "wire/model.hpp"
#include "wire/query_parameters.hpp"
#include "wire/scalar.hpp"

namespace wire {

using base::fail;
using base::Result;
using text::Json;

namespace {

using Form = std::map<std::string, std::string, std::less<>>;

class FormReader {
public:
    explicit FormReader(const Form& form) : form_(form) {}

    // nullopt: no parameter speaks of it.
    [[nodiscard]] Result<std::optional<Json>> read(const Shape& shape, const std::string& path) const {
        switch (shape.type) {
            case ShapeType::structure:
                return read_structure(shape, path);
            case ShapeType::list:
                return read_list(shape, path);
            case ShapeType::map:
                return read_map(shape, path);
            default:
                return read_scalar(shape, path);
        }
    }

private:
    [[nodiscard]] bool mentions(const std::string& path) const {
        if (form_.contains(path)) return true;
        const auto inside = form_.lower_bound(path + ".");
        return inside != form_.end() && inside->first.starts_with(path + ".");
    }

    // Of the items of a list or the entries of a map, in their order.
    [[nodiscard]] Result<std::set<uint32_t>> numbers_below(const std::string& path, const std::string& items) const {
        std::set<uint32_t> out;
        for (auto at = form_.lower_bound(items); at != form_.end() && at->first.starts_with(items); ++at) {
            const auto rest = std::string_view(at->first).substr(items.size());
            if (const auto number = query::item_number(rest.substr(0, rest.find('.')))) out.insert(*number);
            if (out.size() > query::list_items_max)
                return fail(base::code::MalformedInput,
                            path + " has more than " + std::to_string(query::list_items_max) + " items");
        }
        return out;
    }

    [[nodiscard]] Result<std::optional<Json>> read_scalar(const Shape& shape, const std::string& path) const {
        const auto found = form_.find(path);
        if (found == form_.end()) return std::nullopt;
        auto value = scalar_from_text(shape, found->second);
        if (!value)
            return fail(base::code::MalformedInput, "The value of " + path + " is not " + std::string(name_of(shape.type)));
        return value;
    }

    [[nodiscard]] Result<std::optional<Json>> read_structure(const Shape& shape, const std::string& path) const {
        if (!path.empty() && !mentions(path)) return std::nullopt;
        Json out = Json::object();
        for (const auto& member : shape.members) {
            auto value = TRY(read(*member.shape, (path.empty() ? "" : path + ".") + std::string(member.wire_name)));
            if (value) out.set(member.name, std::move(*value));
        }
        return out;
    }

    [[nodiscard]] Result<std::optional<Json>> read_list(const Shape& shape, const std::string& path) const {
        if (!mentions(path)) return std::nullopt;
        Json out = Json::array();
        const auto items = path + (shape.flattened ? "." : "." + std::string(shape.item_name) + ".");
        for (const auto number : TRY(numbers_below(path, items))) {
            auto item = TRY(read(*shape.item, items + std::to_string(number)));
            // Mentioned, but only by names that it does not have.
            if (!item)
                return fail(base::code::MalformedInput, "The value of " + items + std::to_string(number) + " is not " +
                                                            std::string(name_of(shape.item->type)));
            out.push(std::move(*item));
        }
        return out;
    }

    [[nodiscard]] Result<std::optional<Json>> read_map(const Shape& shape, const std::string& path) const {
        if (!mentions(path)) return std::nullopt;
        Json out = Json::object();
        std::set<std::string_view> keys;
        const auto entries = path + (shape.flattened ? "." : ".entry.");
        for (const auto number : TRY(numbers_below(path, entries))) {
            const auto entry = entries + std::to_string(number) + ".";
            const auto key = form_.find(entry + std::string(shape.item_name));
            if (key == form_.end()) return fail(base::code::MalformedInput, path + " has an entry without a key");
            auto value = TRY(read(*shape.item, entry + std::string(shape.value_name)));
            if (!value) return fail(base::code::MalformedInput, path + " has no value for the key " + key->second);
            if (!keys.insert(key->second).second)
                return fail(base::code::MalformedInput, path + " has the key " + key->second + " twice");
            out.members().emplace_back(key->second, std::move(*value));
        }
        return out;
    }

    const Form& form_;
};

void write_value(text::XmlWriter& out, const Shape& shape, std::string_view name, const Json& value) {
    switch (shape.type) {
        case ShapeType::structure:
            out.open(name);
            for (const auto& member : shape.members)
                if (const auto* inside = value.find(member.name); inside && !inside->is_null())
                    write_value(out, *member.shape, member.wire_name, *inside);
            out.close();
            return;
        case ShapeType::list:
            if (!shape.flattened) out.open(name);
            for (const auto& item : value.items()) write_value(out, *shape.item, shape.flattened ? name : shape.item_name, item);
            if (!shape.flattened) out.close();
            return;
        case ShapeType::map:
            if (!shape.flattened) out.open(name);
            for (const auto& [key, item] : value.members()) {
                out.open(shape.flattened ? name : "entry");
                out.element(shape.item_name, key);
                write_value(out, *shape.item, shape.value_name, item);
                out.close();
            }
            if (!shape.flattened) out.close();
            return;
        default:
            out.element(name, scalar_to_text(shape, value));
    }
}

// An empty list, and an empty structure that is an item of a list or map, is its name alone: left out, it would be absent, and
// the items after it would move up.
void write_parameters(const Shape& shape, const std::string& path, const Json& value, std::string& out, bool item = false) {
    const auto add = [&](const std::string& name, std::string_view text) {
        ((out += '&') += text::encode_uri(name)) += '=';
        out += text::encode_uri(text);
    };
    switch (shape.type) {
        case ShapeType::structure: {
            const auto before = out.size();
            for (const auto& member : shape.members)
                if (const auto* inside = value.find(member.name); inside && !inside->is_null())
                    write_parameters(*member.shape, (path.empty() ? "" : path + ".") + std::string(member.wire_name), *inside,
                                     out);
            if (item && out.size() == before) add(path, "");
            return;
        }
        case ShapeType::list: {
            if (value.items().empty()) return add(path, "");
            const auto items = path + (shape.flattened ? "." : "." + std::string(shape.item_name) + ".");
            size_t number = 0;
            for (const auto& element : value.items())
                write_parameters(*shape.item, items + std::to_string(++number), element, out, true);
            return;
        }
        case ShapeType::map: {
            size_t number = 0;
            for (const auto& [key, element] : value.members()) {
                const auto entry = path + (shape.flattened ? "." : ".entry.") + std::to_string(++number) + ".";
                add(entry + std::string(shape.item_name), key);
                write_parameters(*shape.item, entry + std::string(shape.value_name), element, out, true);
            }
            return;
        }
        default:
            add(path, scalar_to_text(shape, value));
    }
}

Result<Json> read_element(const Shape& shape, const text::XmlElement& element) {
    switch (shape.type) {
        case ShapeType::structure: {
            Json out = Json::object();
            for (const auto& member : shape.members) {
                const auto* inside = element.child(member.wire_name);
                if (inside) out.set(member.name, TRY(read_element(*member.shape, *inside)));
            }
            return out;
        }
        case ShapeType::list: {
            Json out = Json::array();
            for (const auto& item : element.children) out.push(TRY(read_element(*shape.item, item)));
            return out;
        }
        case ShapeType::map: {
            Json out = Json::object();
            for (const auto& entry : element.children) {
                const auto* value = entry.child(shape.value_name);
                if (value) out.set(entry.child_text(shape.item_name), TRY(read_element(*shape.item, *value)));
            }
            return out;
        }
        default: {
            auto value = scalar_from_text(shape, element.content);
            if (!value)
                return fail(base::code::MalformedAnswer,
                            "The answer's " + element.name + " is not " + std::string(name_of(shape.type)));
            return std::move(*value);
        }
    }
}

}  // namespace

Result<Json> decode_query_input(const ServiceModel& service, const OperationModel& operation, const text::QueryParameters& form) {
    Form sorted;
    for (const auto& [name, value] : form)
        if (!sorted.emplace(name, value).second)
            return fail(base::code::MalformedInput, "The parameter " + name + " appears twice");
    if (!operation.input) return Json::object();
    for (const auto& [name, value] : sorted) TRY(query::check_place(*operation.input, name, value));
    auto read = TRY(FormReader(sorted).read(*operation.input, ""));
    Json input = read ? std::move(*read) : Json::object();
    TRY(validate(service, *operation.input, input));
    return input;
}

std::string encode_query_output(const ServiceModel& service, const OperationModel& operation, const Json& output,
                                std::string_view request_id) {
    text::XmlWriter out;
    out.open(std::string(operation.name) + "Response", service.xml_namespace);
    if (operation.output) {
        const auto wrapper =
            operation.result_wrapper.empty() ? std::string(operation.name) + "Result" : std::string(operation.result_wrapper);
        write_value(out, *operation.output, wrapper, output);
    }
    out.open("ResponseMetadata");
    out.element("RequestId", request_id);
    out.close();
    out.close();
    return out.finish();
}

std::string encode_query_input(const ServiceModel& service, const OperationModel& operation, const Json& input) {
    std::string out = "Action=" + std::string(operation.name) + "&Version=" + std::string(service.version);
    if (operation.input) write_parameters(*operation.input, "", input, out);
    return out;
}

Result<Json> decode_query_output(const OperationModel& operation, std::string_view body) {
    if (!operation.output) return Json::object();
    const auto root = TRY(text::parse_xml(body));
    const auto* result = operation.result_wrapper.empty() ? &root : root.child(operation.result_wrapper);
    if (!result)
        return fail(base::code::MalformedAnswer, "The answer has no " + std::string(operation.result_wrapper) + " element");
    return read_element(*operation.output, *result);
}

}  // namespace wire
