#include "policy/rewrite.hpp"

#include <doctest/doctest.h>

TEST_CASE("principals are replaced where they are principals, and nothing else moves") {
    const std::map<std::string, std::string> gone = {{"arn:aws:iam::1:role/r", "AROA1"}, {"arn:aws:iam::1:user/u", "AIDA\"2"}};
    const char* document = R"({
  "Statement": [
    {"Principal": {"AWS": ["arn:aws:iam::1:role/r", "arn:aws:iam::1:role/rr", "arn:aws:iam:\u003a1:user/u"]},
     "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/r"}}, "Resource": "arn:aws:iam::1:role/r"},
    {"NotPrincipal": {"AWS": "arn:aws:iam::1:role/r", "Service": "arn:aws:iam::1:role/r"}},
    {"Principal": "*"}
  ]
})";
    CHECK(policy::replace_principals(document, gone) == R"({
  "Statement": [
    {"Principal": {"AWS": ["AROA1", "arn:aws:iam::1:role/rr", "AIDA\"2"]},
     "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/r"}}, "Resource": "arn:aws:iam::1:role/r"},
    {"NotPrincipal": {"AWS": "AROA1", "Service": "arn:aws:iam::1:role/r"}},
    {"Principal": "*"}
  ]
})");
    CHECK(policy::replace_principals(document, {}) == document);
    CHECK(policy::replace_principals("{not json", gone) == "{not json");
    CHECK(policy::replace_principals(R"({"Statement":{"Principal":{"AWS":"arn:aws:iam::1:role/r"}}})", gone) ==
          R"({"Statement":{"Principal":{"AWS":"AROA1"}}})");
}
