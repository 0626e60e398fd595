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

template <class T, class Parse>
bool ordered_text(Comparison comparison, std::string_view given, const ConditionValue& wanted, Parse parse) {
    const auto value = parse(given);
    return value && ordered(comparison, *value, std::get<T>(wanted));
}

// Does one value of the request match one value of the policy? A request value of the wrong type matches nothing.
bool matches(Comparison comparison, std::string_view given, const ConditionValue& wanted, const Context& context) {
    switch (comparison) {
        case Comparison::string_equals:
        case Comparison::string_like:
            return std::get<Pattern>(wanted).matches(given, context);
        case Comparison::string_equals_ignore_case:
        case Comparison::boolean: {
            const auto text = std::get<Pattern>(wanted).expand(context);
            return text && base::equals_ignoring_case(*text, given);
        }
        case Comparison::arn_like:
            return std::get<Pattern>(wanted).matches_arn(given, context);
        case Comparison::binary_equals: {
            const auto bytes = text::decode_base64(given);
            return bytes && *bytes == std::get<std::string>(wanted);
        }
        case Comparison::ip_address: {
            const auto address = Network::parse(given);
            return address && std::get<Network>(wanted).contains(*address);
        }
        case Comparison::numeric_equals:
        case Comparison::numeric_less:
        case Comparison::numeric_less_equals:
        case Comparison::numeric_greater:
        case Comparison::numeric_greater_equals:
            return ordered_text<Decimal>(comparison, given, wanted, Decimal::parse);
        case Comparison::date_equals:
        case Comparison::date_less:
        case Comparison::date_less_equals:
        case Comparison::date_greater:
        case Comparison::date_greater_equals:
            return ordered_text<base::Time>(comparison, given, wanted, parse_date);
        case Comparison::null:
            return false;
    }
    std::unreachable();
}

bool null_holds(const Condition& condition, bool missing) {
    // The set prefixes make Null constant: Access Analyzer's "Null with qualifier".
    if (condition.op.set == SetPrefix::all_values) return true;
    if (condition.op.set == SetPrefix::any_value) return false;
    return std::ranges::any_of(condition.values, [&](const ConditionValue& value) { return std::get<bool>(value) == missing; });
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

std::optional<ConditionValue> compile_value(Comparison comparison, std::string_view text, bool variables) {
    const auto wrap = [](auto value) -> std::optional<ConditionValue> {
        if (!value) return std::nullopt;
        return ConditionValue(*std::move(value));
    };
    switch (comparison) {
        case Comparison::string_equals:
        case Comparison::string_equals_ignore_case:
            return wrap(Pattern::compile(text, {.wildcards = false, .variables = variables}));
        case Comparison::string_like:
        case Comparison::arn_like:
            return wrap(Pattern::compile(text, {.wildcards = true, .variables = variables}));
        case Comparison::boolean: {
            auto pattern = Pattern::compile(text, {.wildcards = false, .variables = variables});
            const bool literal = pattern && !pattern->has_variables();
            if (literal && !base::equals_ignoring_case(text, "true") && !base::equals_ignoring_case(text, "false"))
                return std::nullopt;
            return wrap(std::move(pattern));
        }
        case Comparison::binary_equals:
            return wrap(text::decode_base64(text));
        case Comparison::ip_address:
            return wrap(Network::parse(text));
        case Comparison::null:
            if (base::equals_ignoring_case(text, "true")) return ConditionValue(true);
            if (base::equals_ignoring_case(text, "false")) return ConditionValue(false);
            return std::nullopt;
        case Comparison::numeric_equals:
        case Comparison::numeric_less:
        case Comparison::numeric_less_equals:
        case Comparison::numeric_greater:
        case Comparison::numeric_greater_equals:
            return wrap(Decimal::parse(text));
        case Comparison::date_equals:
        case Comparison::date_less:
        case Comparison::date_less_equals:
        case Comparison::date_greater:
        case Comparison::date_greater_equals:
            return wrap(parse_date(text));
    }
    std::unreachable();
}

bool holds(const Condition& condition, const Context& context) {
    const auto* entry = context.find(condition.key);
    const bool missing = !entry || entry->values.empty();
    const auto& op = condition.op;
    if (op.comparison == Comparison::null) return null_holds(condition, missing);

    const auto matches_any = [&](const std::string& given) {
        return std::ranges::any_of(condition.values,
                                   [&](const ConditionValue& wanted) { return matches(op.comparison, given, wanted, context); });
    };
    const auto passes = [&](const std::string& given) { return matches_any(given) != op.negated; };  // negated: NOR (R50)

    switch (op.set) {
        case SetPrefix::none:
            if (missing) return op.if_exists || op.negated;                     // R51
            if (entry->multivalued || entry->values.size() != 1) return false;  // R54
            return passes(entry->values.front());
        case SetPrefix::any_value:
            if (missing) return op.if_exists;  // R51
            return std::ranges::any_of(entry->values, passes);
        case SetPrefix::all_values:
            if (missing) return true;  // R51
            // "Returns true … if the key values resolve to a null data set, such as an empty string" (R52).
            if (std::ranges::all_of(entry->values, &std::string::empty)) return true;
            return std::ranges::all_of(entry->values, passes);
    }
    std::unreachable();
}

}  // namespace policy
