#include "cli/question.hpp"

#include <doctest/doctest.h>

using Values = std::vector<std::string>;

namespace {

// The values of the only entry.
Values values_of(const std::string& said) {
    const auto read = cli::context_of({said});
    REQUIRE(read);
    REQUIRE(*read);
    REQUIRE((*read)->size() == 1);
    CHECK((**read)[0].key == "key");
    return (**read)[0].values;
}

}  // namespace

TEST_CASE("values of a condition key are parted by commas, which a backslash takes as they are") {
    CHECK(values_of("key=one") == Values{"one"});
    CHECK(values_of("key=one,two") == Values{"one", "two"});
    CHECK(values_of("key=") == Values{""});
    CHECK(values_of("key=a,,b,") == Values{"a", "", "b", ""});
    CHECK(values_of("key=Doe\\, Jane,x=y") == Values{"Doe, Jane", "x=y"});
    CHECK(values_of("key=DOMAIN\\user\\") == Values{"DOMAIN\\user\\"});
    CHECK(values_of("key=\\\\,x") == Values{"\\,x"});
}

TEST_CASE("what is no KEY=VALUE is an error, nothing said is nothing") {
    CHECK_FALSE(cli::context_of({"key"}));
    CHECK_FALSE(cli::context_of({"=value"}));
    const auto none = cli::context_of({});
    REQUIRE(none);
    CHECK_FALSE(*none);
}
