// A literal behind a `*` is looked for at many places at a time: it must be found at each, and nowhere else.
#include "policy/glob.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace policy;

namespace {

bool fits(const std::string& pattern, std::string_view text) {
    PatternPool pool;
    const auto compiled = pool.compile(pattern, {.variables = true});
    REQUIRE(compiled.has_value());
    return matches(*compiled, pool.tables(), text, ContextView());
}

}  // namespace

TEST_CASE("a literal is found at every place of a text, whatever its length") {
    for (size_t size = 1; size <= 40; ++size) {
        std::string needle = "n";
        for (size_t i = 1; i < size; ++i) needle += static_cast<char>('a' + i % 13);
        for (size_t before = 0; before < 40; ++before) {
            for (const size_t behind : {0u, 1u, 15u, 16u, 17u, 40u}) {
                const std::string text = "begin" + std::string(before, 'n') + needle + std::string(behind, 'x');
                CAPTURE(text);
                CHECK(fits("begin*" + needle + "*", text));
                CHECK(fits("*" + needle + "*", text));
                CHECK(!fits("begin*" + needle + "y*", text));
                CHECK(!fits("begin*y" + needle + "*", text));
            }
        }
    }
}

TEST_CASE("a literal behind a `*` does not begin before it") {
    CHECK(!fits("abc*bc*", "abcx"));
    CHECK(!fits("abc*c*", "abc"));
    CHECK(fits("abc*bc*", "abcbc"));
    CHECK(fits("abc*c*", "abcc"));
    CHECK(!fits("abc*abc*", "abcab"));
}

TEST_CASE("`literal*literal*` fits what contains them one behind the other, and nothing else") {
    std::mt19937 random(7);
    const auto word = [&](size_t most) {
        std::string out;
        for (size_t n = 1 + random() % most; n > 0; --n) out += static_cast<char>('a' + random() % 2);
        return out;
    };
    size_t fitting = 0;
    constexpr size_t count = 20'000;
    for (size_t i = 0; i < count; ++i) {
        const auto first = word(2), second = word(6), text = word(50);
        const bool expected = text.starts_with(first) && text.find(second, first.size()) != std::string::npos;
        CAPTURE(text);
        CHECK(fits(first + "*" + second + "*", text) == expected);
        fitting += expected;
    }
    CHECK(fitting > count / 10);
    CHECK(fitting < count * 9 / 10);
}
