// Two values of a property: do they mean the same to the service? Everything that keeps a plan free of differences that are none.

#include <algorithm>

#include "base/strings.hpp"
#include "provider/asset.hpp"
#include "provider/policy_document.hpp"
#include "provider/schema.hpp"
#include "provider/schema_rules.hpp"
#include "text/time.hpp"

namespace provider {

using Kind = Property::Kind;

namespace {

bool is_stated(const Rule& rule, const Property& value);

bool is_absent(const Rule& rule, const Property& value) {
    switch (value.kind()) {
        case Kind::null:
            return true;
        case Kind::boolean:
            return value.as_bool() == rule.fallback.as_bool();
        case Kind::string:
            return value.as_string().empty() || value == rule.fallback;
        case Kind::array:
            return value.items().empty() || value == rule.fallback;
        case Kind::object:
            if (value.members().empty() || value == rule.fallback) return true;
            // A presence is said by an empty block; one with members says nothing where they say nothing.
            return rule.shape == Shape::block && !rule.members.empty() &&
                   std::ranges::all_of(value.members(), [&](const auto& member) {
                       const Rule* known = find_rule(rule.members, member.first);
                       return known != nullptr && !is_stated(*known, member.second);
                   });
        default:
            return value == rule.fallback;
    }
}

// An empty block is a statement where the block has no members, `sseS3: {}`.
bool is_stated(const Rule& rule, const Property& value) {
    return rule.shape == Shape::block && rule.members.empty() ? !value.is(Kind::null) : !is_absent(rule, value);
}

bool same_members(const std::vector<Rule>& rules, const Property& a, const Property& b) {
    return std::ranges::all_of(rules, [&](const Rule& member) {
        const Property& first = a[member.name];
        const Property& second = b[member.name];
        // What the service chose for a block is no difference from a block that leaves it open.
        if (member.computed && (first.is(Kind::null) || second.is(Kind::null))) return true;
        return same_value(member, first, second);
    });
}

// The block of `list` that is the same as `item`, beside those that are `taken`.
std::optional<size_t> find_same(const Rule& rule, const Property::Array& list, const Property& item,
                                const std::vector<bool>& taken) {
    for (size_t i = 0; i < list.size(); ++i)
        if (!taken[i] && same_members(rule.members, list[i], item)) return i;
    return std::nullopt;
}

bool same_blocks(const Rule& rule, const Property::Array& a, const Property::Array& b) {
    if (a.size() != b.size()) return false;
    std::vector<bool> taken(b.size());
    for (size_t i = 0; i < a.size(); ++i) {
        if (!rule.unordered) {
            if (!same_members(rule.members, a[i], b[i])) return false;
            continue;
        }
        const auto at = find_same(rule, b, a[i], taken);
        if (!at) return false;
        taken[*at] = true;
    }
    return true;
}

// `2026-01-01`, `2026-01-01T00:00:00Z` and `2026-01-01T00:00:00.000Z`
bool same_moment(const std::string& a, const std::string& b) {
    const auto first = text::parse_iso8601(a);
    return first && first == text::parse_iso8601(b);
}

}  // namespace

bool same_value(const Rule& rule, const Property& a, const Property& b) {
    if (a == b) return true;
    if (a.has_unknowns() || b.has_unknowns()) return false;
    if (!is_stated(rule, a) && !is_stated(rule, b)) return true;
    switch (rule.shape) {
        case Shape::document:
            return same_policy(a.as_string(), b.as_string());
        case Shape::asset:
            return same_asset(a, b);
        case Shape::texts: {
            auto first = a.items();
            auto second = b.items();
            std::ranges::sort(first, {}, [](const Property& item) { return item.as_string(); });
            std::ranges::sort(second, {}, [](const Property& item) { return item.as_string(); });
            return first == second;
        }
        case Shape::block:
            return (!rule.members.empty() || a.kind() == b.kind()) && same_members(rule.members, a, b);
        case Shape::blocks:
            return same_blocks(rule, a.items(), b.items());
        case Shape::text:
            return rule.moment && same_moment(a.as_string(), b.as_string());
        case Shape::flag:
        case Shape::number:
        case Shape::labels:
            return false;
    }
    return false;
}

namespace {

// `live` in the words of `before`, which means the same; what the service chose beside it stays.
Property in_words_of(const Rule& rule, const Property& live, const Property& before) {
    if (rule.shape == Shape::block && live.is(Kind::object) && before.is(Kind::object)) {
        Property out = before;
        for (const Rule& member : rule.members) {
            const Property& told = live[member.name];
            if (told.is(Kind::null)) continue;
            if (!before.contains(member.name)) {
                if (member.computed) out.set(member.name, told);
            } else {
                out.set(member.name, in_words_of(member, told, before[member.name]));
            }
        }
        return out;
    }
    if (rule.shape == Shape::blocks && live.is(Kind::array) && live.items().size() == before.items().size()) {
        Rule one = rule;
        one.shape = Shape::block;
        Property out = before;
        std::vector<bool> taken(live.items().size());
        for (size_t i = 0; i < out.items().size(); ++i) {
            const auto at = rule.unordered ? find_same(rule, live.items(), before.items()[i], taken) : i;
            if (!at) continue;
            taken[*at] = true;
            out.items()[i] = in_words_of(one, live.items()[*at], before.items()[i]);
        }
        return out;
    }
    return before;
}

}  // namespace

Difference compare_inputs(const ResourceType& type, const Property& olds, const Property& news) {
    Difference difference;
    const Property old_inputs = plain(olds);
    const Property new_inputs = plain(news);
    for (const Rule& rule : type.rules) {
        const Property& new_value = new_inputs[rule.name];
        const Property& old_value = old_inputs[rule.name];
        if (rule.computed && (new_value.is(Kind::null) || (rule.replaces && old_value.is(Kind::null)))) continue;
        if (same_value(rule, old_value, new_value)) continue;
        difference.changed.push_back(rule.name);
        if (rule.replaces) difference.replace.push_back(rule.name);
    }
    // The successor cannot be made while the old one holds the name that the program insists on.
    const bool name_stays = type.name && !is_default_of(news, type.name->property) &&
                            old_inputs[type.name->property] == new_inputs[type.name->property];
    difference.delete_before_replace = type.delete_before_replace || name_stays;
    return difference;
}

bool differs(const ResourceType& type, const Property& olds, const Property& news,
             std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(names, [&](std::string_view name) {
        const Rule* rule = find_rule(type.rules, name);
        if (!rule || (rule->computed && news[name].is(Kind::null))) return false;
        return !same_value(*rule, olds[name], news[name]);
    });
}

Property settle_outputs(const ResourceType& type, Property live, const Property& known) {
    const Property known_plain = plain(known);
    for (const Rule& rule : type.rules) {
        const Property& before = known_plain[rule.name];
        if (before.is(Kind::null)) continue;
        if (rule.local && !live.contains(rule.name))
            live.set(rule.name, before);
        else if (live.contains(rule.name) && same_value(rule, live[rule.name], before))
            live.set(rule.name, in_words_of(rule, live[rule.name], before));
    }
    for (const std::string& name : type.secrets_shown_once)
        if (const Property& secret = live.contains(name) ? live[name] : known[name]; !secret.is(Kind::null))
            live.set(name, Property::secret(secret));
    // What came in secret goes out secret.
    for (const auto& [name, value] : known.members())
        if (value.has_secrets() && live.contains(name) && !live[name].has_secrets()) live.set(name, Property::secret(live[name]));
    return live;
}

}  // namespace provider
