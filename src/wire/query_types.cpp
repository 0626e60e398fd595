// Source: Smithy, "AWS Query protocol"; query_codec.cpp shows its forms.
#include "wire/query_types.hpp"

#include <algorithm>
#include <set>

#include "base/error_codes.hpp"
#include "model/reader.hpp"
#include "text/xml.hpp"
#include "wire/query_parameters.hpp"

namespace wire {

using base::Result;
using model::Field;
using model::Scalar;
using model::Shape;
using model::Type;

namespace {

// A form's parameters by name. The path of the node at hand stands in one buffer: a node is how much of it is its own, so that
// going down copies nothing. Only the nodes above the last one asked for are of use.
class FormSource {
public:
    struct Node {
        size_t length = 0;                     // of its path
        const std::string* content = nullptr;  // of a scalar
    };

    // REQUIRES: no name twice.
    explicit FormSource(std::vector<const text::QueryParameters::value_type*> sorted) : sorted_(std::move(sorted)) {}

    [[nodiscard]] bool is_structure(Node) const { return true; }

    [[nodiscard]] std::optional<Node> child(Node structure, const Field& field) {
        path_.resize(structure.length);
        if (!path_.empty()) path_ += '.';
        path_ += field.wire_name;
        return here(*field.shape);
    }

    template <class Visit>
    bool each_item(const Shape& shape, Node node, const model::Place&, std::optional<base::Error>& stopped, Visit visit) {
        const auto numbers = numbers_below(node, shape.flattened ? std::string_view() : shape.item_name, stopped);
        if (!numbers) return false;
        for (const auto number : *numbers) {
            path_.resize(node.length);
            path_ += '.';
            if (!shape.flattened) (path_ += shape.item_name) += '.';
            path_ += std::to_string(number);
            const auto item = here(*shape.item);
            // Mentioned, but only by names that it does not have.
            if (!item) {
                stopped = malformed("The value of " + path_ + " is not " + std::string(model::description_of(shape.item->type)));
                return false;
            }
            if (!visit(*item)) return false;
        }
        return true;
    }

    template <class Visit>
    bool each_entry(const Shape& shape, Node node, const model::Place&, std::optional<base::Error>& stopped, Visit visit) {
        std::set<std::string_view> keys;
        const auto numbers = numbers_below(node, shape.flattened ? std::string_view() : "entry", stopped);
        if (!numbers) return false;
        for (const auto number : *numbers) {
            path_.resize(node.length);
            path_ += shape.flattened ? "." : ".entry.";
            path_ += std::to_string(number);
            const size_t entry = path_.size();
            (path_ += '.') += shape.item_name;
            const std::string* key = find();
            if (!key) {
                path_.resize(node.length);
                stopped = malformed(path_ + " has an entry without a key");
                return false;
            }
            path_.resize(entry);
            (path_ += '.') += shape.value_name;
            const auto value = here(*shape.item);
            if (!value) {
                path_.resize(node.length);
                stopped = malformed(path_ + " has no value for the key " + *key);
                return false;
            }
            if (!visit(*key, *value)) return false;
            if (!keys.insert(*key).second) {
                path_.resize(node.length);
                stopped = malformed(path_ + " has the key " + *key + " twice");
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] std::optional<Scalar> scalar(const Shape& shape, Node node) const {
        return model::scalar_from_text(shape, *node.content);
    }

    [[nodiscard]] base::Error wrong_type(const Shape& shape, Node node, const model::Place&) {
        path_.resize(node.length);
        return malformed("The value of " + path_ + " is not " + std::string(model::description_of(shape.type)));
    }

private:
    [[nodiscard]] static base::Error malformed(std::string message) { return {"MalformedInput", std::move(message)}; }

    [[nodiscard]] auto first_from(std::string_view name) const {
        return std::ranges::lower_bound(sorted_, name, {},
                                        [](const auto* parameter) { return std::string_view(parameter->first); });
    }

    // The parameter of the path.
    [[nodiscard]] const std::string* find() const {
        const auto found = first_from(path_);
        return found != sorted_.end() && (*found)->first == path_ ? &(*found)->second : nullptr;
    }

    // Of the items of a list or the entries of a map, in their order. nullopt: too many.
    [[nodiscard]] std::optional<std::vector<uint32_t>> numbers_below(Node node, std::string_view around,
                                                                     std::optional<base::Error>& stopped) {
        path_.resize(node.length);
        path_ += '.';
        if (!around.empty()) (path_ += around) += '.';
        std::vector<uint32_t> out;
        for (auto at = first_from(path_); at != sorted_.end() && (*at)->first.starts_with(path_); ++at) {
            const auto rest = std::string_view((*at)->first).substr(path_.size());
            const auto number = query::item_number(rest.substr(0, rest.find('.')));
            if (number && (out.empty() || out.back() != *number)) out.push_back(*number);
        }
        std::ranges::sort(out);
        const auto repeated = std::ranges::unique(out);
        out.erase(repeated.begin(), repeated.end());
        if (out.size() <= query::list_items_max) return out;
        path_.resize(node.length);
        stopped = malformed(path_ + " has more than " + std::to_string(query::list_items_max) + " items");
        return std::nullopt;
    }

    // Whether a parameter has the path, or one below it.
    [[nodiscard]] bool is_mentioned() {
        if (find()) return true;
        path_ += '.';
        const auto below = first_from(path_);
        const bool is_below = below != sorted_.end() && (*below)->first.starts_with(path_);
        path_.pop_back();
        return is_below;
    }

    [[nodiscard]] std::optional<Node> here(const Shape& shape) {
        if (!shape.is_scalar()) return is_mentioned() ? std::optional(Node{path_.size()}) : std::nullopt;
        const auto* content = find();
        return content ? std::optional(Node{path_.size(), content}) : std::nullopt;
    }

    std::vector<const text::QueryParameters::value_type*> sorted_;
    std::string path_;
};

void write_value(text::XmlWriter& out, const Shape& shape, std::string_view name, const void* value) {
    switch (shape.type) {
        case Type::structure:
            out.open(name);
            for (const auto& field : shape.fields)
                if (const void* inside = model::find_known(field, value)) write_value(out, *field.shape, field.wire_name, inside);
            out.close();
            return;
        case Type::list:
            if (!shape.flattened) out.open(name);
            for (size_t i = 0, size = shape.list->size(value); i < size; ++i)
                write_value(out, *shape.item, shape.flattened ? name : shape.item_name, shape.list->item(value, i));
            if (!shape.flattened) out.close();
            return;
        case Type::map:
            if (!shape.flattened) out.open(name);
            for (size_t i = 0, size = shape.map->size(value); i < size; ++i) {
                const auto [key, item] = shape.map->entry(value, i);
                out.open(shape.flattened ? name : "entry");
                out.element(shape.item_name, key);
                write_value(out, *shape.item, shape.value_name, item);
                out.close();
            }
            if (!shape.flattened) out.close();
            return;
        default:
            out.element(name, model::scalar_text(shape, value));
    }
}

void write_parameters(const Shape& shape, const std::string& path, const void* value, std::string& out, bool item = false) {
    const auto add = [&](const std::string& name, std::string_view text) {
        ((out += '&') += text::encode_uri(name)) += '=';
        out += text::encode_uri(text);
    };
    switch (shape.type) {
        case Type::structure: {
            const auto before = out.size();
            for (const auto& field : shape.fields)
                if (const void* inside = model::find_known(field, value))
                    write_parameters(*field.shape, (path.empty() ? "" : path + ".") + std::string(field.wire_name), inside, out);
            if (item && out.size() == before) add(path, "");
            return;
        }
        case Type::list: {
            const size_t size = shape.list->size(value);
            if (size == 0) return add(path, "");
            const auto items = path + (shape.flattened ? "." : "." + std::string(shape.item_name) + ".");
            for (size_t i = 0; i < size; ++i)
                write_parameters(*shape.item, items + std::to_string(i + 1), shape.list->item(value, i), out, true);
            return;
        }
        case Type::map:
            for (size_t i = 0, size = shape.map->size(value); i < size; ++i) {
                const auto [key, inside] = shape.map->entry(value, i);
                const auto entry = path + (shape.flattened ? "." : ".entry.") + std::to_string(i + 1) + ".";
                add(entry + std::string(shape.item_name), key);
                write_parameters(*shape.item, entry + std::string(shape.value_name), inside, out, true);
            }
            return;
        default:
            add(path, model::scalar_text(shape, value));
    }
}

// An answer's elements. No service here answers with flattened lists.
class ElementSource {
public:
    using Node = const text::XmlElement*;

    [[nodiscard]] bool is_structure(Node) const { return true; }
    [[nodiscard]] std::optional<Node> child(Node structure, const Field& field) const {
        const auto* inside = structure->child(field.wire_name);
        return inside ? std::optional(inside) : std::nullopt;
    }
    template <class Visit>
    bool each_item(const Shape&, Node node, const model::Place&, std::optional<base::Error>&, Visit visit) const {
        return std::ranges::all_of(node->children, [&](const auto& item) { return visit(&item); });
    }
    template <class Visit>
    bool each_entry(const Shape& shape, Node node, const model::Place&, std::optional<base::Error>&, Visit visit) const {
        return std::ranges::all_of(node->children, [&](const auto& entry) {
            const auto* value = entry.child(shape.value_name);
            return !value || visit(entry.child_text(shape.item_name), value);
        });
    }
    [[nodiscard]] std::optional<Scalar> scalar(const Shape& shape, Node node) const {
        return model::scalar_from_text(shape, node->content);
    }
    [[nodiscard]] base::Error wrong_type(const Shape& shape, Node node, const model::Place&) const {
        return {base::code::MalformedAnswer,
                "The answer's " + node->name + " is not " + std::string(model::description_of(shape.type))};
    }
};

}  // namespace

Result<void> read_query(const model::Operation& operation, const text::QueryParameters& form, void* input) {
    std::vector<const text::QueryParameters::value_type*> sorted;
    for (const auto& parameter : form) sorted.push_back(&parameter);
    std::ranges::sort(sorted, [](const auto* a, const auto* b) { return a->first != b->first ? a->first < b->first : a < b; });
    // Of several names that appear twice, the one that does so first in the form.
    const text::QueryParameters::value_type* twice = nullptr;
    for (size_t i = 1; i < sorted.size(); ++i)
        if (sorted[i]->first == sorted[i - 1]->first && (!twice || sorted[i] < twice)) twice = sorted[i];
    if (twice) return base::fail(base::code::MalformedInput, "The parameter " + twice->first + " appears twice");
    if (!operation.input) return {};
    for (const auto* parameter : sorted) TRY(query::check_place(*operation.input, parameter->first, parameter->second));
    FormSource source(std::move(sorted));
    return model::Reader(source).read(operation, FormSource::Node{}, input);
}

std::string write_query(const model::Operation& operation, const void* output, std::string_view request_id) {
    const std::string name(operation.name);
    text::XmlWriter out;
    out.open(name + "Response", operation.service->xml_namespace);
    if (operation.output)
        write_value(out, *operation.output,
                    operation.result_wrapper.empty() ? name + "Result" : std::string(operation.result_wrapper), output);
    out.open("ResponseMetadata");
    out.element("RequestId", request_id);
    out.close();
    out.close();
    return out.finish();
}

std::string write_form(const model::Operation& operation, std::string_view version, const void* input) {
    std::string out = "Action=" + std::string(operation.name) + "&Version=" + std::string(version);
    if (operation.input) write_parameters(*operation.input, "", input, out);
    return out;
}

Result<void> read_query_answer(const model::Operation& operation, std::string_view body, void* output) {
    if (!operation.output) return {};
    const auto root = TRY(text::parse_xml(body));
    const auto* result = operation.result_wrapper.empty() ? &root : root.child(operation.result_wrapper);
    if (!result)
        return base::fail(base::code::MalformedAnswer, "The answer has no " + std::string(operation.result_wrapper) + " element");
    ElementSource source;
    return model::Reader(source).read_answer(*operation.output, result, output);
}

}  // namespace wire
