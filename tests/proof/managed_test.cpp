// Pairs of the policies that AWS manages: real ones, and the sizes that people write.
//
//   PROOF_PAIRS   how many
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "generator.hpp"
#include "proof/compare.hpp"
#include "text/json.hpp"

namespace {

using proof::Answer;

struct Managed {
    std::string name;
    policy::PolicyPtr policy;
};

std::vector<Managed> managed_policies() {
    std::ifstream file(MANAGED_POLICIES);
    std::stringstream content;
    content << file.rdbuf();
    std::vector<Managed> out;
    for (const auto& row : text::parse_json(content.str()).value().items())
        out.push_back(
            {row["name"].as_string(), policy::Policy::parse(row["document"].as_string(), policy::PolicyKind::identity).value()});
    return out;
}

}  // namespace

TEST_CASE("every AWS managed policy allows what it allows, and everything allows it") {
    const auto all = managed_policies();
    const auto everything =
        policy::Policy::parse(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})",
                              policy::PolicyKind::identity)
            .value();
    REQUIRE(all.size() > 1500);
    size_t unused = 0;
    for (size_t i = 0; i < all.size(); i += 4) {
        const auto& [name, policy] = all[i];
        CHECK_MESSAGE(proof::find_more(policy, policy).kind == Answer::Kind::no, name);
        CHECK_MESSAGE(proof::find_more(policy, everything).kind == Answer::Kind::no, name);
        const auto something = proof::find_common(policy, everything);
        CHECK_MESSAGE(something.kind != Answer::Kind::unknown, name, ": ", something.reason);
        unused += something.kind == Answer::Kind::no;
    }
    MESSAGE(unused, " of a quarter of them allow nothing");
    CHECK(unused < 20);
}

TEST_CASE("a thousand implications between AWS managed policies") {
    const auto all = managed_policies();
    const char* wanted = std::getenv("PROOF_PAIRS");
    const size_t pairs = wanted ? std::strtoull(wanted, nullptr, 10) : 1000;
    reference::Dice dice(1);
    std::array<size_t, 3> answers{};
    const auto begin = std::chrono::steady_clock::now();
    std::chrono::duration<double, std::milli> slowest{};
    std::string slow;
    for (size_t i = 0; i < pairs; ++i) {
        // Neighbours by name are about the same service: those are hard.
        const size_t a = dice.below(all.size()), b = std::min(all.size() - 1, a + 1 + dice.below(6));
        const auto start = std::chrono::steady_clock::now();
        const auto found =
            dice.chance(50) ? proof::find_more(all[a].policy, all[b].policy) : proof::find_more(all[b].policy, all[a].policy);
        const auto took = std::chrono::steady_clock::now() - start;
        if (took > slowest) slowest = took, slow = all[a].name + " and " + all[b].name;
        ++answers[static_cast<size_t>(found.kind)];
        if (found.kind == Answer::Kind::unknown) MESSAGE(all[a].name, " and ", all[b].name, ": ", found.reason);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    MESSAGE(pairs, " pairs in ", seconds.count(), " s: ", answers[0], " no, ", answers[1], " yes, ", answers[2],
            " unknown; slowest ", slowest.count(), " ms: ", slow);
    CHECK(answers[0] * 50 > pairs);
    CHECK(answers[1] * 50 > pairs);
    CHECK(answers[2] * 100 < pairs);
}
