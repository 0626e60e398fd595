#include "base/utf8.hpp"

#include <doctest/doctest.h>

using base::Keep;
using base::printable;
using base::printable_json;
using base::valid_utf8;

TEST_CASE("what a terminal would obey is spelt out") {
    CHECK(printable("plain, größe, 日本, 👩‍🚀 \\ \"") == "plain, größe, 日本, 👩‍🚀 \\ \"");
    CHECK(printable("\033]0;PWN\007") == "\\x1b]0;PWN\\x07");
    CHECK(printable("\033[2J\033[1;1H") == "\\x1b[2J\\x1b[1;1H");
    CHECK(printable("a\r\nb\tc") == "a\\r\\nb\\tc");
    CHECK(printable(std::string_view("\0\x7F", 2)) == "\\x00\\x7f");
    // C1 as UTF-8 (CSI, OSC, NEL), and as the single bytes that 8-bit terminals obey.
    CHECK(printable("\u009b2J\u009d0;x\u0085") == "\\u009b2J\\u009d0;x\\u0085");
    CHECK(printable("\x9b"
                    "2J") == "\\x9b2J");
    // The direction of writing, what shows as nothing, and separators of lines.
    CHECK(printable("\u202egnp.exe\u2066x\u2069\u200f\u061c") == "\\u202egnp.exe\\u2066x\\u2069\\u200f\\u061c");
    CHECK(printable("a\u200bb\ufeff\u2028\u2029") == "a\\u200bb\\ufeff\\u2028\\u2029");
    CHECK(printable("\U000e0041") == "\\U000e0041");
}

TEST_CASE("bytes that are no UTF-8") {
    CHECK(printable("\xff\xfe") == "\\xff\\xfe");
    CHECK(printable("\xc0\x9b") == "\\xc0\\x9b");  // overlong U+001B's kin
    CHECK(printable("\xe0\x80\x9b") == "\\xe0\\x80\\x9b");
    CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
    CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
    CHECK(printable("\xe2\x80") == "\\xe2\\x80");  // cut off
    CHECK(printable("\xc3\x1b[2J") == "\\xc3\\x1b[2J");
    CHECK(valid_utf8("a\xff\xc3\xa4\xe2\x80") == "a\uFFFD\u00e4\uFFFD\uFFFD");
    CHECK(valid_utf8("\033[2J") == "\033[2J");
}

TEST_CASE("lines and tabs may stay; nothing else does") { CHECK(printable("a\n\tb\r\033", Keep::lines) == "a\n\tb\\r\\x1b"); }

TEST_CASE("a JSON document keeps what it says") {
    CHECK(printable_json("{\n    \"k\": \"\u009b\u202e\x7f\U000e0041\"\n}") ==
          "{\n    \"k\": \"\\u009b\\u202e\\u007f\\udb40\\udc41\"\n}");
}
