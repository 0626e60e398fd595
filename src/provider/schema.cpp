#include "provider/schema.hpp"

#include <algorithm>
#include <charconv>

#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "provider/asset.hpp"
#include "provider/automatic_name.hpp"
#include "provider/policy_document.hpp"
#include "provider/schema_rules.hpp"

namespace provider {

using Kind = Property::Kind;

namespace {

constexpr std::string_view defaults_key = "__defaults";

}  // namespace

const Rule* find_rule(const std::vector<Rule>& rules, std::string_view name) {
    const auto found = std::ranges::find(rules, name, &Rule::name);
    return found == rules.end() ? nullptr : &*found;
}

bool is_default_of(const Property& inputs, std::string_view name) {
    for (const Property& item : inputs[defaults_key].items())
        if (item.as_string() == name) return true;
    return false;
}

namespace {

std::string known_names(const std::vector<Rule>& rules) {
    std::vector<std::string> names;
    for (const Rule& rule : rules)
        if (rule.refused.empty()) names.push_back(rule.name);
    std::ranges::sort(names);
    return base::join(names, ", ");
}

size_t given_of(const std::vector<std::string>& names, const Property& properties) {
    return static_cast<size_t>(std::ranges::count_if(names, [&](const std::string& name) { return properties.contains(name); }));
}

// Turns one input into what its rule says, collecting what is wrong with it.
class Reader {
public:
    Reader(std::string_view type, std::vector<CheckFailure>& failures, bool judge_policies)
        : type_(type), failures_(failures), judge_policies_(judge_policies) {}

    Property read(const Rule& rule, const Property& value, const std::string& path) {
        switch (value.kind()) {
            case Kind::null:
            case Kind::unknown:
                return value;
            case Kind::secret:
                return Property::secret(read(rule, value.items().front(), path));
            case Kind::reference:
                return read(rule, value.items().front(), path);  // a resource stands for its id
            default:
                break;
        }
        switch (rule.shape) {
            case Shape::text:
                return read_text(rule, value, path);
            case Shape::flag:
                return read_flag(value, path);
            case Shape::number:
                return read_number(value, path);
            case Shape::texts:
                return read_texts(value, path);
            case Shape::labels:
                return read_labels(value, path);
            case Shape::block:
                return read_block(rule, value, path);
            case Shape::blocks:
                return read_blocks(rule, value, path);
            case Shape::document:
                return read_document(rule, value, path);
            case Shape::asset:
                return read_asset(value, path);
        }
        return value;
    }

    // The members of an object against rules; `prefix` is the path of the object.
    Property read_members(const std::vector<Rule>& rules, const Property& object, const std::string& prefix) {
        Property result{Property::Object{}};
        for (const auto& [key, value] : object.members()) {
            if (key.starts_with("__") || value.is(Kind::null)) continue;
            const Rule* rule = find_rule(rules, key);
            if (!rule) {
                fail(prefix + key, "unsupported: " + std::string(type_) + " takes no property `" + prefix + key +
                                       "` here; it takes " + known_names(rules));
                continue;
            }
            if (!rule->refused.empty()) {
                fail(prefix + key, "unsupported: " + rule->refused);
                continue;
            }
            Property read_value = read(*rule, value, prefix + key);
            if (!read_value.is(Kind::null)) result.set(key, std::move(read_value));
        }
        for (const Rule& rule : rules)
            if (rule.required && !object.contains(rule.name))
                fail(prefix + rule.name, "missing required property `" + prefix + rule.name + "`");
        return result;
    }

private:
    void fail(std::string path, std::string reason) { failures_.push_back({std::move(path), std::move(reason)}); }

    Property wrong(const std::string& path, const char* wanted) {
        fail(path, "expected " + std::string(wanted));
        return {};
    }

    Property read_text(const Rule& rule, const Property& value, const std::string& path) {
        std::string text;
        if (value.is(Kind::string))
            text = value.as_string();
        else if (value.is(Kind::number) || value.is(Kind::boolean))
            text = value.to_json().dump();
        else
            return wrong(path, "a string");
        if (!rule.choices.empty() && std::ranges::find(rule.choices, text) == rule.choices.end())
            fail(path, "`" + text + "` is none of " + base::join(rule.choices, ", "));
        return text;
    }

    Property read_flag(const Property& value, const std::string& path) {
        if (value.is(Kind::boolean)) return value;
        if (value.as_string() == "true") return true;
        if (value.as_string() == "false") return false;
        return wrong(path, "a boolean");
    }

    Property read_number(const Property& value, const std::string& path) {
        if (value.is(Kind::number)) return value;
        const std::string& text = value.as_string();
        int64_t number = 0;
        const auto got = std::from_chars(text.data(), text.data() + text.size(), number);
        if (text.empty() || got.ec != std::errc() || got.ptr != text.data() + text.size()) return wrong(path, "a number");
        return static_cast<double>(number);
    }

    Property read_texts(const Property& value, const std::string& path) {
        if (!value.is(Kind::array)) return wrong(path, "a list of strings");
        Property::Array items;
        const Rule item_rule{.name = {}};
        for (size_t i = 0; i < value.items().size(); ++i)
            items.push_back(read(item_rule, value.items()[i], path + "[" + std::to_string(i) + "]"));
        return items;
    }

    Property read_labels(const Property& value, const std::string& path) {
        if (!value.is(Kind::object)) return wrong(path, "a map of strings");
        Property::Object labels;
        const Rule item_rule{.name = {}};
        for (const auto& [key, item] : value.members()) {
            if (key == defaults_key || item.is(Kind::null)) continue;
            labels.emplace(key, read(item_rule, item, path + "." + key));
        }
        return labels;
    }

    Property read_block(const Rule& rule, const Property& value, const std::string& path) {
        if (!value.is(Kind::object)) return wrong(path, "an object");
        Property result = read_members(rule.members, value, path + ".");
        if (given_of(rule.at_most_one, result) > 1)
            fail(path, "only one of " + base::join(rule.at_most_one, ", ") + " can be given");
        return result;
    }

    Property read_blocks(const Rule& rule, const Property& value, const std::string& path) {
        if (!value.is(Kind::array)) return wrong(path, "a list of objects");
        Property::Array items;
        for (size_t i = 0; i < value.items().size(); ++i) {
            const std::string at = path + "[" + std::to_string(i) + "]";
            const Property& item = value.items()[i];
            items.push_back(item.is(Kind::unknown) ? item : read_block(rule, item, at));
        }
        return items;
    }

    Property read_document(const Rule& rule, const Property& value, const std::string& path) {
        if (value.has_unknowns()) return Property::unknown();
        if (value.has_secrets()) return Property::secret(read_document(rule, value.without_secrets(), path));
        if (!value.is(Kind::object) && !value.is(Kind::string)) return wrong(path, "a policy document: JSON text or an object");
        const std::string document = value.is(Kind::object) ? document_text(value) : value.as_string();
        const auto json = text::parse_json(document);
        if (!json)
            fail(path, "the policy document is not JSON: " + json.error().message);
        else if (!json->is_object())
            fail(path, "the policy document is not a JSON object");
        else if (judge_policies_)
            if (const auto judged = policy::Policy::parse(document, rule.policy); !judged) fail(path, judged.error().describe());
        return document;
    }

    Property read_asset(const Property& value, const std::string& path) {
        const auto hashed = asset_with_hash(value);
        if (hashed) return *hashed;
        fail(path, hashed.error().message);
        return {};
    }

    std::string_view type_;
    std::vector<CheckFailure>& failures_;
    bool judge_policies_;
};

// The automatic name: the one that the resource has, if it got it this way; else a new one.
void name_inputs(const NameRule& rule, std::string_view logical_name, const Property& olds, Property& inputs,
                 std::string_view random_hex, bool strict_names, Property::Array& defaulted) {
    if (inputs.contains(rule.property)) return;
    const Property prefix = rule.prefix.empty() ? Property() : inputs[rule.prefix];
    const Property old_name = plain(olds)[rule.property];
    // No prefix and an empty one are the same: outputs that Pulumi wrote say `""`.
    const bool same_prefix = rule.prefix.empty() || (!prefix.has_unknowns() && plain(olds)[rule.prefix].as_string() ==
                                                                                   prefix.without_secrets().as_string());
    // Without `__defaults` it is unknown who chose the old name. To keep it is to keep the resource.
    const bool was_automatic = is_default_of(olds, rule.property) || !olds.contains(defaults_key);
    if (old_name.is(Kind::string) && was_automatic && same_prefix)
        inputs.set(rule.property, old_name);
    else if (prefix.has_unknowns())
        inputs.set(rule.property, Property::unknown());
    else
        inputs.set(rule.property,
                   automatic_name(rule, logical_name, prefix.without_secrets().as_string(), random_hex, strict_names));
    defaulted.emplace_back(rule.property);
}

}  // namespace

Checked check_inputs(const ResourceType& type, std::string_view token, std::string_view logical_name, const Property& olds,
                     const Property& news, std::string_view random_hex, CheckOptions options) {
    Checked checked;
    Reader reader(token, checked.failures, options.judge_policies);
    checked.inputs = reader.read_members(type.rules, news, "");
    Property::Array defaulted;
    if (given_of(type.at_most_one, checked.inputs) > 1)
        checked.failures.push_back(
            {type.at_most_one.back(), "only one of " + base::join(type.at_most_one, ", ") + " can be given"});
    if (!type.one_of.empty() && given_of(type.one_of, checked.inputs) != 1)
        checked.failures.push_back({type.one_of.back(), "exactly one of " + base::join(type.one_of, ", ") + " must be given"});
    if (type.name) name_inputs(*type.name, logical_name, olds, checked.inputs, random_hex, options.strict_names, defaulted);
    for (const Rule& rule : type.rules) {
        if (rule.fallback.is(Kind::null) || checked.inputs.contains(rule.name)) continue;
        checked.inputs.set(rule.name, rule.fallback);
        defaulted.emplace_back(rule.name);
    }
    if (type.name && !is_default_of(Property(Property::Object{{std::string(defaults_key), defaulted}}), type.name->property))
        check_given_name(*type.name, checked.inputs[type.name->property].without_secrets(), checked.failures);
    std::ranges::sort(defaulted, {}, [](const Property& name) { return name.as_string(); });
    if (type.check) type.check(plain(checked.inputs), checked.failures);
    checked.inputs.set(defaults_key, std::move(defaulted));
    return checked;
}

Property inputs_in_full(const ResourceType& type, const Property& old_inputs, const Property& old_outputs, const Property& news) {
    Property olds = old_inputs;
    if (olds.contains(defaults_key)) return olds;
    for (const Rule& rule : type.rules)
        if (!olds.contains(rule.name) && old_outputs.contains(rule.name) && news.contains(rule.name))
            olds.set(rule.name, old_outputs[rule.name]);
    return olds;
}

std::string held_thing(std::string_view type, std::string_view id) { return std::string(type) + " " + std::string(id); }

Property plain(const Property& inputs) {
    switch (inputs.kind()) {
        case Kind::secret:
        case Kind::reference:
            return plain(inputs.items().front());
        case Kind::array: {
            Property::Array items;
            for (const Property& item : inputs.items()) items.push_back(plain(item));
            return items;
        }
        case Kind::object: {
            Property::Object members;
            for (const auto& [key, member] : inputs.members())
                if (key != defaults_key) members.emplace(key, plain(member));
            return members;
        }
        default:
            return inputs;
    }
}

Property inputs_from_outputs(const ResourceType& type, const Property& olds, const Property& outputs) {
    Property inputs{Property::Object{}};
    const bool importing = olds.is(Kind::null) || olds.members().empty();
    const Property old_inputs = plain(olds);
    Property::Array defaulted;
    for (const Rule& rule : type.rules) {
        const Property value = plain(outputs)[rule.name];
        const bool was_said = old_inputs.contains(rule.name);
        if (!was_said && (rule.computed || rule.local || value.is(Kind::null) || same_value(rule, value, {}))) continue;
        if (was_said && same_value(rule, old_inputs[rule.name], value))
            inputs.set(rule.name, olds[rule.name]);
        else if (!value.is(Kind::null))
            inputs.set(rule.name, value);
        else
            continue;
        if (!importing && is_default_of(olds, rule.name)) defaulted.emplace_back(rule.name);
    }
    for (const Rule& rule : type.rules) {
        if (!importing || rule.fallback.is(Kind::null) || inputs.contains(rule.name)) continue;
        inputs.set(rule.name, rule.fallback);
        defaulted.emplace_back(rule.name);
    }
    // Where a state does not say what was chosen for the program, an empty list would say that nothing was.
    if (importing || olds.contains(defaults_key)) inputs.set(defaults_key, std::move(defaulted));
    return inputs;
}

const std::vector<ResourceType>& resource_types() {
    static const std::vector<ResourceType> all = [] {
        std::vector<ResourceType> types;
        for (auto* add : {iam_role_types, iam_user_types, iam_policy_types, iam_attached_policy_types, s3_bucket_types,
                          s3_bucket_settings_types, s3_object_types, s3_object_copy_types})
            for (ResourceType& type : add()) types.push_back(std::move(type));
        return types;
    }();
    return all;
}

}  // namespace provider
