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
#include <map>
#include <set>
#include <span>

#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/compile.hpp"
#include "policy/policy.hpp"
#include "policy/sentences.hpp"

namespace policy {

using base::Error;
using base::fail;
using base::Result;
using text::Json;

namespace {

constexpr size_t document_bytes_max = 512 * 1024;  // AWS's own largest, indented, passes 128 KiB

bool is_account_id(std::string_view text) {
    return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool has_wildcard(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

// The members that a document or a statement may have.
constexpr std::array<std::string_view, 3> document_fields = {"Version", "Id", "Statement"};
constexpr std::array<std::string_view, 9> statement_fields = {"Sid",       "Effect",   "Principal",   "NotPrincipal", "Action",
                                                              "NotAction", "Resource", "NotResource", "Condition"};
constexpr std::array<std::string_view, 8> partitions = {"aws",       "aws-cn",    "aws-us-gov", "aws-iso",
                                                        "aws-iso-b", "aws-iso-e", "aws-iso-f",  "aws-eusc"};

// U+0009, U+000A, U+000D, U+0020-U+00FF (G4); the offset of the first character that is none of them.
std::optional<size_t> outside_charset(std::string_view text) {
    for (size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') return at;
        if (byte >= 0xC4) return at;  // C2 and C3 lead U+0080-U+00FF
    }
    return std::nullopt;
}

}  // namespace

Policy::Policy() = default;
Policy::~Policy() = default;

class Compiler {
public:
    Compiler(PolicyKind kind, bool stored) : kind_(kind), stored_(stored), policy_(new Policy) { policy_->kind_ = kind; }

    Result<std::shared_ptr<const Policy>> compile(std::string_view document) {
        policy_->text_ = document;
        if (document.size() > document_bytes_max) return fail(error(bad_syntax, {}, "", {}, "a policy holds at most 512 KiB"));
        if (!stored_ && kind_ != PolicyKind::resource)
            if (const auto at = outside_charset(document))
                return fail(error(bad_syntax, {}, "", {},
                                  "the character at byte " + std::to_string(*at + 1) +
                                      " is not one that IAM allows (TAB, LF, CR, U+0020 to U+00FF)"));
        auto json = text::parse_json(document);
        if (!json) return fail(error(bad_json, {}, "", {}, json.error().message));
        TRY(read_document(*json));
        return std::shared_ptr<const Policy>(std::move(policy_));
    }

    // A policy that denies everything: for text that cannot be read at all.
    static std::shared_ptr<const Policy> closed(std::string_view document, PolicyKind kind) {
        std::shared_ptr<Policy> out(new Policy);
        out->kind_ = kind;
        out->text_ = document;
        out->infos_.push_back({});
        out->compiled_.push_back({.effect = Effect::deny, .broken = true});
        return out;
    }

private:
    [[nodiscard]] bool is_s3() const { return kind_ == PolicyKind::resource; }
    [[nodiscard]] bool takes_principal() const {
        return kind_ == PolicyKind::resource || kind_ == PolicyKind::trust || kind_ == PolicyKind::resource_control;
    }

    [[nodiscard]] Error error(const Sentence& sentence, std::initializer_list<std::string_view> texts, const std::string& path,
                              text::Position position, const std::string& why) const {
        Error out(is_s3() ? "MalformedPolicy" : "MalformedPolicyDocument", fill(is_s3() ? sentence.s3 : sentence.iam, texts));
        std::string note = why;
        if (!path.empty()) {
            note += ", at " + path;
            if (position.line)
                note += " (line " + std::to_string(position.line) + ", column " + std::to_string(position.column) + ")";
        }
        out.notes.push_back(std::move(note));
        return out;
    }

    // No two members that differ only by case (G1), and none that is not in `known`.
    Result<> check_fields(const Json& object, const std::string& path, std::span<const std::string_view> known) const {
        std::map<std::string, const std::string*> seen;
        for (const auto& [name, value] : object.members()) {
            const auto [first, is_new] = seen.emplace(base::lower(name), &name);
            if (!is_new)
                return fail(error(bad_syntax, {}, path + "." + name, value.position(),
                                  "`" + name + "` repeats `" + *first->second + "`"));
            if (known.empty() || std::ranges::find(known, name) != known.end()) continue;
            std::string why = "`" + name + "` is not an element of a policy";
            for (const auto right : known)
                if (base::equals_ignoring_case(right, name)) why += "; write `" + std::string(right) + "`";
            return fail(error(unknown_field, {name}, path.empty() ? name : path + "." + name, value.position(), why));
        }
        return {};
    }

    Result<> read_document(const Json& json) {
        if (!json.is_object()) return fail(error(bad_json, {}, "", {}, "a policy is a JSON object"));
        TRY(check_fields(json, "", document_fields));
        if (const auto* version = json.find("Version")) {
            const auto& text = version->as_string();
            if (!version->is_string() || (text != "2012-10-17" && text != "2008-10-17"))
                return fail(error(bad_version, {}, "Version", version->position(), "the Version is 2012-10-17 or 2008-10-17"));
            variables_ = text == "2012-10-17";
        }
        if (const auto* id = json.find("Id"); id && (!id->is_string() || !takes_principal()))
            return fail(error(bad_syntax, {}, "Id", id->position(), "Id is a string and only in resource-based policies"));
        const auto* statement = json.find("Statement");
        if (!statement) return fail(error(no_statement, {}, "", {}, "a policy has a Statement"));
        if (statement->is_object()) return read_statement(*statement, "Statement");
        if (!statement->is_array() || statement->size() == 0)
            return fail(error(bad_syntax, {}, "Statement", statement->position(), "Statement is an object or a list of objects"));
        for (size_t i = 0; i < statement->size(); ++i)
            TRY(read_statement(statement->items()[i], "Statement[" + std::to_string(i) + "]"));
        return {};
    }

    Result<> read_statement(const Json& json, const std::string& path) {
        CompiledStatement statement;
        StatementInfo info;
        info.position = json.position();
        auto compiled = compile_statement(json, path, statement, info);
        if (!compiled) {
            if (!stored_) return compiled;
            // Fail closed (R73): an Allow that cannot be understood never allows, anything else always denies.
            const auto effect = json["Effect"].as_string() == "Allow" ? Effect::allow : Effect::deny;
            statement = CompiledStatement{.effect = effect, .broken = true};
            info.effect = effect;
        }
        policy_->infos_.push_back(std::move(info));
        policy_->compiled_.push_back(std::move(statement));
        return {};
    }

    Result<> compile_statement(const Json& json, const std::string& path, CompiledStatement& out, StatementInfo& info) {
        if (!json.is_object()) return fail(error(bad_syntax, {}, path, json.position(), "a statement is a JSON object"));
        TRY(check_fields(json, path, statement_fields));
        TRY(read_sid(json, path, info));
        const auto* effect = json.find("Effect");
        if (!effect) return fail(error(no_effect, {}, path, json.position(), "a statement has an Effect"));
        if (effect->type() != Json::Type::string || (effect->as_string() != "Allow" && effect->as_string() != "Deny"))
            return fail(error(bad_effect, {effect->as_string()}, path + ".Effect", effect->position(),
                              "the Effect is Allow or Deny, written just so"));
        out.effect = info.effect = effect->as_string() == "Allow" ? Effect::allow : Effect::deny;
        TRY(read_principal(json, path, out));
        TRY(read_actions(json, path, out));
        TRY(read_resources(json, path, out));
        if (const auto* condition = json.find("Condition")) TRY(read_conditions(*condition, path + ".Condition", out));
        if (kind_ == PolicyKind::resource_control) TRY(check_resource_control(json, path, out));
        return {};
    }

    Result<> read_sid(const Json& json, const std::string& path, StatementInfo& info) {
        const auto* sid = json.find("Sid");
        if (!sid) return {};
        const auto where = path + ".Sid";
        if (!sid->is_string()) return fail(error(bad_syntax, {}, where, sid->position(), "a Sid is a string"));
        info.sid = sid->as_string();
        if (is_s3() || info.sid.empty()) return {};
        const auto alphanumeric = [](char c) {
            return (c >= '0' && c <= '9') || (base::lower(c) >= 'a' && base::lower(c) <= 'z');
        };
        if (!std::ranges::all_of(info.sid, alphanumeric))
            return fail(error(sid_not_alphanumeric, {}, where, sid->position(), "`" + info.sid + "` holds other characters"));
        if (!sids_.insert(info.sid).second)
            return fail(error(sid_repeated, {}, where, sid->position(), "`" + info.sid + "` is there twice"));
        return {};
    }

    // The strings of an element that is a string or a list of strings. `missing` is the sentence for an empty list.
    Result<std::vector<std::pair<const Json*, std::string>>> strings(const Json& json, const std::string& path,
                                                                     const Sentence& missing) const {
        std::vector<std::pair<const Json*, std::string>> out;
        if (json.is_array()) {
            for (size_t i = 0; i < json.size(); ++i) out.emplace_back(&json.items()[i], path + "[" + std::to_string(i) + "]");
            if (out.empty()) return fail(error(missing, {}, path, json.position(), "the list is empty"));
        } else {
            out.emplace_back(&json, path);
        }
        for (const auto& [item, where] : out)
            if (!item->is_string()) return fail(error(bad_syntax, {}, where, item->position(), "a string belongs here"));
        return out;
    }

    // One of X and NotX (G3); nullptr if neither.
    Result<const Json*> one_of(const Json& json, const std::string& path, const std::string& name, bool& negated) const {
        const auto* plain = json.find(name);
        const auto* inverse = json.find("Not" + name);
        if (plain && inverse)
            return fail(error(bad_syntax, {}, path, json.position(), name + " and Not" + name + " exclude each other"));
        negated = inverse != nullptr;
        return plain ? plain : inverse;
    }

    Result<> read_actions(const Json& json, const std::string& path, CompiledStatement& out) {
        const auto* actions = TRY(one_of(json, path, "Action", out.not_action));
        if (!actions) return fail(error(no_actions, {}, path, json.position(), "a statement has an Action or a NotAction"));
        for (const auto& [item, where] : TRY(strings(*actions, path + (out.not_action ? ".NotAction" : ".Action"), no_actions)))
            TRY(read_action(*item, where, out));
        return {};
    }

    Result<> read_action(const Json& item, const std::string& where, CompiledStatement& out) {
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
        if (kind_ == PolicyKind::trust && !base::lower(text).starts_with("sts:"))
            return wrong(not_sts, "", "`" + text + "` is not one of them");
        // AWS accepts these and they name no action (R38): inside NotAction they exclude nothing.
        const auto name = std::string_view(text).substr(colon == std::string::npos ? 0 : colon + 1);
        if (name.empty() || text.find_first_of(" \t\r\n,") != std::string::npos) return {};
        out.actions.push_back(Pattern::glob(base::lower(text)));
        return {};
    }

    Result<> read_resources(const Json& json, const std::string& path, CompiledStatement& out) {
        const auto* resources = TRY(one_of(json, path, "Resource", out.not_resource));
        if (kind_ == PolicyKind::trust) {
            if (resources && !stored_)
                return fail(error(has_resource, {}, path, resources->position(), "a trust policy is about its own role"));
            out.any_resource = !resources;  // R48
        }
        if (!resources) {
            if (out.any_resource) return {};
            return fail(error(no_resources, {}, path, json.position(), "a statement has a Resource or a NotResource"));
        }
        for (const auto& [item, where] :
             TRY(strings(*resources, path + (out.not_resource ? ".NotResource" : ".Resource"), no_resources)))
            TRY(read_resource(*item, where, out));
        return {};
    }

    Result<> read_resource(const Json& item, const std::string& where, CompiledStatement& out) {
        auto text = item.as_string();
        const auto wrong = [&](const Sentence& sentence, std::initializer_list<std::string_view> words, const std::string& why) {
            return fail(error(sentence, words, where, item.position(), why));
        };
        if (text == "*") {
            out.resources.push_back(Pattern::glob(text));
            return {};
        }
        if (!text.starts_with("arn:")) return wrong(not_an_arn, {text}, "`" + text + "` is neither");
        const auto parts = base::split(text, ':');
        const auto partition = parts[1];
        if (partition != "*" && std::ranges::find(partitions, partition) == partitions.end())
            return wrong(bad_partition, {partition, text}, "there is no such partition");
        // R42.
        if (parts.size() < 3 || parts[2].empty() || has_wildcard(parts[2]))
            return wrong(resource_vendor, {}, "`" + text + "` does not name its service");
        if (parts.size() < 6 && (kind_ == PolicyKind::resource_control || kind_ == PolicyKind::session))
            return wrong(not_an_arn, {text}, "session and resource control policies need all six segments");
        // AWS fills a short ARN up with wildcards in identity policies (R43). One that ends in `*` needs none: it runs on (R41).
        if ((kind_ == PolicyKind::identity || kind_ == PolicyKind::service_control) && !text.ends_with('*'))
            for (auto segments = parts.size(); segments < 6; ++segments) text += ":*";
        auto pattern = Pattern::compile(text, {.wildcards = true, .variables = variables_, .resource_arn = true});
        if (!pattern) return wrong(bad_variable, {}, "`" + text + "` holds a malformed policy variable");
        out.resources.push_back(std::move(*pattern));
        return {};
    }

    Result<> read_conditions(const Json& block, const std::string& path, CompiledStatement& out) {
        if (!block.is_object()) return fail(error(bad_syntax, {}, path, block.position(), "a Condition is a JSON object"));
        TRY(check_fields(block, path, {}));
        for (const auto& [name, keys] : block.members()) {
            const auto here = path + "." + name;
            const auto op = parse_operator(name);
            if (!op)
                return fail(error(bad_operator, {name}, here, keys.position(), "`" + name + "` is not a condition operator"));
            if (!keys.is_object())
                return fail(error(bad_syntax, {}, here, keys.position(), "an operator holds an object of keys and values"));
            TRY(check_fields(keys, here, {}));
            for (const auto& [key, values] : keys.members())
                TRY(read_condition({*op, name, key, {}}, values, here + "." + key, out));
        }
        return {};
    }

    Result<> read_condition(Condition condition, const Json& json, const std::string& path, CompiledStatement& out) {
        if (!condition.key.contains(':'))
            return fail(error(bad_key, {}, path, json.position(), "`" + condition.key + "` is not a condition key"));
        condition.key = base::lower(condition.key);
        const auto add = [&](const Json& value, const std::string& where) -> Result<> {
            if (!value.is_string() && !value.is_number() && !value.is_bool())
                return fail(
                    error(bad_value, {}, where, value.position(), "a condition value is a string, a number or a boolean"));
            const auto text = value.is_bool() ? std::string(value.as_bool() ? "true" : "false") : value.as_string();
            auto compiled = compile_value(condition.op.comparison, text, variables_);
            if (!compiled)
                return fail(error(bad_value, {}, where, value.position(),
                                  "`" + text + "` is not a value that " + condition.name + " can compare"));
            condition.values.push_back(std::move(*compiled));
            return {};
        };
        if (json.is_array()) {
            for (size_t i = 0; i < json.size(); ++i) TRY(add(json.items()[i], path + "[" + std::to_string(i) + "]"));
        } else {
            TRY(add(json, path));
        }
        out.conditions.push_back(std::move(condition));
        return {};
    }

    Result<> read_principal(const Json& json, const std::string& path, CompiledStatement& out) {
        const auto* principal = TRY(one_of(json, path, "Principal", out.principal.negated));
        if (!takes_principal()) {
            if (principal)
                return fail(error(has_principal, {}, path, principal->position(), "whom it concerns is where it is attached"));
            return {};
        }
        if (!principal) {
            if (stored_) return {};  // Matches nobody (R35).
            return fail(error(no_principal, {}, path, json.position(), "a resource-based statement says whom it concerns"));
        }
        const auto where = path + (out.principal.negated ? ".NotPrincipal" : ".Principal");
        if (out.principal.negated && kind_ == PolicyKind::resource_control)
            return fail(
                error(bad_syntax, {}, where, principal->position(), "NotPrincipal is not for organization policies"));  // R13
        if (out.principal.negated && out.effect == Effect::allow && !stored_)
            return fail(
                error(not_principal_allow, {}, where, principal->position(), "it would admit everyone else, anonymous too"));
        out.principal.present = true;
        if (principal->is_string()) {
            if (principal->as_string() != "*") return fail(principal_error("AWS", *principal, where));
            out.principal.entries.push_back({});
            return {};
        }
        if (!principal->is_object() || principal->size() == 0)
            return fail(
                error(bad_syntax, {}, where, principal->position(), "a Principal is \"*\" or an object of kinds and names"));
        TRY(check_fields(*principal, where, {}));
        for (const auto& [type, names] : principal->members()) {
            const auto here = where + "." + type;
            for (const auto& [item, at] : TRY(strings(names, here, bad_syntax))) {
                auto entry = principal_entry(type, item->as_string());
                if (!entry) return fail(principal_error(type, *item, at));
                out.principal.entries.push_back(std::move(*entry));
            }
        }
        return {};
    }

    [[nodiscard]] Error principal_error(const std::string& type, const Json& item, const std::string& where) const {
        std::string upper = type;
        for (auto& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        const auto shown = "\"" + upper + "\":\"" + item.as_string() + "\"";
        std::string why = "`" + item.as_string() + "` is not a principal that " + type + " can name";
        if (has_wildcard(item.as_string())) why += "; wildcards are not allowed here, only \"*\" alone";  // R25
        if (type == "CanonicalUser") why += "; name the account or the user by ARN";
        return error(bad_principal, {shown}, where, item.position(), why);
    }

    std::optional<PrincipalEntry> principal_entry(const std::string& type, const std::string& name) {
        using Kind = PrincipalEntry::Kind;
        if (type == "AWS") return aws_principal(name);
        if (has_wildcard(name)) return std::nullopt;
        if (type == "Service") {
            for (const std::string_view domain : {".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"})
                if (name.ends_with(domain) && name.size() > domain.size()) return PrincipalEntry{Kind::service, name, {}};
            return std::nullopt;
        }
        if (type == "Federated") {
            const auto arn = parse_arn(name);
            const bool provider = arn && arn->service == "iam" &&
                                  (arn->resource.starts_with("oidc-provider/") || arn->resource.starts_with("saml-provider/"));
            if (provider || (!arn && name.contains('.'))) return PrincipalEntry{Kind::federated, name, {}};
        }
        return std::nullopt;
    }

    std::optional<PrincipalEntry> aws_principal(const std::string& name) {
        using Kind = PrincipalEntry::Kind;
        if (name == "*") return PrincipalEntry{};
        if (has_wildcard(name)) return std::nullopt;
        if (is_account_id(name)) return PrincipalEntry{Kind::account, name, {}};
        if (name.starts_with("AIDA") || name.starts_with("AROA")) return PrincipalEntry{Kind::unique_id, name, {}};
        const auto arn = parse_arn(name);
        if (!arn || !arn->region.empty() || arn->account.empty()) return std::nullopt;
        if (arn->service == "iam" && arn->resource == "root")
            return PrincipalEntry{Kind::account, std::string(arn->account), std::string(arn->partition)};
        const auto names_one = [&](std::string_view prefix) {
            return arn->resource.starts_with(prefix) && arn->resource.size() > prefix.size();
        };
        const bool named = arn->service == "iam" && (names_one("user/") || names_one("role/"));
        const bool session = arn->service == "sts" && (names_one("assumed-role/") || names_one("federated-user/"));
        if (!named && !session) return std::nullopt;  // Groups among others (R33).
        // A session stands and falls with its role; federated users are nobody's record.
        if (named || names_one("assumed-role/")) policy_->named_principals_.push_back(name);
        return PrincipalEntry{Kind::arn, name, {}};
    }

    // R11: customers' statements only deny; the one that allows is AWS's RCPFullAWSAccess.
    Result<> check_resource_control(const Json& json, const std::string& path, const CompiledStatement& statement) const {
        const auto& entries = statement.principal.entries;
        if (entries.size() != 1 || entries[0].kind != PrincipalEntry::Kind::everyone)
            return fail(error(bad_syntax, {}, path, json.position(), "the Principal of a resource control policy is \"*\""));
        if (statement.effect == Effect::deny) return {};
        const bool full = !statement.not_action && !statement.not_resource && statement.conditions.empty() &&
                          statement.actions.size() == 1 && statement.actions[0].is_everything() &&
                          statement.resources.size() == 1 && statement.resources[0].is_everything();
        if (full) return {};
        return fail(error(bad_syntax, {}, path, json.position(), "a resource control policy only denies"));
    }

    PolicyKind kind_;
    bool stored_;
    bool variables_ = false;  // Version 2012-10-17 (R65)
    std::set<std::string> sids_;
    std::shared_ptr<Policy> policy_;
};

Result<std::shared_ptr<const Policy>> Policy::parse(std::string_view json, PolicyKind kind) {
    return Compiler(kind, false).compile(json);
}

std::shared_ptr<const Policy> Policy::parse_stored(std::string_view json, PolicyKind kind) {
    auto compiled = Compiler(kind, true).compile(json);
    return compiled ? *std::move(compiled) : Compiler::closed(json, kind);
}

}  // namespace policy
