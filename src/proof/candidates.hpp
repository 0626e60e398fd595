// Numbers, dates and addresses: one value of every kind that the conditions on a key tell apart. The engine judges them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "policy/vocabulary.hpp"
#include "proof/values.hpp"

namespace proof {

// What an operator takes values for.
enum class Family : uint8_t { text, number, date, address };
[[nodiscard]] Family family_of(policy::Comparison comparison);

[[nodiscard]] std::span<const policy::ConditionValue> values_of(const KeyTest& test);

struct Candidates {
    std::vector<std::string> values;  // the most readable first
    bool complete = true;             // if no value will do, none will
};
// Of one key, whose values are of this type.
[[nodiscard]] Candidates candidates(std::span<const KeyTest> tests, policy::KeyType type);

}  // namespace proof
