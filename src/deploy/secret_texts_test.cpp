// Where the text of a secret stands, and how it is kept out of messages.
#include "deploy/secret_texts.hpp"

#include <doctest/doctest.h>

#include "deploy/testing.hpp"

using provider::Property;
using Object = Property::Object;
using Array = Property::Array;

TEST_CASE("what holds the text of a secret is found, however deep") {
    const Property inputs(
        Object{{"tags", Property::secret(Object{{"a", "hunter2"}, {"n", 8080}, {"on", true}})}, {"plain", "open"}});
    const auto texts = deploy::secret_texts(inputs);
    CHECK(texts == std::set<std::string>{"hunter2", "8080"});
    CHECK(deploy::holds_any(Property("arn:aws:iam::1:role/hunter2-x"), texts));
    CHECK(deploy::holds_any(Property(Array{Property(Object{{"k", Property::secret("xhunter2x")}})}), texts));
    CHECK(deploy::holds_any(Property(Object{{"hunter2", 1}}), texts));
    CHECK(deploy::holds_any(Property(8080), texts));
    CHECK_FALSE(deploy::holds_any(Property(80), texts));
    CHECK_FALSE(deploy::holds_any(Property("open"), texts));
    CHECK_FALSE(deploy::holds_any(Property(true), texts));
    // In a JSON document it is escaped.
    CHECK(deploy::holds_any(Property(R"({"a":"say \"hi\""})"), {"say \"hi\""}));
    // Two characters are found as a whole only.
    CHECK(deploy::holds_any(Property("ab"), {"ab"}));
    CHECK_FALSE(deploy::holds_any(Property("cabs"), {"ab"}));
    CHECK_FALSE(deploy::holds_any(Property("anything"), {}));
}

TEST_CASE("messages lose their secrets, the longest first") {
    deploy::KnownSecrets secrets;
    secrets.learn(Property(Object{{"a", Property::secret("word")}, {"b", Property::secret("password")}, {"c", "plain"}}));
    secrets.learn(Property::secret("first line\nsecond line"));
    secrets.learn(Property::secret("x"));
    CHECK(secrets.masked("the password and the word, plain") == "the [secret] and the [secret], plain");
    CHECK(secrets.masked("| second line") == "| [secret]");
    CHECK(secrets.masked("a text with an x") == "a text with an x");
    const base::Error error = secrets.masked(base::Error("Code", "no word").note("a word"));
    CHECK(error.message == "no [secret]");
    CHECK(error.notes == std::vector<std::string>{"a [secret]"});
}

TEST_CASE("events are passed on without the secrets in their words") {
    deploy::KnownSecrets secrets;
    secrets.learn_text("hunter2");
    deploy::testing::Collected seen;
    deploy::MaskedEvents events(seen, secrets);
    events.diagnostic({.severity = deploy::rpc::Severity::error, .message = "hunter2 is wrong", .notes = {"not hunter2"}});
    events.program_line("I say hunter2", false);
    REQUIRE(seen.errors.size() == 1);
    CHECK(seen.errors[0].message == "[secret] is wrong");
    CHECK(seen.errors[0].notes == std::vector<std::string>{"not [secret]"});
    CHECK(seen.lines == std::vector<std::string>{"I say [secret]"});
}
