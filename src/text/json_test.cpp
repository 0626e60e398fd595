#include "text/json.hpp"

#include <doctest/doctest.h>

using text::Json;
using text::parse_json;

TEST_CASE("JSON: values, positions and numbers survive") {
    const auto got = parse_json("{\n  \"a\": [1, 2.50, \"x\\n\"],\n  \"b\": {\"c\": null, \"d\": true}}");
    REQUIRE(got.has_value());
    CHECK((*got)["a"].items()[1].as_string() == "2.50");
    CHECK((*got)["b"].position().line == 3);
    CHECK((*got)["b"].position().column == 8);
    CHECK(got->dump() == R"({"a":[1,2.50,"x\n"],"b":{"c":null,"d":true}})");
    CHECK(parse_json(got->pretty()).value() == *got);
    CHECK(parse_json("18446744073709551616").value().as_string() == "18446744073709551616");
    CHECK(parse_json("[123456789012345678901234567890]").value().items()[0].as_string() == "123456789012345678901234567890");
    CHECK(parse_json("\"s\"").value().as_string() == "s");
    CHECK(parse_json("{\"b\":1,\"a\":2}").value().canonical() == R"({"a":2,"b":1})");
}

TEST_CASE("JSON: what is not JSON is refused, with a place") {
    for (const auto* bad :
         {"",     "{",     "[1,]",  "{\"a\":1,}", "nul",     "{\"a\":1} x", "[1] [2]", "\"\xff\"", "{'a':1}", "[01]",
          "[1e]", "[tru]", "[\"a]", "{\"a\"}",    "// c\n1", "[NaN]",       "1 2",     "1,2",      "1]",      "1\"a\""}) {
        CAPTURE(bad);
        const auto got = parse_json(bad);
        CHECK_FALSE(got.has_value());
    }
    const auto twice = parse_json("{\"Effect\":\"Deny\",\n \"Effect\":\"Allow\"}");
    REQUIRE_FALSE(twice.has_value());
    CHECK(twice.error().message == "duplicate key `Effect` at line 2, column 11");
    CHECK_FALSE(parse_json(std::string(1000, '[') + std::string(1000, ']')).has_value());
}

TEST_CASE("JSON: writing escapes what must be escaped") {
    Json value;
    value.set("k", std::string("\x01\"\\/é"));
    CHECK(value.dump() == "{\"k\":\"\\u0001\\\"\\\\/é\"}");
    CHECK(parse_json(value.dump()).value() == value);
    CHECK(Json(1.5).dump() == "1.5");
    CHECK(Json(int64_t{-7}).as_int() == -7);
}

TEST_CASE("JSON: what is written can be read, whatever bytes went in") {
    Json value;
    value.set("a\xff", std::string("\xc3\x28 \xed\xa0\x80 ä"));
    const auto read = parse_json(value.dump());
    REQUIRE(read);
    CHECK((*read)["a\uFFFD"].as_string() == "\uFFFD( \uFFFD\uFFFD\uFFFD ä");
}

TEST_CASE("an object with very many members is read without comparing each with each") {
    std::string document = "{";
    for (int i = 0; i < 200000; ++i) document += "\"key" + std::to_string(i) + "\":1,";
    CHECK(text::parse_json(document + "\"last\":1}").has_value());
    CHECK(!text::parse_json(document + "\"key7\":1}").has_value());
}
