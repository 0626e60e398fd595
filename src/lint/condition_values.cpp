// What conditions compare with: of the operator's type, and saying what it seems to.
#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "lint/conditions.hpp"
#include "lint/words.hpp"
#include "policy/value.hpp"
#include "text/base64.hpp"

namespace lint {

namespace {

using policy::Comparison;
using Value = ConditionItem::Value;

bool is_numeric(Comparison comparison) {
    return comparison >= Comparison::numeric_equals && comparison <= Comparison::numeric_greater_equals;
}
bool is_date(Comparison comparison) {
    return comparison >= Comparison::date_equals && comparison <= Comparison::date_greater_equals;
}
bool is_boolean(std::string_view text) {
    return base::equals_ignoring_case(text, "true") || base::equals_ignoring_case(text, "false");
}
bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// The address that a network's text means, if bits behind its prefix are set; empty if none is.
std::string with_bits_cleared(const policy::Network& network) {
    std::string text = network.text();
    auto bytes = network.bytes();
    bool set = false;
    const size_t size = network.v6() ? 16 : 4;
    for (size_t bit = static_cast<size_t>(network.prefix()); bit < size * 8; ++bit) {
        const auto mask = static_cast<uint8_t>(0x80U >> (bit % 8));
        set = set || (bytes[bit / 8] & mask) != 0;
        bytes[bit / 8] &= static_cast<uint8_t>(~mask);
    }
    if (!set) return "";
    std::string out;
    constexpr std::string_view hex = "0123456789abcdef";
    for (size_t i = 0; i < size; ++i) {
        if (!network.v6()) {
            out += (i ? "." : "") + std::to_string(bytes[i]);
        } else {
            if (i && i % 2 == 0) out += ':';
            out += hex[bytes[i] >> 4];
            out += hex[bytes[i] & 15];
        }
    }
    return out + "/" + std::to_string(network.prefix());
}

void check_value(const ConditionItem& item, const Value& value, Collector& out) {
    const Comparison comparison = item.op.comparison;
    const std::string given = shown(value.text);
    const bool pattern = policy::compares_patterns(comparison);
    if (value.text.contains("${")) {
        if (!pattern)
            out.add(check_of("INVALID_VARIABLE_FOR_OPERATOR"),
                    "Only string, ARN and Bool operators have variables; this is " + given + ".", value.place);
        return;
    }
    if ((comparison == Comparison::boolean || comparison == Comparison::null) && !is_boolean(value.text))
        out.add(check_of("TYPE_MISMATCH_BOOLEAN"), given + " is neither true nor false.", value.place);
    if (is_numeric(comparison) && !policy::Decimal::parse(value.text))
        out.add(check_of("TYPE_MISMATCH_NUMBER"), given + " is no number.", value.place);
    if (is_date(comparison)) {
        if (!policy::parse_date(value.text)) {
            out.add(check_of("TYPE_MISMATCH_DATE"), given + " is no date, such as 2026-01-31 or 2026-01-31T12:00:00Z.",
                    value.place);
        } else if (all_digits(value.text) && value.text.size() < 10) {
            out.add(check_of("INVALID_DATE_VALUE"),
                    given + " is read as seconds since 1970, a time before September 2001: write 2026-01-31.", value.place);
        }
    }
    if (comparison == Comparison::binary_equals && !text::decode_base64(value.text))
        out.add(check_of("TYPE_MISMATCH_STRING"), given + " is not base64.", value.place);
    if (comparison != Comparison::ip_address) return;
    const auto network = policy::Network::parse(value.text);
    if (!network)
        return out.add(check_of("TYPE_MISMATCH_IP_RANGE"), given + " is no address and no block, such as 203.0.113.0/24.",
                       value.place);
    if (const auto cleared = with_bits_cleared(*network); !cleared.empty())
        out.add(check_of("IMPROVE_IP_RANGE"), "The bits behind the prefix do not count: " + given + " is `" + cleared + "`.",
                value.place);
}

void check_empty(const ConditionItem& item, Collector& out) {
    if (!item.key_member->value.is_array() || !item.key_member->value.items.empty()) return;
    const std::string key = shown(item.key());
    if (item.op.set == policy::SetPrefix::all_values)
        return out.add(check_of("EMPTY_ARRAY_CONDITION_FORALLVALUES"),
                       "With no values, ForAllValues is true where " + key + " is missing: say \"Null\": \"true\" instead.",
                       item.place);
    if (item.op.set == policy::SetPrefix::any_value)
        return out.add(check_of("EMPTY_ARRAY_CONDITION_FORANYVALUE"),
                       "With no values, ForAnyValue is never true: give " + key + " values.", item.place);
    if (item.op.if_exists)
        return out.add(check_of("EMPTY_ARRAY_CONDITION_IFEXISTS"),
                       "With no values, this is true where " + key + " is missing: say \"Null\": \"true\" instead.", item.place);
    out.add(check_of("EMPTY_ARRAY_CONDITION"), "The condition gives no values for " + key + ".", item.place);
}

void check_number_of_values(const ConditionItem& item, Collector& out) {
    if (item.values.size() < 2) return;
    const Comparison comparison = item.op.comparison;
    if (comparison == Comparison::boolean || comparison == Comparison::null)
        out.add(check_of("INVALID_CONDITION_MULTIPLE_BOOLEAN"),
                "Of two booleans one always holds, or none: give " + shown(item.key()) + " one.", item.place);
    const bool less = comparison == Comparison::numeric_less || comparison == Comparison::numeric_less_equals;
    const bool greater = comparison == Comparison::numeric_greater || comparison == Comparison::numeric_greater_equals;
    if (less || greater)
        out.add(check_of("REDUNDANT_CONDITION_VALUE_NUM"),
                "One of several suffices, so only the " + std::string(less ? "greatest" : "least") + " counts: keep that one.",
                item.place);
}

}  // namespace

void check_values(const ConditionItem& item, const Document&, Collector& out) {
    check_empty(item, out);
    check_number_of_values(item, out);
    const auto other_type =
        std::ranges::find_if(item.values, [&](const Value& one) { return one.node->type != item.values.front().node->type; });
    if (other_type != item.values.end())
        out.add(check_of("INVALID_CONDITION_DATA_TYPE"), "The values are of different JSON types: write all of them as strings.",
                item.place);
    for (const Value& value : item.values) check_value(item, value, out);
}

// A `*` alone asks only whether the key is there.
void check_wildcards(const ConditionItem& item, Collector& out) {
    const Comparison comparison = item.op.comparison;
    const std::string key = shown(item.key()), op = item.op_member->name;
    for (const Value& value : item.values) {
        if (comparison == Comparison::string_equals || comparison == Comparison::string_equals_ignore_case) {
            // ${*} and ${?} are characters.
            std::string rest(value.text);
            for (const std::string_view literal : {"${*}", "${?}", "${$}"})
                for (size_t at = 0; (at = rest.find(literal, at)) != std::string::npos;) rest.erase(at, literal.size());
            if (has_wildcard(rest))
                out.add(check_of("WILDCARD_WITHOUT_LIKE_OPERATOR"),
                        "In " + shown(value.text) + ", `*` and `?` are characters: for wildcards say StringLike.", value.place);
        }
        if (comparison != Comparison::string_like || value.text != "*") continue;
        using policy::SetPrefix;
        const bool negated = item.op.negated, all = item.op.set == SetPrefix::all_values,
                   any = item.op.set == SetPrefix::any_value;
        // Of a list, `all` holds where it is empty; `any` does not.
        const bool holds_missing = all || (!any && negated) || item.op.if_exists;
        const bool holds_there = !negated;
        if (holds_there && holds_missing) {
            out.add(check_of("REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION"),
                    "`*` matches every value of " + key + ", and " + op + " holds without one: this always holds.", value.place);
        } else if (holds_there) {
            out.add(check_of("EQUIVALENT_TO_NULL_FALSE"),
                    "`*` matches every value of " + key + ": this asks whether it is there, which \"Null\": \"false\" says.",
                    value.place);
        } else if (holds_missing) {
            out.add(check_of("EQUIVALENT_TO_NULL_TRUE"),
                    "`*` matches every value of " + key + ": this asks whether it is missing, which \"Null\": \"true\" says.",
                    value.place);
        } else {
            out.add(check_of("REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION"),
                    "`*` matches every value of " + key + ": " + op + " never holds.", value.place);
        }
    }
}

}  // namespace lint
