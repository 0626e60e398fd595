// What a condition key would have to hold so that some conditions on it hold and others do not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/compile.hpp"
#include "policy/request.hpp"
#include "proof/automaton.hpp"

namespace proof {

struct Limits {
    size_t automaton_states_max = 20'000;  // of one search for a text
    size_t solver_steps_max = 100'000;     // conflicts, of one formula
    size_t conflicts_max = 10'000;         // proposals of the solver that cannot be, of one formula
    size_t tries_max = 16;                 // witnesses that turn out to be none, of one formula
    size_t values_tries_max = 4;           // of those, in how many variables of unknown value are given one
    Work* work = nullptr;                  // of this question and others; nullptr: as much as the limits above leave
};

struct KeyTest {
    const policy::CompiledPolicy* policy = nullptr;
    const policy::Condition* condition = nullptr;
    bool wanted = true;
};

// What is known of a key before any condition: of an action's requests by a principal.
struct KeyShape {
    bool may_be_missing = true;
    bool may_be_there = true;
    bool is_list = false;
    std::string pattern = {};  // that text values match, as in policies; empty: any text
};

struct FoundValues {
    enum class Kind : uint8_t { found, none, unknown };
    Kind kind = Kind::none;
    std::string cap;                  // unknown: what cut it off
    bool missing = false;             // found: the key is not there
    std::vector<std::string> values;  // found, and there
    // A variable of unknown value stood for any text: `none` is proved, `found` has to be tried.
    bool relaxed = false;
};

// What variables in patterns stand for.
struct Variables {
    const policy::Context* known = nullptr;
    // May the key, which is not known, be there? Then its value is open; else it is missing.
    bool (*is_free)(const void* of, std::string_view key) = nullptr;
    const void* of = nullptr;
};

// Values of one key, of those that a request can bring (policy::has_type), with which every test comes out as wanted.
[[nodiscard]] FoundValues find_values(std::span<const KeyTest> tests, const KeyShape& shape, const Variables& variables,
                                      const Limits& limits);

// A pattern as tokens. A variable of unknown value is `*`.
struct PatternTokens {
    Tokens tokens;
    bool matches_nothing = false;   // a variable of it has no value
    std::vector<std::string> open;  // the variables of unknown value, each `key` or `key,default`
    [[nodiscard]] bool relaxed() const { return !open.empty(); }
};
[[nodiscard]] PatternTokens tokens_of(const policy::Pattern& pattern, const policy::PatternTables& tables,
                                      const Variables& variables, bool folded = false);

}  // namespace proof
