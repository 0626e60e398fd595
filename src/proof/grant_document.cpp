#include "proof/grant_document.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "text/one_or_many.hpp"

namespace proof {

using base::Result;
using policy::PolicyKind;
using text::Json;

namespace {

constexpr size_t arn_segments = 6;
constexpr size_t account_segment = 4;
constexpr std::string_view resource_account = "aws:resourceaccount";

bool has_resources(const Json& statement) { return statement.contains("Resource") || statement.contains("NotResource"); }

bool is_trust_policy(const std::vector<Json>& statements) {
    const auto is_of_sts = [](const std::string& action) { return base::lower(action).starts_with("sts:"); };
    return !statements.empty() && std::ranges::none_of(statements, has_resources) &&
           std::ranges::all_of(statements, [&](const Json& statement) {
               const auto actions = strings_of(statement.contains("Action") ? statement["Action"] : statement["NotAction"]);
               return !actions.empty() && std::ranges::all_of(actions, is_of_sts);
           });
}

std::string text_of(const Json& document, const std::vector<Json>& statements) {
    Json out = document;
    out.set("Statement", Json::array(statements));
    return out.dump();
}

std::vector<Json> statements_of(const Json& document) {
    const auto all = text::one_or_many(document["Statement"]);
    return {all.begin(), all.end()};
}

// Calls `change` with every text of the element.
template <class Change>
void change_texts(Json* element, Change&& change) {
    if (element == nullptr) return;
    if (element->is_string()) change(*element);
    if (!element->is_array()) return;
    for (Json& one : element->items())
        if (one.is_string()) change(one);
}

}  // namespace

bool denies(const Json& statement) { return statement["Effect"].as_string() == "Deny"; }

std::vector<std::string> strings_of(const Json& one_or_many) {
    if (one_or_many.is_string()) return {one_or_many.as_string()};
    std::vector<std::string> out;
    for (const Json& one : one_or_many.items())
        if (one.is_string()) out.push_back(one.as_string());
    return out;
}

Result<GrantDocument> read_grant_document(std::string_view text, DocumentKind kind, const GrantLimits& limits) {
    if (text.size() > limits.document_bytes_max)
        return base::fail(base::code::LimitExceeded,
                          "The policy document has more than " + std::to_string(limits.document_bytes_max) + " bytes.");
    GrantDocument out;
    // Strictly, as it was written: what is made of it below has other positions.
    const auto parsed = text::parse_json(text);
    if (parsed && parsed->is_object()) {
        out.json = *parsed;
        out.statements = statements_of(out.json);
    }
    if (kind == DocumentKind::resource) out.kind = is_trust_policy(out.statements) ? PolicyKind::trust : PolicyKind::resource;
    bool changed = false;
    if (out.kind == PolicyKind::resource)
        for (Json& statement : out.statements)
            if (statement.is_object() && !has_resources(statement)) statement.set("Resource", "*"), changed = true;
    out.policy = TRY(policy::Policy::parse(changed ? text_of(out.json, out.statements) : std::string(text), out.kind));
    if (out.statements.size() > limits.statements_max)
        return base::fail(base::code::LimitExceeded,
                          "The policy document has more than " + std::to_string(limits.statements_max) + " statements.");
    return out;
}

policy::PolicyPtr part_of(const GrantDocument& document, std::optional<size_t> statement) {
    if (!statement) return document.policy;
    std::vector<Json> kept{document.statements[*statement]};
    for (const Json& other : document.statements)
        if (denies(other)) kept.push_back(other);
    return policy::Policy::parse_stored(text_of(document.json, kept), document.kind);
}

GrantDocument moved(const GrantDocument& document, const std::string& from, const std::string& to) {
    GrantDocument out = document;
    const auto move_arn = [&](Json& value) {
        const auto segments = base::split(value.as_string(), ':');
        if (segments.size() < arn_segments || segments[account_segment] != from) return;
        std::vector<std::string> parts(segments.begin(), segments.end());
        parts[account_segment] = to;
        value = Json(base::join(parts, ":"));
    };
    const auto rename = [&](Json& value) {
        if (value.as_string() == from) value = Json(to);
    };
    for (Json& statement : out.statements) {
        if (!statement.is_object()) continue;
        for (const char* element : {"Resource", "NotResource"}) change_texts(statement.find(element), move_arn);
        Json* const condition = statement.find("Condition");
        if (condition == nullptr || !condition->is_object()) continue;
        for (auto& [op, keys] : condition->members()) {
            if (!keys.is_object()) continue;
            for (auto& [key, values] : keys.members())
                if (base::lower(key) == resource_account) change_texts(&values, rename);
        }
    }
    out.policy = policy::Policy::parse_stored(text_of(out.json, out.statements), out.kind);
    return out;
}

bool is_part_of(const GrantDocument& first, const GrantDocument& second) {
    if (first.json["Version"] != second.json["Version"]) return false;
    const auto is_in = [](const Json& statement, const GrantDocument& document) {
        return std::ranges::find(document.statements, statement) != document.statements.end();
    };
    return std::ranges::all_of(first.statements, [&](const Json& one) { return denies(one) || is_in(one, second); }) &&
           std::ranges::all_of(second.statements, [&](const Json& one) { return !denies(one) || is_in(one, first); });
}

std::string with_one_statement(std::string_view document, uint32_t statement) {
    const auto json = text::parse_json(document);
    if (!json || !json->is_object()) return std::string(document);
    const auto statements = statements_of(*json);
    if (statement >= statements.size()) return std::string(document);
    std::vector<Json> kept{statements[statement]};
    for (const Json& other : statements)
        if (denies(other)) kept.push_back(other);
    return text_of(*json, kept);
}

}  // namespace proof
