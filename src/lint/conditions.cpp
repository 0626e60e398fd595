// Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "AWS global condition context keys".
#include "lint/conditions.hpp"

#include <algorithm>
#include <map>

#include "base/strings.hpp"
#include "lint/words.hpp"
#include "policy/reference.hpp"

namespace lint {

namespace {

const std::vector<std::string>& operator_names() {
    static const std::vector<std::string> names = {"StringEquals",
                                                   "StringNotEquals",
                                                   "StringEqualsIgnoreCase",
                                                   "StringNotEqualsIgnoreCase",
                                                   "StringLike",
                                                   "StringNotLike",
                                                   "NumericEquals",
                                                   "NumericNotEquals",
                                                   "NumericLessThan",
                                                   "NumericLessThanEquals",
                                                   "NumericGreaterThan",
                                                   "NumericGreaterThanEquals",
                                                   "DateEquals",
                                                   "DateNotEquals",
                                                   "DateLessThan",
                                                   "DateLessThanEquals",
                                                   "DateGreaterThan",
                                                   "DateGreaterThanEquals",
                                                   "Bool",
                                                   "BinaryEquals",
                                                   "IpAddress",
                                                   "NotIpAddress",
                                                   "ArnEquals",
                                                   "ArnLike",
                                                   "ArnNotEquals",
                                                   "ArnNotLike",
                                                   "Null"};
    return names;
}

using policy::Comparison;
using policy::KeyType;

// `string`, `number`, …: what an operator compares.
std::string_view type_of(Comparison comparison) {
    switch (comparison) {
        case Comparison::string_equals:
        case Comparison::string_equals_ignore_case:
        case Comparison::string_like:
            return "String";
        case Comparison::numeric_equals:
        case Comparison::numeric_less:
        case Comparison::numeric_less_equals:
        case Comparison::numeric_greater:
        case Comparison::numeric_greater_equals:
            return "Numeric";
        case Comparison::date_equals:
        case Comparison::date_less:
        case Comparison::date_less_equals:
        case Comparison::date_greater:
        case Comparison::date_greater_equals:
            return "Date";
        case Comparison::boolean:
            return "Bool";
        case Comparison::binary_equals:
            return "Binary";
        case Comparison::ip_address:
            return "IpAddress";
        case Comparison::arn_like:
            return "Arn";
        case Comparison::null:
            return "Null";
    }
    return "";
}

// Which operators compare values of a key's type; empty: any. The first is the one to recommend.
std::vector<std::string_view> operators_for(KeyType type) {
    switch (type) {
        case KeyType::text:
            return {"String", "Arn", "Binary"};
        case KeyType::number:
            return {"Numeric"};
        case KeyType::date:
            return {"Date"};
        case KeyType::epoch:
            return {"Date", "Numeric"};
        case KeyType::boolean:
            return {"Bool"};
        case KeyType::address:
            return {"IpAddress"};
        case KeyType::arn:
            return {"Arn", "String"};
    }
    return {};
}

class Conditions {
public:
    Conditions(const Document& document, Collector& out) : document_(document), out_(out) {}

    void check() {
        for (const Statement& statement : document_.statements) {
            if (statement.condition == nullptr) continue;
            const Place place = statement.at(*statement.condition);
            check_duplicates(statement.condition->value, place, "operator");
            for (const Member& op : statement.condition->value.members) check_operator(op, place);
            const auto items = conditions_of(statement);
            check_tag_support(statement, items, out_);
            for (const ConditionItem& item : items) {
                check_key(item);
                check_qualifier(item);
                check_type(item);
                check_values(item, document_, out_);
                check_wildcards(item, out_);
                check_key_rules(item, document_, out_);
            }
        }
    }

private:
    void check_operator(const Member& op, const Place& condition) {
        const Place place = condition.member(op);
        const std::string lower = base::lower(op.name);
        const auto parsed = policy::parse_operator(op.name);
        if (!parsed) {
            const bool null = lower.ends_with("nullifexists");
            return null ? out_.add(check_of("NULL_WITH_IF_EXISTS"),
                                   "Null asks whether the key is there: IfExists does not go with it.", condition.key(op))
                        : out_.add(check_of("INVALID_CONDITION_OPERATOR"),
                                   "There is no operator " + shown(op.name) + "." + meant(op.name, operator_names()),
                                   condition.key(op));
        }
        if (parsed->comparison == Comparison::null && parsed->set != policy::SetPrefix::none)
            out_.add(check_of("NULL_WITH_QUALIFIER"),
                     parsed->set == policy::SetPrefix::all_values ? "ForAllValues:Null is always true."
                                                                  : "ForAnyValue:Null is never true.",
                     condition.key(op));
        if (!op.value.is_object())
            return out_.add(check_of("DATA_TYPE_MISMATCH"),
                            "An operator holds an object of condition keys; this is " + std::string(name_of(op.value.type)) + ".",
                            place);
        check_duplicates(op.value, place, "condition key");
        for (const Member& key : op.value.members) {
            if (key.value.is_object() || key.value.type == Node::Type::null) wrong_value(key.value, place.member(key));
            for (size_t i = 0; i < key.value.items.size(); ++i) {
                const Node& one = key.value.items[i];
                if (one.is_object() || one.is_array() || one.type == Node::Type::null)
                    wrong_value(one, place.member(key).item(i, one));
            }
        }
    }

    void wrong_value(const Node& node, const Place& place) {
        out_.add(check_of("DATA_TYPE_MISMATCH"),
                 "A condition compares with strings, numbers and booleans; this is " + std::string(name_of(node.type)) + ".",
                 place);
    }

    void check_duplicates(const Node& object, const Place& place, std::string_view what) {
        std::map<std::string, const Member*> seen;
        for (const Member& member : object.members) {
            const auto [first, added] = seen.try_emplace(base::lower(member.name), &member);
            if (added) continue;
            const bool same = first->second->name == member.name;
            out_.add(same ? check_of("JSON_SYNTAX_ERROR") : check_of("DUPLICATE_KEYS_WITH_DIFFERENT_CASE"),
                     "The " + std::string(what) + " " + shown(member.name) + " is there twice" +
                         (same ? ": readers differ in which one counts." : ", in another case; case does not count."),
                     {place.key(*first->second), place.key(member)});
        }
    }

    void check_key(const ConditionItem& item) {
        const std::string_view key = item.key();
        const size_t colon = key.find(':');
        if (colon == std::string_view::npos || colon == 0 || colon + 1 == key.size())
            return out_.add(check_of("INVALID_CONDITION_KEY_FORMAT"),
                            "A condition key is service:key; this is " + shown(key) + ".", item.key_place);
        const std::string lower = base::lower(key);
        const std::string_view service = std::string_view(lower).substr(0, colon);
        if (is_known_key(key)) return;
        // A key whose name goes on with a tag's key.
        const bool unfinished = policy::find_key(lower + (lower.ends_with('/') ? "x" : "/x")).has_value();
        if (unfinished)
            return out_.add(check_of("MISSING_TAG_KEY_IN_CONDITION"),
                            shown(key) + " goes on with the key of a tag: `aws:ResourceTag/team`.", item.key_place);
        if (service != "aws")
            return out_.add(check_of("INVALID_SERVICE_CONDITION_KEY"),
                            "There is no condition key " + shown(key) + "." + meant(key, policy::keys_beside(key)),
                            item.key_place);
        if (lower == "aws:arn")
            return out_.add(check_of("UNSUPPORTED_GLOBAL_CONDITION_KEY"),
                            "aws:ARN is no key of requests: aws:PrincipalArn, or aws:SourceArn, is.", item.key_place);
        out_.add(check_of("INVALID_GLOBAL_CONDITION_KEY"),
                 "There is no condition key " + shown(key) + "." + meant(key, policy::keys_beside(key)), item.key_place);
    }

    void check_qualifier(const ConditionItem& item) {
        if (item.op.comparison == Comparison::null) return;
        if (base::lower(item.key()).ends_with(":aud")) return check_audience(item);
        if (!item.known) return;
        const bool list = policy::key_holds_list(item.key());
        if (list && item.op.set == policy::SetPrefix::none)
            out_.add(check_of("MISSING_QUALIFIER"),
                     shown(item.key()) + " holds several values: say ForAnyValue: (one of them) or ForAllValues: (each of them).",
                     item.key_place);
        if (!list && item.op.set == policy::SetPrefix::all_values && item.statement->allows())
            out_.add(check_of("FORALLVALUES_WITH_SINGLE_VALUED_KEY"),
                     shown(item.key()) + " holds one value, and ForAllValues is true where it is missing: remove ForAllValues:.",
                     item.key_place);
    }

    void check_audience(const ConditionItem& item) {
        if (item.op.set == policy::SetPrefix::any_value)
            out_.add(check_of("FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE"),
                     "The audience " + shown(item.key()) + " is one value: remove ForAnyValue:.", item.key_place);
        if (item.op.set == policy::SetPrefix::all_values)
            out_.add(check_of("CONFIRM_AUDIENCE_CLAIM_TYPE"),
                     "ForAllValues is for audiences of several values, and is true where " + shown(item.key()) +
                         " is missing; of one value, leave it out.",
                     item.key_place);
    }

    void check_type(const ConditionItem& item) {
        if (!item.known || item.op.comparison == Comparison::null) return;
        const auto right = operators_for(item.known->type);
        const std::string_view given = type_of(item.op.comparison);
        if (item.known->type == KeyType::arn && item.op.comparison == Comparison::string_like)
            return out_.add(
                check_of("STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS"),
                shown(item.key()) +
                    " is an ARN: ArnLike keeps wildcards inside the segments that they stand in, StringLike does not.",
                item.key_place);
        if (std::ranges::find(right, given) != right.end()) return;
        out_.add(check_of("TYPE_MISMATCH"),
                 shown(item.key()) + " is compared by " + std::string(right.front()) + " operators, not by " +
                     shown(item.op_member->name) + ".",
                 item.key_place);
    }

    const Document& document_;
    Collector& out_;
};

}  // namespace

bool is_known_key(std::string_view key) {
    if (policy::find_key(key)) return true;
    const std::string lower = base::lower(key);
    // Of an organization's management account; AWS's own policies use it, its guide does not list it.
    if (lower == "aws:principalorgmasteraccountid" || is_retired(lower.substr(0, lower.find(':')))) return true;
    constexpr std::string_view tag = "tag-key";  // how the reference writes some tags' keys
    return std::ranges::any_of(policy::keys_beside(key), [&](const std::string& known) {
        std::string prefix = base::lower(known);
        if (prefix.ends_with(tag)) prefix.resize(prefix.size() - tag.size());
        return (prefix.ends_with(':') || prefix.size() < known.size()) && lower.size() > prefix.size() &&
               lower.starts_with(prefix);
    });
}

bool ConditionItem::is_key(std::string_view name) const { return base::equals_ignoring_case(key_member->name, name); }

std::vector<ConditionItem> conditions_of(const Statement& statement) {
    std::vector<ConditionItem> out;
    if (statement.condition == nullptr) return out;
    const Place condition = statement.at(*statement.condition);
    for (const Member& op : statement.condition->value.members) {
        const auto parsed = policy::parse_operator(op.name);
        if (!parsed) continue;
        for (const Member& key : op.value.members) {
            const Place keys = condition.member(op), place = keys.member(key);
            auto& item = out.emplace_back(ConditionItem{.statement = &statement,
                                                        .op_member = &op,
                                                        .key_member = &key,
                                                        .op = *parsed,
                                                        .known = policy::find_key(key.name),
                                                        .place = place,
                                                        .key_place = keys.key(key),
                                                        .values = {}});
            const auto add = [&](const Node& node, const Place& at) {
                using Type = Node::Type;
                if (node.type == Type::boolean) item.values.push_back({&node, node.flag ? "true" : "false", at});
                if (node.type == Type::string || node.type == Type::number) item.values.push_back({&node, node.text, at});
            };
            add(key.value, place);
            for (size_t i = 0; i < key.value.items.size(); ++i) add(key.value.items[i], place.item(i, key.value.items[i]));
        }
    }
    return out;
}

void check_conditions(const Document& document, Collector& out) { Conditions(document, out).check(); }

}  // namespace lint
