#include "base/strings.hpp"

#include <doctest/doctest.h>

TEST_CASE("strings") {
    CHECK(base::split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
    CHECK(base::split("", ',') == std::vector<std::string_view>{""});
    CHECK(base::trim(" \t a b\r\n") == "a b");
    CHECK(base::trim(" \r\n") == "");
    CHECK(base::equals_ignoring_case("S3:GetObject", "s3:getobject"));
    CHECK_FALSE(base::equals_ignoring_case("s3:GetObject", "s3:GetObjec"));
    CHECK(base::join({"a", "b"}, ", ") == "a, b");
}
