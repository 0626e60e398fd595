#include "provider/s3_document.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/strings.hpp"

namespace provider {

using Kind = Property::Kind;
using text::XmlElement;

namespace {

constexpr std::string_view own_element = ".";
constexpr std::string_view type_attribute = "@type";

// One step of a path: `FilterRule[Name=prefix]`.
struct Step {
    std::string_view name, key, value;
};

Step step_of(std::string_view part) {
    const size_t open = part.find('[');
    if (open == std::string_view::npos) return {part, {}, {}};
    const std::string_view inside = part.substr(open + 1, part.size() - open - 2);
    const size_t equals = inside.find('=');
    return {part.substr(0, open), inside.substr(0, equals), inside.substr(equals + 1)};
}

bool is_at(const XmlElement& element, const Step& step) {
    return element.name == step.name &&
           (step.key.empty() || base::lower(element.child_text(step.key)) == base::lower(step.value));
}

// Where the path leads to, but for its last step, which is taken off it.
template <class Element, class Enter>
Element* parent_of(Element& from, std::string_view& path, Enter enter) {
    Element* at = &from;
    for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
        at = enter(*at, step_of(path.substr(0, slash)));
        if (at == nullptr) return nullptr;
        path.remove_prefix(slash + 1);
    }
    return at;
}

XmlElement* append(XmlElement& parent, const Step& step) {
    XmlElement child{.name = std::string(step.name), .content = {}, .type = {}, .children = {}};
    if (!step.key.empty())
        child.children.push_back({.name = std::string(step.key), .content = std::string(step.value), .type = {}, .children = {}});
    parent.children.push_back(std::move(child));
    return &parent.children.back();
}

XmlElement* find_or_append(XmlElement& parent, const Step& step) {
    for (XmlElement& child : parent.children)
        if (is_at(child, step)) return &child;
    return append(parent, step);
}

const XmlElement* find(const XmlElement& parent, const Step& step) {
    const auto found = std::ranges::find_if(parent.children, [&](const XmlElement& child) { return is_at(child, step); });
    return found == parent.children.end() ? nullptr : &*found;
}

std::string number_text(double number) { return std::to_string(std::llround(number)); }

void write_members(const std::vector<Rule>& rules, const Property& properties, XmlElement& element);

// A value that is one text; nullopt: it is not said.
std::optional<std::string> text_of(const Rule& rule, const Property& value) {
    switch (value.kind()) {
        case Kind::boolean:
            // Where S3 tells `false` from absent, the rule has a fallback.
            if (!value.as_bool() && rule.fallback.is(Kind::null) && !rule.required) return std::nullopt;
            return value.as_bool() ? rule.words.second : rule.words.first;
        case Kind::number:
            return number_text(value.as_number());
        case Kind::string:
            if (value.as_string().empty() && !rule.required && !rule.fallback.is(Kind::string)) return std::nullopt;
            return value.as_string();
        default:
            return std::nullopt;
    }
}

void write(const Rule& rule, const Property& value, XmlElement& element) {
    std::string_view path = rule.member;
    XmlElement* parent = &element;
    const bool own = path == own_element;
    if (!own) {
        const bool said = rule.shape == Shape::texts || rule.shape == Shape::blocks ? !value.items().empty()
                          : rule.shape == Shape::block                              ? value.is(Kind::object)
                          : rule.shape == Shape::labels                             ? !value.members().empty()
                          : rule.presence                                           ? value.as_bool()
                                                                                    : text_of(rule, value).has_value();
        if (!said) return;
        parent = parent_of(element, path, find_or_append);
    }
    const Step step = step_of(path);
    switch (rule.shape) {
        case Shape::texts:
            for (const Property& item : value.items()) append(*parent, step)->content = item.as_string();
            return;
        case Shape::labels:
            for (const auto& [key, item] : value.members()) {
                XmlElement& label = *append(*parent, step);
                append(label, {"Key", {}, {}})->content = key;
                append(label, {"Value", {}, {}})->content = item.as_string();
            }
            return;
        case Shape::block:
            if (value.is(Kind::object)) write_members(rule.members, value, own ? element : *find_or_append(*parent, step));
            return;
        case Shape::blocks:
            for (const Property& item : value.items()) write_members(rule.members, item, own ? element : *append(*parent, step));
            return;
        default:
            break;
    }
    if (path == type_attribute)
        parent->type = value.as_string();
    else if (rule.presence)
        append(*parent, step);
    else
        find_or_append(*parent, step)->content = text_of(rule, value).value_or("");
}

void write_members(const std::vector<Rule>& rules, const Property& properties, XmlElement& element) {
    for (const Rule& rule : rules) {
        if (rule.member.empty()) continue;
        const Property& value = properties[rule.name];
        const bool stands_in = value.is(Kind::null) && !rule.unless.empty() && properties[rule.unless].is(Kind::null);
        write(rule, stands_in ? rule.fallback : value, element);
    }
}

Property read_text(const Rule& rule, const std::string& content) {
    if (rule.shape == Shape::flag) return base::lower(content) == base::lower(rule.words.second);
    if (rule.shape != Shape::number) return content;
    int64_t number = 0;
    const auto got = std::from_chars(content.data(), content.data() + content.size(), number);
    // What is no number is told as it stands: a difference that a person sees, and not a zero.
    if (content.empty() || got.ec != std::errc() || got.ptr != content.data() + content.size()) return content;
    return static_cast<double>(number);
}

// Null: the element does not say.
Property read(const Rule& rule, const XmlElement& element) {
    std::string_view path = rule.member;
    if (path == own_element) {
        Property grouped = properties_of(rule.members, element);
        if (grouped.members().empty()) return {};
        return rule.shape == Shape::blocks ? Property(Property::Array{std::move(grouped)}) : grouped;
    }
    const XmlElement* parent = parent_of(element, path, [](const XmlElement& at, const Step& step) { return find(at, step); });
    if (path == type_attribute) return parent == nullptr || parent->type.empty() ? Property() : Property(parent->type);
    const Step step = step_of(path);
    const XmlElement* found = parent == nullptr ? nullptr : find(*parent, step);
    if (rule.presence) return found != nullptr;
    if (found == nullptr) {
        const bool is_told = rule.shape == Shape::flag || rule.shape == Shape::text;
        return is_told && !rule.fallback.as_string().empty() ? rule.fallback
               : rule.shape == Shape::flag                   ? rule.fallback
                                                             : Property();
    }
    switch (rule.shape) {
        case Shape::block:
            return properties_of(rule.members, *found);
        case Shape::texts:
        case Shape::blocks: {
            Property::Array items;
            for (const XmlElement& child : parent->children) {
                if (!is_at(child, step)) continue;
                items.push_back(rule.shape == Shape::texts ? Property(child.content) : properties_of(rule.members, child));
            }
            return items;
        }
        case Shape::labels: {
            Property::Object labels;
            for (const XmlElement& child : parent->children)
                if (is_at(child, step)) labels.emplace(child.child_text("Key"), child.child_text("Value"));
            return labels;
        }
        default:
            return read_text(rule, found->content);
    }
}

void print(text::XmlWriter& xml, const XmlElement& element) {
    if (!element.type.empty())
        xml.open_with(element.name, {{"xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"}, {"xsi:type", element.type}});
    else
        xml.open(element.name);
    if (!element.content.empty()) xml.text(element.content);
    for (const XmlElement& child : element.children) print(xml, child);
    xml.close();
}

}  // namespace

XmlElement document_of(const std::vector<Rule>& rules, std::string_view root, const Property& properties) {
    XmlElement element{.name = std::string(root), .content = {}, .type = {}, .children = {}};
    write_members(rules, properties, element);
    return element;
}

std::string xml_text(const XmlElement& root, std::string_view xml_namespace) {
    text::XmlWriter xml;
    xml.open(root.name, xml_namespace);
    for (const XmlElement& child : root.children) print(xml, child);
    xml.close();
    return xml.finish();
}

Property properties_of(const std::vector<Rule>& rules, const XmlElement& element) {
    Property::Object properties;
    for (const Rule& rule : rules) {
        if (rule.member.empty()) continue;
        Property value = read(rule, element);
        if (!value.is(Kind::null)) properties.emplace(rule.name, std::move(value));
    }
    return properties;
}

}  // namespace provider
