#include "proof/ways.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/evaluate.hpp"
#include "policy/passed_resource.hpp"
#include "policy/print.hpp"
#include "policy/reference.hpp"
#include "policy/statement_span.hpp"
#include "policy/vocabulary.hpp"
#include "proof/actions.hpp"
#include "proof/automaton.hpp"
#include "proof/resources.hpp"
#include "text/json.hpp"
#include "text/one_or_many.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;
using policy::Layer;
using policy::PrincipalKind;
using text::Json;

bool is_pattern(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

std::string_view service_of(std::string_view action) { return action.substr(0, action.find(':')); }

bool matches_any(const std::vector<std::string>& patterns, std::string_view action) {
    const std::string lower = base::lower(action);
    return std::ranges::any_of(patterns, [&](const std::string& one) { return policy::glob_matches(base::lower(one), lower); });
}

// The catalogue, as ActionGroup counts it: by names in lower case.
const std::vector<std::pair<std::string, std::string_view>>& catalogue() {
    static const auto all = [] {
        std::vector<std::pair<std::string, std::string_view>> out;
        for (const std::string_view name : policy::actions_matching("*")) out.emplace_back(base::lower(name), name);
        std::ranges::sort(out);
        return out;
    }();
    return all;
}

const std::vector<std::pair<uint32_t, uint32_t>>& services() {
    static const auto all = [] {
        std::vector<std::pair<uint32_t, uint32_t>> out;
        std::string_view last;
        for (uint32_t i = 0; i < catalogue().size(); ++i) {
            const std::string_view lower = catalogue()[i].first, service = lower.substr(0, lower.find(':'));
            if (service != last) out.emplace_back(i, i);
            last = service;
            out.back().second = i + 1;
        }
        return out;
    }();
    return all;
}

// What tells actions of a group apart: what their resources look like and, of S3's, which keys their requests have.
std::string shape_of(std::string_view action, const ActionGroup& group) {
    constexpr std::string_view account = "111122223333", region = "us-east-1";  // any will do
    std::string out;
    if (!policy::names_resource(action)) {
        out = "-" + policy::passed_resource(action, "*", account, region);
    } else {
        for (const auto format : policy::resource_formats(action))
            out += policy::passed_resource(action, format, account, region) + " ";
    }
    if (!group.alike)
        for (const auto& key : group.keys) out += policy::is_key_of_s3_action(key, action) ? '1' : '0';
    return out;
}

// Actions that are decided alike, and one of them.
struct AlikeActions {
    std::string first;
    std::vector<std::string> all;
};

std::vector<AlikeActions> alike_actions(std::span<const StatementActions> statements, const std::vector<std::string>& patterns,
                                        const std::vector<std::string>& except,
                                        const std::function<bool(const std::string&)>& may_be_allowed) {
    std::vector<AlikeActions> out;
    if (std::ranges::none_of(patterns, [](const std::string& one) { return is_pattern(one); })) {
        for (const std::string& one : patterns)
            if (!matches_any(except, one) && may_be_allowed(one)) out.push_back({one, {one}});
        return out;
    }
    for (const ActionGroup& group : group_actions(statements, patterns, except)) {
        if (group.alike && !may_be_allowed(group.first)) continue;
        for (const std::string& name : group.named) out.push_back({name, {name}});
        std::map<std::string, AlikeActions> by_shape;
        const auto add = [&](uint32_t number) {
            const std::string name(catalogue()[number].second);
            AlikeActions& alike = by_shape[shape_of(name, group)];
            if (alike.first.empty()) alike.first = name;
            alike.all.push_back(name);
        };
        for (const uint32_t number : group.actions) add(number);
        for (const uint32_t service : group.services)
            for (uint32_t i = services()[service].first; i < services()[service].second; ++i) add(i);
        for (auto& [shape, alike] : by_shape) out.push_back(std::move(alike));
    }
    return out;
}

// A policy with these of its statements made such as never allow. Their numbers stay.
policy::PolicyPtr without(const policy::Policy& policy, const std::set<uint32_t>& statements) {
    auto document = text::parse_json(policy.text());
    if (!document) return policy::Policy::parse_stored(policy.text(), policy.kind());
    const Json inert = Json::object({{"Effect", "Allow"}});
    Json kept = Json::array();
    uint32_t number = 0;
    for (const Json& statement : text::one_or_many((*document)["Statement"]))
        kept.push(statements.contains(number++) ? inert : statement);
    document->set("Statement", std::move(kept));
    return policy::Policy::parse_stored(document->dump(), policy.kind());
}

// The policies of a question, whole or with statements left out.
struct Policies {
    policy::PrincipalPolicies own;
    std::optional<AttachedPolicy> resource;
};

class Finder {
public:
    Finder(const Subject& subject, const policy::PrincipalPolicies& policies, const Target& target, const policy::Context& known,
           const WayLimits& limits)
        : subject_(subject), policies_(policies), target_(target), limits_(limits), known_(known) {
        subject_.absent = target.absent;
        known_.merge(target.known);
        all_known_ = subject.known;
        all_known_.merge(known_);
    }

    WaysIn run() {
        find_all(target_.actions, target_.except, target_.policy);
        for (WayIn& way : out_.found) way.resources = resources_of_way(way);
        std::ranges::sort(out_.found, {}, [](const WayIn& way) { return way.actions.front(); });
        return std::move(out_);
    }

private:
    template <class Visit>
    void each_policy(const AttachedPolicy* resource, Visit&& visit) const {
        for (const auto& one : policies_.identity) visit(Layer::identity, one);
        if (policies_.boundary) visit(Layer::boundary, *policies_.boundary);
        if (policies_.session)
            for (const auto& one : *policies_.session) visit(Layer::session, one);
        for (const auto& level : policies_.service_control)
            for (const auto& one : level) visit(Layer::service_control, one);
        for (const auto& level : policies_.resource_control)
            for (const auto& one : level) visit(Layer::resource_control, one);
        if (policies_.vpc_endpoint) visit(Layer::vpc_endpoint, *policies_.vpc_endpoint);
        if (resource != nullptr) visit(Layer::resource, *resource);
    }

    void find_all(const std::vector<std::string>& actions, const std::vector<std::string>& except,
                  const AttachedPolicy* resource) {
        std::vector<StatementActions> statements;
        each_policy(resource, [&](Layer, const AttachedPolicy& one) {
            for (const auto& statement : one.policy->compiled().statements())
                statements.push_back({&one.policy->compiled(), &statement});
        });
        const auto may_be_allowed = [&](const std::string& action) {
            if (subject_.principal.kind == PrincipalKind::root) return true;
            const std::string lower = base::lower(action);
            if (std::ranges::find(policy::actions_of_everybody, lower) != policy::actions_of_everybody.end()) return true;
            return std::ranges::any_of(statements, [&](const StatementActions& one) {
                return one.statement->effect == policy::Effect::allow && !one.statement->broken &&
                       names_action(*one.policy, *one.statement, lower) != one.statement->not_action;
            });
        };
        for (const AlikeActions& alike : alike_actions(statements, actions, except, may_be_allowed)) find(alike, resource);
    }

    // WaysIn for one action, and with it for those that are decided alike.
    void find(const AlikeActions& alike, const AttachedPolicy* resource) {
        std::vector<WayIn> ways;
        std::deque<std::set<StatementOf>> left_out{{}};
        std::set<std::set<StatementOf>> seen{{}};
        for (size_t asked = 0; !left_out.empty(); ++asked, left_out.pop_front()) {
            if (asked >= limits_.questions_max || ways.size() >= limits_.ways_max) {
                open("the number of ways");
                break;
            }
            auto way = ask(alike.first, resource, left_out.front());
            if (!way) continue;
            for (const StatementOf& one : statements_of(*way)) {
                auto more = left_out.front();
                more.insert(one);
                if (seen.insert(more).second) left_out.push_back(std::move(more));
            }
            const auto key = statements_of(*way);
            if (std::ranges::none_of(ways, [&](const WayIn& other) { return statements_of(other) == key; }))
                ways.push_back(std::move(*way));
        }
        const auto has_smaller = [&](const WayIn& way) {
            const auto whole = statements_of(way);
            return std::ranges::any_of(ways, [&](const WayIn& other) {
                const auto part = statements_of(other);
                return part.size() < whole.size() && std::ranges::includes(whole, part);
            });
        };
        for (const WayIn& way : ways) {
            if (has_smaller(way)) continue;
            WayIn out = way;
            out.denied_by = denials(alike.first, resource);
            add(std::move(out), alike.all);
        }
    }

    void add(WayIn way, const std::vector<std::string>& actions) {
        const auto same = std::ranges::find_if(out_.found, [&](const WayIn& other) {
            return other.allowed_by == way.allowed_by && other.denied_by == way.denied_by;
        });
        if (same == out_.found.end()) {
            WayIn& added = out_.found.emplace_back(std::move(way));
            added.actions.insert(added.actions.end(), actions.begin(), actions.end());
            return;
        }
        same->actions.insert(same->actions.end(), actions.begin(), actions.end());
        const auto is_of_service = [&](const policy::Request& other) {
            return service_of(other.action) == service_of(way.witness.action);
        };
        if (!is_of_service(same->witness) && std::ranges::none_of(same->others, is_of_service))
            same->others.push_back(std::move(way.witness));
    }

    static std::set<StatementOf> statements_of(const WayIn& way) { return {way.allowed_by.begin(), way.allowed_by.end()}; }

    Policies reduced(const AttachedPolicy* resource, const std::set<StatementOf>& left_out) const {
        Policies out{policies_, resource == nullptr ? std::nullopt : std::optional(*resource)};
        std::map<const AttachedPolicy*, std::set<uint32_t>> by_policy;
        for (const StatementOf& one : left_out) by_policy[one.policy].insert(one.statement);
        const auto reduce = [&](AttachedPolicy& one, const AttachedPolicy& whole) {
            if (const auto found = by_policy.find(&whole); found != by_policy.end())
                one.policy = without(*whole.policy, found->second);
        };
        const auto reduce_all = [&](std::vector<AttachedPolicy>& list, const std::vector<AttachedPolicy>& whole) {
            for (size_t i = 0; i < list.size(); ++i) reduce(list[i], whole[i]);
        };
        reduce_all(out.own.identity, policies_.identity);
        if (out.own.boundary) reduce(*out.own.boundary, *policies_.boundary);
        if (out.own.session) reduce_all(*out.own.session, *policies_.session);
        for (size_t i = 0; i < out.own.service_control.size(); ++i)
            reduce_all(out.own.service_control[i], policies_.service_control[i]);
        for (size_t i = 0; i < out.own.resource_control.size(); ++i)
            reduce_all(out.own.resource_control[i], policies_.resource_control[i]);
        if (out.own.vpc_endpoint) reduce(*out.own.vpc_endpoint, *policies_.vpc_endpoint);
        if (out.resource) reduce(*out.resource, *resource);
        return out;
    }

    std::optional<WayIn> ask(const std::string& action, const AttachedPolicy* resource, const std::set<StatementOf>& left_out) {
        std::optional<Policies> fewer;
        View view{&policies_, resource, target_.restricts_public, target_.policy_is_public};
        if (!left_out.empty()) {
            fewer = reduced(resource, left_out);
            view.policies = &fewer->own;
            view.resource = fewer->resource ? &*fewer->resource : nullptr;
        }
        ++out_.questions;
        const Question question{.subject = &subject_,
                                .allowed = {view},
                                .refused = {},
                                .actions = {action},
                                .resources = target_.resources,
                                .resource_account = target_.account,
                                .known = known_,
                                .region = target_.region};
        Answer answer = prove(question, limits_.each);
        if (answer.kind == Answer::Kind::unknown) open(answer.reason);
        if (answer.kind != Answer::Kind::yes) return std::nullopt;
        WayIn way{.actions = {}, .allowed_by = {}, .denied_by = {}, .witness = std::move(*answer.witness)};
        const policy::Question asked(way.witness);
        const auto verdict = policy::decide(asked, *view.policies, applying_policy(way.witness, view));
        for (const policy::Granting& one : verdict.granting())
            if (is_needed(one.layer, way.witness, view))
                way.allowed_by.push_back(
                    {one.layer, fewer ? original(*one.policy, *fewer, resource) : one.policy, one.statement});
        return way;
    }

    // A boundary or a session policy may allow what needs it not: a direct grant of the resource's policy passes them by (R15 to R18).
    static bool is_needed(Layer layer, const policy::Request& request, const View& view) {
        if (layer != Layer::boundary && layer != Layer::session) return true;
        static const policy::PolicyPtr nothing = policy::Policy::parse_stored(
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:NoSuchAction","Resource":"*"}]})",
            policy::PolicyKind::identity);
        policy::PrincipalPolicies without = *view.policies;
        if (layer == Layer::boundary) without.boundary = AttachedPolicy{nothing, ""};
        if (layer == Layer::session) without.session = std::vector<AttachedPolicy>{{nothing, ""}};
        const policy::Question question(request);
        return policy::decide(question, without, applying_policy(request, view)).outcome != policy::Outcome::allow;
    }

    // The policy whose place another has in a reduced set.
    const AttachedPolicy* original(const AttachedPolicy& policy, const Policies& in, const AttachedPolicy* resource) const {
        const auto in_list = [&](const std::vector<AttachedPolicy>& list,
                                 const std::vector<AttachedPolicy>& originals) -> const AttachedPolicy* {
            for (size_t i = 0; i < list.size(); ++i)
                if (&list[i] == &policy) return &originals[i];
            return nullptr;
        };
        if (const auto* found = in_list(in.own.identity, policies_.identity)) return found;
        if (in.own.session)
            if (const auto* found = in_list(*in.own.session, *policies_.session)) return found;
        for (size_t i = 0; i < in.own.service_control.size(); ++i)
            if (const auto* found = in_list(in.own.service_control[i], policies_.service_control[i])) return found;
        for (size_t i = 0; i < in.own.resource_control.size(); ++i)
            if (const auto* found = in_list(in.own.resource_control[i], policies_.resource_control[i])) return found;
        if (in.own.boundary && &*in.own.boundary == &policy) return &*policies_.boundary;
        if (in.own.vpc_endpoint && &*in.own.vpc_endpoint == &policy) return &*policies_.vpc_endpoint;
        return resource;
    }

    // The statements that deny some requests for the action.
    std::vector<StatementOf> denials(const std::string& action, const AttachedPolicy* resource) const {
        std::vector<StatementOf> out;
        const std::string lower = base::lower(action);
        const policy::CallerNames names(subject_.principal, lower);
        each_policy(resource, [&](Layer layer, const AttachedPolicy& one) {
            const auto& compiled = one.policy->compiled();
            for (uint32_t i = 0; i < compiled.statements().size(); ++i) {
                const auto& statement = compiled.statements()[i];
                if (statement.effect != policy::Effect::deny || statement.broken) continue;
                if (names_action(compiled, statement, lower) == statement.not_action) continue;
                if (statement.has_principal && policy::names(compiled.principals(statement), names,
                                                             policies_.boundary.has_value(), true) == policy::Grant::none)
                    continue;
                if (may_apply(compiled, statement)) out.push_back({layer, &one, i});
            }
        });
        return out;
    }

    // To some request: is its resource among those that are asked about, and do no conditions on what is known keep it out?
    bool may_apply(const policy::CompiledPolicy& policy, const policy::CompiledStatement& statement) const {
        for (const auto& condition : policy.conditions(statement)) {
            policy::TypedValues typed;
            if (all_known_.find(condition.key_hash, policy.text(condition.key)) != nullptr &&
                !policy::holds(condition, policy.condition_tables(), policy::ContextView(all_known_), typed))
                return false;
        }
        if (statement.any_resource) return true;
        const Variables variables{
            .known = &all_known_, .is_free = [](const void*, std::string_view) { return true; }, .of = nullptr};
        std::vector<PatternTokens> own;
        for (const auto& pattern : policy.resources(statement)) own.push_back(tokens_of(pattern, policy.patterns(), variables));
        std::vector<Tokens> asked;
        for (const auto& pattern : target_.resources) asked.push_back(glob_tokens(pattern));
        std::vector<Constraint> constraints(2);
        for (const Tokens& one : asked) constraints[0].patterns.push_back(&one);
        constraints[1].wanted = !statement.not_resource;
        for (const PatternTokens& one : own)
            if (!one.matches_nothing && (!statement.not_resource || !one.relaxed()))
                constraints[1].patterns.push_back(&one.tokens);
        return find_text(constraints, limits_.each.automaton_states_max, limits_.each.work).kind != FoundText::Kind::none;
    }

    struct Written {
        std::string text;
        std::vector<Tokens> all;  // each of which must match
    };

    [[nodiscard]] bool matches_some(const std::vector<Tokens>& wanted, const Tokens* not_wanted) const {
        std::vector<Constraint> constraints;
        for (const Tokens& one : wanted) constraints.push_back({{&one}, true});
        if (not_wanted != nullptr) constraints.push_back({{not_wanted}, false});
        return find_text(constraints, limits_.each.automaton_states_max, limits_.each.work).kind != FoundText::Kind::none;
    }

    // Those of `wide` as far as the statement goes.
    [[nodiscard]] std::vector<Written> narrowed(const std::vector<Written>& wide, const StatementOf& of) const {
        const auto& compiled = of.policy->policy->compiled();
        const auto& statement = compiled.statements()[of.statement];
        if (statement.any_resource || statement.not_resource || statement.broken) return wide;
        const Variables variables{
            .known = &all_known_, .is_free = [](const void*, std::string_view) { return true; }, .of = nullptr};
        const std::vector<std::string> written = policy::print_resources(compiled, statement);
        std::vector<std::pair<std::string, PatternTokens>> own;
        for (size_t i = 0; i < compiled.resources(statement).size(); ++i) {
            const auto& pattern = compiled.resources(statement)[i];
            if (pattern.is_everything()) return wide;
            PatternTokens tokens = tokens_of(pattern, compiled.patterns(), variables);
            if (!tokens.matches_nothing) own.emplace_back(written[std::min(i, written.size() - 1)], std::move(tokens));
        }
        std::vector<Written> out;
        for (const Written& one : wide) {
            const auto includes = [&](const auto& other) {
                return !other.second.relaxed() && !matches_some(one.all, &other.second.tokens);
            };
            if (std::ranges::any_of(own, includes)) {
                out.push_back(one);
                continue;
            }
            for (const auto& [text, tokens] : own) {
                std::vector<Tokens> both = one.all;
                both.push_back(tokens.tokens);
                if (!matches_some(both, nullptr)) continue;
                if (one.all.size() == 1 && !matches_some({tokens.tokens}, &one.all.front()))
                    out.push_back({text, {tokens.tokens}});
                else
                    out.push_back({one.text + " & " + text, std::move(both)});
            }
        }
        return out;
    }

    [[nodiscard]] std::vector<std::string> resources_of_way(const WayIn& way) const {
        std::vector<Written> all;
        for (const std::string& asked : target_.resources)
            if (std::ranges::any_of(way.actions, [&](const std::string& action) {
                    return is_about(action, {asked}, target_.account, target_.region);
                }))
                all.push_back({asked, {glob_tokens(asked)}});
        for (const StatementOf& one : way.allowed_by) all = narrowed(all, one);
        std::set<std::string> out;
        for (const Written& one : all) out.insert(one.text);
        return {out.begin(), out.end()};
    }

    void open(const std::string& reason) {
        if (out_.open.empty()) out_.open = reason;
    }

    Subject subject_;
    const policy::PrincipalPolicies& policies_;
    const Target& target_;
    const WayLimits& limits_;
    policy::Context known_;      // of the circumstances and of the resources
    policy::Context all_known_;  // and of the principal
    WaysIn out_;
};

}  // namespace

WaysIn ways_of(const Subject& subject, const policy::PrincipalPolicies& policies, const Target& target,
               const policy::Context& known, const WayLimits& limits) {
    return Finder(subject, policies, target, known, limits).run();
}

bool is_about(const std::string& action, const std::vector<std::string>& resources, const std::string& account,
              const std::string& region) {
    const auto own = proof::resources_of(action, {.partition = "aws", .account = account, .region = region});
    if (own.empty()) return true;
    std::vector<Tokens> asked;
    for (const std::string& one : resources) asked.push_back(glob_tokens(one));
    std::vector<Constraint> constraints(2);
    for (const Tokens& one : own) constraints[0].patterns.push_back(&one);
    for (const Tokens& one : asked) constraints[1].patterns.push_back(&one);
    return find_text(constraints, Limits{}.automaton_states_max).kind != FoundText::Kind::none;
}

StatementResources resources_of(const StatementOf& statement) {
    const auto& compiled = statement.policy->policy->compiled();
    const auto& of = compiled.statements()[statement.statement];
    if (of.any_resource || of.broken) return {};
    return {.patterns = policy::print_resources(compiled, of), .all_but = of.not_resource};
}

policy::StatementRef reference_to(const StatementOf& statement) {
    return policy::reference_to({statement.layer, statement.statement, statement.policy});
}

std::vector<StatementCondition> conditions_of(const StatementOf& statement, const policy::Context& known) {
    std::vector<StatementCondition> out;
    const auto document = text::parse_json(policy::statement_text(*statement.policy->policy, statement.statement));
    if (!document) return out;
    for (const auto& [op, keys] : (*document)["Condition"].members())
        for (const auto& [key, values] : keys.members()) {
            StatementCondition one{.op = op, .key = key, .values = {}};
            for (const Json& value : text::one_or_many(values))
                one.values.push_back(value.is_string() ? value.as_string() : value.dump());
            const bool open = std::ranges::any_of(one.values, [](const std::string& value) { return value.contains("${"); });
            if (known.find(key) == nullptr || open) out.push_back(std::move(one));
        }
    return out;
}

}  // namespace proof
