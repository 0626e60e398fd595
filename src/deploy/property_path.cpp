#include "deploy/property_path.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/error_codes.hpp"

namespace deploy {

using provider::Property;
using Kind = Property::Kind;

namespace {

// An array is not made longer than this by a path: `a[4000000000]` is a mistake.
constexpr size_t index_max = 100'000;

std::optional<size_t> read_index(std::string_view text) {
    size_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || index > index_max) return std::nullopt;
    return index;
}

const Property& inside(const Property& value) { return value.is(Kind::secret) ? inside(value.items().front()) : value; }
Property& inside(Property& value) { return value.is(Kind::secret) ? inside(value.items().front()) : value; }

bool is_absent(const Property& value) { return inside(value).is(Kind::null); }

}  // namespace

base::Result<PropertyPath> PropertyPath::parse(std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return base::fail(base::Error(base::code::InvalidPropertyPath,
                                      "`" + std::string(text) + "` is not a property path: " + std::string(why))
                              .note("paths look like tags, tags.team, tags[\"a.b\"], rules[0].id, rules[*].id or *"));
    };
    PropertyPath path;
    std::string_view rest = text;
    while (!rest.empty()) {
        if (rest.front() == '[') {
            rest.remove_prefix(1);
            if (rest.starts_with('"')) {
                std::string name;
                size_t at = 1;
                for (; at < rest.size() && rest[at] != '"'; ++at) {
                    if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
                    name += rest[at];
                }
                if (at + 1 >= rest.size() || rest[at + 1] != ']') return bad("a quoted name must end in \"]");
                path.steps_.push_back({Step::Kind::name, std::move(name)});
                rest.remove_prefix(at + 2);
                continue;
            }
            const size_t end = rest.find(']');
            if (end == std::string_view::npos) return bad("`[` without `]`");
            const std::string_view index = rest.substr(0, end);
            if (index == "*") {
                path.steps_.push_back({Step::Kind::each});
            } else {
                const auto number = read_index(index);
                if (!number) return bad("`[" + std::string(index) + "]` is neither an index nor a \"name\"");
                path.steps_.push_back({Step::Kind::index, std::string(index), *number});
            }
            rest.remove_prefix(end + 1);
            continue;
        }
        if (!path.steps_.empty()) {
            if (rest.front() != '.') return bad("`]` must be followed by `.`, `[` or nothing");
            rest.remove_prefix(1);
        }
        const size_t end = std::min(rest.find_first_of(".["), rest.size());
        const std::string_view name = rest.substr(0, end);
        if (name.empty()) return bad("a name is missing");
        path.steps_.push_back(name == "*" ? Step{Step::Kind::each} : Step{Step::Kind::name, std::string(name)});
        rest.remove_prefix(end);
    }
    if (path.steps_.empty()) return bad("it is empty");
    return path;
}

Property PropertyPath::select(const Property& at, const Step& step) {
    const Property& value = inside(at);
    Property found;
    if (value.is(Kind::array)) {
        const auto index = step.kind == Step::Kind::index ? std::optional(step.index) : read_index(step.name);
        if (index && *index < value.items().size()) found = value.items()[*index];
    } else {
        found = value[step.name];
    }
    return at.is(Kind::secret) && !found.is(Kind::null) ? Property::secret(std::move(found)) : found;
}

void PropertyPath::put(Property& at, const Step& step, Property value) {
    Property& whole = inside(at);
    if (whole.is(Kind::null) && !is_absent(value))
        whole = step.kind == Step::Kind::index ? Property(Property::Array{}) : Property(Property::Object{});
    if (whole.is(Kind::object)) {
        if (is_absent(value))
            whole.members().erase(step.name);
        else
            whole.set(step.name, std::move(value));
    } else if (whole.is(Kind::array)) {
        const auto index = step.kind == Step::Kind::index ? std::optional(step.index) : read_index(step.name);
        auto& items = whole.items();
        if (!index || *index > items.size()) return;
        if (*index == items.size()) {
            if (!is_absent(value)) items.push_back(std::move(value));
        } else if (!is_absent(value)) {
            items[*index] = std::move(value);
        } else if (*index + 1 == items.size()) {
            items.pop_back();
        }
    }
}

// `*` as the names or indexes that it stands for. In the middle of a path elements of arrays correspond by index; at its end the
// whole array is meant.
std::vector<PropertyPath::Step> PropertyPath::resolve(const Step& step, const Property& a, const Property& b, bool last) const {
    if (step.kind != Step::Kind::each) return {step};
    std::vector<Step> steps;
    std::set<std::string> names;
    size_t length = 0;
    for (const Property* value : {&inside(a), &inside(b)}) {
        for (const auto& [name, member] : value->members()) names.insert(name);
        length = std::max(length, value->items().size());
    }
    if (!last) length = std::min(inside(a).items().size(), inside(b).items().size());
    for (const std::string& name : names) steps.push_back({Step::Kind::name, name});
    for (size_t index = 0; index < length; ++index) steps.push_back({Step::Kind::index, std::to_string(index), index});
    return steps;
}

void PropertyPath::copy(const Property& from, Property& into) const { copy(from, into, 0); }

void PropertyPath::copy(const Property& from, Property& into, size_t depth) const {
    const bool last = depth + 1 == steps_.size();
    if (last && steps_[depth].kind == Step::Kind::each && (inside(from).is(Kind::array) || inside(into).is(Kind::array))) {
        into = inside(from).is(Kind::array) ? from : Property(Property::Array{});
        return;
    }
    for (const Step& step : resolve(steps_[depth], from, into, last)) {
        const Property source = select(from, step);
        if (last) {
            put(into, step, source);
            continue;
        }
        Property target = select(into, step);
        if (is_absent(source) && is_absent(target)) continue;
        copy(source, target, depth + 1);
        put(into, step, std::move(target));
    }
}

bool PropertyPath::differs(const Property& a, const Property& b) const { return differs(a, b, 0); }

bool PropertyPath::differs(const Property& a, const Property& b, size_t depth) const {
    if (depth == steps_.size()) return !(a.without_secrets() == b.without_secrets());
    const auto steps = resolve(steps_[depth], a, b, depth + 1 == steps_.size());
    if (inside(a).items().size() != inside(b).items().size() && steps_[depth].kind == Step::Kind::each) return true;
    return std::ranges::any_of(steps, [&](const Step& step) { return differs(select(a, step), select(b, step), depth + 1); });
}

void PropertyPath::make_secret(Property& value) const { make_secret(value, 0); }

void PropertyPath::make_secret(Property& value, size_t depth) const {
    if (is_absent(value)) return;
    if (depth == steps_.size()) {
        value = Property::secret(std::move(value));
        return;
    }
    for (const Step& step : resolve(steps_[depth], value, value, true)) {
        Property member = select(value, step);
        if (is_absent(member)) continue;
        make_secret(member, depth + 1);
        put(value, step, std::move(member));
    }
}

bool PropertyPath::covers(std::string_view property) const {
    return steps_.size() == 1 && (steps_[0].kind == Step::Kind::each || steps_[0].name == property);
}

}  // namespace deploy
