#include "base/nearest.hpp"

#include <doctest/doctest.h>

using base::nearest;

TEST_CASE("the word that was meant") {
    const std::vector<std::string> options = {"--entry", "--environment", "--role", "--output", "--instances"};
    CHECK(nearest("--entyr", options) == "--entry");
    CHECK(nearest("--entri", options) == "--entry");
    CHECK(nearest("--Role", options) == "--role");
    CHECK(nearest("--instance", options) == "--instances");
    CHECK(nearest("--nonsense", options).empty());
    CHECK(nearest("", options).empty());
    CHECK(nearest(std::string(100000, 'x'), options).empty());
    CHECK(nearest("s3:GetObjekt", {"s3:GetObject", "s3:PutObject"}) == "s3:GetObject");
}
