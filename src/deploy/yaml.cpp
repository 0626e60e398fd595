// The one file that includes yaml-cpp.
#include "deploy/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>

#include "base/error_codes.hpp"
#include "text/json.hpp"

namespace deploy {

using provider::Property;

// Here and not in the header: a Yaml holds pairs of itself, which are incomplete there.
Yaml::Yaml() = default;
Yaml::Yaml(const Yaml&) = default;
Yaml::Yaml(Yaml&&) noexcept = default;
Yaml& Yaml::operator=(const Yaml&) = default;
Yaml& Yaml::operator=(Yaml&&) noexcept = default;
Yaml::~Yaml() = default;

namespace {

const Yaml null_yaml;

// `count`: of the values so far. An alias counts as often as it is used.
base::Result<Yaml> convert(const YAML::Node& node, int depth, size_t& count) {
    if (++count > yaml_values_max)
        return base::fail(base::code::InvalidYaml,
                          "the document has more than " + std::to_string(yaml_values_max) + " values, those of aliases included");
    if (depth > yaml_depth_max)
        return base::fail(base::code::InvalidYaml,
                          "the document nests deeper than " + std::to_string(yaml_depth_max) + " levels");
    Yaml result;
    result.line = node.Mark().line + 1;
    switch (node.Type()) {
        case YAML::NodeType::Undefined:
        case YAML::NodeType::Null:
            break;
        case YAML::NodeType::Scalar:
            result.kind = Yaml::Kind::scalar;
            result.text = node.Scalar();
            result.quoted = node.Tag() == "!";
            break;
        case YAML::NodeType::Sequence:
            result.kind = Yaml::Kind::sequence;
            for (const auto& item : node) result.items.push_back(TRY(convert(item, depth + 1, count)));
            break;
        case YAML::NodeType::Map:
            result.kind = Yaml::Kind::map;
            for (const auto& member : node) {
                const std::string key = member.first.Scalar();
                if (result.find(key) != nullptr) {
                    return base::fail(base::code::InvalidYaml, "line " + std::to_string(member.first.Mark().line + 1) +
                                                                   ": the key `" + key + "` stands twice");
                }
                result.members.emplace_back(key, TRY(convert(member.second, depth + 1, count)));
                // A block map or sequence begins below its key; the key's line is the one to name.
                result.members.back().second.line = member.first.Mark().line + 1;
            }
            break;
    }
    return result;
}

}  // namespace

const Yaml* Yaml::find(std::string_view key) const {
    for (const auto& [name, value] : members)
        if (name == key) return &value;
    return nullptr;
}

const Yaml& Yaml::operator[](std::string_view key) const {
    const Yaml* found = find(key);
    return found == nullptr ? null_yaml : *found;
}

Property Yaml::to_property() const {
    switch (kind) {
        case Kind::null:
            return {};
        case Kind::sequence: {
            Property::Array array;
            for (const Yaml& item : items) array.push_back(item.to_property());
            return Property(std::move(array));
        }
        case Kind::map: {
            Property::Object object;
            for (const auto& [key, value] : members) object.emplace(key, value.to_property());
            return Property(std::move(object));
        }
        case Kind::scalar:
            break;
    }
    if (quoted) return Property(text);
    if (text == "true" || text == "True" || text == "TRUE") return Property(true);
    if (text == "false" || text == "False" || text == "FALSE") return Property(false);
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return {};
    double number = 0;
    const char* first = text.data() + (text.starts_with('+') ? 1 : 0);
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(first, last, number);
    if (error == std::errc() && end == last && std::isfinite(number)) return Property(number);
    return Property(text);
}

base::Result<Yaml> parse_yaml(std::string_view document) {
    try {
        size_t count = 0;
        return convert(YAML::Load(std::string(document)), 0, count);
    } catch (const YAML::Exception& error) {
        return base::fail(base::code::InvalidYaml, "line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
    }
}

std::string quote_yaml(std::string_view content) {
    const std::string text(content);
    const auto read = parse_yaml("k: " + text + "\n");
    if (read && (*read)["k"].to_property() == Property(text)) return text;
    return text::quote_json(text);
}

}  // namespace deploy
