#include "provider/policy_document.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace provider {

namespace {

using text::Json;

std::string scalar_text(const Json& value) {
    if (value.is_bool()) return value.as_bool() ? "true" : "false";
    return value.as_string();
}

Json sorted_set(std::vector<std::string> values) {
    std::ranges::sort(values);
    const auto repeated = std::ranges::unique(values);
    values.erase(repeated.begin(), repeated.end());
    Json set = Json::array();
    for (std::string& value : values) set.push(std::move(value));
    return set;
}

// A string, number or boolean, or a list of them, as a set of strings. Anything deeper stays as it is.
Json string_set(const Json& value, std::string (*normalise)(std::string) = nullptr) {
    std::vector<std::string> values;
    const auto add = [&](const Json& item) {
        std::string text = scalar_text(item);
        values.push_back(normalise ? normalise(std::move(text)) : std::move(text));
    };
    if (value.is_object()) return value;
    if (!value.is_array()) {
        add(value);
        return sorted_set(std::move(values));
    }
    for (const Json& item : value.items()) {
        if (item.is_object() || item.is_array()) return value;
        add(item);
    }
    return sorted_set(std::move(values));
}

std::string without_case(std::string text) { return base::lower(text); }

bool is_account_id(std::string_view text) {
    return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string root_of_account(std::string text) { return is_account_id(text) ? "arn:aws:iam::" + text + ":root" : std::move(text); }

Json normal_principal(const Json& value) {
    Json principal = Json::object();
    if (value.is_string()) {
        principal.set("AWS", string_set(value));
        return principal;
    }
    if (!value.is_object()) return value;
    for (const auto& [type, identifiers] : value.members())
        principal.set(type, string_set(identifiers, type == "AWS" ? root_of_account : nullptr));
    return principal;
}

Json normal_condition(const Json& value) {
    if (!value.is_object()) return value;
    Json condition = Json::object();
    for (const auto& [test, keys] : value.members()) {
        if (!keys.is_object()) return value;
        Json normal_keys = Json::object();
        for (const auto& [key, values] : keys.members()) normal_keys.set(base::lower(key), string_set(values));
        condition.set(test, std::move(normal_keys));
    }
    return condition;
}

Json normal_statement(const Json& statement) {
    if (!statement.is_object()) return statement;
    Json normal = Json::object();
    for (const auto& [key, value] : statement.members()) {
        if (key == "Action" || key == "NotAction")
            normal.set(key, string_set(value, without_case));
        else if (key == "Resource" || key == "NotResource")
            normal.set(key, string_set(value));
        else if (key == "Principal" || key == "NotPrincipal")
            normal.set(key, normal_principal(value));
        else if (key == "Condition") {
            if (value.is_object() && value.size() == 0) continue;
            normal.set(key, normal_condition(value));
        } else if (key == "Sid" && value.as_string().empty())
            continue;
        else
            normal.set(key, value);
    }
    return normal;
}

Json normal_policy(const Json& policy) {
    Json normal = Json::object();
    normal.set("Version", "2008-10-17");
    for (const auto& [key, value] : policy.members()) {
        if (key != "Statement") {
            if (key == "Id" && value.as_string().empty()) continue;
            normal.set(key, value);
            continue;
        }
        std::vector<std::string> statements;
        if (value.is_array())
            for (const Json& statement : value.items()) statements.push_back(normal_statement(statement).canonical());
        else
            statements.push_back(normal_statement(value).canonical());
        normal.set(key, sorted_set(std::move(statements)));
    }
    return normal;
}

}  // namespace

bool same_policy(std::string_view a, std::string_view b) {
    if (a == b) return true;
    const auto first = text::parse_json(a);
    const auto second = text::parse_json(b);
    if (!first || !second || !first->is_object() || !second->is_object()) return false;
    return normal_policy(*first).canonical() == normal_policy(*second).canonical();
}

std::string escape_html_in_json(std::string_view json) {
    std::string escaped;
    escaped.reserve(json.size());
    for (const char c : json) {
        // These three stand inside strings only, so a textual replacement is safe.
        if (c == '<')
            escaped += "\\u003c";
        else if (c == '>')
            escaped += "\\u003e";
        else if (c == '&')
            escaped += "\\u0026";
        else
            escaped += c;
    }
    return escaped;
}

std::string document_text(const Property& document) { return escape_html_in_json(document.to_json().canonical()); }

}  // namespace provider
