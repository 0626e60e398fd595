#include "cli/show_ways.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/strings.hpp"
#include "cli/show_decision.hpp"
#include "text/json.hpp"
#include "text/one_or_many.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;

constexpr size_t actions_shown_max = 12, resources_shown_max = 4, values_shown_max = 6;

std::string joined(std::span<const std::string> all, std::string_view between, size_t most) {
    std::string out;
    for (size_t i = 0; i < std::min(all.size(), most); ++i) out += (i == 0 ? "" : std::string(between)) + all[i];
    if (all.size() > most) out += " and " + std::to_string(all.size() - most) + " more";
    return out;
}

struct Relation {
    std::string_view op, holds, fails;  // without ForAnyValue:, ForAllValues: and IfExists; in lower case
};
constexpr auto relations = std::to_array<Relation>({
    {"stringequals", "is", "is not"},
    {"stringequalsignorecase", "is (ignoring case)", "is not (ignoring case)"},
    {"stringlike", "is like", "is not like"},
    {"numericequals", "is", "is not"},
    {"numericlessthan", "is less than", ""},
    {"numericlessthanequals", "is at most", ""},
    {"numericgreaterthan", "is more than", ""},
    {"numericgreaterthanequals", "is at least", ""},
    {"dateequals", "is", "is not"},
    {"datelessthan", "is before", ""},
    {"datelessthanequals", "is not after", ""},
    {"dategreaterthan", "is after", ""},
    {"dategreaterthanequals", "is not before", ""},
    {"bool", "is", ""},
    {"binaryequals", "is", ""},
    {"ipaddress", "is in", "is not in"},
    {"arnequals", "is like", "is not like"},
    {"arnlike", "is like", "is not like"},
});

// StringNotEquals: the relation of StringEquals, failing.
std::string_view relation_of(std::string op) {
    const size_t negation = op.find("not");
    const bool fails = negation != std::string::npos;
    if (fails) op.erase(negation, 3);
    for (const Relation& one : relations)
        if (one.op == op) return fails ? one.fails : one.holds;
    return "";
}

Text labelled(const Text& indent, std::string_view label, const Text& text) {
    std::string padded(label);
    padded.append(padded.size() < 9 ? 9 - padded.size() : 1, ' ');
    return indent + paint(Style::dim, padded) + text + "\n";
}

// Which requests the statement denies.
std::string words_of_denial(const m::Statement& denial) {
    std::string out;
    if (denial.resources) out = "on " + joined(*denial.resources, ", ", resources_shown_max);
    if (denial.not_resources) out = "on all but " + joined(*denial.not_resources, ", ", resources_shown_max);
    if (out.empty()) out = "all of it";
    if (!denial.condition) return out;
    const auto condition = text::parse_json(*denial.condition);
    if (!condition) return out + ", if " + *denial.condition;
    std::string_view joint = ", if ";
    for (const auto& [op, keys] : condition->members())
        for (const auto& [key, values] : keys.members()) {
            m::WayCondition one{.key = key, .operator_ = op, .values = {}};
            for (const text::Json& value : text::one_or_many(values))
                one.values.push_back(value.is_string() ? value.as_string() : value.dump());
            out += std::string(joint) + in_words(one);
            joint = " and ";
        }
    return out;
}

// Keys that every request has, and a witness some value of.
constexpr auto of_every_request = std::to_array<std::string_view>(
    {"aws:securetransport", "aws:sourceip", "aws:requestedregion", "aws:resourceaccount", "s3:resourceaccount"});

Text example_of(const m::WayIn& way) {
    Text out = way.witness.action + " on " + way.witness.resource;
    for (const auto& [key, values] : way.witness.context) {
        const std::string lower = base::lower(key);
        const bool is_asked = std::ranges::any_of(
            way.conditions, [&](const m::WayCondition& one) { return base::equals_ignoring_case(one.key, lower); });
        if (!is_asked && std::ranges::find(of_every_request, lower) != of_every_request.end()) continue;
        out += " " + key + "=" + joined(values, ",", values_shown_max);
    }
    return out;
}

}  // namespace

std::string in_words(const m::WayCondition& condition) {
    std::string op = base::lower(condition.operator_);
    std::string set;
    for (const auto& [prefix, words] :
         {std::pair<std::string_view, std::string_view>{"foranyvalue:", "a value of "}, {"forallvalues:", "each value of "}}) {
        if (!op.starts_with(prefix)) continue;
        op.erase(0, prefix.size());
        set = words;
    }
    const bool if_exists = op.ends_with("ifexists");
    if (if_exists) op.erase(op.size() - std::string_view("ifexists").size());
    const std::string values = joined(condition.values, " or ", values_shown_max);
    if (op == "null") return condition.key + (base::lower(values) == "true" ? " is missing" : " is there");
    if (base::lower(condition.key) == "aws:multifactorauthpresent" && op == "bool" && !if_exists && set.empty())
        return base::lower(values) == "true" ? "with a second factor (aws:MultiFactorAuthPresent)"
                                             : "without a second factor (aws:MultiFactorAuthPresent)";
    const std::string_view relation = relation_of(op);
    if (relation.empty()) return condition.operator_ + " of " + condition.key + " and " + values;
    return set + condition.key + " " + std::string(relation) + " " + values + (if_exists ? ", if it is there" : "");
}

Text show_way(const m::WayIn& way, const Text& indent) {
    Text out = indent + paint(Style::bold, joined(way.actions, ", ", actions_shown_max)) + " on " +
               joined(way.resources, ", ", resources_shown_max) + "\n";
    const Text inner = indent + "  ";
    for (size_t i = 0; i < way.conditions.size(); ++i)
        out += labelled(inner, i == 0 ? "if" : "and", Text(in_words(way.conditions[i])));
    if (way.statements.empty())
        out += labelled(inner, "by", "no statement: the account's root user, or what every principal may");
    for (const m::Statement& one : way.statements)
        out += labelled(inner, "by", Text(model::text(one.description)) + " (" + one.policy_type + ")");
    for (const m::Statement& one : way.except)
        out +=
            labelled(inner, "except",
                     Text(words_of_denial(one)) + ", denied by " + model::text(one.description) + " (" + one.policy_type + ")");
    out += labelled(inner, "example", example_of(way));
    return out;
}

Text name_of(const m::Principal& principal) {
    if (principal.name) return *principal.name;
    return principal.role_arn ? Text(*principal.role_arn) : show_principal(principal);
}

}  // namespace cli
