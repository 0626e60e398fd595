// What a program says about a resource beside its properties, down to parts of properties.
#include <doctest/doctest.h>

#include "deploy/engine.hpp"
#include "deploy/testing.hpp"

using deploy::testing::Bench;
using deploy::testing::Client;
using provider::Property;
using Object = Property::Object;
using Array = Property::Array;
using Strings = std::vector<std::string>;
using deploy::rpc::Registration;

namespace {

auto thing(Object inputs, std::function<void(Registration&)> with = {}) {
    return [=](Client& client) { client.thing("a", inputs, with); };
}

std::function<void(Registration&)> ignoring(Strings paths) {
    return [=](Registration& registration) { registration.ignore_changes = paths; };
}

std::function<void(Registration&)> replacing_on(Strings paths) {
    return [=](Registration& registration) { registration.replace_on_changes = paths; };
}

const Property before(Object{{"x", "1"}, {"y", "1"}, {"list", Array{Object{{"b", "1"}}, Object{{"b", "2"}}}}});
const Property after(Object{{"x", "2"}, {"y", "1"}, {"list", Array{Object{{"b", "9"}}, Object{{"b", "2"}}}}});

}  // namespace

TEST_CASE("changes are ignored where the program says") {
    struct Case {
        Strings paths;
        const char* step;
    };
    const Case cases[] = {{{"*"}, "same a"},
                          {{"value"}, "same a"},
                          {{"value.x", "value.list[0].b"}, "same a"},
                          {{"value[\"x\"]", "value.list[*].b"}, "same a"},
                          {{"value.*"}, "same a"},
                          {{"value.x"}, "update a"},
                          {{"value.list[1].b", "value.x"}, "update a"},
                          {{"link"}, "update a"},
                          {{}, "update a"}};
    for (const Case& one : cases) {
        CAPTURE(one.paths);
        Bench bench;
        REQUIRE(bench.up(thing({{"value", before}})).ok);
        CHECK(bench.up(thing({{"value", after}}, ignoring(one.paths))).steps == Strings{one.step});
    }
}

TEST_CASE("only the ignored part stays as it was") {
    Bench bench;
    REQUIRE(bench.up(thing({{"name", "a"}, {"value", before}})).ok);
    REQUIRE(bench.up(thing({{"name", "a"}, {"value", after}, {"link", "new"}}, ignoring({"value.x"}))).ok);
    CHECK(bench.cloud.things["a"]["value"]["x"] == Property("1"));
    CHECK(bench.cloud.things["a"]["value"]["list"] == after["list"]);
    CHECK(bench.cloud.things["a"]["link"] == Property("new"));
    // And when everything is ignored, an automatic name stays an automatic name.
    Bench named;
    REQUIRE(named.up(thing({{"value", "1"}})).ok);
    CHECK(named.up(thing({{"value", "2"}}, ignoring({"*"}))).steps == Strings{"same a"});
    CHECK(named.up(thing({{"value", "1"}})).steps == Strings{"same a"});
}

TEST_CASE("ignoring says nothing about a resource that is new") {
    Bench bench;
    REQUIRE(bench.up(thing({{"name", "a"}, {"value", before}}, ignoring({"*"}))).ok);
    CHECK(bench.cloud.things["a"]["value"] == before);
}

TEST_CASE("a path that is none is refused by name") {
    Bench bench;
    REQUIRE(bench.up(thing({{"value", "1"}})).ok);
    const auto ran = bench.up(thing({{"value", "1"}}, ignoring({"tags["})));
    CHECK_FALSE(ran.ok);
    REQUIRE(ran.errors.size() == 1);
    CHECK(ran.errors[0].message.contains("`tags[`"));
}

TEST_CASE("a change replaces where the program says, and updates elsewhere") {
    struct Case {
        Strings paths;
        bool replaces;
    };
    const Case cases[] = {
        {{"*"}, true},        {{"value"}, true}, {{"value.x"}, true}, {{"value.list[*].b"}, true}, {{"value.list[1]"}, false},
        {{"value.y"}, false}, {{"link"}, false}, {{"name"}, false}};
    for (const Case& one : cases) {
        CAPTURE(one.paths);
        Bench bench;
        REQUIRE(bench.up(thing({{"value", before}})).ok);
        const auto ran = bench.up(thing({{"value", after}}, replacing_on(one.paths)));
        CHECK(ran.ok);
        CHECK((ran.steps.front() == "create-replacement a") == one.replaces);
        CHECK(bench.cloud.things.size() == 1);
    }
}

TEST_CASE("what a state says must be replaced, or was not finished, is") {
    Bench bench;
    REQUIRE(bench.up(thing({{"value", "1"}})).ok);
    const auto say = [&](const char* member, text::Json value) {
        auto resource = std::make_shared<deploy::Resource>(*bench.state.resources.back());
        resource->others.set(member, std::move(value));
        bench.state.resources.back() = resource;
    };
    say("taint", text::Json(true));
    CHECK(bench.up(thing({{"value", "1"}})).steps == Strings{"create-replacement a", "replace a", "delete-replaced a"});
    CHECK(bench.up(thing({{"value", "1"}})).steps == Strings{"same a"});
    say("initErrors", text::Json::array({text::Json("it did not start")}));
    CHECK(bench.up(thing({{"value", "1"}})).steps == Strings{"update a"});
    CHECK(bench.up(thing({{"value", "1"}})).steps == Strings{"same a"});
    // Deleted to make way, and the run ended before its replacement was made.
    say("pendingReplacement", text::Json(true));
    bench.cloud.things.clear();
    CHECK(bench.up(thing({{"value", "1"}})).steps == Strings{"replace a"});
    CHECK(bench.cloud.things.size() == 1);
    say("pendingReplacement", text::Json(true));
    bench.take_log();
    CHECK(bench.destroy().ok);
    CHECK(bench.take_log().empty());
    CHECK(bench.state.resources.empty());
}

TEST_CASE("a provider that cannot work is found out in a preview, before anything is planned") {
    Bench bench;
    bench.cloud.reachable = false;
    for (const bool preview : {true, false}) {
        // Said once, however many resources there are.
        const auto ran = bench.up(
            [](Client& client) {
                for (const char* name : {"a", "b", "c"}) {
                    try {
                        client.thing(name, {{"value", "1"}});
                    } catch (const deploy::testing::Stopped&) {
                    }
                }
            },
            preview);
        CHECK_FALSE(ran.ok);
        REQUIRE(ran.errors.size() == 1);
        CHECK(ran.errors[0].message.contains("nobody there"));
        CHECK(bench.cloud.things.empty());
    }
    const auto explicit_one = bench.preview([](Client& client) {
        client.registered(
            {.type = "pulumi:providers:fake", .name = "mine", .parent = client.stack(), .custom = true, .inputs = Object{}});
    });
    CHECK_FALSE(explicit_one.ok);
    // A program that uses no provider needs none.
    CHECK(bench.preview([](Client&) {}).ok);
}

TEST_CASE("what Pulumi's engine keeps among a provider's settings is not one of them") {
    Bench bench;
    const auto program = [](Client& client) {
        const auto mine = client.registered({.type = "pulumi:providers:fake",
                                             .name = "mine",
                                             .parent = client.stack(),
                                             .custom = true,
                                             .inputs = Object{{"region", "here"}, {"version", "7.0.0"}}});
        client.thing("a", {{"name", "a"}},
                     [&](Registration& registration) { registration.provider = mine.urn + "::" + mine.id; });
    };
    REQUIRE(bench.up(program).ok);
    for (auto& resource : bench.state.resources) {
        if (resource->type != "pulumi:providers:fake") continue;
        auto recent = std::make_shared<deploy::Resource>(*resource);
        recent->inputs.set("__internal", Object{{"pluginDownloadURL", "x"}});
        resource = recent;
    }
    bench.settings.clear();
    CHECK(bench.refresh().ok);
    REQUIRE(bench.settings.size() == 1);
    CHECK(bench.settings[0] == Property(Object{{"region", "here"}}));
    CHECK(bench.up(program).steps == Strings{"same mine", "same a"});
    CHECK(bench.destroy().ok);
    CHECK(bench.cloud.things.empty());
}

TEST_CASE("a call whose answer was lost may have happened: the next run looks") {
    for (const char* code : {"ConnectionError", "RequestTimeout", "Timeout", "InternalError", "InternalFailure",
                             "ServiceUnavailable", "ServiceFailure", "InternalServerError", "AccessDenied"}) {
        CAPTURE(code);
        Bench bench;
        bench.cloud.lost_answer = code;
        CHECK_FALSE(bench.up(thing({{"value", "1"}})).ok);
        CHECK(bench.cloud.things.size() == 1);
        CHECK(bench.state.pending.empty() == (std::string_view(code) == "AccessDenied"));
        bench.cloud.lost_answer.clear();
        if (bench.state.pending.empty()) continue;
        bench.seed = "another";
        CHECK(bench.up(thing({{"value", "1"}})).ok);
        CHECK(bench.cloud.things.size() == 1);  // the one that was made
        CHECK(bench.state.pending.empty());
    }
}
