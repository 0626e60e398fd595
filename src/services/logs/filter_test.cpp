#include "services/logs/filter.hpp"

#include <doctest/doctest.h>

namespace services::logs {

TEST_CASE("filter patterns by the rules of the user guide") {
    struct Row {
        const char* pattern;
        const char* message;
        bool matches;
    };
    const Row rows[] = {
        {"", "anything", true},
        {"ERROR", "an ERROR came", true},
        {"ERROR", "an error came", false},
        {"ERROR ARGUMENTS", "ARGUMENTS before ERROR", true},
        {"ERROR ARGUMENTS", "ERROR alone", false},
        {"\"INTERNAL SERVER ERROR\"", "x INTERNAL SERVER ERROR y", true},
        {"\"INTERNAL SERVER ERROR\"", "SERVER INTERNAL ERROR", false},
        {"?ERROR ?WARN", "a WARN", true},
        {"?ERROR ?WARN", "an INFO", false},
        {"ERROR -EXITING", "ERROR EXITING", false},
        {"ERROR -EXITING", "ERROR going on", true},
        {"-noise", "signal", true},
        {"\"say \\\"hi\\\"\"", "they say \"hi\" twice", true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.pattern);
        CAPTURE(row.message);
        auto filter = Filter::parse(row.pattern);
        REQUIRE(filter.has_value());
        CHECK(filter->matches(row.message) == row.matches);
    }
    for (const char* refused : {"{ $.a = 1 }", "[a, b]", "%re%", "\"open"}) {
        auto filter = Filter::parse(refused);
        REQUIRE_FALSE(filter.has_value());
        CHECK(filter.error().code == "InvalidParameterException");
    }
}

}  // namespace services::logs
