#include "proof/difference_search.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/compile.hpp"
#include "policy/glob.hpp"
#include "policy/hash.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;
using policy::Layer;
using policy::Outcome;

// A policy of so many statements is one line, not as many.
constexpr size_t statements_listed_max = 6;

bool is_nothing(const Side& side) { return side.policies->identity.empty() && !side.resource && !side.policies->boundary; }

// Keys that tell principals of one account and kind apart.
bool is_of_principal(std::string_view key) {
    if (key == "aws:principalaccount" || key == "aws:principaltype" || key == "aws:principalisawsservice") return false;
    return key.starts_with("aws:principal") || key == "aws:username" || key == "aws:userid" || key == "aws:tokenissuetime" ||
           key == "aws:sourceidentity";
}

void add_all(std::vector<std::string>& to, const std::vector<std::string>& more) {
    for (const std::string& one : more)
        if (std::ranges::find(to, one) == to.end()) to.push_back(one);
}

}  // namespace

bool has_ceilings(const policy::PrincipalPolicies& policies, const std::optional<AttachedPolicy>& resource) {
    const auto denies = [](const AttachedPolicy& one) { return one.policy->summary().deny_services != 0; };
    return policies.boundary || policies.session || std::ranges::any_of(policies.identity, denies) ||
           (resource && denies(*resource));
}

std::vector<const AttachedPolicy*> policies_of(const Side& side, Layer layer) {
    std::vector<const AttachedPolicy*> out;
    const auto add = [&](const AttachedPolicy& one) { out.push_back(&one); };
    if (layer == Layer::identity) std::ranges::for_each(side.policies->identity, add);
    if (layer == Layer::boundary && side.policies->boundary) add(*side.policies->boundary);
    if (layer == Layer::session && side.policies->session) std::ranges::for_each(*side.policies->session, add);
    if (layer == Layer::resource && side.resource) add(*side.resource);
    return out;
}

policy::Request DifferenceSearch::as(const policy::Request& witness, const Actor& from, const Actor& to) {
    policy::Request out = witness;
    out.principal = to.subject.principal;
    for (const auto& entry : from.subject.known.entries()) out.context.erase(entry.key);
    out.context.merge(to.subject.known);
    return out;
}

View DifferenceSearch::view(const Side& side) const {
    const AttachedPolicy& unknown = owner_ == account_ ? keys_ : policy_open_to_all();
    return {side.policies, side.resource ? &*side.resource : &unknown, side.restricts_public};
}

bool DifferenceSearch::allows(const policy::Request& request, const Side& side) const {
    const policy::Question question(request);
    return policy::decide(question, *side.policies, applying_policy(request, view(side))).outcome == Outcome::allow;
}

Answer DifferenceSearch::ask(const Actor& actor, const std::vector<Side>& allowed, const std::vector<Side>& refused,
                             const std::vector<std::string>& actions, const std::vector<std::string>& resources) {
    ++out_.questions;
    Question question{.subject = &actor.subject,
                      .allowed = {},
                      .refused = {},
                      .actions = actions,
                      .except = {policy::actions_of_everybody.begin(), policy::actions_of_everybody.end()},
                      .resources = resources,
                      .resource_account = owner_};
    for (const Side& side : allowed) question.allowed.push_back(view(side));
    for (const Side& side : refused) question.refused.push_back(view(side));
    Answer out;
    for (const std::string& region : regions_) {
        question.region = region;
        auto answer = prove(question, limits_.engine);
        if (answer.kind == Answer::Kind::yes) return answer;
        if (answer.kind == Answer::Kind::unknown) out = std::move(answer);
    }
    return out;
}

bool DifferenceSearch::has(const Side& side, Layer layer, const Words& words) {
    for (const AttachedPolicy* one : policies_of(side, layer))
        if (std::ranges::any_of(words_.of(one->policy), [&](const Words& own) { return own.canonical == words.canonical; }))
            return true;
    return false;
}

std::vector<DifferenceSearch::Cause> DifferenceSearch::causes(const policy::Decision& decision, const Side& side,
                                                              const Side& other) {
    std::vector<Cause> out;
    for (const policy::StatementRef& one : decision.because) {
        const auto all = policies_of(side, one.layer);
        const auto found = std::ranges::find(all, one.policy_name, &AttachedPolicy::name);
        if (found == all.end()) continue;
        const auto& words = words_.of((*found)->policy);
        if (one.statement >= words.size()) continue;
        const Words& own = words[one.statement];
        out.push_back({*found, one.layer, &own, !has(other, one.layer, own)});
    }
    return out;
}

// The statement that the witness rests on, and what of it is said: the narrowest words that speak of the request, new ones before others.
DifferenceSearch::Explained DifferenceSearch::explain(AccessChange::Kind kind, const policy::Request& witness,
                                                      const Side& allowed, const Side& refused) {
    const policy::Question question(witness);
    const auto decide = [&](const Side& side) {
        return policy::evaluate(question, *side.policies, applying_policy(witness, view(side)));
    };
    const policy::Decision yes = decide(allowed), no = decide(refused);
    const auto allows = causes(yes, allowed, refused);
    const auto denies = no.outcome == Outcome::explicit_deny ? causes(no, refused, allowed) : std::vector<Cause>{};
    Explained out;
    out.change.kind = kind;
    const bool gained = kind == AccessChange::Kind::gained;
    const auto is_new = [](const Cause& one) { return one.is_new; };
    const auto fresh = std::ranges::find_if(allows, is_new);
    if (denies.empty() && fresh != allows.end()) {
        out.region = *fresh->words;
        out.whole = fresh->words;
        out.change.why = (gained ? "by " : "was by ") + fresh->policy->name;
        describe_policy(*fresh, out);
        return out;
    }
    // Old words on both sides: a ceiling, or a Deny, has come or gone.
    const auto narrowest = [&](const std::vector<std::string> Words::* patterns, bool Words::* negated, std::string_view text) {
        const Cause* best = nullptr;
        size_t most = 0;
        for (const auto* list : {&allows, &denies})
            for (const Cause& one : *list) {
                const size_t size = one.words->*negated ? 0 : narrowness(one.words->*patterns, text);
                if (best == nullptr || size > most) best = &one, most = size;
            }
        return best;
    };
    const Cause* action = narrowest(&Words::actions, &Words::not_action, witness.action);
    const Cause* resource = narrowest(&Words::resources, &Words::not_resource, witness.resource);
    if (action == nullptr) {  // the root user: nothing grants it anything
        out.region.actions = {witness.action};
        out.region.resources = {witness.resource};
    } else {
        out.region.actions = action->words->actions;
        out.region.not_action = action->words->not_action;
        out.region.resources = resource->words->resources;
        out.region.not_resource = resource->words->not_resource;
        if (action == resource && !action->words->deny) out.region.condition = action->words->condition;
    }
    if (!denies.empty()) {
        out.change.why = (gained ? "no longer denied by " : "denied by ") + denies.front().policy->name;
        if (const text::Json& condition = denies.front().words->condition; !condition.is_null())
            out.change.why += " if " + condition_text(condition);
    } else if (!no.missing.empty())
        out.change.why = (gained ? "no longer outside its " : "outside its ") + std::string(policy::describe(no.missing.front()));
    return out;
}

// A policy of many statements that is new as a whole, AWS's own above all: it is said by its name.
void DifferenceSearch::describe_policy(const Cause& cause, Explained& out) {
    const auto& all = words_.of(cause.policy->policy);
    if (cause.layer != Layer::identity || all.size() <= statements_listed_max) return;
    out.change.policy = cause.policy->name;
    for (const Words& one : all) {
        if (one.deny) continue;
        out.others.push_back(&one);
        add_all(out.change.actions, one.actions);
        add_all(out.change.resources, one.resources);
    }
}

// What of the words is so: each pattern by itself where some of them may not be.
void DifferenceSearch::refine(const Actor& actor, const Side& allowed, const Side& refused, const Outside& outside,
                              Explained& out) {
    AccessChange& change = out.change;
    if (out.others.empty()) {
        change.actions = out.region.actions;
        change.resources = out.region.resources;
        change.not_action = out.region.not_action;
        change.not_resource = out.region.not_resource;
        change.condition = condition_text(out.region.condition);
    }
    if (change.resources.empty()) change.resources = {change.witness->resource};  // a trust policy's
    if (is_nothing(refused) && !has_ceilings(*allowed.policies, allowed.resource)) return;
    const Side around{allowed.policies, policy::AttachedPolicy{outside.policy(), ""}};
    const auto patterns = [](bool negated, const std::vector<std::string>& list) {
        return negated ? std::vector<std::string>{"*"} : list;
    };
    auto actions = patterns(change.not_action || !out.others.empty(), change.actions);
    auto resources = patterns(change.not_resource || !out.others.empty(), change.resources);
    // Variables are no patterns of a question.
    if (std::ranges::any_of(resources, [](const std::string& one) { return one.contains("${"); })) resources = {"*"};
    change.partly = ask(actor, {allowed, refused}, {}, actions, resources).kind != Answer::Kind::no;
    if (!out.others.empty()) return;
    const auto keep = [&](std::vector<std::string>& list, bool negated, const auto& question) {
        if (negated || list.size() < 2 || list.size() > limits_.refined_max) return;
        std::vector<std::string> some;
        for (const std::string& one : list)
            if (one.contains("${") || question(one).kind != Answer::Kind::no) some.push_back(one);
        if (!some.empty()) list = std::move(some);
    };
    keep(change.actions, change.not_action,
         [&](const std::string& one) { return ask(actor, {allowed, around}, {refused}, {one}, resources); });
    keep(change.resources, change.not_resource, [&](const std::string& one) {
        return ask(actor, {allowed, around}, {refused}, patterns(change.not_action, change.actions), {one});
    });
    if (change.partly && std::ranges::none_of(change.actions, [](const std::string& one) { return one.contains('*'); }) &&
        !change.not_action)
        change.partly =
            ask(actor, {allowed, refused}, {}, change.actions, patterns(change.not_resource, change.resources)).kind !=
            Answer::Kind::no;
}

void DifferenceSearch::search(AccessChange::Kind kind, const Actor& actor, const Side& allowed, const Side& refused,
                              const Scope& scope) {
    // The root user needs no grant; of who is not of the account, the resource's policy has to know.
    const bool of_account = actor.kind == Actor::Kind::principal;
    const bool is_root = actor.subject.principal.kind == policy::PrincipalKind::root;
    if (!is_root && !allowed.resource && (!of_account || allowed.policies->identity.empty())) return;
    // Nothing on the other side, and no ceilings: what each policy allows by itself is all there is, and many principals have the same one.
    if (!is_nothing(refused) || has_ceilings(*allowed.policies, allowed.resource) || allowed.resource)
        return search_part(kind, actor, allowed, refused, scope);
    for (const AttachedPolicy& one : allowed.policies->identity) {
        policy::PrincipalPolicies alone;
        alone.identity.push_back(one);
        search_part(kind, actor, {&alone, std::nullopt}, refused, scope);
    }
}

void DifferenceSearch::search_part(AccessChange::Kind kind, const Actor& actor, const Side& allowed, const Side& refused,
                                   const Scope& scope) {
    // Lines about all resources hold for every principal that has the policy, if their witnesses are not of resources that are asked about apart.
    const bool everywhere = is_nothing(refused);
    Scope shared = scope;
    if (everywhere) shared.except.clear();
    const std::string key = key_of(kind, actor, allowed, refused, shared);
    if (!key.empty()) {
        auto found = known_.find(key);
        if (found == known_.end()) {
            Known lines{&actor, {}};
            if (find_lines(kind, actor, allowed, refused, shared, lines.lines))
                found = known_.emplace(key, std::move(lines)).first;
        }
        if (found != known_.end() && repeat(found->second, actor, allowed, refused, scope)) return;
    }
    std::vector<AccessChange> lines;
    (void)find_lines(kind, actor, allowed, refused, scope, lines);  // what it leaves open it has said
    out_.changes.insert(out_.changes.end(), lines.begin(), lines.end());
}

// Every Allow that could be a reason for more has been said, each as a whole?
bool DifferenceSearch::has_said_all(const Side& side, const std::vector<AccessChange>& lines) {
    std::set<std::string> said;
    for (const AccessChange& line : lines) said.insert(line.rests_on.begin(), line.rests_on.end());
    std::vector<AttachedPolicy> all = side.policies->identity;
    if (side.resource) all.push_back(*side.resource);
    for (const AttachedPolicy& one : all)
        for (const Words& words : words_.of(one.policy))
            if (!words.deny && !said.contains(words.canonical)) return false;
    return !all.empty() && !lines.empty();
}

// Are these all?
bool DifferenceSearch::find_lines(AccessChange::Kind kind, const Actor& actor, const Side& allowed, const Side& refused,
                                  const Scope& scope, std::vector<AccessChange>& lines) {
    Outside outside;
    outside.except_resources(scope.except);
    const char* may = kind == AccessChange::Kind::lost ? " may lose more: " : " may gain more: ";
    while (true) {
        if (is_nothing(refused) && has_said_all(allowed, lines)) return true;
        if (is_spent()) {
            out_.unknown.push_back(actor.shown + may + "the limit of questions");
            return false;
        }
        const Side around{allowed.policies, AttachedPolicy{outside.policy(), ""}};
        auto answer = ask(actor, {allowed, around}, {refused}, scope.actions, scope.resources);
        if (answer.kind == Answer::Kind::unknown) out_.unknown.push_back(actor.shown + may + answer.reason);
        if (answer.kind != Answer::Kind::yes) return answer.kind == Answer::Kind::no;
        const policy::Request witness = *answer.witness;
        if (lines.size() == limits_.lines_max) {
            lines.push_back({.kind = kind,
                             .who = {actor.shown},
                             .actions = {witness.action},
                             .resources = {witness.resource},
                             .more = true,
                             .witness = witness});
            return true;
        }
        Explained explained = explain(kind, witness, allowed, refused);
        explained.change.who = {actor.shown};
        explained.change.witness = witness;
        refine(actor, allowed, refused, outside, explained);
        if (explained.others.empty())
            outside.except(explained.region);
        else
            for (const Words* one : explained.others) outside.except(*one);
        // Words that do not take in the request itself (variables of an old Version) would be found again and again.
        if (allows(witness, {allowed.policies, AttachedPolicy{outside.policy(), ""}}))
            outside.except(witness.action, witness.resource);
        if (explained.whole)
            for (const Words* one : explained.others.empty() ? std::vector<const Words*>{explained.whole} : explained.others)
                explained.change.rests_on.push_back(one->canonical);
        lines.push_back(std::move(explained.change));
    }
}

void DifferenceSearch::all(AccessChange::Kind kind, const Actor& actor, const Side& allowed, const std::string& why) {
    auto answer = ask(actor, {allowed}, {}, {"*"}, {"*"});
    if (answer.kind == Answer::Kind::no) return;
    AccessChange change{
        .kind = kind, .who = {actor.shown}, .actions = {}, .resources = {}, .why = why, .witness = answer.witness};
    for (const AttachedPolicy& one : allowed.policies->identity)
        for (const Words& words : words_.of(one.policy)) {
            if (words.deny) continue;
            add_all(change.actions, words.actions);
            add_all(change.resources, words.resources);
        }
    out_.changes.push_back(std::move(change));
}

// Do its conditions or variables ask about the principal?
bool DifferenceSearch::asks_who(const policy::PolicyPtr& policy) {
    const auto [place, added] = asks_who_.try_emplace(policy.get(), false);
    if (!added) return place->second;
    const auto& compiled = policy->compiled();
    const auto tables = compiled.patterns();
    for (const auto& variable : compiled.all_variables())
        place->second = place->second || is_of_principal(tables.text(variable.key));
    for (const auto& statement : compiled.statements())
        for (const auto& condition : compiled.conditions(statement))
            place->second = place->second || is_of_principal(compiled.text(condition.key));
    return place->second;
}

S3Statements DifferenceSearch::s3_statements(const Actor& actor) {
    static const uint64_t bit = policy::service_bit(policy::hash_of("s3"));
    S3Statements out;
    bool shared = true;
    out.key = std::to_string(static_cast<int>(actor.subject.principal.kind));
    const auto add = [&](const AttachedPolicy& attached, char layer) {
        const auto& compiled = attached.policy->compiled();
        const auto tables = compiled.patterns();
        bool general = false;
        for (const auto& statement : compiled.statements()) {
            if ((statement.services & bit) == 0) continue;
            const auto patterns = compiled.resources(statement);
            out.any = out.any || (layer == 'i' && statement.effect == policy::Effect::allow);
            if (statement.not_resource || statement.broken) {
                out.of_names = true;
                continue;
            }
            for (const auto& pattern : patterns)
                if (pattern.is_everything())
                    general = true;
                else
                    out.beginnings.emplace_back(tables.text(tables.literal_prefix(pattern)));
        }
        if (!general) return;
        out.of_all = true;
        shared = shared && !asks_who(attached.policy);
        out.key += layer + std::to_string(reinterpret_cast<uintptr_t>(attached.policy.get()));
    };
    for (const AttachedPolicy& one : actor.policies.identity) add(one, 'i');
    if (actor.policies.boundary) add(*actor.policies.boundary, 'b');
    if (!shared) out.key.clear();
    return out;
}

// Principals with the same policies, which ask nothing about who it is, get the same lines. Empty: this one's are its own.
std::string DifferenceSearch::key_of(AccessChange::Kind kind, const Actor& actor, const Side& allowed, const Side& refused,
                                     const Scope& scope) {
    if (allowed.resource || refused.resource || actor.kind != Actor::Kind::principal) return {};
    std::string out = std::to_string(static_cast<int>(kind)) + std::to_string(static_cast<int>(actor.subject.principal.kind)) +
                      (actor.subject.principal.service_linked_role ? "s" : "");
    for (const Side* side : {&allowed, &refused}) {
        for (const Layer layer : {Layer::identity, Layer::boundary})
            for (const AttachedPolicy* one : policies_of(*side, layer)) {
                if (asks_who(one->policy)) return {};
                out += (layer == Layer::boundary ? "b" : "i") + std::to_string(reinterpret_cast<uintptr_t>(one->policy.get()));
            }
        out += "/";
    }
    out += owner_;
    for (const auto* list : {&scope.actions, &scope.resources, &scope.except})
        for (const std::string& one : *list) out += one + " ";
    return out;
}

bool DifferenceSearch::repeat(const Known& known, const Actor& actor, const Side& allowed, const Side& refused,
                              const Scope& scope) {
    std::vector<AccessChange> lines = known.lines;
    for (AccessChange& line : lines) {
        line.who = {actor.shown};
        line.witness = as(*line.witness, *known.actor, actor);
        const auto is_of = [&](const std::string& pattern) { return policy::glob_matches(pattern, line.witness->resource); };
        if (std::ranges::any_of(scope.except, is_of) || !allows(*line.witness, allowed) || allows(*line.witness, refused))
            return false;
    }
    out_.changes.insert(out_.changes.end(), lines.begin(), lines.end());
    return true;
}

}  // namespace proof
