// Condition keys are found by their hashes, whatever is set and erased.
#include "policy/request.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>

#include "policy/hash.hpp"

TEST_CASE("a context finds what was set, among many keys of one bit and after others were erased") {
    std::mt19937 random(7);
    policy::Context context;
    std::map<std::string, std::string> expected;
    // A hundred names: of 64 bits, some have several.
    const auto name = [&] { return "aws:principaltag/t" + std::to_string(random() % 100); };
    for (int round = 0; round < 4000; ++round) {
        const std::string key = name(), value = std::to_string(round);
        if (random() % 3 == 0) {
            context.erase(key);
            expected.erase(key);
        } else {
            context.replace(key, value);
            expected[key] = value;
        }
        const std::string asked = name();
        const auto* found = context.find(policy::hash_of(asked), asked);
        const auto wanted = expected.find(asked);
        REQUIRE((found != nullptr) == (wanted != expected.end()));
        if (found != nullptr) REQUIRE((found->key == asked && found->values.front() == wanted->second));
        REQUIRE(context.entries().size() == expected.size());
    }
    for (const auto& [key, value] : expected) {
        const auto* found = context.find(policy::hash_of(key), key);
        REQUIRE(found != nullptr);
        CHECK(found->values.front() == value);
    }
    uint64_t bits = 0;
    for (const auto& [key, value] : expected) bits |= uint64_t{1} << (policy::hash_of(key) & 63);
    CHECK(context.present() == bits);
}
