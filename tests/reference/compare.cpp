#include "compare.hpp"

#include <algorithm>
#include <set>

#include "policy/evaluate.hpp"
#include "policy/explain.hpp"
#include "policy/hash.hpp"
#include "policy/residual.hpp"

namespace reference {

using policy::Layer;
using policy::Outcome;

namespace {

// The keys of a context, worked out when they are asked for: here, looked up in another one.
class Computed final : public policy::ComputedKeys {
public:
    explicit Computed(const policy::Context& keys) : keys_(keys) {}
    uint64_t present() const override { return keys_.present(); }
    bool has_ambiguous() const override { return keys_.has_ambiguous(); }
    void add_to(policy::Context& into) const override { into.merge(keys_); }

private:
    const Entry* compute(uint64_t key_hash, std::string_view lower_key) const override { return keys_.find(key_hash, lower_key); }
    const policy::Context& keys_;
};

// The same context in layers. What a layer has, those behind it have too, with another value: it must not count.
std::string difference_in_layers(const policy::Request& request, const policy::PolicySet& policies,
                                 const policy::Verdict& expected) {
    policy::Context layers[5];
    size_t number = 0;
    for (const auto& entry : request.context.entries()) {
        const size_t own = number++ % std::size(layers);
        policy::Context alone = request.context;
        for (const auto& other : request.context.entries())
            if (other.key != entry.key) alone.erase(other.key);
        layers[own].merge(alone);
        for (size_t behind = own + 1; behind < std::size(layers); ++behind) layers[behind].replace(entry.key, "not this one");
    }
    const Computed computed(layers[1]);
    const policy::ContextView view(&layers[0], &computed, {&layers[2], &layers[3], nullptr, &layers[4]});
    if (view.merged().entries() != request.context.entries()) return "the layers together are another context";
    const policy::ActionFacts action(request.action);
    const policy::CallerNames names(request.principal);
    const policy::Question question({.principal = request.principal,
                                     .names = names,
                                     .action = action,
                                     .resource = request.resource,
                                     .resource_account = request.resource_account,
                                     .context = view});
    const auto verdict = policy::decide(question, policies);
    if (verdict.outcome != expected.outcome || verdict.layer != expected.layer || verdict.missing != expected.missing)
        return "decide() says " + std::string(outcome_name(verdict.outcome)) + " when the context is in layers";
    return {};
}

// What the decision without notes keeps: of each layer that the notes name, one statement that they name.
std::string difference_in_granting(const policy::Decision& decision, const policy::Verdict& verdict) {
    std::set<Layer> noted, kept;
    for (const auto& ref : decision.because) noted.insert(ref.layer);
    for (const auto& granting : verdict.granting()) {
        const auto kept_one = policy::reference_to(granting);
        kept.insert(granting.layer);
        if (std::ranges::none_of(decision.because, [&](const policy::StatementRef& ref) {
                return ref.layer == kept_one.layer && ref.policy_name == kept_one.policy_name &&
                       ref.statement == kept_one.statement;
            }))
            return "decide() keeps a statement that allows nothing: " + policy::describe(kept_one);
    }
    return noted == kept ? "" : "decide() keeps statements of other layers than those that allow it";
}

// About half of the keys.
class HalfKnown final : public policy::KnownKeys {
public:
    explicit HalfKnown(uint64_t half) : half_(half) {}
    bool knows(uint64_t key_hash, std::string_view) const override {
        return ((key_hash ^ half_) * 0x9E3779B97F4A7C15u >> 63) != 0;
    }

private:
    uint64_t half_;
};

// On what another question left of the policies: about another resource, with other values for all but the known keys.
std::string difference_on_residual(const policy::Request& request, const policy::PolicySet& policies,
                                   const policy::Decision& decision, const policy::Verdict& expected) {
    const HalfKnown known(policy::hash_of(request.resource) + request.context.entries().size());
    policy::Request earlier = request;
    earlier.resource = "arn:aws:s3:::another/resource";
    size_t number = 0;
    for (const auto& entry : request.context.entries()) {
        if (entry.ambiguous)
            earlier.context.erase(entry.key);
        else if (!known.knows(policy::hash_of(entry.key), entry.key) && ++number % 2 == 0)
            earlier.context.erase(entry.key);
        else if (!known.knows(policy::hash_of(entry.key), entry.key))
            earlier.context.replace(entry.key, "not this one");
    }
    const policy::AttachedPolicy* const resource = policies.resource ? &*policies.resource : nullptr;
    const policy::Question earlier_question(earlier), question(request);
    const policy::Residual residual(earlier_question, policies, resource, known);
    const auto verdict = policy::decide(question, policies, resource, residual);
    if (verdict.outcome != expected.outcome || verdict.layer != expected.layer || verdict.missing != expected.missing)
        return "decide() says " + std::string(outcome_name(verdict.outcome)) + " by " + std::string(layer_name(verdict.layer)) +
               " on what is left of the policies";
    if (verdict.outcome != Outcome::allow) return {};
    const auto why = difference_in_granting(decision, verdict);
    return why.empty() ? why : why + ", on what is left of the policies";
}

}  // namespace

std::string difference(const policy::Request& request, const policy::PolicySet& policies, const Answer& expected) {
    const auto decision = policy::evaluate(request, policies);
    const auto say = [&](std::string what) { return what + "\n" + policy::explain(request, decision); };
    if (decision.outcome != expected.outcome)
        return say("the engine says " + std::string(outcome_name(decision.outcome)) + ", the reference " +
                   std::string(outcome_name(expected.outcome)));
    const std::set<Layer> missing(decision.missing.begin(), decision.missing.end());
    // The decision without reasons is the same decision.
    const policy::Question asked(request);
    const auto ruling = policy::decide(asked, policies);
    uint16_t bits = 0;
    if (decision.outcome == Outcome::implicit_deny)
        for (const auto layer : missing) bits = static_cast<uint16_t>(bits | 1 << static_cast<int>(layer));
    if (ruling.outcome != decision.outcome || ruling.layer != decision.layer || ruling.missing != bits)
        return say("decide() says " + std::string(outcome_name(ruling.outcome)) + " by " + std::string(layer_name(ruling.layer)) +
                   " and misses " + std::to_string(ruling.missing));
    if (auto why = difference_in_layers(request, policies, ruling); !why.empty()) return say(why);
    if (auto why = difference_on_residual(request, policies, decision, ruling); !why.empty()) return say(why);
    if (decision.outcome == Outcome::allow)
        if (auto why = difference_in_granting(decision, ruling); !why.empty()) return say(why);
    if (expected.outcome == Outcome::implicit_deny && missing != expected.missing) {
        std::string names = "the reference misses";
        for (const auto layer : expected.missing) names += " " + std::string(layer_name(layer));
        return say(names);
    }
    if (expected.outcome == Outcome::explicit_deny) {
        if (decision.because.empty()) return say("an explicit deny names no statement");
        for (const auto& ref : decision.because)
            if (!expected.denies.contains({ref.layer, ref.policy_name, ref.statement}))
                return say("the reference does not deny by " + std::string(layer_name(ref.layer)) + " statement " +
                           std::to_string(ref.statement + 1) + " of " + ref.policy_name);
    }
    return {};
}

std::string difference(const Question& question) {
    const auto policies = policy_set(question.policies);
    return difference(question.request, policies, evaluate(question.request, read(policies)));
}

std::string grammar_difference(std::string_view document, policy::PolicyKind kind) {
    const auto parsed = policy::Policy::parse(document, kind);
    if (parsed.has_value() == acceptable(document, kind)) return {};
    return parsed ? "the parser accepts what the grammar does not"
                  : "the grammar accepts what the parser does not:\n" + parsed.error().describe();
}

std::string finding(const Question& question, const std::string& how_to_ask_again) {
    const auto small = shrink(question, [](const Question& candidate) { return !difference(candidate).empty(); });
    const auto expected = evaluate(small.request, read(policy_set(small.policies)));
    return how_to_ask_again + ": " + difference(small) + "\n" + small.as_case("R0: " + how_to_ask_again, expected.outcome);
}

}  // namespace reference
