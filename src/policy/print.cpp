#include "policy/print.hpp"

#include <utility>

#include "base/strings.hpp"
#include "policy/condition.hpp"
#include "policy/vocabulary.hpp"
#include "text/json.hpp"
#include "text/time.hpp"

namespace policy {

namespace {

using text::Json;
using Wildcards = PatternPool::Wildcards;

// An item that AWS accepts and that names no action (R38), for an element that would otherwise be empty.
constexpr std::string_view no_action = "sts:";

class Printer {
public:
    Printer(const CompiledPolicy& compiled, bool variables) : compiled_(compiled), variables_(variables) {}

    std::string document(PolicyKind kind) {
        Json statements = Json::array();
        for (size_t i = 0; i < compiled_.statements().size(); ++i) statements.push(statement(i, kind));
        return Json::object({{"Version", variables_ ? "2012-10-17" : "2008-10-17"}, {"Statement", std::move(statements)}}).dump();
    }

    PrintedCondition condition(const Condition& condition) {
        const auto key = compiled_.text(condition.key);
        const auto known = find_key(key);
        PrintedCondition out{operator_name(condition.op, false), known ? known->name : std::string(key), {}};
        for (const auto& value : values_of(condition)) out.values.push_back(value_text(condition.op.comparison, value));
        return out;
    }

    std::vector<std::string> resource_patterns(const CompiledStatement& statement) {
        std::vector<std::string> out;
        for (const auto& resource : compiled_.resources(statement))
            out.push_back(pattern(resource, Wildcards::resource_arn, variables_));
        return out;
    }

    static std::string operator_name(const Operator& op, bool second_name) {
        std::string out;
        if (op.set == SetPrefix::any_value) out = "ForAnyValue:";
        if (op.set == SetPrefix::all_values) out = "ForAllValues:";
        out += comparison_name(op, second_name);
        return op.if_exists ? out + "IfExists" : out;
    }

private:
    Json statement(size_t number, PolicyKind kind) {
        const auto& statement = compiled_.statements()[number];
        Json out = Json::object();
        if (const auto sid = compiled_.text(compiled_.infos()[number].sid); !sid.empty()) out.set("Sid", sid);
        out.set("Effect", statement.effect == Effect::allow ? "Allow" : "Deny");
        const bool takes_principal =
            kind == PolicyKind::resource || kind == PolicyKind::trust || kind == PolicyKind::resource_control;
        if (statement.broken) {  // a Deny of everything; an Allow of nothing
            if (takes_principal) out.set("Principal", "*");
            const bool trust = kind == PolicyKind::trust;
            out.set("Action", statement.effect == Effect::allow ? no_action : trust ? std::string_view("sts:*") : "*");
            if (!trust) out.set("Resource", "*");
            return out;
        }
        if (statement.has_principal) out.set(statement.not_principal ? "NotPrincipal" : "Principal", principals(statement));
        out.set(statement.not_action ? "NotAction" : "Action", actions(statement));
        if (!statement.any_resource) out.set(statement.not_resource ? "NotResource" : "Resource", resources(statement));
        if (statement.conditions.size > 0) out.set("Condition", conditions(statement));
        return out;
    }

    Json actions(const CompiledStatement& statement) {
        Json out = Json::array();
        for (const auto& action : compiled_.actions(statement)) out.push(pattern(action.pattern, Wildcards::all, false));
        if (out.size() == 0) out.push(no_action);
        return out;
    }

    Json resources(const CompiledStatement& statement) {
        Json out = Json::array();
        for (auto& one : resource_patterns(statement)) out.push(std::move(one));
        return out;
    }

    Json principals(const CompiledStatement& statement) {
        using Kind = PrincipalEntry::Kind;
        const auto clause = compiled_.principals(statement);
        if (clause.entries.size() == 1 && clause.entries[0].kind == Kind::everyone) return "*";
        Json out = Json::object();
        for (const auto& entry : clause.entries) {
            auto name = std::string(compiled_.text(entry.text));
            const bool canonical = entry.kind == Kind::elsewhere && !name.starts_with("arn:");
            const auto type = entry.kind == Kind::service     ? "Service"
                              : entry.kind == Kind::federated ? "Federated"
                              : canonical                     ? "CanonicalUser"
                                                              : "AWS";
            if (entry.kind == Kind::everyone) name = "*";
            if (const auto partition = compiled_.text(entry.partition); !partition.empty())
                name = "arn:" + std::string(partition) + ":iam::" + name + ":root";
            if (!out.contains(type)) out.set(type, Json::array());
            out.find(type)->push(name);
        }
        return out;
    }

    Json conditions(const CompiledStatement& statement) {
        Json out = Json::object();
        for (const auto& condition : compiled_.conditions(statement)) {
            const auto key = compiled_.text(condition.key);
            Json values = Json::array();
            for (const auto& value : values_of(condition)) values.push(value_text(condition.op.comparison, value));
            // ArnLike and ArnEquals are one operator; a statement that says both about a key needs both names.
            auto name = operator_name(condition.op, false);
            if (const auto* keys = out.find(name); keys && keys->contains(key)) name = operator_name(condition.op, true);
            if (!out.contains(name)) out.set(name, Json::object());
            out.find(name)->set(key, std::move(values));
        }
        return out;
    }

    [[nodiscard]] std::span<const ConditionValue> values_of(const Condition& condition) const {
        return compiled_.condition_tables().values.subspan(condition.values.at, condition.values.size);
    }

    static std::string_view comparison_name(const Operator& op, bool second_name) {
        switch (op.comparison) {
            case Comparison::string_equals:
                return op.negated ? "StringNotEquals" : "StringEquals";
            case Comparison::string_equals_ignore_case:
                return op.negated ? "StringNotEqualsIgnoreCase" : "StringEqualsIgnoreCase";
            case Comparison::string_like:
                return op.negated ? "StringNotLike" : "StringLike";
            case Comparison::numeric_equals:
                return op.negated ? "NumericNotEquals" : "NumericEquals";
            case Comparison::numeric_less:
                return "NumericLessThan";
            case Comparison::numeric_less_equals:
                return "NumericLessThanEquals";
            case Comparison::numeric_greater:
                return "NumericGreaterThan";
            case Comparison::numeric_greater_equals:
                return "NumericGreaterThanEquals";
            case Comparison::date_equals:
                return op.negated ? "DateNotEquals" : "DateEquals";
            case Comparison::date_less:
                return "DateLessThan";
            case Comparison::date_less_equals:
                return "DateLessThanEquals";
            case Comparison::date_greater:
                return "DateGreaterThan";
            case Comparison::date_greater_equals:
                return "DateGreaterThanEquals";
            case Comparison::boolean:
                return "Bool";
            case Comparison::binary_equals:
                return "BinaryEquals";
            case Comparison::ip_address:
                return op.negated ? "NotIpAddress" : "IpAddress";
            case Comparison::arn_like:
                if (second_name) return op.negated ? "ArnNotEquals" : "ArnEquals";
                return op.negated ? "ArnNotLike" : "ArnLike";
            case Comparison::null:
                return "Null";
        }
        std::unreachable();
    }

    std::string value_text(Comparison comparison, const ConditionValue& value) {
        switch (comparison) {
            case Comparison::string_equals:
            case Comparison::string_equals_ignore_case:
            case Comparison::boolean:
                return pattern(value.pattern, Wildcards::none, variables_);
            case Comparison::string_like:
                return pattern(value.pattern, Wildcards::all, variables_);
            case Comparison::arn_like:
                return pattern(value.pattern, Wildcards::arn, variables_);
            case Comparison::binary_equals:
                return std::string(compiled_.text(value.encoded));
            case Comparison::ip_address:
                return compiled_.condition_tables().networks[value.network].text();
            case Comparison::null:
                return value.flag ? "true" : "false";
            case Comparison::numeric_equals:
            case Comparison::numeric_less:
            case Comparison::numeric_less_equals:
            case Comparison::numeric_greater:
            case Comparison::numeric_greater_equals: {
                auto digits = std::string(compiled_.text(value.decimal.digits));
                if (digits.empty()) return "0";
                const std::string sign = value.decimal.negative ? "-" : "";
                const auto point = value.decimal.point;
                constexpr int plain_digits_max = 20;
                if (point <= 0 || point > plain_digits_max) return sign + "0." + digits + "e" + std::to_string(point);
                const auto whole = static_cast<size_t>(point);
                if (digits.size() <= whole) return sign + digits.append(whole - digits.size(), '0');
                return sign + digits.insert(whole, ".");
            }
            case Comparison::date_equals:
            case Comparison::date_less:
            case Comparison::date_less_equals:
            case Comparison::date_greater:
            case Comparison::date_greater_equals:
                // ISO 8601 has years of four digits; the epoch has all of them, in whole seconds, which is what such dates came
                // in.
                if (value.millis >= 0 && value.millis < 253'402'300'800'000) {
                    auto out = text::iso8601_millis(base::Time(std::chrono::milliseconds(value.millis)));
                    constexpr std::string_view no_millis = ".000Z";
                    if (out.ends_with(no_millis)) out.replace(out.size() - no_millis.size(), no_millis.size(), "Z");
                    return out;
                }
                return std::to_string(value.millis / 1000);
        }
        std::unreachable();
    }

    std::string pattern(const Pattern& pattern, Wildcards wildcards, bool variables) {
        using Shape = Pattern::Shape;
        const auto tables = compiled_.patterns();
        std::string out;
        // In the head of a resource ARN nothing is a variable, so nothing needs an escape there (R64).
        int colons = wildcards == Wildcards::resource_arn ? 0 : 5;
        // A star that is a star, a dollar that begins no variable. Without variables there is no way to write either, and none is
        // there.
        const auto add = [&](Text range) {
            const auto literal = tables.text(range);
            for (size_t at = 0; at < literal.size(); ++at) {
                const char c = literal[at];
                colons += c == ':';
                const bool wild = wildcards != Wildcards::none && (c == '*' || c == '?');
                if (variables && colons >= 5 && (wild || literal.substr(at).starts_with("${")))
                    ((out += "${") += c) += '}';
                else
                    out += c;
            }
        };
        switch (pattern.shape) {
            case Shape::nothing:
                return "";  // an ARN condition that has no six segments
            case Shape::everything:
                return "*";
            case Shape::exact:
                add(pattern.where);
                return out;
            case Shape::prefix:
                add(pattern.where);
                return out + "*";
            default:
                break;
        }
        for (const auto& piece : tables.pieces.subspan(pattern.where.at, pattern.where.size)) {
            switch (piece.kind) {
                case PatternPiece::Kind::literal:
                    add(piece.text);
                    break;
                case PatternPiece::Kind::one:
                case PatternPiece::Kind::one_inside:
                    out += '?';
                    break;
                case PatternPiece::Kind::any:
                case PatternPiece::Kind::any_inside:
                    out += '*';
                    break;
                case PatternPiece::Kind::variable: {
                    const auto& variable = tables.variables[piece.text.at];
                    out += "${" + std::string(tables.text(variable.key));
                    if (variable.has_fallback) out += ", '" + std::string(tables.text(variable.fallback)) + "'";
                    out += '}';
                    break;
                }
            }
        }
        return out;
    }

    const CompiledPolicy& compiled_;
    const bool variables_;
};

}  // namespace

std::string print(const Policy& policy) { return Printer(policy.compiled(), policy.has_variables()).document(policy.kind()); }

std::string operator_as_documented(std::string_view name) {
    const auto op = parse_operator(name);
    if (!op) return std::string(name);
    std::string out = Printer::operator_name(*op, false);
    return base::equals_ignoring_case(out, name) ? out : Printer::operator_name(*op, true);  // ArnEquals is ArnLike's second name
}

PrintedCondition print(const CompiledPolicy& policy, const Condition& condition) {
    return Printer(policy, true).condition(condition);
}

std::vector<std::string> print_resources(const CompiledPolicy& policy, const CompiledStatement& statement) {
    return Printer(policy, true).resource_patterns(statement);
}

}  // namespace policy
