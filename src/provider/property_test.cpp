#include "provider/property.hpp"

#include <doctest/doctest.h>

using provider::Property;

TEST_CASE("a property says what it is") {
    CHECK(Property().is(Property::Kind::null));
    CHECK(Property(true).as_bool());
    CHECK(Property(3600).as_number() == 3600);
    CHECK(Property("text").as_string() == "text");
    CHECK(Property("text").as_bool(true));
    CHECK(Property(true).as_string().empty());
    CHECK(Property::reference("urn:pulumi:dev::p::t::n", "id-1").as_string() == "urn:pulumi:dev::p::t::n");
    CHECK(Property::reference("urn:pulumi:dev::p::t::n", "id-1").items().front() == Property("id-1"));
}

TEST_CASE("objects grow from null and answer null for what they lack") {
    Property object;
    object.set("name", "a");
    object.set("name", "b");
    CHECK(object.is(Property::Kind::object));
    CHECK(object["name"] == Property("b"));
    CHECK(object["other"].is(Property::Kind::null));
    CHECK(object.contains("name"));
    CHECK_FALSE(object.contains("other"));
}

TEST_CASE("unknowns and secrets are found at every level") {
    const Property deep(Property::Object{{"list", Property::Array{Property::Object{{"key", Property::unknown()}}}}});
    CHECK(deep.has_unknowns());
    CHECK_FALSE(deep.has_secrets());
    CHECK(Property::secret(deep).has_unknowns());
    const Property hidden(Property::Object{{"list", Property::Array{1, Property::secret("s")}}});
    CHECK(hidden.has_secrets());
    CHECK_FALSE(hidden.has_unknowns());
    CHECK(hidden.without_secrets() == Property(Property::Object{{"list", Property::Array{1, "s"}}}));
    CHECK(Property::secret(Property::secret("s")) == Property::secret("s"));
    CHECK_FALSE(Property::secret("s") == Property("s"));
    CHECK(Property::unknown() == Property::unknown());
}

TEST_CASE("JSON goes in and comes out unchanged") {
    const std::string document = R"({"a":[1,2.5,"x",null,true],"b":{"c":-7},"d":""})";
    const auto json = text::parse_json(document);
    REQUIRE(json.has_value());
    CHECK(Property::from_json(*json).to_json().canonical() == document);
    CHECK(Property(3600).to_json().dump() == "3600");
}
