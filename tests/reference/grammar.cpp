#include "grammar.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "base/strings.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"

namespace reference {

using policy::PolicyKind;
using text::Json;

namespace {

constexpr size_t document_bytes_max = 4 * 1024 * 1024;

bool digits(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos; }

constexpr const char* letters_and_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool alphanumeric(std::string_view text) { return text.find_first_not_of(letters_and_digits) == std::string_view::npos; }

bool has_wildcard(std::string_view text) {
    return text.find('*') != std::string_view::npos || text.find('?') != std::string_view::npos;
}

bool has_principals(PolicyKind kind) {
    return kind == PolicyKind::resource || kind == PolicyKind::trust || kind == PolicyKind::resource_control;
}

// G4: tabulator, line feed, carriage return, U+0020 to U+00FF.
bool allowed_characters(std::string_view text) {
    for (size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0x20 && text[at] != '\t' && text[at] != '\n' && text[at] != '\r') return false;
        if (byte > 0xC3) return false;  // leads a character beyond U+00FF
    }
    return true;
}

// G1: no member twice, not even in another case.
bool unique_members(const Json& object) {
    std::set<std::string> seen;
    for (const auto& [name, value] : object.members())
        if (!seen.insert(base::lower(name)).second) return false;
    return true;
}

bool only_members(const Json& object, const std::set<std::string>& known) {
    return unique_members(object) &&
           std::ranges::all_of(object.members(), [&](const auto& member) { return known.contains(member.first); });
}

// G2: a string, or a list of at least one.
std::optional<std::vector<std::string>> strings(const Json& json) {
    std::vector<std::string> out;
    if (json.is_string()) return std::vector{json.as_string()};
    if (!json.is_array() || json.size() == 0) return std::nullopt;
    for (const auto& item : json.items()) {
        if (!item.is_string()) return std::nullopt;
        out.push_back(item.as_string());
    }
    return out;
}

bool strings_that(const Json& json, auto&& test) {
    const auto all = strings(json);
    return all && std::ranges::all_of(*all, test);
}

// R64: every `${` begins a variable that is spelled right.
bool variables_spelled_right(std::string_view text) {
    for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
        const auto variable = read_variable(text.substr(at));
        if (!variable) return false;
        at += variable->end;
    }
    return true;
}

bool holds_variable(std::string_view text) {
    for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
        const auto variable = read_variable(text.substr(at));
        if (!variable) return true;
        if (variable->key != "*" && variable->key != "?" && variable->key != "$") return true;
        at += variable->end;
    }
    return false;
}

// --- Actions and resources ----------------------------------------------------------------------------------------------

// `*` any text, `?` one character.
bool like(std::string_view pattern, std::string_view text) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*') return like(pattern.substr(1), text) || (!text.empty() && like(pattern, text.substr(1)));
    return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) && like(pattern.substr(1), text.substr(1));
}

// R38, R37
bool good_action(const std::string& text, PolicyKind kind, bool written) {
    if (kind == PolicyKind::trust) {
        const auto name = base::lower(text);
        if (!name.starts_with("sts:")) return false;
        bool exists = false;
        for (const char* action :
             {"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "SetContext", "SetSourceIdentity", "TagSession"})
            exists = exists || like(name, base::lower("sts:" + std::string(action)));
        if (written && !exists) return false;
    }
    if (text == "*") return true;
    if (std::ranges::count(text, ':') != 1) return false;
    const auto vendor = text.substr(0, text.find(':'));
    return vendor == "*" ||
           (!vendor.empty() && vendor.find_first_not_of(std::string(letters_and_digits) + "-.") == std::string::npos);
}

// R42, R43, R64
bool good_resource(const std::string& text, PolicyKind kind, bool variables) {
    if (text == "*") return true;
    const auto parts = base::split(text, ':');
    if (parts[0] != "arn" || parts.size() < 3) return false;
    const std::set<std::string_view> partitions = {"*",         "aws",       "aws-cn",    "aws-us-gov", "aws-iso",
                                                   "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"};
    if (!partitions.contains(parts[1]) || parts[2].empty() || has_wildcard(parts[2])) return false;
    if (parts.size() < 6) return kind != PolicyKind::session && kind != PolicyKind::resource_control;
    size_t sixth = 0;
    for (int i = 0; i < 5; ++i) sixth = text.find(':', sixth) + 1;
    return !variables || variables_spelled_right(std::string_view(text).substr(sixth));
}

// Can an account be this? Twelve digits, AWS's own names, or a pattern.
bool good_account(const std::string& text) {
    const std::set<std::string> names = {"", "aws", "aws-marketplace", "cloudfront", "offering", "third-party"};
    if (names.contains(text)) return true;
    std::string rest;
    for (const char c : text) {
        if (c == '*') continue;
        if (c != '?' && !digits(std::string(1, c))) return false;
        rest += c;
    }
    return rest == text ? rest.size() == 12 : rest.size() <= 12;
}

// May what the resource part says be of a type? Up to a wildcard or variable it must be a beginning of one.
bool of_type(const std::string& what, std::initializer_list<const char*> types) {
    const auto wild = what.find_first_of("*?$");
    const auto plain = what.substr(0, wild);
    for (const std::string type : types)
        if (plain.starts_with(type) || (wild != std::string::npos && type.starts_with(plain))) return true;
    return false;
}

// ARNs that no resource has, in policies of identities (R43): behind a star that ends its segment there may be anything (R41).
bool possible_resource(const std::string& text) {
    auto parts = base::split(text, ':');
    const size_t count = std::min<size_t>(parts.size(), 6);
    if (text == "*" || count < 4 || parts[3].ends_with('*')) return true;
    std::string what;
    for (size_t i = 5; i < parts.size(); ++i) what += (i > 5 ? ":" : "") + std::string(parts[i]);
    const bool s3_account =
        of_type(what, {"access-grants/", "accesspoint/", "async-request/", "job/", "storage-lens-group/", "storage-lens/"});
    if (count == 6 && !parts[3].empty() && (parts[2] == "iam" || (parts[2] == "s3" && !s3_account))) return false;
    if (count >= 5 && !good_account(std::string(parts[4]))) return false;
    if (count < 6 || parts[4].ends_with('*')) return true;
    if (parts[2] == "s3") return parts[4].empty() || s3_account;
    return parts[2] != "iam" ||
           of_type(what, {"access-report/", "assumed-role/", "delegation-request/", "federated-user/", "group/",
                          "instance-profile/", "mfa/", "oidc-provider/", "policy/", "report/", "role-template/", "role/", "root",
                          "saml-provider/", "server-certificate/", "sms-mfa/", "u2f/", "user/"});
}

// --- Principals ---------------------------------------------------------------------------------------------------------

bool good_aws_principal(const std::string& name, bool written) {
    if (name == "*") return true;
    if (has_wildcard(name)) return false;  // R25
    if (digits(name) && name.size() == 12) return true;
    if ((name.starts_with("AIDA") || name.starts_with("AROA")) && name.size() > 4) return true;  // R32
    const auto parts = base::split(name, ':');
    if (parts.size() < 6 || parts[0] != "arn" || !parts[3].empty() || parts[4].empty()) return false;
    const std::set<std::string_view> partitions = {"aws",       "aws-cn",    "aws-us-gov", "aws-iso",
                                                   "aws-iso-b", "aws-iso-e", "aws-iso-f",  "aws-eusc"};
    if (written && (!partitions.contains(parts[1]) || parts[4].size() != 12 || !digits(parts[4]))) return false;
    size_t sixth = 0;
    for (int i = 0; i < 5; ++i) sixth = name.find(':', sixth) + 1;
    const auto what = name.substr(sixth);
    const auto is = [&](std::string_view service, std::string_view prefix) {
        return parts[2] == service && what.starts_with(prefix) && what.size() > prefix.size();
    };
    if (parts[2] == "iam" && what == "root") return true;
    return is("iam", "user/") || is("iam", "role/") || is("sts", "assumed-role/") || is("sts", "federated-user/");  // R33
}

bool good_service_principal(const std::string& name) {
    for (const std::string_view domain : {".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"})
        if (name.ends_with(domain) && name.size() > domain.size()) return !has_wildcard(name);
    return false;
}

bool good_provider(const std::string& name) {
    if (has_wildcard(name)) return false;
    const auto parts = base::split(name, ':');
    const bool arn = parts.size() >= 6 && parts[0] == "arn";
    if (!arn) return name.find('.') != std::string::npos;
    size_t sixth = 0;
    for (int i = 0; i < 5; ++i) sixth = name.find(':', sixth) + 1;
    const auto what = std::string_view(name).substr(sixth);
    return parts[2] == "iam" && (what.starts_with("oidc-provider/") || what.starts_with("saml-provider/"));
}

bool good_canonical_user(const std::string& name, bool written) {
    if (!written && digits(name) && name.size() == 12) return true;
    return (name.size() == 64 || name.size() == 96) && name.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

bool origin_access_identity(const std::string& name) {
    const std::string words = ":iam::cloudfront:user/CloudFront Origin Access Identity ";
    return !has_wildcard(name) && name.starts_with("arn:") && name.find(words) != std::string::npos && !name.ends_with(' ');
}

bool good_principals(const Json& json, PolicyKind kind, bool written) {
    if (json.is_string()) return json.as_string() == "*";
    if (!json.is_object() || json.size() == 0 || !unique_members(json)) return false;
    return std::ranges::all_of(json.members(), [&](const auto& member) {
        const auto& [type, names] = member;
        const bool s3 = kind == PolicyKind::resource;
        if (type == "AWS")
            return strings_that(names, [&](const auto& name) {
                return good_aws_principal(name, written) || (s3 && origin_access_identity(name));
            });
        if (type == "CanonicalUser" && s3)
            return strings_that(names, [&](const auto& name) { return good_canonical_user(name, written); });
        if (type == "Service") return strings_that(names, good_service_principal);
        if (type == "Federated") return strings_that(names, good_provider);
        return false;
    });
}

// --- Conditions ---------------------------------------------------------------------------------------------------------

bool good_value(const std::string& op, const Json& json, bool variables) {
    if (!json.is_string() && !json.is_number() && !json.is_bool()) return false;
    const auto text = json.is_bool() ? std::string(json.as_bool() ? "true" : "false") : json.as_string();
    const auto word = base::lower(text);
    const bool truth = word == "true" || word == "false";
    if (op == "null") return truth;
    if (op.starts_with("string") || op.starts_with("arn")) return !variables || variables_spelled_right(text);
    if (op == "bool") return truth || (variables && variables_spelled_right(text) && holds_variable(text));
    if (op == "binaryequals") return text::decode_base64(text).has_value();
    if (op == "ipaddress") return read_block(text).has_value();
    return op.starts_with("date") ? is_date(text) : is_number(text);
}

// R60, R73
bool good_conditions(const Json& json, bool variables) {
    if (!json.is_object() || !unique_members(json)) return false;
    return std::ranges::all_of(json.members(), [&](const auto& member) {
        auto op = base::lower(member.first);
        if (op.starts_with("forallvalues:") || op.starts_with("foranyvalue:")) op = op.substr(op.find(':') + 1);
        const bool if_exists = op.ends_with("ifexists");
        if (if_exists) op.resize(op.size() - 8);
        if (if_exists && op == "null") return false;
        const auto positive = positive_operator(op);
        if (!positive || !member.second.is_object() || !unique_members(member.second)) return false;
        return std::ranges::all_of(member.second.members(), [&](const auto& line) {
            const auto& [key, values] = line;
            if (key.find(':') == std::string::npos) return false;
            if (!values.is_array()) return good_value(*positive, values, variables);
            return std::ranges::all_of(values.items(),
                                       [&](const Json& value) { return good_value(*positive, value, variables); });
        });
    });
}

// --- Statements and documents -------------------------------------------------------------------------------------------

struct Mood {
    PolicyKind kind;
    bool written;  // strict: what is being written; else what was stored
    bool variables;
};

// G3: exactly one of a pair, or none where none will do.
bool one_of(const Json& json, const std::string& name, bool none_will_do) {
    const bool plain = json.contains(name), inverse = json.contains("Not" + name);
    return plain != inverse || (!plain && none_will_do);
}

// R11
bool denies_or_is_full_access(const Json& json) {
    const auto everyone = [](const Json& principal) {
        return principal == Json("*") || principal == Json::object({{"AWS", "*"}}) ||
               principal == Json::object({{"AWS", Json::array({"*"})}});
    };
    const auto all = [](const Json& element) { return element == Json("*") || element == Json::array({"*"}); };
    if (!everyone(json["Principal"])) return false;
    if (json["Effect"].as_string() == "Deny") return true;
    const auto& conditions = json["Condition"];
    const bool unconditional =
        std::ranges::all_of(conditions.members(), [](const auto& member) { return member.second.size() == 0; });
    return all(json["Action"]) && all(json["Resource"]) && unconditional;
}

bool good_statement(const Json& json, const Mood& mood, std::set<std::string>& sids) {
    if (!json.is_object()) return false;
    if (!only_members(
            json, {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}))
        return false;
    if (const auto* sid = json.find("Sid")) {  // R49
        if (!sid->is_string()) return false;
        const auto& text = sid->as_string();
        if (mood.kind != PolicyKind::resource && !text.empty() && (!alphanumeric(text) || !sids.insert(text).second))
            return false;
    }
    const auto& effect = json["Effect"];
    if (effect != Json("Allow") && effect != Json("Deny")) return false;

    const bool named = json.contains("Principal") || json.contains("NotPrincipal");
    if (named != has_principals(mood.kind) && (named || mood.written)) return false;  // R35, R13
    if (!one_of(json, "Principal", true)) return false;
    if (json.contains("NotPrincipal")) {
        if (mood.kind == PolicyKind::resource_control) return false;      // R13
        if (mood.written && effect.as_string() == "Allow") return false;  // R27
        if (mood.written && mood.kind == PolicyKind::trust) return false;
        if (!good_principals(json["NotPrincipal"], mood.kind, mood.written)) return false;
    }
    if (json.contains("Principal") && !good_principals(json["Principal"], mood.kind, mood.written)) return false;

    if (!one_of(json, "Action", false)) return false;
    if (mood.written && mood.kind == PolicyKind::resource_control && json.contains("NotAction")) return false;  // R11
    for (const char* name : {"Action", "NotAction"})
        if (const auto* actions = json.find(name))
            if (!strings_that(*actions, [&](const auto& text) { return good_action(text, mood.kind, mood.written); }))
                return false;

    if (!one_of(json, "Resource", mood.kind == PolicyKind::trust)) return false;  // R48
    for (const char* name : {"Resource", "NotResource"})
        if (const auto* resources = json.find(name)) {
            if (mood.kind == PolicyKind::trust && mood.written) return false;
            const bool of_identity =
                mood.kind == PolicyKind::identity || mood.kind == PolicyKind::session || mood.kind == PolicyKind::service_control;
            if (!strings_that(*resources, [&](const auto& text) {
                    return good_resource(text, mood.kind, mood.variables) &&
                           (!mood.written || !of_identity || possible_resource(text));
                }))
                return false;
        }

    if (const auto* conditions = json.find("Condition"))
        if (!good_conditions(*conditions, mood.variables)) return false;
    return mood.kind != PolicyKind::resource_control || denies_or_is_full_access(json);
}

// Everything around the statements (G1, G2).
bool good_outside(const Json& json) {
    if (!json.is_object() || !only_members(json, {"Version", "Id", "Statement"})) return false;
    if (const auto* version = json.find("Version"))
        if (*version != Json("2012-10-17") && *version != Json("2008-10-17")) return false;
    if (const auto* id = json.find("Id"))
        if (!id->is_string()) return false;
    const auto& statement = json["Statement"];
    return statement.is_object() || (statement.is_array() && statement.size() > 0);
}

std::vector<Json> statements_of(const Json& json) {
    const auto& statement = json["Statement"];
    if (statement.is_object()) return {statement};
    return {statement.items().begin(), statement.items().end()};
}

}  // namespace

bool acceptable(std::string_view document, PolicyKind kind) {
    if (document.size() > document_bytes_max) return false;
    if (kind != PolicyKind::resource && !allowed_characters(document)) return false;
    const auto json = text::parse_json(document);
    if (!json || !good_outside(*json)) return false;
    const Mood mood{kind, true, (*json)["Version"] == Json("2012-10-17")};
    if (kind == PolicyKind::resource_control && !mood.variables) return false;  // R11
    std::set<std::string> sids;
    return std::ranges::all_of(statements_of(*json), [&](const Json& one) { return good_statement(one, mood, sids); });
}

Document read(std::string_view document, PolicyKind kind, std::string name) {
    Document out{.kind = kind, .name = std::move(name)};
    const auto json = text::parse_json(document);
    if (document.size() > document_bytes_max || !json || !good_outside(*json)) {
        out.closed = true;
        return out;
    }
    out.variables = (*json)["Version"] == Json("2012-10-17");
    std::set<std::string> sids;
    for (auto& one : statements_of(*json)) {
        const bool good = good_statement(one, {kind, false, out.variables}, sids);
        out.statements.push_back({std::move(one), !good});
    }
    return out;
}

std::optional<Variable> read_variable(std::string_view text) {
    bool quoted = false;
    size_t close = 2;
    for (; close < text.size() && (quoted || text[close] != '}'); ++close)
        if (text[close] == '\'') quoted = !quoted;
    if (close >= text.size()) return std::nullopt;
    Variable out;
    out.end = close + 1;
    const auto inside = text.substr(2, close - 2);
    const auto comma = inside.find(',');
    if (comma != std::string_view::npos) {
        const auto quotes = base::trim(inside.substr(comma + 1));
        if (quotes.size() < 2 || quotes.front() != '\'' || quotes.back() != '\'') return std::nullopt;
        out.fallback = std::string(quotes.substr(1, quotes.size() - 2));
    }
    out.key = base::lower(inside == "*" || inside == "?" || inside == "$" ? inside : base::trim(inside.substr(0, comma)));
    if (inside == "*" || inside == "?" || inside == "$") return out;
    if (out.key.empty() || out.key.find_first_of("{$\"'") != std::string::npos) return std::nullopt;
    return out;
}

std::optional<std::string> positive_operator(std::string op) {
    static const std::set<std::string> operators = {"stringequals",
                                                    "stringequalsignorecase",
                                                    "stringlike",
                                                    "numericequals",
                                                    "numericlessthan",
                                                    "numericlessthanequals",
                                                    "numericgreaterthan",
                                                    "numericgreaterthanequals",
                                                    "dateequals",
                                                    "datelessthan",
                                                    "datelessthanequals",
                                                    "dategreaterthan",
                                                    "dategreaterthanequals",
                                                    "bool",
                                                    "binaryequals",
                                                    "ipaddress",
                                                    "arnequals",
                                                    "arnlike",
                                                    "null"};
    static const std::set<std::string> with_negation = {
        "stringequals", "stringequalsignorecase", "stringlike", "numericequals", "dateequals", "ipaddress", "arnequals",
        "arnlike"};
    if (operators.contains(op)) return op;
    const auto at = op.find("not");
    if (at == std::string::npos) return std::nullopt;
    op.erase(at, 3);
    // `NotIpAddress` begins with its negation, the others hold it behind their type.
    const bool placed = op == "ipaddress" ? at == 0 : at > 0;
    return placed && with_negation.contains(op) ? std::optional(op) : std::nullopt;
}

bool is_number(std::string_view text) {
    if (text.size() > 512) return false;
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
        auto exponent = text.substr(e + 1);
        if (exponent.starts_with('-') || exponent.starts_with('+')) exponent.remove_prefix(1);
        if (!digits(exponent) || exponent.size() > 9 || std::stol(std::string(exponent)) > 10000) return false;
        text = text.substr(0, e);
    }
    const auto dot = text.find('.');
    return digits(text.substr(0, dot)) && (dot == std::string_view::npos || digits(text.substr(dot + 1)));
}

bool is_date(std::string_view text) {
    const auto seconds = text.starts_with('-') ? text.substr(1) : text;
    return (digits(seconds) && seconds.size() != 4 && seconds.size() < 15) || text::parse_iso8601(text).has_value();
}

std::optional<Block> read_block(std::string_view text) {
    const auto slash = text.find('/');
    const std::string address(text.substr(0, slash));
    Block out{.v6 = address.find(':') != std::string::npos};
    unsigned char bytes[16] = {};
    if (inet_pton(out.v6 ? AF_INET6 : AF_INET, address.c_str(), bytes) != 1) return std::nullopt;
    const int most = out.v6 ? 128 : 32;
    for (int i = 0; i < most; ++i) out.bits += bytes[i / 8] >> (7 - i % 8) & 1 ? '1' : '0';
    if (slash == std::string_view::npos) return out;
    const auto prefix = text.substr(slash + 1);
    if (!digits(prefix) || prefix.size() > 9 || std::stoi(std::string(prefix)) > most) return std::nullopt;
    out.bits.resize(static_cast<size_t>(std::stoi(std::string(prefix))));
    return out;
}

}  // namespace reference
