// Paths as programs write them: what they name, and what is done there.
#include "deploy/property_path.hpp"

#include <doctest/doctest.h>

using deploy::PropertyPath;
using provider::Property;
using Object = Property::Object;
using Array = Property::Array;

namespace {

Property copied(const char* path, const Property& from, Property into) {
    PropertyPath::parse(path)->copy(from, into);
    return into;
}

bool differs(const char* path, const Property& a, const Property& b) { return PropertyPath::parse(path)->differs(a, b); }

const Property old_inputs(Object{{"name", "old"},
                                 {"tags", Object{{"a", "1"}, {"b.c", "2"}}},
                                 {"rules", Array{Object{{"id", "x"}, {"days", 1}}, Object{{"id", "y"}, {"days", 2}}}}});
const Property new_inputs(Object{{"name", "new"},
                                 {"tags", Object{{"a", "9"}, {"b.c", "9"}, {"d", "9"}}},
                                 {"rules", Array{Object{{"id", "x"}, {"days", 9}}, Object{{"id", "y"}, {"days", 9}}}},
                                 {"fresh", true}});

}  // namespace

TEST_CASE("what is copied is what the path names, and nothing else") {
    CHECK(copied("name", old_inputs, new_inputs)["name"] == Property("old"));
    CHECK(copied("name", old_inputs, new_inputs)["tags"] == new_inputs["tags"]);
    CHECK(copied("tags.a", old_inputs, new_inputs)["tags"] == Property(Object{{"a", "1"}, {"b.c", "9"}, {"d", "9"}}));
    CHECK(copied("tags[\"a\"]", old_inputs, new_inputs) == copied("tags.a", old_inputs, new_inputs));
    CHECK(copied("[\"tags\"][\"b.c\"]", old_inputs, new_inputs)["tags"]["b.c"] == Property("2"));
    CHECK(copied("rules[1].days", old_inputs, new_inputs)["rules"].items()[1]["days"] == Property(2));
    CHECK(copied("rules[1].days", old_inputs, new_inputs)["rules"].items()[0]["days"] == Property(9));
    CHECK(copied("rules[*].days", old_inputs, new_inputs)["rules"] == old_inputs["rules"]);
    CHECK(copied("rules[*]", old_inputs, new_inputs)["rules"] == old_inputs["rules"]);
    CHECK(copied("tags.*", old_inputs, new_inputs)["tags"] == old_inputs["tags"]);
    CHECK(copied("*", old_inputs, new_inputs) == old_inputs);
    CHECK(copied("*.a", old_inputs, new_inputs)["tags"]["a"] == Property("1"));
}

TEST_CASE("what was not there is not there afterwards") {
    CHECK_FALSE(copied("fresh", old_inputs, new_inputs).contains("fresh"));
    CHECK_FALSE(copied("tags.d", old_inputs, new_inputs)["tags"].contains("d"));
    CHECK(copied("tags.none", old_inputs, new_inputs) == new_inputs);
    CHECK(copied("none.none", old_inputs, new_inputs) == new_inputs);
    CHECK(copied("rules[7].id", old_inputs, new_inputs) == new_inputs);
    CHECK(copied("name.deeper[0]", old_inputs, new_inputs) == new_inputs);
    // What the program no longer says, and must not change.
    CHECK(copied("tags.a", old_inputs, Property(Object{}))["tags"] == Property(Object{{"a", "1"}}));
    CHECK(copied("rules[0]", old_inputs, Property(Object{}))["rules"] == Property(Array{old_inputs["rules"].items()[0]}));
}

TEST_CASE("secrets on the way are looked into and stay secrets") {
    const Property secret_tags(Object{{"tags", Property::secret(Object{{"a", "1"}, {"b", "2"}})}});
    const Property into(Object{{"tags", Object{{"a", "9"}, {"b", "9"}}}});
    const Property result = copied("tags.a", secret_tags, into);
    CHECK(result["tags"]["a"] == Property::secret("1"));
    CHECK(result["tags"]["b"] == Property("9"));
    CHECK(copied("tags", secret_tags, into) == secret_tags);
    Property outputs(Object{{"tags", Object{{"a", "1"}, {"b", "2"}}}, {"arn", "x"}});
    PropertyPath::parse("tags.a")->make_secret(outputs);
    PropertyPath::parse("arn")->make_secret(outputs);
    PropertyPath::parse("none.none")->make_secret(outputs);
    CHECK(outputs ==
          Property(Object{{"tags", Object{{"a", Property::secret("1")}, {"b", "2"}}}, {"arn", Property::secret("x")}}));
}

TEST_CASE("a difference counts where the path says") {
    CHECK(differs("name", old_inputs, new_inputs));
    CHECK(differs("*", old_inputs, new_inputs));
    CHECK_FALSE(differs("*", old_inputs, old_inputs));
    CHECK_FALSE(differs("rules[*].id", old_inputs, new_inputs));
    CHECK(differs("rules[*].days", old_inputs, new_inputs));
    CHECK(differs("tags.d", old_inputs, new_inputs));
    CHECK_FALSE(differs("tags.none", old_inputs, new_inputs));
    CHECK(differs("rules[*].id", old_inputs, Property(Object{{"rules", Array{}}})));
    CHECK_FALSE(differs("name", old_inputs, Property(Object{{"name", Property::secret("old")}})));
}

TEST_CASE("a path covers a property wholly or not") {
    CHECK(PropertyPath::parse("tags")->covers("tags"));
    CHECK(PropertyPath::parse("*")->covers("tags"));
    CHECK_FALSE(PropertyPath::parse("tags.a")->covers("tags"));
    CHECK_FALSE(PropertyPath::parse("tag")->covers("tags"));
}

TEST_CASE("what is no path is refused") {
    for (const char* text : {"", ".", "a.", "a..b", "a[", "a[x]", "a[-1]", "a[\"b]", "a[0]b", "a[99999999999]"}) {
        CAPTURE(text);
        const auto parsed = PropertyPath::parse(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == "InvalidPropertyPath");
    }
}
