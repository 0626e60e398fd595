// Hyperparameters as SageMaker's toolkit, a Python program, decodes and writes them.
#include <doctest/doctest.h>

#include "training/plan.hpp"
#include "training/python_json_reader.hpp"
#include "training/python_text.hpp"

namespace training {
namespace {

std::string argument(const std::string& value) { return python_argument(decode_hyperparameter(value)); }
std::string variable(const std::string& value) { return python_variable(decode_hyperparameter(value)); }

}  // namespace

TEST_CASE("what json.loads takes beside JSON") {
    CHECK(argument("NaN") == "nan");
    CHECK(argument("Infinity") == "inf");
    CHECK(argument("-Infinity") == "-inf");
    CHECK(variable("NaN") == "NaN");
    CHECK(variable("[NaN, -Infinity]") == "[NaN,-Infinity]");
    CHECK(argument("[NaN, Infinity]") == "[nan, inf]");
    CHECK(argument("-NaN") == "-NaN");
    CHECK(argument(R"({"a":1,"a":2,"b":3})") == "a=2,b=3");
    CHECK(argument(R"(["\ud800", "\ud83c\udf89", "\udc00x"])") == "['\\ud800', '🎉', '\\udc00x']");
    CHECK(variable(R"(["\ud800"])") == R"(["\ud800"])");
    // No program can be given one as an argument: it stays as it was written.
    CHECK(argument(R"("\ud800")") == R"("\ud800")");
    const std::string deep = std::string(130, '[') + std::string(130, ']');
    CHECK(argument(deep) == deep);
    CHECK(decode_hyperparameter(deep).is_array());
    CHECK(decode_hyperparameter(std::string(2000, '[') + std::string(2000, ']')).is_string());
}

TEST_CASE("what json.loads refuses is text") {
    for (const char* text : {"",
                             " ",
                             "01",
                             "+1",
                             "1.",
                             ".5",
                             "1_0",
                             "0x10",
                             "[1,]",
                             "{,}",
                             "{\"a\":1,}",
                             "1 2",
                             "True",
                             "nan",
                             "'a'",
                             "\"a\tb\"",
                             "\"",
                             "\"\\x\"",
                             "\"\\u12\"",
                             "[",
                             "{\"a\"",
                             "1e",
                             "-",
                             "\xEF\xBB\xBF"
                             "1",
                             "1 // x"})
        CHECK(argument(text) == text);
    CHECK(argument(" [1 ,\t2 ]\n") == "[1, 2]");
    CHECK(argument("1e400") == "inf");
    CHECK(argument("1E5") == "100000.0");
    CHECK(argument("\"a\\/b\"") == "a/b");
}

TEST_CASE("repr() spells out what is not printable") {
    CHECK(python_repr(text::Json("\u200b\u2028\u3000\ue000\U0001f600\u0378\u00a0\u00ad")) ==
          R"('\u200b\u2028\u3000\ue000😀\u0378\xa0\xad')");
    CHECK(python_repr(text::Json("\U000e0001 é ñ 重")) == R"('\U000e0001 é ñ 重')");
}

TEST_CASE("capitals as Python writes them") {
    CHECK(python_upper("lr-1.x") == "LR-1.X");
    CHECK(python_upper("éàßøя") == "ÉÀSSØЯ");
    CHECK(python_upper("重み") == "重み");
}

TEST_CASE("a name of one letter gets one dash, whatever the letter") {
    CHECK(user_arguments({{"é", "1"}, {"a", "2"}, {"ab", "3"}}) == std::vector<std::string>{"-é", "1", "-a", "2", "--ab", "3"});
}

}  // namespace training
