// Bytes choose policies of every layer and a question about them: proof answers without end of its limits, and the naive evaluator of
// tests/reference agrees with every yes.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/strings.hpp"
#include "compare.hpp"
#include "generator.hpp"
#include "proof/prove.hpp"

namespace {

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::abort();
}

// So that a run of half a minute asks many questions.
constexpr proof::Limits small{
    .automaton_states_max = 2'000, .solver_steps_max = 2'000, .conflicts_max = 200, .tries_max = 4, .values_tries_max = 2};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace reference;
    Generator generator(Dice(std::span(data, size)), {});
    Question question, other;
    question.policies = generator.policies();
    other.policies = generator.policies();
    const auto first = policy_set(question.policies), second = policy_set(other.policies);
    const auto first_layers = read(first), second_layers = read(second);
    const auto view = [](const policy::PolicySet& one) { return proof::View{&one, one.resource ? &*one.resource : nullptr}; };
    for (int i = 0; i < 4 && !generator.dice().used_up(); ++i) {
        generator.ask(question);
        const auto& request = question.request;
        // The owner's root user is spared a bucket's policy there (policy/public_access.hpp), which the naive evaluator does not know.
        if (base::lower(request.action).ends_with("bucketpolicy")) continue;
        proof::Subject subject{.principal = request.principal};
        proof::Question asked{
            .subject = &subject, .allowed = {view(first)}, .refused = {view(second)}, .actions = {request.action}};
        asked.resource_account = request.resource_account;
        if (i % 2 == 1) std::swap(asked.allowed, asked.refused);
        const auto answer = proof::prove(asked, small);
        if (answer.kind != proof::Answer::Kind::yes) continue;
        if (!answer.witness) fail("a yes without a witness");
        const auto allows = [&](const Layers& layers) {
            return evaluate(*answer.witness, layers).outcome == policy::Outcome::allow;
        };
        const bool as_claimed =
            i % 2 == 0 ? allows(first_layers) && !allows(second_layers) : allows(second_layers) && !allows(first_layers);
        if (!as_claimed) {
            question.request = *answer.witness;
            other.request = *answer.witness;
            fail("the witness is none\n" + finding(question, "the first") + finding(other, "the second"));
        }
    }
    return 0;
}
