#include "lint/effect.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "base/strings.hpp"
#include "lint/arn_formats.hpp"
#include "lint/conditions.hpp"
#include "lint/principals.hpp"
#include "lint/words.hpp"
#include "lint/worlds.hpp"
#include "policy/glob.hpp"
#include "policy/policy.hpp"
#include "policy/question.hpp"
#include "policy/reference.hpp"
#include "policy/vocabulary.hpp"
#include "proof/prove.hpp"
#include "text/json.hpp"

namespace lint {

namespace {

using Kind = proof::Answer::Kind;
using policy::Policy;
using policy::PolicyPtr;

// Any principal at all, whose own keys are open.
proof::Subject anyone_of(const World& world) {
    proof::Subject out;
    const std::string arn = "arn:" + world.partition + ":iam::" + world.account + ":user/somebody";
    out.principal = {
        .kind = policy::PrincipalKind::user, .account = world.account, .arn = arn, .unique_id = "AIDAEXAMPLE", .user_arn = arn};
    out.is_any = true;
    return out;
}

// A policy of resources that leaves it to the account's own policies. Becoming a role needs one (R36).
PolicyPtr lets_account_decide(const World& world) {
    return Policy::parse_stored(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:)" +
                                    world.partition + ":iam::" + world.account + R"(:root"},"Action":"*","Resource":"*"}]})",
                                policy::PolicyKind::resource);
}

policy::PrincipalPolicies only(const PolicyPtr& policy) {
    policy::PrincipalPolicies out;
    if (policy) out.identity.push_back({policy, "the policy"});
    return out;
}

// A condition whose truth depends on who asks: left out where it is not known who can.
bool is_of_caller(std::string_view key) {
    const std::string lower = base::lower(key);
    constexpr std::array<std::string_view, 9> prefixes = {"aws:principal", "aws:source",    "aws:user",
                                                          "aws:federated", "aws:called",    "aws:via",
                                                          "aws:multifac",  "aws:tokenissu", "sts:"};
    return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return lower.starts_with(prefix); });
}

class Effect {
public:
    Effect(const Document& document, std::string_view text, Collector& out)
        : document_(document),
          text_(text),
          out_(out),
          left_(out.limits().questions_max),
          bytes_left_(out.limits().asked_bytes_max),
          work_{out.limits().work_max},
          engine_{.solver_steps_max = 20'000, .conflicts_max = 2'000, .work = &work_},
          worlds_(worlds_of(text, document, worlds_max)) {}

    // Those of which something was said: they do nothing.
    std::set<const Statement*> check() && {
        if (worlds_.empty()) {
            out_.unknown("what statements do: the policy names too many accounts and regions (" + std::to_string(worlds_max) +
                         " together)");
            return {};
        }
        if (document_.subject.is_bucket()) check_exclusive();
        // From the last: of two that make each other superfluous, the later one is.
        for (size_t i = document_.statements.size(); i-- > 0;) {
            if (out_.is_full() || is_spent_) break;
            check_statement(document_.statements[i]);
        }
        return std::move(superfluous_);
    }

private:
    static constexpr size_t worlds_max = 12;

    struct Parts {
        bool condition = true;
        const Item* action = nullptr;    // this alone
        const Item* resource = nullptr;  // this alone
        std::string_view effect = {};    // another than its own
    };

    // The statement as an identity policy's; who is meant is left out.
    [[nodiscard]] std::string statement_text(const Statement& statement, const Parts& parts) const {
        std::string out = "{";
        const auto add = [&](std::string_view name, std::string_view value) {
            out.append(out.size() > 1 ? "," : "").append("\"").append(name).append("\":").append(value);
        };
        const auto slice = [&](const Member& member) {
            return text_.substr(member.value.range.begin, member.value.range.end - member.value.range.begin);
        };
        add("Effect", parts.effect.empty() ? slice(*statement.effect) : parts.effect);
        add(statement.actions.member->name,
            parts.action ? text::quote_json(parts.action->text) : std::string(slice(*statement.actions.member)));
        if (statement.resources.member == nullptr) {
            add("Resource", "\"*\"");
        } else {
            add(statement.resources.member->name,
                parts.resource ? text::quote_json(parts.resource->text) : std::string(slice(*statement.resources.member)));
        }
        if (parts.condition && statement.condition != nullptr) {
            if (const std::string condition = condition_text(*statement.condition); !condition.empty())
                add("Condition", condition);
        }
        return out + "}";
    }

    // Of a resource policy, without what depends on the caller: what is left holds wherever the whole did.
    [[nodiscard]] std::string condition_text(const Member& condition) const {
        const auto slice = [&](Range range) { return std::string(text_.substr(range.begin, range.end - range.begin)); };
        if (!document_.subject.takes_principal()) return slice(condition.value.range);
        std::string out;
        for (const Member& op : condition.value.members) {
            std::string keys;
            for (const Member& key : op.value.members)
                if (!is_of_caller(key.name))
                    keys += (keys.empty() ? "" : ",") + slice(key.name_range) + ":" + slice(key.value.range);
            if (!keys.empty()) out += (out.empty() ? "" : ",") + slice(op.name_range) + ":{" + keys + "}";
        }
        return out.empty() ? "" : "{" + out + "}";
    }

    [[nodiscard]] PolicyPtr policy_of(const std::vector<std::string>& statements) const {
        if (statements.empty()) return nullptr;
        std::string text =
            R"({"Version":")" + std::string(document_.has_variables ? "2012-10-17" : "2008-10-17") + R"(","Statement":[)";
        for (size_t i = 0; i < statements.size(); ++i) text += (i ? "," : "") + statements[i];
        auto parsed = Policy::parse(text + "]}", policy::PolicyKind::identity);
        return parsed ? *std::move(parsed) : nullptr;
    }

    // Which actions a question is about. unlisted: also some that no catalogue has, so that what a wildcard means later is not forgotten.
    enum class Asked : uint8_t { listed, unlisted };

    static std::vector<std::string> actions_of(const Statement& statement, Asked asked) {
        std::vector<std::string> out;
        if (statement.actions.negated) out.emplace_back("*");
        if (statement.actions.negated && asked == Asked::unlisted)
            out.insert(out.end(), {"trainwarden:WhoCan", "unlisted:Unlisted"});
        if (statement.actions.negated) return out;
        for (const Item& item : statement.actions.items) {
            out.emplace_back(item.text);
            if (asked == Asked::listed || !has_wildcard(item.text)) continue;
            // One that the pattern matches, and hardly anything else does.
            std::string name;
            for (const char c : item.text) name += c == '*' ? "zzunlisted" : c == '?' ? "z" : std::string(1, c);
            out.push_back(name.contains(':') ? name : "zzunlisted:" + name);
            if (policy::glob_matches(base::lower(item.text), "trainwarden:whocan")) out.emplace_back("trainwarden:WhoCan");
        }
        return out;
    }

    // Is there a request that the first policy allows and the second, if there is one, does not? no: proved, in every world.
    Kind ask(const PolicyPtr& allowed, const PolicyPtr& refused, const Statement& about, Asked asked, std::string_view what) {
        const auto first = only(allowed), second = only(refused);
        const auto actions = actions_of(about, asked);
        std::string reason;
        for (const World& world : worlds_) {
            const size_t bytes = allowed->text().size() + (refused ? refused->text().size() : 0);
            if (left_ == 0 || bytes > bytes_left_ || unknown_ >= out_.limits().unknown_max) {
                out_.unknown(std::string("what some statements do: ") + (left_ == 0 ? "too many questions (questions_max)"
                                                                         : bytes > bytes_left_
                                                                             ? "the questions are too long (asked_bytes_max)"
                                                                             : "too many questions were too hard (unknown_max)"));
                is_spent_ = true;
                return Kind::unknown;
            }
            --left_;
            bytes_left_ -= bytes;
            const proof::Subject subject = anyone_of(world);
            const policy::AttachedPolicy resource{lets_account_decide(world), "the policy of every resource"};
            const proof::Question question{
                .subject = &subject,
                .allowed = {{&first, &resource}},
                .refused = refused ? std::vector<proof::View>{{&second, &resource}} : std::vector<proof::View>{},
                .actions = actions,
                .resource_account = world.account,
                .known = {},
                .region = world.region};
            const auto answer = proof::prove(question, engine_);
            if (answer.kind == Kind::yes) return Kind::yes;
            if (answer.kind == Kind::unknown) reason = answer.reason, ++unknown_;
        }
        if (reason.empty()) return Kind::no;
        out_.unknown(std::string(what) + " (" + place_of(about) + "): " + reason);
        return Kind::unknown;
    }

    // A bucket's policy that allows some, and denies no one: whom it does not name gets in by policies of its own, all the same.
    void check_exclusive() {
        const auto allows_named = [](const Statement& statement) {
            return statement.allows() && statement.principal != nullptr && statement.principal->value.is_object() &&
                   std::ranges::none_of(principals_of(statement), [](const PrincipalItem& item) {
                       return item.name == "*" || item.name.ends_with(":root") ||
                              item.name.find_first_not_of("0123456789") == std::string_view::npos;
                   });
        };
        if (document_.statements.empty() || !std::ranges::all_of(document_.statements, allows_named)) return;
        const auto parsed = Policy::parse(text_, policy::PolicyKind::resource);
        if (!parsed) return;
        const World& world = worlds_.back();
        proof::Subject subject = anyone_of(world);
        const auto everything = only(policy_of({R"({"Effect":"Allow","Action":"s3:*","Resource":"*"})"}));
        const policy::AttachedPolicy resource{*parsed, "the bucket's policy"};
        std::vector<std::string> resources;
        for (const Statement& statement : document_.statements)
            for (const Item& item : statement.resources.items) resources.emplace_back(item.text);
        const auto answer = proof::prove({.subject = &subject,
                                          .allowed = {{&everything, &resource}},
                                          .refused = {},
                                          .actions = {"s3:GetObject", "s3:ListBucket", "s3:PutObject"},
                                          .resources = resources,
                                          .resource_account = world.account,
                                          .known = {}});
        if (answer.kind != Kind::yes || !answer.witness) return;
        out_.add(check_of("TRAINWARDEN_ALLOW_IS_NOT_EXCLUSIVE"),
                 "The policy allows those whom it names and denies no one: principals of the bucket's account whose own policies "
                 "allow it get in, too (" +
                     answer.witness->action + " on " + answer.witness->resource + "). To keep them out, deny.",
                 Place(*document_.root).member(*document_.root->find("Statement")));
    }

    [[nodiscard]] std::string place_of(const Statement& statement) const {
        return "statement " + std::to_string(&statement - document_.statements.data() + 1);
    }

    void check_statement(const Statement& statement) {
        if ((!statement.allows() && !statement.denies()) || statement.actions.items.empty()) return;
        const PolicyPtr alone = policy_of({statement_text(statement, {.effect = allow})});
        if (!alone) return;  // what is wrong with it has been found
        const Kind applies = ask(alone, nullptr, statement, Asked::listed, "whether a request can meet it");
        if (applies == Kind::no) return never_applies(statement);
        if (is_served(statement) && !is_of_service_roles(statement)) check_items(statement);
        if (document_.statements.size() > 1 && is_certain(statement)) check_others(statement);
    }

    // Of services whose resources are known in full: those of this system. AWS's reference leaves out resources of others.
    static bool is_served(const Statement& statement) {
        return !statement.actions.negated &&
               std::ranges::all_of(statement.actions.items, [](const Item& item) { return is_served(item); });
    }
    static bool is_served(const Item& action) {
        constexpr std::array<std::string_view, 7> services = {"cloudtrail", "cloudwatch", "iam", "logs",
                                                              "s3",         "sagemaker",  "sts"};
        const std::string lower = base::lower(action.text);
        return std::ranges::binary_search(services, std::string_view(lower).substr(0, lower.find(':')));
    }

    // Do the resources that a proof knows suffice to say that others cover the statement? An action that no catalogue has works on any.
    static bool is_certain(const Statement& statement) {
        const bool everywhere = std::ranges::all_of(statement.resources.items, [](const Item& item) { return item.text == "*"; });
        return std::ranges::all_of(statement.actions.items, [&](const Item& item) {
            const auto& free = policy::actions_of_everybody;
            if (std::ranges::find(free, base::lower(item.text)) != free.end()) return false;
            return everywhere || statement.actions.negated || has_wildcard(item.text) || is_served(item);
        });
    }

    // A proof takes it that requests of one service have no keys of another.
    static bool has_own_keys(const Statement& statement, std::string_view text) {
        const auto services = services_of(statement);
        for (size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 2))
            if (!is_own(text.substr(at + 2), services)) return false;
        return !statement.actions.negated && has_keys_of(statement, services);
    }
    static std::set<std::string> services_of(const Statement& statement) {
        std::set<std::string> out{"aws"};
        for (const Item& item : statement.actions.items) out.insert(base::lower(item.text.substr(0, item.text.find(':'))));
        return out;
    }
    static bool is_own(std::string_view key, const std::set<std::string>& services) {
        return services.contains(base::lower(key.substr(0, key.find(':')))) || policy::is_global_key(key);
    }
    static bool has_keys_of(const Statement& statement, const std::set<std::string>& services) {
        return std::ranges::all_of(statement.condition_keys, [&](const std::string& key) { return is_own(key, services); });
    }

    // Roles that only the service changes to which they belong (R78): what is allowed of them is allowed to it.
    static bool is_of_service_roles(const Statement& statement) {
        return std::ranges::any_of(statement.resources.items, [](const Item& item) { return item.text.contains(":role/aws-"); });
    }

    void never_applies(const Statement& statement) {
        const Range range = statement.node->range;
        const bool contradiction = statement.condition != nullptr &&
                                   ask(policy_of({statement_text(statement, {.condition = false, .effect = allow})}), nullptr,
                                       statement, Asked::listed, "whether its actions work on its resources") == Kind::yes;
        if (contradiction ? !has_own_keys(statement, text_.substr(range.begin, range.end - range.begin)) : !is_served(statement))
            return;
        if (is_of_service_roles(statement)) return;
        std::string details =
            contradiction ? "No request can meet its Condition" : "No request for its actions can be about its resources";
        details += statement.allows() ? ": the statement allows nothing." : ": the statement denies nothing.";
        superfluous_.insert(&statement);
        const Place place = contradiction                           ? statement.at(*statement.condition)
                            : statement.resources.member != nullptr ? statement.at(*statement.resources.member)
                                                                    : statement.place;
        statement.allows() ? out_.add(check_of("TRAINWARDEN_ALLOW_NEVER_APPLIES"), details, place)
                           : out_.add(check_of("TRAINWARDEN_DENY_NEVER_APPLIES"), details, place);
    }

    // Actions that work on none of the resources, and resources that none of the actions takes.
    void check_items(const Statement& statement) {
        if (statement.resources.negated || statement.resources.member == nullptr) return;
        if (std::ranges::any_of(statement.resources.items, [](const Item& item) { return item.text == "*"; })) return;
        std::vector<Place> places;
        std::string first;
        for (const Item& item : statement.actions.items) {
            if (statement.actions.items.size() < 2 || item.text == "*") break;
            if (can_work(item, statement.resources.items)) continue;
            if (ask_part(statement, {.condition = false, .action = &item, .effect = allow}) != Kind::no) continue;
            if (places.empty()) first = shown(item.text);
            places.push_back(item.place);
        }
        const auto more = [&] { return " and " + std::to_string(places.size() - 1) + " more of these "; };
        if (!places.empty()) {
            const std::string who = first + (places.size() == 1 ? " works" : more() + "actions work");
            out_.add(check_of("TRAINWARDEN_ACTION_WITHOUT_RESOURCE"), who + " on none of the resources of this statement.",
                     std::move(places));
        }
        places.clear();
        for (const Item& item : statement.resources.items) {
            if (statement.resources.items.size() < 2) break;
            if (std::ranges::any_of(statement.actions.items, [&](const Item& action) { return can_work(action, {item}); }))
                continue;
            if (ask_part(statement, {.condition = false, .resource = &item, .effect = allow}) != Kind::no) continue;
            if (places.empty()) first = shown(item.text);
            places.push_back(item.place);
        }
        if (places.empty()) return;
        const std::string which = first + (places.size() == 1 ? "." : more() + "resources.");
        out_.add(check_of("TRAINWARDEN_RESOURCE_WITHOUT_ACTION"), "None of the actions of this statement works on " + which,
                 std::move(places));
    }

    Kind ask_part(const Statement& statement, const Parts& parts) {
        const PolicyPtr part = policy_of({statement_text(statement, parts)});
        return part ? ask(part, nullptr, statement, Asked::listed, "whether its actions work on its resources") : Kind::unknown;
    }

    // A quick look, before a proof is asked: has the action, by its name, a resource of one of these forms?
    static bool can_work(const Item& action, const std::vector<Item>& resources) {
        if (has_wildcard(action.text)) return true;
        const auto formats = policy::resource_formats(action.text);
        return std::ranges::any_of(formats, [&](std::string_view format) {
            return std::ranges::any_of(resources, [&](const Item& item) { return can_be(item.text, format); });
        });
    }

    // Does the policy say the same without the statement?
    void check_others(const Statement& statement) {
        const bool by_principal = document_.subject.takes_principal();
        const auto services = services_of(statement);
        std::vector<std::string> all, rest;
        bool allows = false;
        for (const Statement& other : document_.statements) {
            if (!other.allows() && !other.denies()) return;
            if (!has_keys_of(other, services)) return;
            if (superfluous_.contains(&other)) continue;
            if (other.actions.member == nullptr || (by_principal && !has_same_principals(statement, other))) continue;
            if (by_principal && (asks_about_caller(other) || asks_about_caller(statement))) continue;
            allows = allows || other.allows();
            all.push_back(statement_text(other, {}));
            if (&other != &statement) rest.push_back(all.back());
        }
        if (rest.empty()) return;
        if (statement.allows()) return check_allow(statement, all, rest);
        check_deny(statement, all, rest, allows);
    }

    static bool asks_about_caller(const Statement& statement) {
        return std::ranges::any_of(statement.condition_keys, is_of_caller);
    }

    // In the same words: then what one grants the other grants as strongly.
    [[nodiscard]] bool has_same_principals(const Statement& a, const Statement& b) const {
        const auto slice = [&](const Member* member) {
            return member == nullptr
                       ? std::string_view()
                       : text_.substr(member->value.range.begin, member->value.range.end - member->value.range.begin);
        };
        return slice(a.principal) == slice(b.principal) && slice(a.not_principal) == slice(b.not_principal);
    }

    void check_allow(const Statement& statement, const std::vector<std::string>& all, const std::vector<std::string>& rest) {
        const PolicyPtr with = policy_of(all), without = policy_of(rest);
        if (!with || !without ||
            ask(with, without, statement, Asked::unlisted, "whether other statements make it superfluous") != Kind::no)
            return;
        // By a Deny, or by other Allows?
        std::vector<std::string> denials{statement_text(statement, {})};
        for (const Statement& other : document_.statements)
            if (other.denies() && other.actions.member != nullptr) denials.push_back(statement_text(other, {}));
        const bool denied =
            denials.size() > 1 && !document_.subject.takes_principal() &&
            ask(policy_of(denials), nullptr, statement, Asked::unlisted, "whether other statements deny all of it") == Kind::no;
        if (denied) {
            out_.add(check_of("TRAINWARDEN_ALLOW_ALWAYS_DENIED"),
                     "Other statements of this policy deny all that this one allows.", statement.place);
        } else {
            superfluous_.insert(&statement);
            out_.add(check_of("TRAINWARDEN_STATEMENT_SHADOWED"),
                     "Other statements of this policy allow all that this one allows: without it nothing changes.",
                     statement.place);
        }
    }

    void check_deny(const Statement& statement, const std::vector<std::string>& all, const std::vector<std::string>& rest,
                    bool allows) {
        // Denials of others, as if they allowed it: do they cover this one?
        std::vector<std::string> others;
        for (const Statement& other : document_.statements)
            if (&other != &statement && !superfluous_.contains(&other) && other.denies() && other.actions.member != nullptr &&
                (!document_.subject.takes_principal() ||
                 (has_same_principals(statement, other) && !asks_about_caller(other) && !asks_about_caller(statement))))
                others.push_back(statement_text(other, {.effect = allow}));
        const PolicyPtr alone = policy_of({statement_text(statement, {.effect = allow})});
        if (!others.empty()) {
            const PolicyPtr covering = policy_of(others);
            if (alone && covering &&
                ask(alone, covering, statement, Asked::unlisted, "whether other statements make it superfluous") == Kind::no) {
                superfluous_.insert(&statement);
                return out_.add(check_of("TRAINWARDEN_STATEMENT_SHADOWED"),
                                "Other statements of this policy deny all that this one denies: without it nothing changes.",
                                statement.place);
            }
        }
        // A policy that only denies is for what others allow; so is a resource's.
        if (!allows || document_.subject.type != PolicyType::identity) return;
        const PolicyPtr with = policy_of(all), without = policy_of(rest);
        if (!with || !without ||
            ask(without, with, statement, Asked::unlisted, "whether it denies anything that the policy allows") != Kind::no)
            return;
        out_.add(check_of("TRAINWARDEN_DENY_OF_WHAT_IS_NOT_ALLOWED"),
                 "The policy allows nothing of what this denies: the statement counts only against other policies of the same "
                 "principal.",
                 statement.place);
    }

    static constexpr std::string_view allow = "\"Allow\"";

    const Document& document_;
    std::string_view text_;
    Collector& out_;
    size_t left_, bytes_left_, unknown_ = 0;
    proof::Work work_;
    const proof::Limits engine_;
    bool is_spent_ = false;  // a limit is reached: nothing more is asked
    std::vector<World> worlds_;
    std::set<const Statement*> superfluous_;
};

}  // namespace

void check_effect(const Document& document, std::string_view text, Collector& out) {
    if (text.size() > out.limits().proved_bytes_max)
        return out.unknown("what statements do: the document has more than " + std::to_string(out.limits().proved_bytes_max) +
                           " bytes (proved_bytes_max)");
    std::set<const Statement*> said;
    // What a trust policy does depends on who asks, and on little else.
    if (!document.subject.is_trust()) said = Effect(document, text, out).check();
    if (document.subject.type == PolicyType::resource) check_principal_effect(document, text, said, out);
}

}  // namespace lint
