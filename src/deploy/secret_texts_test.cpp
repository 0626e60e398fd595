// Where the text of a secret stands, and how it is kept out of messages.
#include "deploy/secret_texts.hpp"

#include <doctest/doctest.h>

#include "deploy/testing.hpp"

using provider::Property;
using Object = Property::Object;
using Array = Property::Array;

TEST_CASE("only what is a secret gives texts, and only telling ones are looked for within others") {
    const Property inputs(Object{{"tags", Object{{"sec", Property::secret("hunter2")}, {"env", "prod-env"}}},
                                 {"list", Array{Property::secret(Array{80801, true}), "plain"}},
                                 {"short", Property::secret("abc")},
                                 {"none", Property::secret("")}});
    const deploy::SecretTexts texts = deploy::secret_texts(inputs);
    CHECK(texts.parts == std::set<std::string>{"hunter2", "80801"});
    CHECK(texts.wholes == std::set<std::pair<std::string, std::string>>{{"short", "abc"}});
    CHECK(deploy::text_holds_any("arn:aws:iam::1:role/hunter2-x", texts.parts));
    CHECK_FALSE(deploy::text_holds_any("prod-env", texts.parts));
    // A number is not found within another one.
    CHECK(deploy::text_holds_any("port 80801", texts.parts));
    CHECK(deploy::text_holds_any("80801:x", texts.parts));
    CHECK_FALSE(deploy::text_holds_any("arn:aws:iam::123480801012:role/x", texts.parts));
    CHECK(deploy::text_holds_any("1808011, 80801", texts.parts));
    // In a JSON document it is escaped.
    CHECK(deploy::text_holds_any(R"({"a":"say \"hi\""})", {"say \"hi\""}));
    CHECK_FALSE(deploy::text_holds_any("anything", {}));
    for (const char* common : {"", "1", "true", "false", "prod", "us-east-1", "us-gov-west-1", "ap-southeast-2", "aws-cn"}) {
        CAPTURE(common);
        CHECK_FALSE(deploy::is_telling(common));
    }
    for (const char* telling : {"hunter2", "prod-1", "us-east-1b", "my-key-123", "u--1-2", "Us-east-1"}) {
        CAPTURE(telling);
        CHECK(deploy::is_telling(telling));
    }
}

TEST_CASE("what stands beside a secret in a map or list stays in clear") {
    const Property secret = Property::secret("hunter2");
    const auto like_this = [](Object value, Object like) {
        const Property wanted(std::move(like));
        return deploy::with_secrets_of(Property(std::move(value)), wanted, deploy::secret_texts(wanted));
    };
    const Object tags{{"sec", secret}, {"env", "prod"}}, plain{{"sec", "hunter2"}, {"env", "prod"}};
    const Property sealed =
        like_this({{"tags", plain}, {"tagsAll", plain}, {"name", "prod-first"}, {"arn", "role/hunter2"}}, {{"tags", tags}});
    CHECK(sealed ==
          Property(Object{{"tags", tags}, {"tagsAll", tags}, {"name", "prod-first"}, {"arn", Property::secret("role/hunter2")}}));
    // A short or common text: under its own key, as a whole.
    CHECK(like_this({{"tags", Object{{"sec", "1"}, {"n", "1"}}}, {"tagsAll", Object{{"sec", "1"}, {"n", "1"}}}, {"version", "1"}},
                    {{"tags", Object{{"sec", Property::secret("1")}, {"n", "1"}}}}) ==
          Property(Object{{"tags", Object{{"sec", Property::secret("1")}, {"n", "1"}}},
                          {"tagsAll", Object{{"sec", Property::secret("1")}, {"n", "1"}}},
                          {"version", "1"}}));
    CHECK(
        like_this({{"tags", Object{{"at", "us-east-1"}}}, {"region", "us-east-1"}, {"host", "b.us-east-1.example"}},
                  {{"tags", Object{{"at", Property::secret("us-east-1")}}}}) ==
        Property(Object{
            {"tags", Object{{"at", Property::secret("us-east-1")}}}, {"region", "us-east-1"}, {"host", "b.us-east-1.example"}}));
    // In lists, flags and what is not known yet too; another order is found by the text.
    CHECK(like_this({{"rules", Array{"open", "hunter2"}}}, {{"rules", Array{"open", secret}}})["rules"] ==
          Property(Array{"open", secret}));
    CHECK(like_this({{"rules", Array{"hunter2", "open"}}}, {{"rules", Array{"open", secret}}})["rules"].items()[0] == secret);
    CHECK(like_this({{"on", Array{true, false}}}, {{"on", Array{Property::secret(true), false}}})["on"] ==
          Property(Array{Property::secret(true), false}));
    // Another shape, a secret key, a secret whole: the whole.
    CHECK(like_this({{"p", "{\"k\":true}"}}, {{"p", Object{{"k", Property::secret(true)}}}})["p"].is(Property::Kind::secret));
    CHECK(like_this({{"p", Array{true}}}, {{"p", Array{Property::secret(true), "x"}}})["p"].is(Property::Kind::secret));
    CHECK(like_this({{"p", Object{{"hunter2", 1}}}}, {{"q", secret}})["p"].is(Property::Kind::secret));
    CHECK(like_this({{"tags", plain}}, {{"tags", Property::secret(plain)}})["tags"] == Property::secret(plain));
    // The names of properties are none.
    CHECK(like_this({{"__defaults", Array{"bucket"}}}, {{"tags", Object{{"sec", Property::secret("bucket")}}}})["__defaults"] ==
          Property(Array{"bucket"}));
}

TEST_CASE("messages lose their secrets, the longest first") {
    deploy::KnownSecrets secrets;
    secrets.learn(Property(Object{{"a", Property::secret("words")}, {"b", Property::secret("passwords")}, {"c", "plain"}}));
    secrets.learn(Property::secret("first line\nsecond line"));
    secrets.learn(Property::secret("x"));
    CHECK(secrets.masked("the passwords and the words, plain") == "the [secret] and the [secret], plain");
    CHECK(secrets.masked("| second line") == "| [secret]");
    CHECK(secrets.masked("a text with an x") == "a text with an x");
    secrets.learn_text("one");
    secrets.learn_text("123456");
    CHECK(secrets.masked("one of 123456789012, 123456") == "one of 123456789012, [secret]");
    const base::Error error = secrets.masked(base::Error("Code", "no words").note("a words"));
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
