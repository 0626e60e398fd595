#include "reference.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>

#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"

namespace reference {

using policy::Context;
using policy::Outcome;
using policy::PolicyKind;
using policy::Principal;
using policy::PrincipalKind;
using policy::Request;
using text::Json;

namespace {

std::string lower(std::string_view text) { return base::lower(text); }

std::vector<std::string> list(const Json& json) {
    std::vector<std::string> out;
    const auto word = [](const Json& item) {
        return item.is_bool() ? std::string(item.as_bool() ? "true" : "false") : item.as_string();
    };
    if (json.is_array())
        for (const auto& item : json.items()) out.push_back(word(item));
    else
        out.push_back(word(json));
    return out;
}

// One character of a pattern or of a text: a code point, `*` or `?`, and the two that stay inside their segment (R41).
enum : uint32_t { star = 0xFFFF0001, question = 0xFFFF0002, star_inside = 0xFFFF0003, question_inside = 0xFFFF0004 };
using Characters = std::vector<uint32_t>;

void append_text(Characters& out, std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        length = std::min(length, text.size() - at);
        uint32_t code = 0;
        for (size_t i = 0; i < length; ++i) code = code << 8 | static_cast<unsigned char>(text[at + i]);
        out.push_back(code);
        at += length;
    }
}

// R57, R40: the textbook table, `reach[j]`: the pattern so far matches the first j characters.
bool glob(const Characters& pattern, std::string_view text) {
    Characters letters;
    append_text(letters, text);
    std::vector<char> reach(letters.size() + 1, 0);
    reach[0] = 1;
    for (const auto c : pattern) {
        std::vector<char> next(letters.size() + 1, 0);
        for (size_t j = 0; j <= letters.size(); ++j) {
            const bool colon = j > 0 && letters[j - 1] == ':';
            if (c == star || c == star_inside)
                next[j] = reach[j] || (j > 0 && next[j - 1] && !(colon && c == star_inside));
            else if (j > 0)
                next[j] = reach[j - 1] && (c == question || (c == question_inside && !colon) || c == letters[j - 1]);
        }
        reach = next;
    }
    return reach[letters.size()];
}

// A policy's text with its variables replaced (R64-R70); nullopt if one has no value.
std::optional<Characters> substitute(std::string_view text, bool wildcards, bool variables, const Context& context) {
    Characters out;
    while (!text.empty()) {
        if (variables && text.starts_with("${")) {
            const auto end = text.find('}');
            const auto inside = std::string(text.substr(2, end - 2));
            text.remove_prefix(end + 1);
            if (inside == "*" || inside == "?" || inside == "$") {
                out.push_back(static_cast<unsigned char>(inside[0]));
                continue;
            }
            const auto comma = inside.find(',');
            const auto key = std::string(base::trim(std::string_view(inside).substr(0, comma)));
            const auto* entry = context.find(key);
            if (entry && !entry->values.empty()) {
                if (entry->multivalued || entry->values.size() > 1) return std::nullopt;
                append_text(out, entry->values[0]);
            } else if (comma != std::string::npos) {
                const auto quoted = std::string(base::trim(std::string_view(inside).substr(comma + 1)));
                append_text(out, quoted.substr(1, quoted.size() - 2));
            } else {
                return std::nullopt;
            }
            continue;
        }
        if (wildcards && text[0] == '*')
            out.push_back(star), text.remove_prefix(1);
        else if (wildcards && text[0] == '?')
            out.push_back(question), text.remove_prefix(1);
        else {
            const auto stop = std::min(text.find_first_of("*?$", 1), text.size());
            append_text(out, text.substr(0, stop));
            text.remove_prefix(stop);
        }
    }
    return out;
}

// Cannot fail: only variables lack values.
Characters without_variables(std::string_view text) { return substitute(text, true, false, Context()).value_or(Characters()); }

std::vector<Characters> segments(const Characters& characters) {
    std::vector<Characters> out(1);
    for (const auto c : characters) {
        if (c == ':' && out.size() < 6)
            out.emplace_back();
        else
            out.back().push_back(c);
    }
    return out;
}

std::string plain(const Characters& characters) {
    std::string out;
    for (const auto c : characters)
        for (int shift = 24; shift >= 0; shift -= 8)
            if ((c >> shift) != 0 && (c >> shift & 0xFF) != 0) out += static_cast<char>(c >> shift & 0xFF);
    return out;
}

// R59
bool arn_like(const Characters& pattern, std::string_view value) {
    Characters letters;
    append_text(letters, value);
    const auto wanted = segments(pattern), given = segments(letters);
    if (wanted.size() != 6 || given.size() != 6) return false;
    for (size_t i = 0; i < 6; ++i)
        if (!glob(wanted[i], plain(given[i]))) return false;
    return true;
}

std::optional<double> number(const std::string& text) {
    if (text.empty() || text.find_first_not_of("0123456789.-+eE") != std::string::npos) return std::nullopt;
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    return *end == '\0' ? std::optional(value) : std::nullopt;
}

// R61
std::optional<double> date(const std::string& text) {
    if (text.find_first_not_of("0123456789") == std::string::npos && text.size() != 4) return number(text);
    const auto time = text::parse_iso8601(text);
    if (!time) return std::nullopt;
    return static_cast<double>(time->time_since_epoch().count()) / 1000.0;
}

// R62: an address as a string of bits, cut to its prefix.
std::optional<std::pair<int, std::string>> bits(const std::string& text) {
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
    unsigned char bytes[16] = {};
    if (inet_pton(family, address.c_str(), bytes) != 1) return std::nullopt;
    std::string out;
    for (int i = 0; i < (family == AF_INET ? 32 : 128); ++i) out += bytes[i / 8] >> (7 - i % 8) & 1 ? '1' : '0';
    if (slash != std::string::npos) out.resize(static_cast<size_t>(std::stoi(text.substr(slash + 1))));
    return std::pair(family, out);
}

// Does the value of the request match the value of the policy, the operator taken positively?
bool matches(const std::string& op, const std::string& given, const std::string& wanted, bool variables, const Context& context) {
    if (op == "stringlike" || op == "arnlike" || op == "arnequals") {
        const auto pattern = substitute(wanted, true, variables, context);
        if (!pattern) return false;
        return op == "stringlike" ? glob(*pattern, given) : arn_like(*pattern, given);
    }
    if (op.starts_with("string") || op == "bool") {
        const auto text = substitute(wanted, false, variables, context);
        if (!text) return false;
        const bool exact = op == "stringequals";
        return exact ? plain(*text) == given : lower(plain(*text)) == lower(given);
    }
    if (op == "binaryequals") return text::decode_base64(given) && text::decode_base64(given) == text::decode_base64(wanted);
    if (op == "ipaddress") {
        const auto address = bits(given), block = bits(wanted);
        return address && block && address->first == block->first && address->second.starts_with(block->second);
    }
    const bool is_date = op.starts_with("date");
    const auto a = is_date ? date(given) : number(given), b = is_date ? date(wanted) : number(wanted);
    if (!a || !b) return false;
    const auto how = op.substr(is_date ? 4 : 7);
    if (how == "equals") return *a == *b;
    if (how == "lessthan") return *a < *b;
    if (how == "lessthanequals") return *a <= *b;
    if (how == "greaterthan") return *a > *b;
    if (how == "greaterthanequals") return *a >= *b;
    INVARIANT(!"an operator that the reference does not know");
    return false;
}

}  // namespace

// R50-R56
bool condition_holds(std::string op, const std::string& key, const std::vector<std::string>& wanted, bool variables,
                     const Context& context) {
    op = lower(op);
    bool for_all = false, for_any = false, if_exists = false;
    if (op.starts_with("forallvalues:")) for_all = true, op = op.substr(13);
    if (op.starts_with("foranyvalue:")) for_any = true, op = op.substr(12);
    if (op.ends_with("ifexists")) if_exists = true, op = op.substr(0, op.size() - 8);
    const auto* entry = context.find(key);
    const bool missing = !entry || entry->values.empty();
    if (op == "null") {
        if (for_all || for_any) return for_all;
        return std::ranges::any_of(wanted, [&](const std::string& value) { return (lower(value) == "true") == missing; });
    }
    const auto negation = op.find("not");
    const bool negated = negation != std::string::npos;
    if (negated) op.erase(negation, 3);
    if (missing) {
        if (for_all) return true;
        if (if_exists) return true;
        if (for_any) return false;
        return negated;
    }
    const auto passes = [&](const std::string& given) {
        bool any = false;
        for (const auto& value : wanted) any = any || matches(op, given, value, variables, context);
        return negated ? !any : any;
    };
    if (for_all) {
        bool only_empty = true, all = true;
        for (const auto& given : entry->values) only_empty = only_empty && given.empty(), all = all && passes(given);
        return only_empty || all;  // R52
    }
    if (for_any) return std::ranges::any_of(entry->values, passes);
    if (entry->multivalued || entry->values.size() > 1) return false;  // R54
    return passes(entry->values[0]);
}

namespace {

// --- Principals ---------------------------------------------------------------------------------------------------------

// The names that a caller answers to, by level: 0 account, 1 role (or the user who federated), 2 itself.
std::vector<std::set<std::string>> levels_of(const Principal& caller, const std::string& action) {
    std::vector<std::set<std::string>> out(3);
    const auto partition = caller.arn.empty() ? std::string("aws") : std::string(base::split(caller.arn, ':')[1]);
    if (!caller.account.empty()) out[0] = {"AWS " + caller.account, "AWS arn:" + partition + ":iam::" + caller.account + ":root"};
    if (caller.kind == PrincipalKind::role_session) out[1] = {"AWS " + caller.role_arn, "AWS " + caller.role_id};
    if (caller.kind == PrincipalKind::federated_user) out[1] = {"AWS " + caller.user_arn};
    if (caller.kind == PrincipalKind::user || caller.kind == PrincipalKind::role_session ||
        caller.kind == PrincipalKind::federated_user)
        out[2] = {"AWS " + caller.arn, "AWS " + caller.unique_id};
    if (caller.kind == PrincipalKind::service) out[2] = {"Service " + caller.service};
    if (!caller.federated_provider.empty() && action.starts_with("sts:assumerolewith"))
        out[2] = {"Federated " + caller.federated_provider};
    return out;
}

enum class Strength { none, account, role, direct };

Strength principal_strength(const Json& element, bool negated, bool deny, const Principal& caller, const std::string& action,
                            bool boundary) {
    std::set<std::string> listed;
    bool everyone = element.is_string();  // only "*" may stand alone
    for (const auto& [type, names] : element.members())
        for (const auto& name : list(names)) {
            listed.insert(type + " " + name);
            everyone = everyone || (type == "AWS" && name == "*");
        }
    const auto levels = levels_of(caller, action);
    const auto hit = [&](int level) {
        return std::ranges::any_of(levels[static_cast<size_t>(level)], [&](const auto& name) { return listed.contains(name); });
    };
    if (!negated) {
        if (everyone || hit(2)) return Strength::direct;
        return hit(1) ? Strength::role : hit(0) ? Strength::account : Strength::none;
    }
    INVARIANT(deny);
    if (boundary) return Strength::direct;  // R23
    if (everyone) return Strength::none;
    bool all_levels = false;
    for (int level = 0; level < 3; ++level) {
        // The user who federated is not a level that a NotPrincipal has to list.
        if (level == 1 && caller.kind == PrincipalKind::federated_user) continue;
        if (levels[static_cast<size_t>(level)].empty()) continue;
        all_levels = true;
        if (!hit(level)) return Strength::direct;
    }
    return all_levels ? Strength::none : Strength::direct;
}

// --- Statements ---------------------------------------------------------------------------------------------------------

bool action_item(std::string item, const std::string& action) {
    item = lower(item);
    if (item.find_first_of(" ,\t\r\n") != std::string::npos || item.ends_with(':') || item.empty()) return false;  // R38
    return glob(without_variables(item), action);
}

bool resource_item(std::string item, const std::string& resource, PolicyKind kind, bool variables, const Context& context) {
    if (item == "*") return true;
    // R43
    const bool fills = kind == PolicyKind::identity || kind == PolicyKind::service_control;
    if (fills && !item.ends_with('*'))
        while (std::ranges::count(item, ':') < 5) item += ":*";
    // R64: before the fifth colon `${` is only text.
    size_t fifth = 0;
    for (int i = 0; i < 5 && fifth != std::string::npos; ++i) {
        fifth = item.find(':', fifth);
        if (fifth != std::string::npos) ++fifth;
    }
    if (fifth == std::string::npos) fifth = item.size();
    auto pattern = without_variables(std::string_view(item).substr(0, fifth));
    // R41
    for (size_t i = 0; i < pattern.size(); ++i) {
        const bool ends = i + 1 == pattern.size() ? fifth == item.size() : pattern[i + 1] == ':';
        if (pattern[i] == question) pattern[i] = question_inside;
        if (pattern[i] == star && !ends) pattern[i] = star_inside;
    }
    const auto rest = substitute(std::string_view(item).substr(fifth), true, variables, context);
    if (!rest) return false;  // R68
    pattern.insert(pattern.end(), rest->begin(), rest->end());
    return glob(pattern, resource);
}

struct Asked {
    const Request& request;
    std::string action, resource;
    bool boundary;
};

Strength statement_applies(const Json& statement, PolicyKind kind, bool variables, const Asked& asked) {
    const auto& context = asked.request.context;
    auto strength = Strength::direct;
    if (kind == PolicyKind::resource || kind == PolicyKind::trust || kind == PolicyKind::resource_control) {
        const auto* principal = statement.find("Principal");
        const auto* not_principal = statement.find("NotPrincipal");
        if (!principal && !not_principal) return Strength::none;  // R35
        strength =
            principal_strength(principal ? *principal : *not_principal, !principal, statement["Effect"].as_string() == "Deny",
                               asked.request.principal, asked.action, asked.boundary);
        if (strength == Strength::none) return Strength::none;
    }
    const bool not_action = statement.contains("NotAction"), not_resource = statement.contains("NotResource");
    bool action = false;
    for (const auto& item : list(statement[not_action ? "NotAction" : "Action"]))
        action = action || action_item(item, asked.action);
    if (action == not_action) return Strength::none;
    if (statement.contains("Resource") || not_resource) {
        bool resource = false;
        for (const auto& item : list(statement[not_resource ? "NotResource" : "Resource"]))
            resource = resource || resource_item(item, asked.resource, kind, variables, context);
        if (resource == not_resource) return Strength::none;
    }
    for (const auto& [op, keys] : statement["Condition"].members())
        for (const auto& [key, values] : keys.members()) {
            const bool held = condition_holds(
                op, key, values.is_array() && values.size() == 0 ? std::vector<std::string>() : list(values), variables, context);
            if (!held) return Strength::none;
        }
    return strength;
}

struct Said {
    bool deny = false;
    Strength allow = Strength::none;
    [[nodiscard]] bool allows() const { return allow != Strength::none; }
};

Said ask(const Document& document, const Asked& asked) {
    Said out;
    const bool variables = document.json["Version"].as_string() == "2012-10-17";  // R65
    const auto& statements = document.json["Statement"];
    const auto one = [&](const Json& statement) {
        const auto strength = statement_applies(statement, document.kind, variables, asked);
        if (strength == Strength::none) return;
        if (statement["Effect"].as_string() == "Deny")
            out.deny = true;
        else
            out.allow = std::max(out.allow, strength);
    };
    if (statements.is_object()) one(statements);
    for (const auto& statement : statements.items()) one(statement);
    return out;
}

Said ask_all(const std::vector<Document>& documents, const Asked& asked) {
    Said out;
    for (const auto& document : documents) {
        const auto said = ask(document, asked);
        out.deny = out.deny || said.deny;
        out.allow = std::max(out.allow, said.allow);
    }
    return out;
}

}  // namespace

Layers read(const policy::PolicySet& policies) {
    const auto document = [](const policy::AttachedPolicy& attached) {
        return Document{*text::parse_json(attached.policy->text()), attached.policy->kind()};
    };
    const auto documents = [&](const std::vector<policy::AttachedPolicy>& all) {
        std::vector<Document> out;
        for (const auto& one : all) out.push_back(document(one));
        return out;
    };
    Layers out;
    out.identity = documents(policies.identity);
    if (policies.boundary) out.boundary = document(*policies.boundary);
    if (policies.session) out.session = documents(*policies.session);
    for (const auto& level : policies.service_control) out.service_control.push_back(documents(level));
    for (const auto& level : policies.resource_control) out.resource_control.push_back(documents(level));
    if (policies.resource) out.resource = document(*policies.resource);
    if (policies.vpc_endpoint) out.vpc_endpoint = document(*policies.vpc_endpoint);
    return out;
}

Outcome evaluate(const Request& request, const Layers& layers) {
    const auto& caller = request.principal;
    Asked asked{request, lower(request.action), request.resource, layers.boundary.has_value()};
    if (!policy::action_has_resources(asked.action)) asked.resource = "*";  // R44
    const bool anonymous = caller.kind == PrincipalKind::anonymous, service = caller.kind == PrincipalKind::service;
    if (asked.action == "sts:getcalleridentity" && !anonymous) return Outcome::allow;  // R74

    // What each layer says; layers that do not apply say nothing and are not asked for.
    bool deny = false, rcp_ok = true, scp_ok = true;
    const auto service_prefix = asked.action.substr(0, asked.action.find(':'));
    if (!caller.service_linked_role && policy::supports_resource_control(service_prefix))
        for (const auto& level : layers.resource_control) {
            const auto said = ask_all(level, asked);
            deny = deny || said.deny, rcp_ok = rcp_ok && said.allows();
        }
    if (!caller.service_linked_role && !anonymous && !service)
        for (const auto& level : layers.service_control) {
            const auto said = ask_all(level, asked);
            deny = deny || said.deny, scp_ok = scp_ok && said.allows();
        }
    Said resource, identity, boundary, session;
    if (layers.resource) resource = ask(*layers.resource, asked);
    if (!anonymous && !service) {
        identity = ask_all(layers.identity, asked);
        if (layers.boundary) boundary = ask(*layers.boundary, asked);
        if (layers.session) session = ask_all(*layers.session, asked);
    }
    bool endpoint_ok = true;
    if (layers.vpc_endpoint) {  // R80
        const auto said = ask(*layers.vpc_endpoint, asked);
        deny = deny || said.deny, endpoint_ok = said.allows();
    }
    if (deny || resource.deny || identity.deny || boundary.deny || session.deny) return Outcome::explicit_deny;  // R2

    const bool direct = resource.allow == Strength::direct, via_role = resource.allow == Strength::role;
    bool allow = false;
    if (anonymous || service) {
        allow = direct;
    } else {
        const bool identity_allow = identity.allows() || caller.kind == PrincipalKind::root;
        const bool boundary_ok = !layers.boundary || boundary.allows();
        const bool session_ok = layers.session ? session.allows() : caller.kind != PrincipalKind::federated_user;
        const bool same = request.resource_account.empty() || request.resource_account == caller.account;
        const bool trust = layers.resource && layers.resource->kind == PolicyKind::trust;
        const bool delegation = trust || asked.action == "sts:assumerole" || asked.action.starts_with("sts:assumerolewith") ||
                                (service_prefix == "kms" && asked.resource != "*");
        if (!same)
            allow = identity_allow && boundary_ok && session_ok && resource.allows();  // R4, R22
        else if (delegation)
            allow = direct || (via_role && boundary_ok && session_ok) ||
                    (resource.allows() && identity_allow && boundary_ok && session_ok);  // R75, R76
        else
            allow = direct || (via_role && boundary_ok && session_ok) || (identity_allow && boundary_ok && session_ok);
    }
    return allow && rcp_ok && scp_ok && endpoint_ok ? Outcome::allow : Outcome::implicit_deny;
}

}  // namespace reference
