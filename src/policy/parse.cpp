// From JSON text to compiled statements, in two moods: strict for what is being written, fail-closed for what was stored.
//
//   policy    = { [Version] [Id] Statement }
//   statement = { [Sid] [Principal | NotPrincipal] Effect (Action | NotAction) (Resource | NotResource) [Condition] }
//
// Source: IAM User Guide, "Grammar of the IAM JSON policy language"; SEMANTICS G1-G4 and the rules named below.
// The sentences are AWS's: IAM's legacy parser for documents of IAM, S3's for bucket policies. What AWS leaves out, namely what
// exactly is wrong and where, goes into notes.
#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/compile.hpp"
#include "policy/hash.hpp"
#include "policy/policy.hpp"
#include "policy/sentences.hpp"
#include "policy/statement_index.hpp"
#include "policy/written_arn.hpp"

namespace policy {

using base::Error;
using base::fail;
using base::Result;
using text::Json;

namespace {

constexpr size_t document_bytes_max = 4 * 1024 * 1024;  // ours: AWS's own largest, indented, passes 128 KiB

bool is_account_id(std::string_view text) {
    return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Of a user or a role, whose principal was an ARN when the policy was written (R32); `AROA…:session` is a role's session.
bool is_unique_id(std::string_view text) { return (text.starts_with("AIDA") || text.starts_with("AROA")) && text.size() > 4; }

bool has_wildcard(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

// The members that a document or a statement may have.
constexpr std::array<std::string_view, 3> document_fields = {"Version", "Id", "Statement"};
constexpr std::array<std::string_view, 9> statement_fields = {"Sid",       "Effect",   "Principal",   "NotPrincipal", "Action",
                                                              "NotAction", "Resource", "NotResource", "Condition"};
constexpr std::array<std::string_view, 8> partitions = {"aws",       "aws-cn",    "aws-us-gov", "aws-iso",
                                                        "aws-iso-b", "aws-iso-e", "aws-iso-f",  "aws-eusc"};

// The actions that a role's trust policy decides (R37).
constexpr std::array<std::string_view, 6> trust_actions = {
    "sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity",
    "sts:setcontext", "sts:setsourceidentity",  "sts:tagsession"};

bool names_trust_action(std::string_view lower_pattern) {
    return lower_pattern.starts_with("sts:") &&
           std::ranges::any_of(trust_actions, [&](std::string_view action) { return glob_matches(lower_pattern, action); });
}

// S3 User Guide, "Canonical user ID": 64 hexadecimal digits; CloudFront's origin access identities have 96.
bool is_canonical_id(std::string_view text) {
    return (text.size() == 64 || text.size() == 96) && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// U+0009, U+000A, U+000D, U+0020-U+00FF (G4); the offset of the first character that is none of them.
std::optional<size_t> outside_charset(std::string_view text) {
    for (size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') return at;
        if (byte >= 0xC4) return at;  // C2 and C3 lead U+0080-U+00FF
    }
    return std::nullopt;
}

// Where in the document something stands. Lives on the stack, and becomes text only when there is something to complain about.
struct Path {
    const Path* parent = nullptr;
    std::string_view name;  // of a member; empty for an item
    size_t index = 0;       // of an item
    [[nodiscard]] std::string text() const {
        auto out = parent ? parent->text() : std::string();
        if (name.empty()) return parent ? out + "[" + std::to_string(index) + "]" : out;
        return (out.empty() ? out : out + ".") + std::string(name);
    }
    [[nodiscard]] Path member(std::string_view child) const { return {this, child, 0}; }
    [[nodiscard]] Path item(size_t child) const { return {this, {}, child}; }
};

}  // namespace

std::string_view Policy::text() const { return compiled().characters().substr(0, text_size_); }

StatementInfo Policy::statement(size_t index) const {
    const auto& info = compiled().infos()[index];
    return {std::string(compiled().text(info.sid)), compiled().statements()[index].effect, info.position};
}

std::vector<StatementInfo> Policy::statements() const {
    std::vector<StatementInfo> out;
    for (size_t i = 0; i < compiled().infos().size(); ++i) out.push_back(statement(i));
    return out;
}

std::vector<std::string> Policy::named_principals() const {
    std::vector<std::string> out;
    for (const auto& entry : compiled().all_principals()) {
        const auto name = compiled().text(entry.text);
        if (entry.kind == PrincipalEntry::Kind::arn || entry.kind == PrincipalEntry::Kind::unique_id) out.emplace_back(name);
        // Accounts of this partition are taken as they are.
        const auto partition = compiled().text(entry.partition);
        if (entry.kind == PrincipalEntry::Kind::account && !partition.empty() && partition != "aws")
            out.push_back("arn:" + std::string(partition) + ":iam::" + std::string(name) + ":root");
    }
    return out;
}

class Compiler {
public:
    Compiler(PolicyKind kind, bool stored) : kind_(kind), stored_(stored) {}

    Result<std::shared_ptr<const Policy>> compile(std::string_view document) {
        const Path root;
        patterns().begin(document);
        if (document.size() > document_bytes_max) return fail(error(bad_syntax, {}, root, {}, "a policy holds at most 4 MiB"));
        if (!stored_ && kind_ != PolicyKind::resource)
            if (const auto at = outside_charset(document))
                return fail(error(bad_syntax, {}, root, {},
                                  "the character at byte " + std::to_string(*at + 1) +
                                      " is not one that IAM allows (TAB, LF, CR, U+0020 to U+00FF)"));
        auto json = text::parse_json(document);
        if (!json) return fail(error(bad_json, {}, root, {}, json.error().message));
        TRY(read_document(*json));
        return finish(document);
    }

    // A policy that denies everything: for text that cannot be read at all.
    static std::shared_ptr<const Policy> closed(std::string_view document, PolicyKind kind) {
        Compiler compiler(kind, true);
        compiler.patterns().begin(document);
        compiler.add({.effect = Effect::deny, .broken = true, .services = ~uint64_t{0}}, {});
        return compiler.finish(document);
    }

private:
    [[nodiscard]] bool is_s3() const { return kind_ == PolicyKind::resource; }
    [[nodiscard]] bool takes_principal() const {
        return kind_ == PolicyKind::resource || kind_ == PolicyKind::trust || kind_ == PolicyKind::resource_control;
    }
    [[nodiscard]] PatternPool& patterns() { return draft_.pool.patterns; }

    std::shared_ptr<const Policy> finish(std::string_view document) {
        draft_.index = index_of(draft_, kind_);
        return std::make_shared<const ParsedPolicy>(kind_, variables_, static_cast<uint32_t>(document.size()), draft_);
    }

    [[nodiscard]] Error error(const Sentence& sentence, std::initializer_list<std::string_view> texts, const Path& path,
                              text::Position position, const std::string& why) const {
        Error out(is_s3() ? base::code::MalformedPolicy : base::code::MalformedPolicyDocument,
                  fill(is_s3() ? sentence.s3 : sentence.iam, texts));
        std::string note = why;
        if (const auto place = path.text(); !place.empty()) {
            note += ", at " + place;
            if (position.line)
                note += " (line " + std::to_string(position.line) + ", column " + std::to_string(position.column) + ")";
        }
        out.notes.push_back(std::move(note));
        return out;
    }

    // No two members that differ only by case (G1), and none that is not in `known`.
    Result<> check_fields(const Json& object, const Path& path, std::span<const std::string_view> known) const {
        const auto& members = object.members();
        for (size_t i = 0; i < members.size(); ++i) {
            const auto& [name, value] = members[i];
            for (size_t j = 0; j < i; ++j)
                if (base::equals_ignoring_case(members[j].first, name))
                    return fail(error(bad_syntax, {}, path.member(name), value.position(),
                                      "`" + name + "` repeats `" + members[j].first + "`"));
            if (known.empty() || std::ranges::find(known, name) != known.end()) continue;
            std::string why = "`" + name + "` is not an element of a policy";
            for (const auto right : known)
                if (base::equals_ignoring_case(right, name)) why += "; write `" + std::string(right) + "`";
            return fail(error(unknown_field, {name}, path.member(name), value.position(), why));
        }
        return {};
    }

    Result<> read_document(const Json& json) {
        const Path root;
        if (!json.is_object()) return fail(error(bad_json, {}, root, {}, "a policy is a JSON object"));
        TRY(check_fields(json, root, document_fields));
        if (const auto* version = json.find("Version")) {
            const auto& text = version->as_string();
            if (!version->is_string() || (text != "2012-10-17" && text != "2008-10-17"))
                return fail(error(bad_version, {}, root.member("Version"), version->position(),
                                  "the Version is 2012-10-17 or 2008-10-17"));
            variables_ = text == "2012-10-17";
        }
        // Organizations User Guide, "RCP syntax": the only version.
        if (kind_ == PolicyKind::resource_control && !variables_ && !stored_)
            return fail(
                error(bad_version, {}, root.member("Version"), {}, "the Version of a resource control policy is 2012-10-17"));
        if (const auto* id = json.find("Id"); id && !id->is_string())
            return fail(error(bad_syntax, {}, root.member("Id"), id->position(), "Id is a string"));
        const auto* statement = json.find("Statement");
        if (!statement) return fail(error(no_statement, {}, root, {}, "a policy has a Statement"));
        const auto path = root.member("Statement");
        if (statement->is_object()) return read_statement(*statement, path);
        if (!statement->is_array() || statement->size() == 0)
            return fail(error(bad_syntax, {}, path, statement->position(), "Statement is an object or a list of objects"));
        draft_.statements.reserve(statement->size());
        for (size_t i = 0; i < statement->size(); ++i) TRY(read_statement(statement->items()[i], path.item(i)));
        return {};
    }

    void add(CompiledStatement statement, CompiledStatementInfo info) {
        draft_.statements.push_back(statement);
        draft_.infos.push_back(info);
    }

    Result<> read_statement(const Json& json, const Path& path) {
        CompiledStatement statement;
        CompiledStatementInfo info;
        info.position = json.position();
        auto compiled = compile_statement(json, path, statement, info);
        if (!compiled) {
            if (!stored_) return compiled;
            // Fail closed (R73): an Allow that cannot be understood never allows, anything else always denies.
            const auto effect = json["Effect"].as_string() == "Allow" ? Effect::allow : Effect::deny;
            statement = {.effect = effect, .broken = true, .services = ~uint64_t{0}};
        }
        add(statement, info);
        return {};
    }

    Result<> compile_statement(const Json& json, const Path& path, CompiledStatement& out, CompiledStatementInfo& info) {
        if (!json.is_object()) return fail(error(bad_syntax, {}, path, json.position(), "a statement is a JSON object"));
        TRY(check_fields(json, path, statement_fields));
        TRY(read_sid(json, path, info));
        const auto* effect = json.find("Effect");
        if (!effect) return fail(error(no_effect, {}, path, json.position(), "a statement has an Effect"));
        if (effect->type() != Json::Type::string || (effect->as_string() != "Allow" && effect->as_string() != "Deny"))
            return fail(error(bad_effect, {effect->as_string()}, path.member("Effect"), effect->position(),
                              "the Effect is Allow or Deny, written just so"));
        out.effect = effect->as_string() == "Allow" ? Effect::allow : Effect::deny;
        TRY(read_principal(json, path, out));
        TRY(read_actions(json, path, out));
        TRY(read_resources(json, path, out));
        out.conditions.at = static_cast<uint32_t>(draft_.conditions.size());
        if (const auto* condition = json.find("Condition")) TRY(read_conditions(*condition, path.member("Condition")));
        out.conditions.size = static_cast<uint32_t>(draft_.conditions.size()) - out.conditions.at;
        if (kind_ == PolicyKind::resource_control) TRY(check_resource_control(json, path, out));
        return {};
    }

    Result<> read_sid(const Json& json, const Path& path, CompiledStatementInfo& info) {
        const auto* sid = json.find("Sid");
        if (!sid) return {};
        const auto where = path.member("Sid");
        if (!sid->is_string()) return fail(error(bad_syntax, {}, where, sid->position(), "a Sid is a string"));
        const auto& text = sid->as_string();
        info.sid = patterns().add(text);
        if (is_s3() || text.empty()) return {};
        const auto alphanumeric = [](char c) {
            return (c >= '0' && c <= '9') || (base::lower(c) >= 'a' && base::lower(c) <= 'z');
        };
        if (!std::ranges::all_of(text, alphanumeric))
            return fail(error(sid_not_alphanumeric, {}, where, sid->position(), "`" + text + "` holds other characters"));
        if (!sids_.insert(text).second)
            return fail(error(sid_repeated, {}, where, sid->position(), "`" + text + "` is there twice"));
        return {};
    }

    // Calls read(item, path) for the strings of an element that is a string or a list of strings. `missing` is the sentence for
    // an empty list.
    template <class Read>
    Result<> each_string(const Json& json, const Path& path, const Sentence& missing, Read read) const {
        const auto one = [&](const Json& item, const Path& where) -> Result<> {
            if (!item.is_string()) return fail(error(bad_syntax, {}, where, item.position(), "a string belongs here"));
            return read(item, where);
        };
        if (!json.is_array()) return one(json, path);
        if (json.size() == 0) return fail(error(missing, {}, path, json.position(), "the list is empty"));
        for (size_t i = 0; i < json.size(); ++i) TRY(one(json.items()[i], path.item(i)));
        return {};
    }

    // One of X and NotX (G3); nullptr if neither.
    Result<const Json*> one_of(const Json& json, const Path& path, std::string_view name, std::string_view not_name,
                               bool& negated) const {
        const auto* plain = json.find(name);
        const auto* inverse = json.find(not_name);
        if (plain && inverse)
            return fail(error(bad_syntax, {}, path, json.position(),
                              std::string(name) + " and " + std::string(not_name) + " exclude each other"));
        negated = inverse != nullptr;
        return plain ? plain : inverse;
    }

    Result<> read_actions(const Json& json, const Path& path, CompiledStatement& out) {
        const auto* actions = TRY(one_of(json, path, "Action", "NotAction", out.not_action));
        if (!actions) return fail(error(no_actions, {}, path, json.position(), "a statement has an Action or a NotAction"));
        out.actions.at = static_cast<uint32_t>(draft_.actions.size());
        TRY(each_string(*actions, path.member(out.not_action ? "NotAction" : "Action"), no_actions,
                        [&](const Json& item, const Path& where) { return read_action(item, where, out); }));
        out.actions.size = static_cast<uint32_t>(draft_.actions.size()) - out.actions.at;
        if (out.not_action) out.services = ~uint64_t{0};
        return {};
    }

    Result<> read_action(const Json& item, const Path& where, CompiledStatement& out) {
        const auto& text = item.as_string();
        const auto colon = text.find(':');
        const auto wrong = [&](const Sentence& sentence, std::string_view word, const std::string& why) {
            return fail(error(sentence, {word}, where, item.position(), why));
        };
        if (text != "*") {
            const auto vendor = std::string_view(text).substr(0, colon);
            if (colon == std::string::npos || vendor.empty()) return wrong(no_vendor, "", "`" + text + "` is not service:Action");
            if (text.find(':', colon + 1) != std::string::npos) return wrong(two_colons, "", "`" + text + "` has two");
            const auto fine = [](char c) {
                return (c >= '0' && c <= '9') || (base::lower(c) >= 'a' && base::lower(c) <= 'z') || c == '-' || c == '.';
            };
            if (vendor != "*" && !std::ranges::all_of(vendor, fine))
                return wrong(bad_vendor, vendor, "a service prefix holds no wildcard and no other sign");
        }
        const auto lower = base::lower(text);
        if (kind_ == PolicyKind::trust && !(stored_ ? lower.starts_with("sts:") : names_trust_action(lower)))
            return wrong(not_sts, "", "`" + text + "` is not one of them");
        // AWS accepts these and they name no action (R38): inside NotAction they exclude nothing.
        const auto name = std::string_view(text).substr(colon == std::string::npos ? 0 : colon + 1);
        if (name.empty() || text.find_first_of(" \t\r\n,") != std::string::npos) return {};
        // Without variables every text is a pattern
        ActionPattern action = action_pattern(*patterns().compile(lower, {.changed = lower != text}), lower);
        const auto service = std::string_view(lower).substr(0, colon);
        if (service != "*") action.service = static_cast<uint32_t>(hash_of(service));
        out.services |= service == "*" ? ~uint64_t{0} : service_bit(action.service);
        out.asks_action_patterns = out.asks_action_patterns || action.asks_pattern;
        draft_.actions.push_back(action);
        return {};
    }

    Result<> read_resources(const Json& json, const Path& path, CompiledStatement& out) {
        const auto* resources = TRY(one_of(json, path, "Resource", "NotResource", out.not_resource));
        if (kind_ == PolicyKind::trust) {
            if (resources && !stored_)
                return fail(error(has_resource, {}, path, resources->position(), "a trust policy is about its own role"));
            out.any_resource = !resources;  // R48
        }
        out.resources.at = static_cast<uint32_t>(draft_.resources.size());
        if (!resources) {
            if (out.any_resource) return {};
            return fail(error(no_resources, {}, path, json.position(), "a statement has a Resource or a NotResource"));
        }
        TRY(each_string(*resources, path.member(out.not_resource ? "NotResource" : "Resource"), no_resources,
                        [&](const Json& item, const Path& where) { return read_resource(item, where); }));
        out.resources.size = static_cast<uint32_t>(draft_.resources.size()) - out.resources.at;
        return {};
    }

    Result<> read_resource(const Json& item, const Path& where) {
        const auto& text = item.as_string();
        const auto wrong = [&](const Sentence& sentence, std::initializer_list<std::string_view> words, const std::string& why) {
            return fail(error(sentence, words, where, item.position(), why));
        };
        using Wildcards = PatternPool::Wildcards;
        if (text == "*") {
            // Without variables every text is a pattern
            draft_.resources.push_back(*patterns().compile(text, {}));
            return {};
        }
        if (!text.starts_with("arn:")) return wrong(not_an_arn, {text}, "`" + text + "` is neither");
        const auto segments = static_cast<size_t>(std::ranges::count(text, ':')) + 1;
        const auto rest = std::string_view(text).substr(4);
        const auto partition = rest.substr(0, rest.find(':'));
        if (partition != "*" && std::ranges::find(partitions, partition) == partitions.end())
            return wrong(bad_partition, {partition, text}, "there is no such partition");
        // R42.
        const auto after = segments < 3 ? std::string_view() : rest.substr(partition.size() + 1);
        const auto service = after.substr(0, after.find(':'));
        if (service.empty() || has_wildcard(service))
            return wrong(resource_vendor, {}, "`" + text + "` does not name its service");
        if (segments < 6 && (kind_ == PolicyKind::resource_control || kind_ == PolicyKind::session))
            return wrong(not_an_arn, {text}, "session and resource control policies need all six segments");
        const bool of_identity =
            kind_ == PolicyKind::identity || kind_ == PolicyKind::session || kind_ == PolicyKind::service_control;
        if (of_identity && !stored_)
            if (const auto* sentence = wrong_resource(text)) return wrong(*sentence, {text}, "`" + text + "` can be no resource");
        // AWS fills a short ARN up with wildcards in identity policies (R43). One that ends in `*` needs none: it runs on (R41).
        std::string filled;
        if (segments < 6 && (kind_ == PolicyKind::identity || kind_ == PolicyKind::service_control) && !text.ends_with('*')) {
            filled = text;
            for (auto have = segments; have < 6; ++have) filled += ":*";
        }
        const auto pattern =
            patterns().compile(filled.empty() ? text : filled, {.wildcards = Wildcards::resource_arn, .variables = variables_});
        if (!pattern) return wrong(bad_variable, {}, "`" + text + "` holds a malformed policy variable");
        draft_.resources.push_back(*pattern);
        return {};
    }

    Result<> read_conditions(const Json& block, const Path& path) {
        if (!block.is_object()) return fail(error(bad_syntax, {}, path, block.position(), "a Condition is a JSON object"));
        TRY(check_fields(block, path, {}));
        for (const auto& [name, keys] : block.members()) {
            const auto here = path.member(name);
            const auto op = parse_operator(name);
            if (!op)
                return fail(error(bad_operator, {name}, here, keys.position(), "`" + name + "` is not a condition operator"));
            if (!keys.is_object())
                return fail(error(bad_syntax, {}, here, keys.position(), "an operator holds an object of keys and values"));
            TRY(check_fields(keys, here, {}));
            for (const auto& [key, values] : keys.members()) TRY(read_condition(*op, name, key, values, here.member(key)));
        }
        return {};
    }

    Result<> read_condition(Operator op, const std::string& name, const std::string& key, const Json& json, const Path& path) {
        if (!key.contains(':')) return fail(error(bad_key, {}, path, json.position(), "`" + key + "` is not a condition key"));
        const auto lower = base::lower(key);
        Condition condition{.op = op, .key_hash = hash_of(lower), .key = patterns().add(lower, lower != key), .values = {}};
        condition.values.at = static_cast<uint32_t>(draft_.pool.values.size());
        const auto add = [&](const Json& value, const Path& where) -> Result<> {
            if (!value.is_string() && !value.is_number() && !value.is_bool())
                return fail(
                    error(bad_value, {}, where, value.position(), "a condition value is a string, a number or a boolean"));
            const std::string_view text =
                value.is_bool() ? (value.as_bool() ? "true" : "false") : std::string_view(value.as_string());
            if (!add_value(draft_.pool, op.comparison, text, variables_))
                return fail(error(bad_value, {}, where, value.position(),
                                  "`" + std::string(text) + "` is not a value that " + name + " can compare"));
            return {};
        };
        if (json.is_array()) {
            for (size_t i = 0; i < json.size(); ++i) TRY(add(json.items()[i], path.item(i)));
        } else {
            TRY(add(json, path));
        }
        condition.values.size = static_cast<uint32_t>(draft_.pool.values.size()) - condition.values.at;
        draft_.conditions.push_back(condition);
        return {};
    }

    Result<> read_principal(const Json& json, const Path& path, CompiledStatement& out) {
        const auto* principal = TRY(one_of(json, path, "Principal", "NotPrincipal", out.not_principal));
        if (!takes_principal()) {
            if (principal)
                return fail(error(has_principal, {}, path, principal->position(), "whom it concerns is where it is attached"));
            return {};
        }
        if (!principal) {
            if (stored_) return {};  // Matches no one (R35).
            return fail(error(no_principal, {}, path, json.position(), "a resource-based statement says whom it concerns"));
        }
        const auto where = path.member(out.not_principal ? "NotPrincipal" : "Principal");
        if (out.not_principal && kind_ == PolicyKind::resource_control)
            return fail(
                error(bad_syntax, {}, where, principal->position(), "NotPrincipal is not for organization policies"));  // R13
        if (out.not_principal && kind_ == PolicyKind::trust && out.effect == Effect::deny && !stored_)
            return fail(
                error(bad_syntax, {}, where, principal->position(),
                      "a role trust policy has no NotPrincipal; deny with Principal \"*\" and a condition on aws:PrincipalArn"));
        if (out.not_principal && out.effect == Effect::allow && !stored_)
            return fail(
                error(not_principal_allow, {}, where, principal->position(), "it would admit everyone else, anonymous too"));
        out.has_principal = true;
        auto& entries = draft_.principals;
        out.principals = {static_cast<uint32_t>(entries.size()), 1};
        if (principal->is_string()) {
            if (principal->as_string() != "*") return fail(principal_error("AWS", *principal, where));
            entries.push_back({});
            return {};
        }
        if (!principal->is_object() || principal->size() == 0)
            return fail(
                error(bad_syntax, {}, where, principal->position(), "a Principal is \"*\" or an object of kinds and names"));
        TRY(check_fields(*principal, where, {}));
        for (const auto& [type, names] : principal->members())
            TRY(each_string(names, where.member(type), bad_syntax, [&](const Json& item, const Path& at) -> Result<> {
                const auto entry = principal_entry(type, item.as_string());
                if (!entry) return fail(principal_error(type, item, at));
                entries.push_back(*entry);
                return {};
            }));
        out.principals.size = static_cast<uint32_t>(entries.size()) - out.principals.at;
        return {};
    }

    [[nodiscard]] Error principal_error(const std::string& type, const Json& item, const Path& where) const {
        std::string upper = type;
        for (auto& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        const auto shown = "\"" + upper + "\":\"" + item.as_string() + "\"";
        std::string why = "`" + item.as_string() + "` is not a principal that " + type + " can name";
        if (has_wildcard(item.as_string())) why += "; wildcards are not allowed here, only \"*\" alone";  // R25
        return error(bad_principal, {shown}, where, item.position(), why);
    }

    PrincipalEntry entry_of(PrincipalEntry::Kind kind, std::string_view name, std::string_view partition = {}) {
        return {kind, patterns().add(name), patterns().add(partition), hash_of(name)};
    }

    std::optional<PrincipalEntry> principal_entry(const std::string& type, const std::string& name) {
        using Kind = PrincipalEntry::Kind;
        if (type == "AWS") return aws_principal(name);
        if (has_wildcard(name)) return std::nullopt;
        if (type == "CanonicalUser" && kind_ == PolicyKind::resource) {
            // Stored ones are accounts, if the id is one's: S3 finds out when it takes the policy.
            if (stored_ && is_account_id(name)) return entry_of(Kind::account, name);
            return is_canonical_id(name) ? std::optional(entry_of(Kind::elsewhere, name)) : std::nullopt;
        }
        if (type == "Service") {
            for (const std::string_view domain : {".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"})
                if (name.ends_with(domain) && name.size() > domain.size()) return entry_of(Kind::service, name);
            return std::nullopt;
        }
        if (type == "Federated") {
            const auto arn = parse_arn(name);
            const bool provider = arn && arn->service == "iam" &&
                                  (arn->resource.starts_with("oidc-provider/") || arn->resource.starts_with("saml-provider/"));
            if (provider || (!arn && name.contains('.'))) return entry_of(Kind::federated, name);
        }
        return std::nullopt;
    }

    std::optional<PrincipalEntry> aws_principal(const std::string& name) {
        using Kind = PrincipalEntry::Kind;
        if (name == "*") return PrincipalEntry{};
        if (has_wildcard(name)) return std::nullopt;
        if (is_account_id(name)) return entry_of(Kind::account, name);
        if (is_unique_id(name)) return entry_of(Kind::unique_id, name);
        constexpr std::string_view origin_access = ":iam::cloudfront:user/CloudFront Origin Access Identity ";
        if (kind_ == PolicyKind::resource && name.starts_with("arn:") && name.find(origin_access) != std::string::npos &&
            !name.ends_with(' '))
            return entry_of(Kind::elsewhere, name);
        const auto arn = parse_arn(name);
        if (!arn || !arn->region.empty() || arn->account.empty()) return std::nullopt;
        // A stored one that no principal can have matches no one.
        const bool known = std::ranges::find(partitions, arn->partition) != partitions.end() && is_account_id(arn->account);
        if (!known && !stored_) return std::nullopt;
        if (arn->service == "iam" && arn->resource == "root") return entry_of(Kind::account, arn->account, arn->partition);
        const auto names_one = [&](std::string_view prefix) {
            return arn->resource.starts_with(prefix) && arn->resource.size() > prefix.size();
        };
        const bool named = arn->service == "iam" && (names_one("user/") || names_one("role/"));
        const bool session = arn->service == "sts" && (names_one("assumed-role/") || names_one("federated-user/"));
        if (!named && !session) return std::nullopt;  // Groups among others (R33).
        return entry_of(Kind::arn, name);
    }

    // R11: customers' statements only deny; the one that allows is AWS's RCPFullAWSAccess.
    Result<> check_resource_control(const Json& json, const Path& path, const CompiledStatement& statement) const {
        const auto entries = std::span(draft_.principals).subspan(statement.principals.at, statement.principals.size);
        if (entries.size() != 1 || entries[0].kind != PrincipalEntry::Kind::everyone)
            return fail(error(bad_syntax, {}, path, json.position(), "the Principal of a resource control policy is \"*\""));
        if (statement.not_action && !stored_)
            return fail(error(bad_syntax, {}, path.member("NotAction"), json["NotAction"].position(),
                              "a resource control policy names its actions; NotAction is not among its elements"));
        if (statement.effect == Effect::deny) return {};
        const bool full = !statement.not_action && !statement.not_resource && statement.conditions.size == 0 &&
                          statement.actions.size == 1 && draft_.actions[statement.actions.at].pattern.is_everything() &&
                          statement.resources.size == 1 && draft_.resources[statement.resources.at].is_everything();
        if (full) return {};
        return fail(error(bad_syntax, {}, path, json.position(), "a resource control policy only denies"));
    }

    PolicyKind kind_;
    bool stored_;
    bool variables_ = false;  // Version 2012-10-17 (R65)
    std::set<std::string, std::less<>> sids_;
    Draft draft_;
};

Result<std::shared_ptr<const Policy>> Policy::parse(std::string_view json, PolicyKind kind) {
    return Compiler(kind, false).compile(json);
}

std::shared_ptr<const Policy> Policy::parse_stored(std::string_view json, PolicyKind kind) {
    auto compiled = Compiler(kind, true).compile(json);
    return compiled ? *std::move(compiled) : Compiler::closed(json, kind);
}

}  // namespace policy
