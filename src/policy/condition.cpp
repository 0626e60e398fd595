#include "policy/condition.hpp"

#include <algorithm>
#include <utility>

#include "base/strings.hpp"
#include "text/base64.hpp"

namespace policy {

namespace {

struct OperatorName {
    std::string_view name;  // lower case
    Comparison comparison;
    bool negated;
};

constexpr OperatorName operator_names[] = {
    {"stringequals", Comparison::string_equals, false},
    {"stringnotequals", Comparison::string_equals, true},
    {"stringequalsignorecase", Comparison::string_equals_ignore_case, false},
    {"stringnotequalsignorecase", Comparison::string_equals_ignore_case, true},
    {"stringlike", Comparison::string_like, false},
    {"stringnotlike", Comparison::string_like, true},
    {"numericequals", Comparison::numeric_equals, false},
    {"numericnotequals", Comparison::numeric_equals, true},
    {"numericlessthan", Comparison::numeric_less, false},
    {"numericlessthanequals", Comparison::numeric_less_equals, false},
    {"numericgreaterthan", Comparison::numeric_greater, false},
    {"numericgreaterthanequals", Comparison::numeric_greater_equals, false},
    {"dateequals", Comparison::date_equals, false},
    {"datenotequals", Comparison::date_equals, true},
    {"datelessthan", Comparison::date_less, false},
    {"datelessthanequals", Comparison::date_less_equals, false},
    {"dategreaterthan", Comparison::date_greater, false},
    {"dategreaterthanequals", Comparison::date_greater_equals, false},
    {"bool", Comparison::boolean, false},
    {"binaryequals", Comparison::binary_equals, false},
    {"ipaddress", Comparison::ip_address, false},
    {"notipaddress", Comparison::ip_address, true},
    {"arnequals", Comparison::arn_like, false},  // the same as ArnLike (R59)
    {"arnlike", Comparison::arn_like, false},
    {"arnnotequals", Comparison::arn_like, true},
    {"arnnotlike", Comparison::arn_like, true},
    {"null", Comparison::null, false},
};

template <class T>
bool ordered(Comparison comparison, const T& given, const T& wanted) {
    switch (comparison) {
        case Comparison::numeric_equals:
        case Comparison::date_equals:
            return given == wanted;
        case Comparison::numeric_less:
        case Comparison::date_less:
            return given < wanted;
        case Comparison::numeric_less_equals:
        case Comparison::date_less_equals:
            return given <= wanted;
        case Comparison::numeric_greater:
        case Comparison::date_greater:
            return given > wanted;
        case Comparison::numeric_greater_equals:
        case Comparison::date_greater_equals:
            return given >= wanted;
        default:
            return false;
    }
}

// Does a value of the request match one of the policy's? One of the wrong type matches nothing.
[[gnu::always_inline]] inline bool matches_any(Comparison comparison, const std::string& given,
                                               std::span<const ConditionValue> wanted, const ConditionTables& tables,
                                               const ContextView& context, TypedValues& typed) {
    const auto any = [&](auto&& matches_one) {
        for (const ConditionValue& one : wanted)
            if (matches_one(one)) return true;
        return false;
    };
    switch (comparison) {
        case Comparison::string_equals:
        case Comparison::string_like:
        case Comparison::arn_like:
            return any([&](const ConditionValue& one) {
                if (one.pattern.shape == Pattern::Shape::exact)  // mostly
                    return same_text(given, tables.patterns.text(one.pattern.where));
                return matches(one.pattern, tables.patterns, given, context);
            });
        case Comparison::string_equals_ignore_case:
        case Comparison::boolean:
            return any(
                [&](const ConditionValue& one) { return equals_ignoring_case(one.pattern, tables.patterns, given, context); });
        case Comparison::binary_equals:
            return any([&](const ConditionValue& one) { return given == tables.patterns.text(one.encoded); });
        case Comparison::ip_address: {
            const auto* address = typed.address(given);
            return address && any([&](const ConditionValue& one) { return tables.networks[one.network].contains(*address); });
        }
        case Comparison::numeric_equals:
        case Comparison::numeric_less:
        case Comparison::numeric_less_equals:
        case Comparison::numeric_greater:
        case Comparison::numeric_greater_equals: {
            const auto* number = typed.number(given);
            return number && any([&](const ConditionValue& one) {
                       const auto& [digits, point, negative] = one.decimal;
                       return ordered(comparison, *number, Decimal::of(negative, tables.patterns.text(digits), point));
                   });
        }
        case Comparison::date_equals:
        case Comparison::date_less:
        case Comparison::date_less_equals:
        case Comparison::date_greater:
        case Comparison::date_greater_equals: {
            const auto* date = typed.date(given);
            return date && any([&](const ConditionValue& one) {
                       return ordered(comparison, date->time_since_epoch().count(), one.millis);
                   });
        }
        case Comparison::null:
            return false;
    }
    std::unreachable();
}

// Of a key with a set operator (R50-R52, R54).
[[gnu::noinline]] bool set_holds(const Operator& op, const ContextView::Entry* entry, std::span<const ConditionValue> values,
                                 const ConditionTables& tables, const ContextView& context, TypedValues& typed) {
    const auto passes = [&](const std::string& given) {
        return matches_any(op.comparison, given, values, tables, context, typed) != op.negated;
    };
    const bool missing = !entry || entry->values.empty();
    if (op.set == SetPrefix::any_value) {
        if (missing) return op.if_exists;  // R51
        return std::ranges::any_of(entry->values, passes);
    }
    if (missing) return true;  // R51
    // "Returns true … if the key values resolve to a null data set, such as an empty string" (R52).
    if (std::ranges::all_of(entry->values, &std::string::empty)) return true;
    return std::ranges::all_of(entry->values, passes);
}

bool null_holds(const Condition& condition, std::span<const ConditionValue> values, bool missing) {
    // The set prefixes make Null constant: Access Analyzer's "Null with qualifier".
    if (condition.op.set == SetPrefix::all_values) return true;
    if (condition.op.set == SetPrefix::any_value) return false;
    return std::ranges::any_of(values, [&](const ConditionValue& value) { return value.flag == missing; });
}

}  // namespace

std::optional<Operator> parse_operator(std::string_view name) {
    auto rest = base::lower(name);
    Operator out;
    if (rest.starts_with("forallvalues:")) {
        out.set = SetPrefix::all_values;
        rest.erase(0, 13);
    } else if (rest.starts_with("foranyvalue:")) {
        out.set = SetPrefix::any_value;
        rest.erase(0, 12);
    }
    if (rest.ends_with("ifexists")) {
        out.if_exists = true;
        rest.resize(rest.size() - 8);
    }
    const auto* found = std::ranges::find(operator_names, rest, &OperatorName::name);
    if (found == std::end(operator_names) || (found->comparison == Comparison::null && out.if_exists)) return std::nullopt;
    out.comparison = found->comparison;
    out.negated = found->negated;
    return out;
}

bool add_value(ConditionPool& pool, Comparison comparison, std::string_view text, bool variables) {
    using Wildcards = PatternPool::Wildcards;
    ConditionValue value;
    const auto pattern = [&](Wildcards wildcards) {
        const auto compiled = pool.patterns.compile(text, {.wildcards = wildcards, .variables = variables});
        if (compiled) value.pattern = *compiled;
        return compiled.has_value();
    };
    bool good = true;
    switch (comparison) {
        case Comparison::string_equals:
        case Comparison::string_equals_ignore_case:
            good = pattern(Wildcards::none);
            break;
        case Comparison::string_like:
            good = pattern(Wildcards::all);
            break;
        case Comparison::arn_like:
            good = pattern(Wildcards::arn);
            break;
        case Comparison::boolean:
            good = pattern(Wildcards::none) && (value.pattern.has_variables() || base::equals_ignoring_case(text, "true") ||
                                                base::equals_ignoring_case(text, "false"));
            break;
        case Comparison::binary_equals:
            good = text::decode_base64(text).has_value();
            if (good) value.encoded = pool.patterns.add(text);
            break;
        case Comparison::ip_address: {
            const auto network = Network::parse(text);
            good = network.has_value();
            value.network = static_cast<uint32_t>(pool.networks.size());
            if (good) pool.networks.push_back(*network);
            break;
        }
        case Comparison::null:
            value.flag = base::equals_ignoring_case(text, "true");
            good = value.flag || base::equals_ignoring_case(text, "false");
            break;
        case Comparison::numeric_equals:
        case Comparison::numeric_less:
        case Comparison::numeric_less_equals:
        case Comparison::numeric_greater:
        case Comparison::numeric_greater_equals: {
            const auto number = Decimal::parse(text);
            good = number.has_value();
            if (good) value.decimal = {pool.patterns.add(number->digits()), number->point(), number->negative()};
            break;
        }
        case Comparison::date_equals:
        case Comparison::date_less:
        case Comparison::date_less_equals:
        case Comparison::date_greater:
        case Comparison::date_greater_equals: {
            const auto date = parse_date(text);
            good = date.has_value();
            if (good) value.millis = date->time_since_epoch().count();
            break;
        }
    }
    if (good) pool.values.push_back(value);
    return good;
}

bool compares_patterns(Comparison comparison) {
    switch (comparison) {
        case Comparison::string_equals:
        case Comparison::string_equals_ignore_case:
        case Comparison::string_like:
        case Comparison::arn_like:
        case Comparison::boolean:
            return true;
        default:
            return false;
    }
}

bool holds(const Condition& condition, const ConditionTables& tables, const ContextView& context, TypedValues& typed) {
    const auto* entry = context.find(condition.key_hash, tables.patterns.text(condition.key));
    const bool missing = !entry || entry->values.empty();
    const auto& op = condition.op;
    const auto values = tables.values.subspan(condition.values.at, condition.values.size);
    if (op.comparison == Comparison::null) return null_holds(condition, values, missing);

    if (op.set != SetPrefix::none) return set_holds(op, entry, values, tables, context, typed);
    if (missing) return op.if_exists || op.negated;                                                          // R51
    if (entry->multivalued || entry->values.size() != 1) return false;                                       // R54
    return matches_any(op.comparison, entry->values.front(), values, tables, context, typed) != op.negated;  // NOR (R50)
}

bool names_ambiguous(const Condition& condition, const ConditionTables& tables, const ContextView& context) {
    const auto* entry = context.find(condition.key_hash, tables.patterns.text(condition.key));
    if (entry && entry->ambiguous) return true;
    if (!compares_patterns(condition.op.comparison)) return false;
    const auto values = tables.values.subspan(condition.values.at, condition.values.size);
    return std::ranges::any_of(
        values, [&](const ConditionValue& value) { return names_ambiguous(value.pattern, tables.patterns, context); });
}

}  // namespace policy
