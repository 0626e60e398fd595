// The engine against the naive evaluator on generated questions, and the generator measured: conditions that are always true or
// always false teach nothing, nor does a generator whose every answer is no, nor layers that never decide.
//
//   POLICY_SEED   the first seed (a set of policies each); default 20260101
//   POLICY_SETS   how many sets; default: about a million questions
//   POLICY_SECONDS  instead: go on until this much time has passed (the long mode), a line of progress a minute
//
// A disagreement is made as small as it gets and printed as a case for tests/cases/policy, its seed with it.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <map>

#include "base/strings.hpp"
#include "compare.hpp"
#include "generator.hpp"
#include "reference.hpp"

namespace {

using namespace reference;
using policy::Layer;
using policy::Outcome;

constexpr int requests_per_set = 24;

uint64_t number_from(const char* name, uint64_t otherwise) {
    const auto* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

struct Measured {
    std::array<size_t, 3> outcomes{};
    size_t asked = 0, documents = 0, refused = 0;
    std::map<Layer, size_t> alone;  // implicit denials for want of this layer's Allow alone
    std::map<Layer, size_t> denied;
};

void ask_set(uint64_t seed, Measured& measured) {
    Generator generator(Dice(seed), {});
    Question question;
    question.policies = generator.policies();
    for (const auto& placed : question.policies) {
        const auto kind = *kind_named(placed.layer);
        const bool parsed = policy::Policy::parse(placed.document, kind).has_value();
        ++measured.documents, measured.refused += !parsed;
        if (const auto wrong = grammar_difference(placed.document, kind); !wrong.empty())
            FAIL("POLICY_SEED=" << seed << " POLICY_SETS=1: " << wrong << "\n" << placed.layer << "\n  " << placed.document);
    }
    const auto policies = policy_set(question.policies);
    const auto layers = read(policies);
    for (int i = 0; i < requests_per_set; ++i) {
        generator.ask(question);
        const auto expected = evaluate(question.request, layers);
        ++measured.asked, ++measured.outcomes[static_cast<size_t>(expected.outcome)];
        if (expected.missing.size() == 1) ++measured.alone[*expected.missing.begin()];
        for (const auto& [layer, name, statement] : expected.denies) ++measured.denied[layer];
        if (!difference(question.request, policies, expected).empty())
            FAIL(finding(question, "POLICY_SEED=" + std::to_string(seed) + " POLICY_SETS=1, request " + std::to_string(i)));
    }
}

std::string table(const Measured& measured) {
    const auto share = [&](size_t count) { return std::to_string(count * 1000 / std::max<size_t>(measured.asked, 1)) + " ‰ "; };
    std::string out = std::to_string(measured.asked) + " questions: " + share(measured.outcomes[0]) + "implicit, " +
                      share(measured.outcomes[1]) + "denied, " + share(measured.outcomes[2]) + "allowed; " +
                      std::to_string(measured.refused) + " of " + std::to_string(measured.documents) +
                      " documents were refused and read as stored;\n  one layer alone is missing:";
    for (const auto& [layer, count] : measured.alone) out += " " + std::string(layer_name(layer)) + " " + share(count);
    out += "\n  statements that deny:";
    for (const auto& [layer, count] : measured.denied) out += " " + std::string(layer_name(layer)) + " " + share(count);
    return out;
}

void check_spread(Measured& measured) {
    for (const auto outcome : measured.outcomes) CHECK(outcome * 5 >= measured.asked);  // a fifth each
    constexpr Layer layers[] = {Layer::identity,         Layer::boundary, Layer::session,     Layer::service_control,
                                Layer::resource_control, Layer::resource, Layer::vpc_endpoint};
    for (const auto layer : layers)
        CHECK_MESSAGE(measured.alone[layer] * 200 >= measured.asked, layer_name(layer), " hardly ever decides");
    for (const auto layer : layers)
        CHECK_MESSAGE(measured.denied[layer] * 200 >= measured.asked, layer_name(layer), " hardly ever denies");
}

}  // namespace

TEST_CASE("engine and reference agree on generated questions") {
    using clock = std::chrono::steady_clock;
    const auto first = number_from("POLICY_SEED", 20260101), sets = number_from("POLICY_SETS", 43000);
    const auto seconds = std::chrono::seconds(number_from("POLICY_SECONDS", 0));
    const auto start = clock::now();
    auto told = start;
    Measured measured;
    for (uint64_t seed = first;; ++seed) {
        const auto now = clock::now();
        if (seconds.count() > 0 ? now - start >= seconds : seed - first >= sets) break;
        if (seconds.count() > 0 && now - told >= std::chrono::minutes(1)) {
            std::fprintf(stderr, "seed %llu: %zu questions, no disagreement\n", static_cast<unsigned long long>(seed),
                         measured.asked);
            told = now;
        }
        ask_set(seed, measured);
    }
    MESSAGE(table(measured));
    if (measured.asked < 100'000)  // one seed again: nothing to measure
        CHECK(measured.asked > 0);
    else
        check_spread(measured);
}

// Each reading is a mistake that somebody made: a generator that cannot tell it from the semantics would not find it in the
// engine.
TEST_CASE("the questions tell every known misreading apart") {
    auto unnoticed = all_readings();
    constexpr uint64_t sets_max = 30'000;
    for (uint64_t seed = 1; seed <= sets_max && !unnoticed.empty(); ++seed) {
        Generator generator(Dice(seed), {});
        Question question;
        question.policies = generator.policies();
        const auto layers = read(policy_set(question.policies));
        for (int i = 0; i < requests_per_set; ++i) {
            generator.ask(question);
            const auto right = evaluate(question.request, layers).outcome;
            std::erase_if(unnoticed, [&](const NamedReading& one) {
                Reading reading;
                reading.*one.flag = true;
                return evaluate(question.request, layers, reading).outcome != right;
            });
        }
    }
    for (const auto& [name, flag] : unnoticed) FAIL_CHECK(std::string(name), " goes unnoticed");
    CHECK(unnoticed.empty());
}

TEST_CASE("the generator's conditions are not constant, and every operator is among them") {
    Generator generator(Dice(7), {});
    size_t varying = 0;
    std::map<std::string, size_t> operators;
    constexpr size_t conditions = 6000;
    for (size_t i = 0; i < conditions; ++i) {
        const auto line = generator.condition();
        std::vector<std::string> wanted;
        const auto add = [&](const text::Json& value) {
            wanted.push_back(value.is_bool() ? value.as_bool() ? "true" : "false" : value.as_string());
        };
        if (!line.values.is_array()) add(line.values);
        for (const auto& value : line.values.items()) add(value);
        // Values with a malformed variable are for the parser.
        const auto text = text::Json::object(
            {{"Version", "2012-10-17"},
             {"Statement",
              text::Json::object(
                  {{"Effect", "Allow"},
                   {"Action", "*"},
                   {"Resource", "*"},
                   {"Condition", text::Json::object({{line.op, text::Json::object({{line.key, line.values}})}})}})}});
        auto name = base::lower(line.op);
        ++operators[name.substr(name.find(':') + 1)];
        if (!acceptable(text.dump(), policy::PolicyKind::identity)) continue;
        bool seen[2] = {};
        for (int j = 0; j < 24; ++j) seen[condition_holds(line.op, line.key, wanted, true, generator.context())] = true;
        varying += seen[0] && seen[1];
    }
    MESSAGE((varying * 100 / conditions), "% of the conditions vary");
    CHECK(varying * 100 >= conditions * 60);
    for (const char* name : {"stringequals",
                             "stringnotequals",
                             "stringequalsignorecase",
                             "stringnotequalsignorecase",
                             "stringlike",
                             "stringnotlike",
                             "numericequals",
                             "numericnotequals",
                             "numericlessthan",
                             "numericlessthanequals",
                             "numericgreaterthan",
                             "numericgreaterthanequals",
                             "dateequals",
                             "datenotequals",
                             "datelessthan",
                             "datelessthanequals",
                             "dategreaterthan",
                             "dategreaterthanequals",
                             "bool",
                             "binaryequals",
                             "ipaddress",
                             "notipaddress",
                             "arnequals",
                             "arnnotequals",
                             "arnlike",
                             "arnnotlike"}) {
        CHECK_MESSAGE(operators[name] > 0, std::string(name));
        CHECK_MESSAGE(operators[std::string(name) + "ifexists"] > 0, std::string(name), "IfExists");
    }
    CHECK(operators["null"] > 0);
}
