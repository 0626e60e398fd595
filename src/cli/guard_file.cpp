#include "cli/guard_file.hpp"

#include <algorithm>
#include <set>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "deploy/yaml.hpp"
#include "model/services.hpp"
#include "model/shape.hpp"
#include "os/file.hpp"
#include "policy/catalogue.hpp"
#include "policy/glob.hpp"
#include "policy/reference.hpp"
#include "policy/vocabulary.hpp"
#include "proof/automaton.hpp"

namespace cli {

namespace {

using base::Result;
using deploy::Yaml;
using proof::Guard;

constexpr size_t states_max =
    10'000;  // of an automaton that asks whether a pattern can match a principal; where it stops, it can

std::unexpected<base::Error> wrong(int line, const std::string& message) {
    return base::fail(base::code::InvalidArgument, "line " + std::to_string(line) + ": " + message);
}

// Every member is one of these.
Result<void> check_members(const Yaml& map, std::string_view what, std::initializer_list<std::string_view> known) {
    if (!map.is_map()) return wrong(map.line, std::string(what) + " is a mapping");
    for (const auto& [key, value] : map.members)
        if (std::ranges::find(known, key) == known.end())
            return wrong(value.line, std::string(what) + " has no `" + key + "`; it takes " +
                                         base::join(std::vector<std::string>(known.begin(), known.end()), ", "));
    return {};
}

Result<std::string> text_of(const Yaml& value, std::string_view what) {
    if (!value.is_scalar() || value.text.empty()) return wrong(value.line, std::string(what) + ": a text is expected");
    if (value.text.size() > guard_text_bytes_max)
        return wrong(value.line, std::string(what) + " is longer than " + std::to_string(guard_text_bytes_max) + " bytes");
    if (std::ranges::any_of(value.text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        return wrong(value.line, std::string(what) + " has a control character");
    return value.text;
}

// One text, or a list of them.
Result<std::vector<std::string>> texts_of(const Yaml& value, std::string_view what) {
    std::vector<std::string> out;
    if (!value.is_sequence()) return std::vector{TRY(text_of(value, what))};
    if (value.items.empty()) return wrong(value.line, std::string(what) + " is empty: leave it out, or say which");
    if (value.items.size() > guard_texts_max)
        return wrong(value.line, std::string(what) + " has more than " + std::to_string(guard_texts_max) + " entries");
    for (const Yaml& one : value.items) out.push_back(TRY(text_of(one, what)));
    return out;
}

// Trainwarden's own actions, which AWS's catalogue does not have, that a pattern matches.
std::vector<std::string> own_actions_matching(const std::string& pattern) {
    std::vector<std::string> out;
    for (const model::Service* service : model::services()) {
        if (service->signing_name != "trainwarden") continue;
        for (const model::Operation* operation : service->operations) {
            // It needs what CreateTrainingJob needs, and has no action of its own.
            if (operation->name == "CheckTrainingJob") continue;
            std::string action = "trainwarden:" + std::string(operation->name);
            if (policy::glob_matches(base::lower(pattern), base::lower(action))) out.push_back(std::move(action));
        }
    }
    return out;
}

Result<void> check_action(const std::string& action, int line) {
    if (action == "*" || !policy::actions_matching(action).empty() || !own_actions_matching(action).empty()) return {};
    return wrong(
        line,
        "`" + action +
            "` matches no action of AWS or of Trainwarden: write SERVICE:ACTION, `s3:GetObject`, with * and ? as in a policy");
}

// Is there an ARN of a user, a role or an account's root that the pattern matches? (`*` stands for colons, too.)
bool may_be_principal(const std::string& pattern) {
    const auto matches_one = [asked = proof::glob_tokens(pattern)](std::string_view resource, bool is_named) {
        proof::Tokens arn;
        proof::add_literal(arn, "arn:aws");
        proof::add_wildcard(arn, proof::Token::Kind::star, proof::Characters::no_colon);
        proof::add_literal(arn, ":iam::");
        proof::add_wildcard(arn, proof::Token::Kind::star, proof::Characters::no_colon);
        proof::add_literal(arn, resource);
        if (is_named) {
            proof::add_wildcard(arn, proof::Token::Kind::one, proof::Characters::no_colon);
            proof::add_wildcard(arn, proof::Token::Kind::star, proof::Characters::no_colon);
        }
        const proof::Constraint both[] = {{{&asked}, true}, {{&arn}, true}};
        return proof::find_text(both, states_max).kind != proof::FoundText::Kind::none;
    };
    return matches_one(":user/", true) || matches_one(":role/", true) || matches_one(":root", false);
}

Result<void> check_principal(const std::string& name, int line) {
    const bool known = name == "*" || name == "anonymous" || name == "other-accounts" || name.starts_with("arn:") ||
                       name.starts_with("*") || name.find('.') != std::string::npos;
    const bool is_arn = name.starts_with("arn:") || name.starts_with("*");
    if (is_arn && !may_be_principal(name)) {
        if (name.contains(":assumed-role/"))
            return wrong(line, "`" + name + "` is a session's ARN: rules are about its role, `arn:aws:iam::*:role/NAME`");
        return wrong(line, "`" + name +
                               "` matches no ARN that a user, a role or an account's root can have: arn:aws:iam::*:user/NAME, "
                               "arn:aws:iam::*:role/NAME, arn:aws:iam::*:root");
    }
    if (known) return {};
    return wrong(line, "`" + name +
                           "` names no principal: write a pattern of ARNs (`arn:aws:iam::*:role/trainer`), a service "
                           "(`sagemaker.amazonaws.com`), anonymous, other-accounts, or *");
}

Result<void> check_resource(const std::string& resource, int line) {
    if (resource.starts_with("arn:") || resource.starts_with("*")) return {};
    return wrong(line, "`" + resource + "` names no resource: write a pattern of ARNs, `arn:aws:s3:::bucket/*`, or *");
}

template <class Check>
Result<void> read_list(const Yaml& rule, const char* member, std::vector<std::string>& out, Check check) {
    const Yaml* value = rule.find(member);
    if (value == nullptr) return {};
    out = TRY(texts_of(*value, std::string("`") + member + "`"));
    for (const std::string& one : out) TRY(check(one, value->line));
    return {};
}

// Proof asks about actions that AWS's catalogue does not have by their names: a pattern of Trainwarden's own becomes those.
std::vector<std::string> with_own_actions(std::vector<std::string> patterns) {
    std::vector<std::string> out;
    for (std::string& pattern : patterns) {
        for (std::string& own : own_actions_matching(pattern)) out.push_back(std::move(own));
        if (pattern == "*" || !policy::actions_matching(pattern).empty()) out.push_back(std::move(pattern));
    }
    return out;
}

Result<policy::Context> conditions_of(const Yaml& conditions) {
    policy::Context out;
    if (!conditions.is_map())
        return wrong(conditions.line, "`conditions` is a mapping of condition keys to values: aws:SourceIp: 10.0.0.1");
    std::set<std::string> seen;
    for (const auto& [written, value] : conditions.members) {
        const auto known = policy::find_key(written);
        if (!known) return wrong(value.line, "`" + written + "` is no condition key that AWS has: aws:SourceIp is one");
        const std::string& key = known->name;
        if (!seen.insert(base::lower(key)).second) return wrong(value.line, "`" + key + "` stands twice");
        const auto texts = TRY(texts_of(value, "`" + key + "`"));
        for (const std::string& text : texts) {
            if (!policy::has_type(text, known->type))
                return wrong(value.line, "`" + text + "` is not a value of " + key + ", which is " +
                                             std::string(policy::describe(known->type)));
            if (text.find_first_of("*?") != std::string::npos)
                return wrong(value.line, "`" + text + "`: a condition is the value that a request has, not a pattern");
        }
        if (policy::key_holds_list(key))
            out.set_list(key, texts);
        else if (value.is_sequence())
            return wrong(value.line, "a request has one value of " + key + ": write a rule for each");
        else
            out.set(key, texts.front());
    }
    return out;
}

Result<Guard> guard_of(const Yaml& rule) {
    TRY(check_members(rule, "a rule", {"name", "allow", "deny", "only"}));
    Guard out;
    out.line = rule.line;
    const Yaml* name = rule.find("name");
    if (name == nullptr) return wrong(rule.line, "a rule has a `name`, by which it is reported");
    out.name = TRY(text_of(*name, "`name`"));
    const Yaml* body = nullptr;
    for (const Guard::Kind kind : {Guard::Kind::allow, Guard::Kind::deny, Guard::Kind::only}) {
        const Yaml* found = rule.find(name_of(kind));
        if (found == nullptr) continue;
        if (body != nullptr) return wrong(found->line, "a rule says one of allow, deny and only");
        body = found;
        out.kind = kind;
    }
    if (body == nullptr) return wrong(rule.line, "the rule `" + out.name + "` says neither allow nor deny nor only");
    TRY(check_members(*body, "`" + std::string(name_of(out.kind)) + "`",
                      {"principals", "except", "actions", "resources", "conditions"}));
    if (body->find("actions") == nullptr) return wrong(body->line, "the rule `" + out.name + "` has no `actions`");
    if (body->find("principals") == nullptr && out.kind != Guard::Kind::deny)
        return wrong(body->line, "the rule `" + out.name + "` does not say which `principals`");
    TRY(read_list(*body, "principals", out.principals, check_principal));
    TRY(read_list(*body, "except", out.except, check_principal));
    TRY(read_list(*body, "actions", out.actions, check_action));
    out.actions = with_own_actions(std::move(out.actions));
    TRY(read_list(*body, "resources", out.resources, check_resource));
    if (const Yaml* conditions = body->find("conditions")) out.conditions = TRY(conditions_of(*conditions));
    return out;
}

}  // namespace

Result<std::vector<Guard>> parse_guards(std::string_view document) {
    if (document.size() > guard_file_bytes_max)
        return base::fail(base::code::InvalidArgument,
                          "a file of rules has at most " + std::to_string(guard_file_bytes_max) + " bytes");
    const Yaml yaml = TRY(deploy::parse_yaml(document));
    if (!yaml.is_map()) return wrong(yaml.line, "a file of rules begins with `rules:`, and a list of them below it");
    TRY(check_members(yaml, "a file of rules", {"rules"}));
    const Yaml& rules = yaml["rules"];
    if (!rules.is_sequence() || rules.items.empty())
        return wrong(std::max(rules.line, 1), "`rules` is a list of at least one rule");
    if (rules.items.size() > guards_max) return wrong(rules.line, "a file has at most " + std::to_string(guards_max) + " rules");
    std::vector<Guard> out;
    for (const Yaml& rule : rules.items) {
        Guard guard = TRY(guard_of(rule));
        if (std::ranges::find(out, guard.name, &Guard::name) != out.end())
            return wrong(guard.line, "there are two rules of the name `" + guard.name + "`");
        out.push_back(std::move(guard));
    }
    return out;
}

Result<std::vector<Guard>> read_guards(const std::string& path) {
    auto guards = parse_guards(TRY(os::read_file(path)));
    if (!guards) guards.error().message = path + ": " + guards.error().message;
    return guards;
}

}  // namespace cli
