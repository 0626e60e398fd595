#include "proof/words.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/glob.hpp"
#include "text/one_or_many.hpp"

namespace proof {

namespace {

using text::Json;

std::vector<std::string> strings_of(const Json& one_or_many) {
    if (one_or_many.is_string() || one_or_many.is_bool() || one_or_many.is_number())
        return {one_or_many.is_bool() ? one_or_many.as_bool() ? "true" : "false" : one_or_many.as_string()};
    std::vector<std::string> out;
    for (const Json& one : one_or_many.items())
        for (auto& each : strings_of(one)) out.push_back(std::move(each));
    return out;
}

Words words_of(const Json& statement) {
    Words out;
    out.deny = statement["Effect"].as_string() != "Allow";
    out.not_action = statement.contains("NotAction");
    out.not_resource = statement.contains("NotResource");
    out.actions = strings_of(statement[out.not_action ? "NotAction" : "Action"]);
    out.resources = strings_of(statement[out.not_resource ? "NotResource" : "Resource"]);
    if (statement["Condition"].size() > 0) out.condition = statement["Condition"];
    Json rest = statement;
    rest.erase("Sid");
    out.canonical = rest.canonical();
    return out;
}

// How a condition's operator is read aloud.
std::string said(std::string op) {
    const std::string lower = base::lower(op);
    std::string prefix;
    for (const std::string_view set : {"foranyvalue:", "forallvalues:"})
        if (lower.starts_with(set)) {
            prefix = set == "foranyvalue:" ? "any value " : "every value ";
            op = op.substr(set.size());
        }
    std::string rest = base::lower(op), suffix;
    if (rest.ends_with("ifexists")) {
        suffix = " (if it is there)";
        rest = rest.substr(0, rest.size() - 8);
        op = op.substr(0, op.size() - 8);
    }
    const auto is = [&](std::initializer_list<std::string_view> names) { return std::ranges::find(names, rest) != names.end(); };
    if (is({"stringequals", "arnequals", "bool", "numericequals", "dateequals", "stringequalsignorecase"}))
        return prefix + "is" + suffix;
    if (is({"stringnotequals", "arnnotequals", "numericnotequals", "datenotequals", "stringnotequalsignorecase"}))
        return prefix + "is not" + suffix;
    if (is({"stringlike", "arnlike"})) return prefix + "like" + suffix;
    if (is({"stringnotlike", "arnnotlike"})) return prefix + "not like" + suffix;
    if (is({"ipaddress"})) return prefix + "in" + suffix;
    if (is({"notipaddress"})) return prefix + "not in" + suffix;
    return prefix + op + suffix;
}

Json list_of(const std::vector<std::string>& texts) {
    Json out = Json::array();
    for (const std::string& one : texts) out.push(one);
    return out;
}

Json denied(Json actions, bool not_action, Json resources, bool not_resource) {
    Json out = Json::object({{"Effect", "Deny"}, {"Principal", "*"}});
    out.set(not_action ? "NotAction" : "Action", std::move(actions));
    out.set(not_resource ? "NotResource" : "Resource", std::move(resources));
    return out;
}

}  // namespace

const std::vector<Words>& WordsOfPolicies::of(const policy::PolicyPtr& policy) {
    const auto [place, added] = known_.try_emplace(policy.get());
    if (!added) return place->second.second;
    place->second.first = policy;
    const auto document = text::parse_json(policy->text());
    if (!document) return place->second.second;
    for (const Json& one : text::one_or_many((*document)["Statement"])) place->second.second.push_back(words_of(one));
    return place->second.second;
}

std::string condition_text(const Json& condition) {
    std::vector<std::string> out;
    for (const auto& [op, keys] : condition.members())
        for (const auto& [key, values] : keys.members()) {
            if (base::lower(op) == "null") {
                const auto all = strings_of(values);
                out.push_back(key + (all.size() == 1 && all.front() == "true" ? " is not there" : " is there"));
            } else {
                out.push_back(key + " " + said(op) + " " + base::join(strings_of(values), " or "));
            }
        }
    return base::join(out, ", ");
}

size_t narrowness(const std::vector<std::string>& patterns, std::string_view text) {
    size_t out = 0;
    const std::string lower = base::lower(text);
    for (const std::string& pattern : patterns) {
        if (!policy::glob_matches(base::lower(pattern), lower)) continue;
        const auto wildcards = std::ranges::count_if(pattern, [](char c) { return c == '*' || c == '?'; });
        out = std::max(out, pattern.size() - static_cast<size_t>(wildcards) + 1);
    }
    return out;
}

void Outside::except(const Words& words) {
    Json statement = denied(list_of(words.actions), words.not_action,
                            words.resources.empty() ? Json("*") : list_of(words.resources), words.not_resource);
    if (!words.condition.is_null()) statement.set("Condition", words.condition);
    denied_.push(std::move(statement));
}

void Outside::except(std::string_view action, std::string_view resource) {
    denied_.push(denied(Json(action), false, Json(resource), false));
}

policy::PolicyPtr Outside::policy() const {
    // All by Deny: what the principal's own policies allow is limited, too.
    Json statements = denied_;
    if (!excepted_.empty()) statements.push(denied("*", false, list_of(excepted_), false));
    if (action_ != "*") statements.push(denied(action_, true, "*", false));
    if (!kept_.empty()) statements.push(denied("*", false, list_of(kept_), true));
    statements.push(Json::object({{"Effect", "Allow"}, {"Principal", "*"}, {"Action", "*"}, {"Resource", "*"}}));
    const Json document = Json::object({{"Version", "2012-10-17"}, {"Statement", std::move(statements)}});
    return policy::Policy::parse_stored(document.dump(), policy::PolicyKind::resource);
}

}  // namespace proof
