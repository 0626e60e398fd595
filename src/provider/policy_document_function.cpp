// getPolicyDocument: the JSON of a policy from its statements.
//
// After Terraform's data source aws_iam_policy_document (its documentation is the specification; programs depend on these):
//   - a list of one is written as a string, longer lists of actions, resources and identifiers in descending order;
//   - `&{aws:username}` becomes `${aws:username}`, so that a program can name policy variables;
//   - sources come first, then `statements`, then overrides: a statement with a Sid replaces an earlier one with that Sid;
//     two sources may not share a Sid;
//   - principals of type `*` with identifier `*` are written as the string "*".
#include <algorithm>

#include "base/error_codes.hpp"
#include "crypto/checksum.hpp"
#include "provider/functions.hpp"
#include "provider/policy_document.hpp"
#include "text/json.hpp"

namespace provider {

using base::fail;
using base::Result;
using text::Json;

namespace {

std::string with_variables(std::string text) {
    for (size_t at = text.find("&{"); at != std::string::npos; at = text.find("&{", at)) text[at] = '$';
    return text;
}

std::vector<std::string> texts(const Property& list) {
    std::vector<std::string> values;
    for (const Property& item : list.items()) values.push_back(with_variables(item.as_string()));
    return values;
}

Json one_or_many(std::vector<std::string> values, bool sorted) {
    if (values.size() == 1) return values.front();
    if (sorted) std::ranges::sort(values, std::greater<>());
    Json list = Json::array();
    for (std::string& value : values) list.push(std::move(value));
    return list;
}

Json principals(const Property& list) {
    const auto& items = list.items();
    if (items.size() == 1 && items.front()["type"].as_string() == "*" &&
        texts(items.front()["identifiers"]) == std::vector<std::string>{"*"})
        return "*";
    std::map<std::string, std::vector<std::string>> by_type;
    for (const Property& principal : items)
        for (std::string& identifier : texts(principal["identifiers"]))
            by_type[principal["type"].as_string()].push_back(std::move(identifier));
    Json object = Json::object();
    for (auto& [type, identifiers] : by_type) object.set(type, one_or_many(std::move(identifiers), true));
    return object;
}

Json conditions(const Property& list) {
    std::map<std::string, std::map<std::string, std::vector<std::string>>> by_test;
    for (const Property& condition : list.items()) {
        auto& values = by_test[condition["test"].as_string()][with_variables(condition["variable"].as_string())];
        for (std::string& value : texts(condition["values"])) values.push_back(std::move(value));
    }
    Json object = Json::object();
    for (auto& [test, variables] : by_test) {
        Json keys = Json::object();
        for (auto& [variable, values] : variables) keys.set(variable, one_or_many(std::move(values), false));
        object.set(test, std::move(keys));
    }
    return object;
}

Result<Json> statement(const Property& given) {
    Json result = Json::object();
    if (const std::string& sid = given["sid"].as_string(); !sid.empty()) result.set("Sid", sid);
    const std::string effect = given["effect"].as_string().empty() ? "Allow" : given["effect"].as_string();
    if (effect != "Allow" && effect != "Deny")
        return fail(base::code::InvalidParameter, "the effect `" + effect + "` is neither Allow nor Deny");
    result.set("Effect", effect);
    for (const auto& [property, element] : {std::pair("actions", "Action"),
                                            {"notActions", "NotAction"},
                                            {"resources", "Resource"},
                                            {"notResources", "NotResource"}})
        if (!given[property].items().empty()) result.set(element, one_or_many(texts(given[property]), true));
    if (!given["principals"].items().empty()) result.set("Principal", principals(given["principals"]));
    if (!given["notPrincipals"].items().empty()) result.set("NotPrincipal", principals(given["notPrincipals"]));
    if (!given["conditions"].items().empty()) result.set("Condition", conditions(given["conditions"]));
    for (const auto& [name, value] : given.members())
        if (std::string_view known = " actions conditions effect notActions notPrincipals notResources principals resources sid ";
            known.find(" " + name + " ") == std::string_view::npos)
            return fail("unsupported", "unsupported: getPolicyDocument takes no `statements[].`" + name + "` here");
    return result;
}

// A document under construction: members and statements in the order in which they came.
class Document {
public:
    void set(std::string_view member, const std::string& value) {
        if (!value.empty()) head_.set(member, value);
    }

    void add(Json statement) {
        if (const Json* sid = statement.find("Sid"); sid && !sid->as_string().empty())
            for (Json& present : statements_)
                if (present["Sid"].as_string() == sid->as_string()) {
                    present = std::move(statement);
                    return;
                }
        statements_.push_back(std::move(statement));
    }

    Result<void> merge(const std::string& json, const char* argument) {
        if (json.empty()) return {};
        auto parsed = text::parse_json(json);
        if (!parsed) return fail(base::code::InvalidParameter, std::string(argument) + " is not JSON: " + parsed.error().message);
        set("Version", (*parsed)["Version"].as_string());
        set("Id", (*parsed)["Id"].as_string());
        const Json& statements = (*parsed)["Statement"];
        if (statements.is_object()) add(statements);
        for (const Json& item : statements.items()) add(item);
        return {};
    }

    [[nodiscard]] bool holds(const std::string& sid) const {
        return std::ranges::any_of(statements_, [&](const Json& statement) { return statement["Sid"].as_string() == sid; });
    }

    [[nodiscard]] Json json() const {
        // Version, Id, Statement: the order in which people read a policy.
        Json document = Json::object();
        for (const char* member : {"Version", "Id"})
            if (head_.contains(member)) document.set(member, head_[member]);
        document.set("Statement", Json::array(statements_));
        return document;
    }

private:
    Json head_ = Json::object();
    std::vector<Json> statements_;
};

// Source documents must not contradict one another.
Result<void> merge_sources(Document& document, const Property& sources) {
    std::vector<std::string> sids;
    for (const Property& source : sources.items()) {
        const auto parsed = text::parse_json(source.as_string());
        if (parsed)
            for (const Json& item : (*parsed)["Statement"].items()) {
                const std::string& sid = item["Sid"].as_string();
                if (sid.empty()) continue;
                if (std::ranges::find(sids, sid) != sids.end())
                    return fail(base::code::InvalidParameter, "duplicate Sid (" + sid + ") in sourcePolicyDocuments");
                sids.push_back(sid);
            }
        TRY(document.merge(source.as_string(), "sourcePolicyDocuments"));
    }
    return {};
}

// Json::pretty indents by four spaces; Terraform by two.
std::string indented_by_two(const std::string& pretty) {
    std::string result;
    bool at_start = true;
    size_t spaces = 0;
    for (const char c : pretty) {
        if (at_start && c == ' ') {
            if (++spaces % 2 == 0) result += ' ';
            continue;
        }
        at_start = c == '\n';
        spaces = 0;
        result += c;
    }
    return result;
}

}  // namespace

Result<Property> policy_document(const Property& arguments) {
    Document document;
    document.set("Version", "2012-10-17");
    TRY(document.merge(arguments["sourceJson"].as_string(), "sourceJson"));
    TRY(merge_sources(document, arguments["sourcePolicyDocuments"]));
    document.set("Version", arguments["version"].as_string());
    document.set("Id", arguments["policyId"].as_string());
    std::vector<std::string> sids;
    for (const Property& given : arguments["statements"].items()) {
        Json built = TRY(statement(given));
        const std::string sid = built["Sid"].as_string();
        if (!sid.empty() && std::ranges::find(sids, sid) != sids.end())
            return fail(base::code::InvalidParameter, "duplicate Sid (" + sid + ") in statements");
        sids.push_back(sid);
        document.add(std::move(built));
    }
    for (const Property& override_document : arguments["overridePolicyDocuments"].items())
        TRY(document.merge(override_document.as_string(), "overridePolicyDocuments"));
    TRY(document.merge(arguments["overrideJson"].as_string(), "overrideJson"));

    const Json json = document.json();
    const std::string text = indented_by_two(escape_html_in_json(json.pretty()));
    Property result = arguments;
    if (result.is(Property::Kind::null)) result = Property::Object{};
    result.set("id", std::to_string(crypto::crc32(0, text)));
    result.set("json", text);
    result.set("minifiedJson", escape_html_in_json(json.dump()));
    if (!result.contains("version")) result.set("version", json["Version"].as_string());
    return result;
}

}  // namespace provider
