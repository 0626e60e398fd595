#include "deploy/yaml_expression.hpp"

#include <charconv>
#include <filesystem>
#include <set>

#include "base/strings.hpp"
#include "deploy/state.hpp"
#include "os/file.hpp"
#include "text/base64.hpp"

namespace deploy {

using provider::Property;
using Kind = Property::Kind;

namespace {

// The one key of a function call, or null: {"fn::join": [...]}.
const std::pair<std::string, Yaml>* function_call(const Yaml& value) {
    if (!value.is_map() || value.members.size() != 1) return nullptr;
    return base::lower(value.members.front().first).starts_with("fn::") ? &value.members.front() : nullptr;
}

// A resource as a value of a property: what the wire calls a reference.
Property as_value(const Property& found) {
    if (!found.is(Kind::reference)) return found;
    return Property::reference(found.as_string(), found.items().front()["id"]);
}

std::string display(const Property& value) {
    if (value.is(Kind::string)) return value.as_string();
    if (value.is(Kind::null)) return "";
    if (value.is(Kind::reference)) return value.items().front().as_string();
    return to_plain_json(value, true).dump();
}

}  // namespace

base::Result<Expressions::Access> Expressions::parse_access(std::string_view text, int line) const {
    Access access;
    const size_t end = std::min(text.find_first_of(".["), text.size());
    access.name = text.substr(0, end);
    if (access.name.empty()) return base::fail(error_at(line, "`${" + std::string(text) + "}` names nothing"));
    std::string_view rest = text.substr(end);
    while (!rest.empty()) {
        if (rest.starts_with('.')) {
            rest.remove_prefix(1);
            const size_t stop = std::min(rest.find_first_of(".["), rest.size());
            if (stop == 0) return base::fail(error_at(line, "`${" + std::string(text) + "}` has an empty member name"));
            access.path.emplace_back(rest.substr(0, stop));
            rest.remove_prefix(stop);
            continue;
        }
        const size_t stop = rest.find(']');
        if (!rest.starts_with('[') || stop == std::string_view::npos)
            return base::fail(error_at(line, "`${" + std::string(text) + "}` is not a property access"));
        std::string_view inside = rest.substr(1, stop - 1);
        if (inside.size() >= 2 && inside.front() == '"' && inside.back() == '"') {
            access.path.emplace_back(inside.substr(1, inside.size() - 2));
        } else {
            int index = 0;
            const auto [at, error] = std::from_chars(inside.data(), inside.data() + inside.size(), index);
            if (error != std::errc() || at != inside.data() + inside.size() || index < 0)
                return base::fail(error_at(line, "`[" + std::string(inside) + "]` is neither an index nor a \"name\""));
            access.path.emplace_back(index);
        }
        rest.remove_prefix(stop + 1);
    }
    return access;
}

base::Result<void> Expressions::parse_text(const Yaml& value, const std::function<void(std::string)>& literal,
                                           const std::function<base::Result<void>(const Access&)>& access) const {
    std::string_view rest = value.text;
    std::string plain;
    while (!rest.empty()) {
        if (rest.starts_with("$${")) {
            plain += "${";
            rest.remove_prefix(3);
        } else if (rest.starts_with("${")) {
            const size_t end = rest.find('}');
            if (end == std::string_view::npos) return base::fail(error_at(value.line, "`${` without `}`"));
            if (!plain.empty()) literal(std::exchange(plain, {}));
            const Access found = TRY(parse_access(base::trim(rest.substr(2, end - 2)), value.line));
            TRY(access(found));
            rest.remove_prefix(end + 1);
        } else {
            plain += rest.front();
            rest.remove_prefix(1);
        }
    }
    if (!plain.empty()) literal(std::move(plain));
    return {};
}

base::Result<void> Expressions::names_used(const Yaml& value, std::vector<std::pair<std::string, int>>& names) const {
    if (value.is_scalar()) {
        return parse_text(
            value, [](const std::string&) {},
            [&](const Access& access) -> base::Result<void> {
                names.emplace_back(access.name, value.line);
                return {};
            });
    }
    for (const Yaml& item : value.items) TRY(names_used(item, names));
    for (const auto& [key, member] : value.members) TRY(names_used(member, names));
    return {};
}

base::Result<Property> Expressions::resolve(const Access& access, int line) const {
    Property at = TRY(lookup(access.name, line));
    if (access.path.empty()) return as_value(at);
    bool secret = false;
    bool of_resource = at.is(Kind::reference);
    if (of_resource) at = Property(at.items().front());
    for (const Property& step : access.path) {
        if (at.is(Kind::secret)) {
            secret = true;
            at = Property(at.items().front());
        }
        if (at.is(Kind::unknown)) return secret ? Property::secret(at) : at;
        if (step.is(Kind::number)) {
            const auto index = static_cast<size_t>(step.as_number());
            if (!at.is(Kind::array) || index >= at.items().size())
                return base::fail(error_at(line, "`" + access.name + "` has no element " + std::to_string(index) + " there"));
            at = Property(at.items()[index]);
        } else if (at.is(Kind::object) && at.contains(step.as_string())) {
            at = Property(at[step.as_string()]);
        } else if (of_resource && preview) {
            return Property::unknown();
        } else {
            return base::fail(error_at(line, "`" + access.name + "` has no `" + step.as_string() + "`"));
        }
    }
    return secret ? Property::secret(std::move(at)) : at;
}

base::Result<Property> Expressions::interpolate(const Yaml& value) const {
    std::vector<Property> parts;
    TRY(parse_text(
        value, [&](std::string text) { parts.emplace_back(std::move(text)); },
        [&](const Access& access) -> base::Result<void> {
            parts.push_back(TRY(resolve(access, value.line)));
            return {};
        }));
    if (parts.empty()) return Property("");
    // Nothing but one `${…}`: the value itself, whatever its type.
    if (parts.size() == 1) return parts.front();
    std::string text;
    bool secret = false, unknown = false;
    for (const Property& part : parts) {
        secret |= part.has_secrets();
        unknown |= part.has_unknowns();
        text += display(part.without_secrets());
    }
    Property whole = unknown ? Property::unknown() : Property(std::move(text));
    return secret ? Property::secret(std::move(whole)) : whole;
}

base::Result<Property> Expressions::evaluate(const Yaml& value) const {
    if (value.is_scalar())
        return value.quoted || value.text.contains("${") ? interpolate(value) : base::Result<Property>(value.to_property());
    if (value.is_sequence()) {
        Property::Array items;
        for (const Yaml& item : value.items) items.push_back(TRY(evaluate(item)));
        return Property(std::move(items));
    }
    if (value.is_null()) return Property();
    if (const auto* function = function_call(value)) return call(function->first, function->second);
    Property::Object members;
    for (const auto& [key, member] : value.members) members.emplace(key, TRY(evaluate(member)));
    return Property(std::move(members));
}

base::Result<Property> Expressions::call(const std::string& name, const Yaml& argument) const {
    const std::string function = base::lower(std::string_view(name).substr(4));
    if (function == "invoke") {
        if (!argument["function"].is_scalar()) return base::fail(error_at(argument.line, "fn::invoke needs a `function`"));
        return invoke(argument, argument["function"].text);
    }
    if (function.contains(':')) return invoke(argument, name.substr(4));
    const Property value = TRY(evaluate(argument));
    if (function == "secret") return Property::secret(value);
    if (value.has_unknowns()) return value.has_secrets() ? Property::secret(Property::unknown()) : Property::unknown();
    Property result = TRY(call_known(function, value.without_secrets(), argument.line));
    return value.has_secrets() ? Property::secret(std::move(result)) : result;
}

base::Result<Property> Expressions::call_known(const std::string& function, const Property& argument, int line) const {
    const auto wrong = [&](const std::string& needs) {
        return base::fail(error_at(line, "fn::" + function + " needs " + needs));
    };
    const auto& items = argument.items();
    if (function == "join") {
        if (items.size() != 2 || !items[0].is(Kind::string) || !items[1].is(Kind::array)) return wrong("[separator, [texts]]");
        std::vector<std::string> texts;
        for (const Property& item : items[1].items()) texts.push_back(display(item));
        return Property(base::join(texts, items[0].as_string()));
    }
    if (function == "split") {
        if (items.size() != 2 || !items[0].is(Kind::string) || !items[1].is(Kind::string) || items[0].as_string().empty())
            return wrong("[separator, text]");
        Property::Array parts;
        std::string_view rest = items[1].as_string();
        for (size_t at = rest.find(items[0].as_string()); at != std::string_view::npos; at = rest.find(items[0].as_string())) {
            parts.emplace_back(rest.substr(0, at));
            rest.remove_prefix(at + items[0].as_string().size());
        }
        parts.emplace_back(rest);
        return Property(std::move(parts));
    }
    if (function == "select") {
        if (items.size() != 2 || !items[0].is(Kind::number) || !items[1].is(Kind::array)) return wrong("[index, [values]]");
        const double index = items[0].as_number();
        if (index < 0 || index >= static_cast<double>(items[1].items().size())) return wrong("an index that is inside the list");
        return items[1].items()[static_cast<size_t>(index)];
    }
    static const std::set<std::string, std::less<>> of_text = {"tobase64",    "frombase64", "readfile",
                                                               "stringasset", "fileasset",  "filearchive"};
    if (function == "tojson") return Property(to_plain_json(argument, true).dump());
    if (!of_text.contains(function)) return base::fail(error_at(line, "fn::" + function + " is not supported"));
    if (!argument.is(Kind::string)) return wrong("a text");
    const std::string& text = argument.as_string();
    if (function == "tobase64") return Property(text::encode_base64(text));
    if (function == "frombase64") {
        const auto decoded = text::decode_base64(text);
        if (!decoded) return wrong("base64");
        return Property(*decoded);
    }
    if (function == "readfile") {
        auto content = os::read_file(std::filesystem::path(folder) / text);
        if (!content) return base::fail(error_at(line, content.error().message));
        return Property(std::move(*content));
    }
    if (function == "stringasset") return Property::asset({{"text", argument}});
    if (function == "fileasset") return Property::asset({{"path", argument}});
    return Property::archive({{"path", argument}});
}

}  // namespace deploy
