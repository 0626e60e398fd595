#include "proof/least_privilege.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/compile.hpp"
#include "policy/evaluate.hpp"
#include "policy/explain.hpp"
#include "policy/print.hpp"
#include "proof/actions.hpp"
#include "proof/statement_copy.hpp"
#include "text/json.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;
using policy::Policy;
using policy::PolicyKind;
using policy::PolicyPtr;
using policy::PrincipalPolicies;
using text::Json;

constexpr std::string_view version = "2012-10-17";

// Keys whose value is a part of what a request is about.
struct NarrowingKey {
    std::string_view action, key;  // the key in lower case
    std::string_view written;
    bool is_name;  // a beginning of names of objects, which is generalized as names are
};
constexpr auto narrowing_keys = std::to_array<NarrowingKey>({
    {"s3:ListBucket", "s3:prefix", "s3:prefix", true},
    {"s3:ListBucketVersions", "s3:prefix", "s3:prefix", true},
    {"iam:PassRole", "iam:passedtoservice", "iam:PassedToService", false},
});

// What holds of one request of a role for one purpose holds of the next one, too. Any other key (when, from where, in which session, with which tags) had
// its value by chance, as far as a record can tell.
constexpr auto steady_keys = std::to_array<std::string_view>(
    {"aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:principalisawsservice", "aws:principalorgid",
     "aws:principalorgpaths", "aws:requestedregion", "aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths",
     "aws:securetransport", "iam:passedtoservice", "s3:prefix", "s3:resourceaccount"});

PolicyPtr policy_of(Json statements) {
    return Policy::parse_stored(Json::object({{"Version", version}, {"Statement", std::move(statements)}}).dump(),
                                PolicyKind::identity);
}

// An Allow of today's policies, alone, as Version 2012-10-17 writes it.
struct OldAllow {
    size_t place = 0;  // in LeastPrivilege::statements
    Json statement;
    PrincipalPolicies alone;
    std::vector<std::string> written;   // its patterns of resources
    int64_t steady = 0, by_chance = 0;  // conditions
    [[nodiscard]] const policy::CompiledPolicy& compiled() const { return alone.identity.front().policy->compiled(); }
    [[nodiscard]] const policy::CompiledStatement& of() const { return compiled().statements().front(); }
};

// What one access needs: the Allow in whose place it is allowed, and the pattern of resources.
struct Need {
    size_t allow = 0;
    std::string pattern;
    std::vector<const RecordedAccess*> accesses;
};

class Maker {
public:
    Maker(const LeastPrivilegeQuestion& question, const Limits& limits)
        : question_(question),
          limits_(limits),
          variables_{.known = &nothing_, .is_free = [](const void*, std::string_view) { return true; }, .of = nullptr} {}

    base::Result<LeastPrivilege> run() {
        TRY(read_policies());
        out_.runs = runs_of(question_.record, question_.runs);
        PrincipalPolicies without = *question_.policies;  // what is left of it if nothing is allowed
        without.identity = denying();
        for (size_t i = 0; i < question_.record.size(); ++i) {
            const RecordedAccess& access = question_.record[i];
            if (!is_allowed(access, *question_.policies))
                out_.not_allowed_now.push_back(i);
            else if (!is_allowed(access, without))
                add_need(access);
            else if (!is_allowed(access.request, without, nullptr))
                out_.by_resource.push_back(i);  // and not what everybody may
        }
        write();
        for (size_t i = 0; i < question_.record.size(); ++i)
            if (!is_allowed(question_.record[i], out_.policies) && is_allowed(question_.record[i], *question_.policies))
                out_.lost.push_back(i);
        prove_inside();
        return std::move(out_);
    }

private:
    static bool is_allowed(const policy::Request& request, const PrincipalPolicies& policies, const AttachedPolicy* resource) {
        const policy::Question question(request);
        return policy::decide(question, policies, resource).outcome == policy::Outcome::allow;
    }
    static bool is_allowed(const RecordedAccess& access, const PrincipalPolicies& policies) {
        return is_allowed(access.request, policies, access.resource);
    }

    base::Result<void> read_policies() {
        for (const AttachedPolicy& attached : question_.policies->identity) {
            const auto& compiled = attached.policy->compiled();
            const auto printed = text::parse_json(policy::print(*attached.policy));
            for (uint32_t i = 0; i < compiled.statements().size(); ++i) {
                const auto& statement = compiled.statements()[i];
                const bool denies = statement.effect == policy::Effect::deny;
                if (statement.broken && denies)
                    return base::fail(base::code::MalformedPolicyDocument,
                                      attached.name + " cannot be read, and denies everything that its statement " +
                                          std::to_string(i + 1) + " might deny: put a document in its place that can be read");
                Json document = TRY(statement_to_copy(*attached.policy, i, *printed));
                out_.statements.push_back({.policy = &attached, .number = i, .denies = denies});
                if (denies)
                    denies_.push_back(std::move(document));
                else if (!statement.broken)
                    add_allow(std::move(document));
            }
        }
        name_denies_apart();
        return {};
    }

    void add_allow(Json statement) {
        OldAllow& allow = allows_.emplace_back();
        allow.place = out_.statements.size() - 1;
        allow.alone.identity.push_back({policy_of(Json::array({statement})), "the statement"});
        allow.written = policy::print_resources(allow.compiled(), allow.of());
        const Json& resource = statement["Resource"];
        if (resource.is_string()) allow.written = {resource.as_string()};
        if (resource.size() == allow.written.size())  // as people wrote it
            for (size_t i = 0; i < resource.size(); ++i) allow.written[i] = resource.items()[i].as_string();
        for (const auto& condition : allow.compiled().conditions(allow.of())) {
            const auto key = allow.compiled().text(condition.key);
            ++(std::ranges::find(steady_keys, key) != steady_keys.end() ? allow.steady : allow.by_chance);
        }
        allow.statement = std::move(statement);
    }

    // IAM takes a Sid once in a document.
    void name_denies_apart() {
        std::set<std::string> seen;
        for (Json& one : denies_)
            if (one.contains("Sid") && !seen.insert(one["Sid"].as_string()).second) one.erase("Sid");
    }

    [[nodiscard]] std::vector<AttachedPolicy> denying() const {
        if (denies_.empty()) return {};
        return {{policy_of(Json::array(denies_)), "what is denied"}};
    }

    [[nodiscard]] bool applies(const OldAllow& allow, const RecordedAccess& access) const {
        const policy::Question question(access.request);
        return policy::evaluate(question, allow.alone, nullptr).said_by(policy::Layer::identity) == policy::Outcome::allow;
    }

    const Tokens& tokens_of_pattern(const std::string& pattern) {
        const auto [entry, added] = tokens_.try_emplace(pattern);
        if (added) {
            const auto policy =
                policy_of(Json::array({Json::object({{"Effect", "Allow"}, {"Action", "*"}, {"Resource", pattern}})}));
            const auto& compiled = policy->compiled();
            for (const auto& one : compiled.resources(compiled.statements().front()))
                entry->second = tokens_of(one, compiled.patterns(), variables_).tokens;
        }
        return entry->second;
    }

    // Does the statement name every resource that the pattern matches? Not sure is no.
    bool names_all(const OldAllow& allow, const std::string& pattern) {
        const auto [entry, added] = names_all_.try_emplace({allow.place, pattern}, false);
        if (added) entry->second = find_out_names_all(allow, pattern);
        return entry->second;
    }

    bool find_out_names_all(const OldAllow& allow, const std::string& pattern) {
        std::deque<Tokens> kept;
        Constraint own{{}, allow.of().not_resource};
        for (const auto& one : allow.compiled().resources(allow.of())) {
            auto tokens = tokens_of(one, allow.compiled().patterns(), variables_);
            if (tokens.matches_nothing) continue;
            if (tokens.relaxed() && !allow.of().not_resource) continue;
            own.patterns.push_back(&kept.emplace_back(std::move(tokens.tokens)));
        }
        const std::array<Constraint, 2> constraints{Constraint{{&tokens_of_pattern(pattern)}, true}, std::move(own)};
        return find_text(constraints, limits_.automaton_states_max, limits_.work).kind == FoundText::Kind::none;
    }

    bool is_within(const Tokens& inner, const std::string& outer) {
        const std::array<Constraint, 2> constraints{Constraint{{&inner}, true}, Constraint{{&tokens_of_pattern(outer)}, false}};
        return find_text(constraints, limits_.automaton_states_max, limits_.work).kind == FoundText::Kind::none;
    }

    // The widest pattern for the resource that stays inside of the statement.
    std::string pattern_in(const OldAllow& allow, const RecordedAccess& access, const std::vector<std::string>& choices) {
        for (const std::string& choice : choices) {
            if (names_all(allow, choice)) return choice;
            if (auto own = own_pattern(allow, access, choice)) return *std::move(own);
            if (auto both = common_pattern(allow, access, choice)) return *std::move(both);
        }
        // The statement's own pattern has a variable: what it stands for differs from session to session.
        return own_pattern(allow, access, "*").value_or(choices.back());
    }

    // One of the statement's patterns that matches the access and nothing beyond `within`.
    std::optional<std::string> own_pattern(const OldAllow& allow, const RecordedAccess& access, const std::string& within) {
        if (allow.of().not_resource) return std::nullopt;
        const auto patterns = allow.compiled().resources(allow.of());
        const policy::ContextView context(access.request.context);
        for (size_t i = 0; i < patterns.size(); ++i) {
            if (!policy::matches(patterns[i], allow.compiled().patterns(), access.request.resource, context)) continue;
            const auto tokens = tokens_of(patterns[i], allow.compiled().patterns(), variables_);
            if (!tokens.matches_nothing && is_within(tokens.tokens, within)) return allow.written[i];
        }
        return std::nullopt;
    }

    // Of `BEGINNING*` and one of the statement's patterns, what both match and the access is among.
    std::optional<std::string> common_pattern(const OldAllow& allow, const RecordedAccess& access, const std::string& wanted) {
        if (allow.of().not_resource || wanted.empty() || wanted.find_first_of("*?$") != wanted.size() - 1 ||
            !wanted.ends_with('*'))
            return std::nullopt;
        const std::string_view beginning = std::string_view(wanted).substr(0, wanted.size() - 1);
        for (const std::string& own : allow.written) {
            if (own.contains('$')) continue;
            const auto below = patterns_below(own, beginning);
            for (auto one = below.rbegin(); one != below.rend(); ++one)  // the one with the longest beginning first
                if (matches(tokens_of_pattern(*one), access.request.resource) && names_all(allow, *one)) return *one;
        }
        return std::nullopt;
    }

    // The Allow that an access is allowed by in the new policy: of those that allow it, the one with fewest conditions on what was so by chance, then
    // the one with most others, then the one that takes the widest pattern wanted, then the first.
    void add_need(const RecordedAccess& access) {
        const auto choices = patterns_for(access.request.action, access.request.resource, question_.generality, out_.runs);
        std::optional<std::pair<size_t, std::string>> best;
        const auto rank = [&](size_t allow, const std::string& pattern) {
            const auto at = static_cast<size_t>(std::ranges::find(choices, pattern) - choices.begin());
            return std::tuple(allows_[allow].by_chance, -allows_[allow].steady, at);
        };
        for (size_t i = 0; i < allows_.size(); ++i) {
            if (!applies(allows_[i], access)) continue;
            std::string pattern = pattern_in(allows_[i], access, choices);
            if (!best || rank(i, pattern) < rank(best->first, best->second)) best = {i, std::move(pattern)};
        }
        if (!best) return;  // then it is among what is lost
        out_.statements[allows_[best->first].place].accesses += access.times;
        const std::string condition = allows_[best->first].statement["Condition"].canonical();
        Need& need = needs_[{condition, access.request.action, best->second}];
        need.allow = best->first;
        need.pattern = best->second;
        need.accesses.push_back(&access);
    }

    // What the key's values in these accesses come to as a condition; null where one lacks it, or where any will do.
    Json narrowing(const NarrowingKey& key, const Need& need) const {
        if (key.is_name && question_.generality == Generality::bucket) return {};
        std::set<std::string> values;
        for (const RecordedAccess* access : need.accesses) {
            const auto* entry = access->request.context.find(key.key);
            if (entry == nullptr || entry->values.size() != 1 || entry->multivalued || entry->ambiguous) return {};
            const std::string& value = entry->values.front();
            const bool is_beginning = key.is_name && question_.generality == Generality::prefix;
            if (is_beginning && value.empty()) return {};  // all of it
            values.insert(is_beginning ? pattern_of_beginning(value, out_.runs) : escaped(value));
        }
        Json list = Json::array();
        for (const std::string& value : values) list.push(value);
        return Json::object(
            {{key.is_name ? "StringLike" : "StringEquals", Json::object({{std::string(key.written), std::move(list)}})}});
    }

    static bool asks_for(const Json& condition, std::string_view key) {
        for (const auto& [op, keys] : condition.members())
            for (const auto& [name, values] : keys.members())
                if (base::equals_ignoring_case(name, key)) return true;
        return false;
    }

    [[nodiscard]] Json condition_of(const Need& need) const {
        Json condition = allows_[need.allow].statement["Condition"];
        for (const NarrowingKey& key : narrowing_keys) {
            if (!base::equals_ignoring_case(key.action, need.accesses.front()->request.action) || asks_for(condition, key.key))
                continue;
            const Json more = narrowing(key, need);
            for (const auto& [op, keys] : more.members())
                for (const auto& [name, values] : keys.members()) {
                    if (!condition.contains(op)) condition.set(op, Json::object());
                    condition.find(op)->set(name, values);
                }
        }
        return condition;
    }

    bool covers(const std::string& wide, const std::string& one) {
        return wide == one || (!has_variable(one) && !has_variable(wide) && is_within(tokens_of_pattern(one), wide));
    }

    // Patterns without those that another one covers.
    std::set<std::string> without_covered(const std::set<std::string>& patterns) {
        std::set<std::string> out = patterns;
        for (const std::string& wide : patterns) {
            if (wide.find_first_of("*?") == std::string::npos || !out.contains(wide)) continue;
            std::erase_if(out, [&](const std::string& one) { return one != wide && covers(wide, one); });
        }
        return out;
    }

    using Patterns = std::map<std::string, std::set<std::string>>;  // by action
    void remove_covered(Patterns& from, const Patterns& by) {
        for (auto& [action, patterns] : from)
            if (const auto wide = by.find(action); wide != by.end())
                std::erase_if(patterns, [&](const std::string& one) {
                    return std::ranges::any_of(wide->second, [&](const std::string& other) { return covers(other, one); });
                });
    }

    static bool has_variable(std::string_view pattern) {
        for (size_t at = pattern.find("${"); at != std::string_view::npos; at = pattern.find("${", at + 2))
            if (at + 3 >= pattern.size() || pattern[at + 3] != '}') return true;
        return false;
    }

    void write() {
        // Actions with the same condition and the same resources are one statement.
        struct Condition {
            Json json;
            Patterns patterns;
        };
        std::map<std::string, Condition> by_condition;
        for (const auto& [key, need] : needs_) {
            const Json json = condition_of(need);
            Condition& condition = by_condition[json.canonical()];
            condition.json = json;
            condition.patterns[need.accesses.front()->request.action].insert(need.pattern);
        }
        // What is allowed whatever the circumstances needs no condition.
        if (const auto always = by_condition.find(Json().canonical()); always != by_condition.end())
            for (auto& [text, condition] : by_condition)
                if (&condition != &always->second) remove_covered(condition.patterns, always->second.patterns);
        Json statements = Json::array();
        for (auto& [text, condition] : by_condition) {
            std::map<std::set<std::string>, std::set<std::string>> actions;  // by patterns
            for (const auto& [action, patterns] : condition.patterns)
                if (!patterns.empty()) actions[without_covered(patterns)].insert(action);
            for (const auto& [patterns, names] : actions) statements.push(statement_of(names, patterns, condition.json));
        }
        std::ranges::sort(statements.items(), {}, [](const Json& one) { return one["Action"].canonical() + one.canonical(); });
        for (const Json& one : denies_) statements.push(one);
        out_.policies = *question_.policies;
        out_.policies.identity.clear();
        if (statements.size() == 0) return;
        out_.document = Json::object({{"Version", version}, {"Statement", statements}}).dump();
        out_.policies.identity.push_back(
            {Policy::parse_stored(out_.document, PolicyKind::identity), "the least-privilege policy"});
    }

    static Json statement_of(const std::set<std::string>& actions, const std::set<std::string>& patterns, const Json& condition) {
        const auto list = [](const std::set<std::string>& all) {
            Json out = Json::array();
            for (const std::string& one : all) out.push(one);
            return out;
        };
        Json out = Json::object({{"Effect", "Allow"}, {"Action", list(actions)}, {"Resource", list(patterns)}});
        if (condition.size() > 0) out.set("Condition", condition);
        return out;
    }

    // Which accounts own the resources that the new policy may be about.
    [[nodiscard]] std::set<std::string> owners() const {
        std::set<std::string> out{question_.subject->principal.account};
        for (const RecordedAccess& access : question_.record)
            if (!access.request.resource_account.empty()) out.insert(access.request.resource_account);
        return out;
    }

    [[nodiscard]] std::set<std::string> regions() const {
        std::set<std::string> out(question_.regions.begin(), question_.regions.end());
        for (const RecordedAccess& access : question_.record) {
            const auto arn = policy::parse_arn(access.request.resource);
            if (arn && !arn->region.empty() && arn->region.find_first_of("*?") == std::string_view::npos)
                out.emplace(arn->region);
        }
        return out;
    }

    // Whatever policies of resources say, a request is decided by whether the identity policies allow it and whether they deny it. So two questions are
    // enough: does the new one allow more by itself, and does it deny less where the resource's policy allows everything?
    void prove_inside() {
        const policy::Principal& principal = question_.subject->principal;
        const std::string& name = principal.role_arn.empty() ? principal.arn : principal.role_arn;
        const AttachedPolicy everything{
            Policy::parse_stored(
                Json::object({{"Version", version},
                              {"Statement", Json::array({Json::object({{"Effect", "Allow"},
                                                                       {"Principal", Json::object({{"AWS", name}})},
                                                                       {"Action", "*"},
                                                                       {"Resource", "*"}})})}})
                    .dump(),
                PolicyKind::resource),
            "a policy that allows everything"};
        for (const std::string& owner : owners())
            for (const std::string& region : regions()) {
                const bool is_own = owner == principal.account;
                out_.more = worse(std::move(out_.more), ask(owner, region, is_own ? nullptr : &everything));
                if (is_own) out_.undenied = worse(std::move(out_.undenied), ask(owner, region, &everything));
            }
    }

    static Answer worse(Answer first, Answer second) {
        if (first.kind == Answer::Kind::yes || second.kind == Answer::Kind::no) return first;
        if (second.kind == Answer::Kind::yes || first.kind == Answer::Kind::no) return second;
        return first;
    }

    [[nodiscard]] Answer ask(const std::string& owner, const std::string& region, const AttachedPolicy* resource) const {
        return prove({.subject = question_.subject,
                      .allowed = {{&out_.policies, resource}},
                      .refused = {{question_.policies, resource}},
                      .resource_account = owner,
                      .known = {},
                      .region = region},
                     limits_);
    }

    const LeastPrivilegeQuestion& question_;
    const Limits& limits_;
    const policy::Context nothing_;
    const Variables variables_;  // all are open: what they stand for differs from session to session
    std::deque<OldAllow> allows_;
    std::vector<Json> denies_;
    std::map<std::string, Tokens> tokens_;
    std::map<std::pair<size_t, std::string>, bool> names_all_;  // by the statement's place and the pattern
    std::map<std::array<std::string, 3>, Need> needs_;          // by condition, action and pattern
    LeastPrivilege out_;
};

}  // namespace

Runs runs_of(std::span<const RecordedAccess> record, std::span<const std::string> passed_to) {
    Runs out;
    out.names.insert(passed_to.begin(), passed_to.end());
    std::set<std::string> jobs = out.names;
    for (const RecordedAccess& access : record) {
        const std::string_view job = training_job_of(access.request.resource);
        if (job.empty()) continue;
        jobs.emplace(job);
        if (access.request.action == "sagemaker:CreateTrainingJob") out.names.emplace(job);
    }
    out.job_beginnings = job_beginnings(jobs);
    return out;
}

std::string refusal_of(const RecordedAccess& access, const PrincipalPolicies& policies) {
    const policy::Question question(access.request);
    return policy::explanation_of(access.request, policy::evaluate(question, policies, access.resource)).reason;
}

base::Result<LeastPrivilege> least_privilege(const LeastPrivilegeQuestion& question, const Limits& limits) {
    return Maker(question, limits).run();
}

}  // namespace proof
