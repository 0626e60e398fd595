#include "compare.hpp"

#include "policy/explain.hpp"

namespace reference {

using policy::Layer;
using policy::Outcome;

std::string difference(const policy::Request& request, const policy::PolicySet& policies, const Answer& expected) {
    const auto decision = policy::evaluate(request, policies);
    const auto say = [&](std::string what) { return what + "\n" + policy::explain(request, decision); };
    if (decision.outcome != expected.outcome)
        return say("the engine says " + std::string(outcome_name(decision.outcome)) + ", the reference " +
                   std::string(outcome_name(expected.outcome)));
    const std::set<Layer> missing(decision.missing.begin(), decision.missing.end());
    // The decision without reasons is the same decision.
    const auto ruling = policy::decide(policy::Question(request), policies);
    uint16_t bits = 0;
    if (decision.outcome == Outcome::implicit_deny)
        for (const auto layer : missing) bits = static_cast<uint16_t>(bits | 1 << static_cast<int>(layer));
    if (ruling.outcome != decision.outcome || ruling.layer != decision.layer || ruling.missing != bits)
        return say("decide() says " + std::string(outcome_name(ruling.outcome)) + " by " + std::string(layer_name(ruling.layer)) +
                   " and misses " + std::to_string(ruling.missing));
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
