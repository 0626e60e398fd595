// Bytes choose policies of every layer and requests to them; the engine must decide each as the naive evaluator of
// tests/reference does, for the same reasons. A difference is printed as a case for tests/cases/policy before the program aborts.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "compare.hpp"
#include "generator.hpp"
#include "policy/explain.hpp"

namespace {

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace reference;
    Generator generator(Dice(std::span(data, size)), {});
    Question question;
    question.policies = generator.policies();
    for (const auto& placed : question.policies)
        if (const auto wrong = grammar_difference(placed.document, *kind_named(placed.layer)); !wrong.empty())
            fail(wrong + "\n" + placed.layer + "\n  " + placed.document);
    const auto policies = policy_set(question.policies);
    const auto layers = read(policies);
    for (int i = 0; i < 8 && !generator.dice().used_up(); ++i) {
        generator.ask(question);
        const auto expected = evaluate(question.request, layers);
        if (!difference(question.request, policies, expected).empty()) fail(finding(question, "a fuzzed question"));
        const auto decision = policy::evaluate(question.request, policies);
        if (policy::explain(question.request, decision).empty()) fail("no explanation");
        if (decision.outcome != policy::Outcome::allow && policy::denial_message(question.request, decision).empty())
            fail("no message");
    }
    return 0;
}
