#include "objects/public_policy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "base/strings.hpp"
#include "text/json.hpp"

namespace objects {
namespace {

constexpr auto fixing_keys = std::to_array<std::string_view>({
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
});

constexpr auto matching_operators = std::to_array<std::string_view>({
    "stringequals",
    "stringequalsignorecase",
    "stringlike",
    "arnequals",
    "arnlike",
    "ipaddress",
});

// One value or a list of them, as policies write both.
bool all_of(const text::Json& value, auto&& test) {
    if (value.is_array()) return value.size() > 0 && std::ranges::all_of(value.items(), test);
    return test(value);
}

bool is_fixed(const text::Json& value) {
    return value.is_string() && value.as_string().find_first_of("*?") == std::string::npos &&
           value.as_string().find("${") == std::string::npos;
}

bool is_narrow_range(const text::Json& value) {
    const std::string_view text = value.as_string();
    if (!is_fixed(value) || text.empty()) return false;
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return true;
    int bits = -1;
    std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
    if (text.find(':') != std::string_view::npos) return bits >= 32;
    return bits >= 8;
}

// `aws:userid` of every session of a role (`AROA…:*`) is as fixed as the role is.
bool is_role_session_id(const text::Json& value) {
    const auto& text = value.as_string();
    return text.starts_with("AROA") && text.ends_with(":*") && text.find_first_of("*?$") == text.size() - 1;
}

bool fixes(const text::Json& conditions) {
    for (const auto& [operator_name, tests] : conditions.members()) {
        auto name = base::lower(operator_name);
        // ForAllValues and …IfExists hold when the key is absent, which anybody can arrange.
        if (name.starts_with("foranyvalue:")) name = name.substr(std::string_view("foranyvalue:").size());
        if (std::ranges::find(matching_operators, name) == matching_operators.end()) continue;
        for (const auto& [key, values] : tests.members()) {
            const auto condition_key = base::lower(key);
            if (condition_key == "aws:sourceip") {
                if (name == "ipaddress" && all_of(values, is_narrow_range)) return true;
                continue;
            }
            if (std::ranges::find(fixing_keys, condition_key) == fixing_keys.end()) continue;
            const bool user_id = condition_key == "aws:userid";
            if (all_of(values,
                       [&](const text::Json& value) { return is_fixed(value) || (user_id && is_role_session_id(value)); }))
                return true;
        }
    }
    return false;
}

bool names_everybody(const text::Json& principal) {
    if (principal.is_string()) return true;  // only `*` is a string
    for (const auto& [kind, values] : principal.members()) {
        if (!all_of(values, is_fixed)) return true;
    }
    return !principal.is_object() || principal.size() == 0;
}

bool is_public_statement(const text::Json& statement) {
    if (statement["Effect"].as_string() == "Deny") return false;
    const auto* principal = statement.find("Principal");
    const bool everybody = principal == nullptr || names_everybody(*principal);
    return everybody && !fixes(statement["Condition"]);
}

}  // namespace

bool is_public_policy(std::string_view policy_document) {
    const auto policy = text::parse_json(policy_document);
    if (!policy || !policy->is_object()) return true;
    const auto& statements = (*policy)["Statement"];
    if (statements.is_array()) return std::ranges::any_of(statements.items(), is_public_statement);
    return is_public_statement(statements);
}

}  // namespace objects
