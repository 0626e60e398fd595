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
        {"%ERR[OA]R%", "an ERRAR", true},
        {"%ERR[OA]R%", "an ERRIR", false},
        {"epoch -%loss=nan%", "epoch 3 loss=nan", false},
        {"{ $.loss > 2 }", R"({"loss": 2.5})", true},
        {"{ $.loss > 2 }", R"({"loss": 1e0})", false},
        {"{ $.loss > 2 }", R"({"loss": "3"})", false},
        {"{ $.loss > 2 }", "loss 3", false},
        {"{$.phase = \"val*\" && ($.epoch >= 3 || $.last IS TRUE)}", R"({"phase": "validation", "epoch": 1, "last": true})",
         true},
        {"{$.phase = \"val*\" && ($.epoch >= 3 || $.last IS TRUE)}", R"({"phase": "validation", "epoch": 1, "last": false})",
         false},
        {"{ $.phase != train }", R"({"phase": "test"})", true},
        {"{ $.phase != train }", R"({"other": "test"})", false},
        {"{ $.gone NOT EXISTS }", R"({"other": null})", true},
        {"{ $.other IS NULL }", R"({"other": null})", true},
        {"{ $.hosts[1].name = algo-2 }", R"({"hosts": [{}, {"name": "algo-2"}]})", true},
        {"{ $.['a b'] = %^x[0-9]+$% }", R"({"a b": "x17"})", true},
        {"{ $.n = 7 }", R"({"n": 7.0})", true},
        {"{ $.n = \"7\" }", R"({"n": "7"})", true},
        {"[ip, user, code = 4*, size > 100]", "127.0.0.1 me 404 1534", true},
        {"[ip, user, code = 4*, size > 100]", "127.0.0.1 me 200 1534", false},
        {"[ip, user, code = 4*]", "127.0.0.1 me 404 1534", false},
        {"[..., code = 4* || code = 500, size]", "127.0.0.1 - [10/Oct/2000 13:25:15] \"GET / HTTP/1.0\" 500 17", true},
        {"[ip, ..., size < 20]", "127.0.0.1 - [10/Oct/2000 13:25:15] \"GET / HTTP/1.0\" 500 17", true},
        {"[a, b = \"x y\"]", "1 \"x y\"", true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.pattern);
        CAPTURE(row.message);
        auto filter = Filter::parse(row.pattern);
        REQUIRE(filter.has_value());
        CHECK(filter->matches(row.message) == row.matches);
    }
    for (const char* refused : {"{ $.a = 1", "{ a = 1 }", "{ $.a }", "{ $.a > x }", "{ ($.a = 1 }", "{ $.a IS MAYBE }", "[a, b",
                                "[..., a, ...]", "%re", "%(a)%", "%a[%", "\"open"}) {
        auto filter = Filter::parse(refused);
        REQUIRE_FALSE(filter.has_value());
        CHECK(filter.error().code == "InvalidParameterException");
    }
}

}  // namespace services::logs
