// Two names for one thing in the world: letting go of one must not take away the other.
#include <doctest/doctest.h>

#include <algorithm>

#include "deploy/engine.hpp"
#include "deploy/testing.hpp"

using deploy::testing::Bench;
using deploy::testing::Client;
using provider::Property;
using Object = Property::Object;
using Strings = std::vector<std::string>;
using deploy::rpc::Registration;

namespace {

// A setting is made by writing it: making it again changes nothing, and its id is what it is set on.
deploy::rpc::Registered setting(Client& client, const std::string& name, const std::string& of, const char* value = "1",
                                const std::function<void(Registration&)>& with = {}) {
    return client.thing(name, {{"name", of}, {"value", value}}, [&](Registration& registration) {
        registration.type = "fake:index/setting:Setting";
        if (with) with(registration);
    });
}

deploy::rpc::Registered reading(Client& client, const std::string& name, const std::string& id) {
    return client.answer<deploy::rpc::Registered>([&](deploy::rpc::Reply<deploy::rpc::Registered> reply) {
        client.engine().read_resource({.id = id, .type = "fake:index/setting:Setting", .name = name, .parent = client.stack()},
                                      std::move(reply));
    });
}

}  // namespace

TEST_CASE("a renamed resource that holds the same thing is not deleted under its old name") {
    Bench bench;
    REQUIRE(bench.up([](Client& client) { setting(client, "before", "s"); }).ok);
    const auto renamed = [](Client& client) { setting(client, "after", "s"); };
    CHECK(bench.preview(renamed).steps == Strings{"create after", "forget before"});
    const auto ran = bench.up(renamed);
    CHECK(ran.ok);
    CHECK(ran.steps == Strings{"create after", "forget before"});
    CHECK(ran.reasons == Strings{"`after` holds it"});
    CHECK(bench.cloud.things.contains("s"));
    CHECK(bench.up(renamed).steps == Strings{"same after"});
    CHECK(bench.destroy().ok);
    CHECK(bench.cloud.things.empty());
}

TEST_CASE("an alias renames without any of this") {
    Bench bench;
    REQUIRE(bench.up([](Client& client) { setting(client, "before", "s"); }).ok);
    const auto ran = bench.up([](Client& client) {
        setting(client, "after", "s", "1", [](Registration& registration) { registration.aliases = {{.name = "before"}}; });
    });
    CHECK(ran.steps == Strings{"same after"});
}

TEST_CASE("another thing is deleted") {
    Bench bench;
    REQUIRE(bench.up([](Client& client) { setting(client, "a", "s"); }).ok);
    CHECK(bench.up([](Client& client) { setting(client, "b", "t"); }).steps == Strings{"create b", "delete a"});
    CHECK_FALSE(bench.cloud.things.contains("s"));
}

TEST_CASE("two that held one thing and are both unwanted leave nothing behind") {
    Bench bench;
    const auto both = [](Client& client) {
        setting(client, "a", "s");
        setting(client, "b", "s");
    };
    REQUIRE(bench.up(both).ok);
    SUBCASE("at the end of a program") {
        CHECK(bench.up([](Client&) {}).ok);
    }
    SUBCASE("by destroy") { CHECK(bench.destroy().ok); }
    CHECK(bench.cloud.things.empty());
    CHECK(bench.state.find("urn:pulumi:dev::proj::fake:index/setting:Setting::a") == nullptr);
}

TEST_CASE("a replacement that is deleted first leaves what another one holds") {
    Bench bench;
    const auto program = [](const char* first) {
        return [=](Client& client) {
            setting(client, "a", first, "1", [](Registration& registration) { registration.delete_before_replace = true; });
            setting(client, "b", "s");
        };
    };
    REQUIRE(bench.up(program("s")).ok);
    // `b` is the same and will not be made again: what it holds must stay although `a` goes before `b` is registered.
    const auto ran = bench.up(program("t"));
    CHECK(ran.ok);
    CHECK(bench.cloud.things.contains("s"));
    CHECK(bench.cloud.things.contains("t"));
    CHECK(bench.up(program("t")).steps == Strings{"same a", "same b"});
}

TEST_CASE("a replacement of itself by itself stays") {
    Bench bench;
    const auto program = [](const char* value) {
        return [=](Client& client) {
            setting(client, "a", "s", value, [](Registration& registration) { registration.replace_on_changes = {"value"}; });
        };
    };
    REQUIRE(bench.up(program("1")).ok);
    CHECK(bench.up(program("2")).ok);
    REQUIRE(bench.cloud.things.contains("s"));
    CHECK(bench.cloud.things["s"]["value"] == Property("2"));
}

TEST_CASE("a deletion that an earlier run left over leaves what is held by now") {
    Bench bench;
    REQUIRE(bench.up([](Client& client) { setting(client, "before", "s"); }).ok);
    auto left = std::make_shared<deploy::Resource>(*bench.state.resources.back());
    left->doomed = true;
    bench.state.resources.back() = left;
    const auto program = [](Client& client) { setting(client, "after", "s"); };
    CHECK(bench.up(program).ok);
    CHECK(bench.cloud.things.contains("s"));
    bench.refresh();
    CHECK(bench.up(program).steps == Strings{"same after"});
}

TEST_CASE("died between making it under the new name and letting go of the old one") {
    Bench bench;
    REQUIRE(bench.up([](Client& client) { setting(client, "before", "s"); }).ok);
    const auto renamed = [](Client& client) { setting(client, "after", "s"); };
    std::vector<deploy::Snapshot> saved;
    bench.on_save = [&](const deploy::Snapshot& state) { saved.push_back(state); };
    REQUIRE(bench.up(renamed).ok);
    bench.on_save = {};
    REQUIRE(saved.size() >= 3);
    for (const deploy::Snapshot& state : saved) {
        Bench again;
        again.cloud.things = bench.cloud.things;
        again.state = state;
        again.refresh();
        CHECK(again.up(renamed).ok);
        CHECK(again.cloud.things.contains("s"));
        CHECK(again.up(renamed).steps == Strings{"same after"});
    }
}

TEST_CASE("what is managed and from now on only read is let go, not deleted") {
    Bench bench;
    REQUIRE(bench.up([](Client& client) { setting(client, "a", "s"); }).ok);
    const auto program = [](Client& client) { reading(client, "a", "s"); };
    CHECK(bench.up(program).ok);
    CHECK(bench.cloud.things.contains("s"));
    // Under another name, too.
    REQUIRE(bench.up([](Client& client) { setting(client, "b", "s"); }).ok);
    const auto ran = bench.up([](Client& client) { reading(client, "c", "s"); });
    CHECK(ran.steps == Strings{"forget b"});
    CHECK(bench.cloud.things.contains("s"));
}

TEST_CASE("what is retained or was only read is not said to be deleted") {
    Bench bench;
    bench.cloud.things["theirs"] = Object{{"name", "theirs"}};
    REQUIRE(bench
                .up([](Client& client) {
                    setting(client, "kept", "k", "1", [](Registration& registration) { registration.retain_on_delete = true; });
                    setting(client, "gone", "g");
                    reading(client, "read", "theirs");
                })
                .ok);
    auto state = bench.state;
    auto world = bench.cloud.things;
    const auto check = [&](const Bench::Ran& ran) {
        CHECK(ran.ok);
        Strings steps = ran.steps;
        std::ranges::sort(steps);
        CHECK(steps == Strings{"delete gone", "forget kept", "forget read"});
    };
    SUBCASE("in a preview") {
        check(bench.preview([](Client&) {}));
    }
    SUBCASE("by a program") {
        check(bench.up([](Client&) {}));
        CHECK(bench.cloud.things.size() == 2);
    }
    SUBCASE("by destroy") {
        check(bench.destroy());
        CHECK(bench.cloud.things.size() == 2);
        CHECK(bench.state.resources.empty());
    }
}

TEST_CASE("a thing that is made and one that is deleted do not pass each other") {
    // Many at once, each run moving every setting to another name: whatever the order, all stay.
    Bench bench;
    bench.parallel = 8;
    const auto program = [](const std::string& prefix, int shift) {
        return [=](Client& client) {
            std::vector<std::thread> threads;
            for (int i = 0; i < 8; ++i)
                threads.emplace_back([&client, prefix, i, shift] {
                    setting(client, prefix + std::to_string(i), "s" + std::to_string((i + shift) % 8), "1",
                            [](Registration& registration) { registration.delete_before_replace = true; });
                });
            for (auto& thread : threads) thread.join();
        };
    };
    for (int shift = 0; shift < 10; ++shift) {
        CAPTURE(shift);
        REQUIRE(bench.up(program("n", shift)).ok);
        CHECK(bench.cloud.things.size() == 8);
    }
}

TEST_CASE("a renamed thing of a name that can be had once is refused by a preview as by the run") {
    Bench bench;
    const auto named = [](const char* name) { return [=](Client& client) { client.thing(name, {{"name", "x"}}); }; };
    REQUIRE(bench.up(named("before")).ok);
    const auto state = bench.state.resources.size();
    bench.take_log();
    for (const bool preview : {true, false}) {
        const auto ran = bench.up(named("after"), preview);
        CHECK_FALSE(ran.ok);
        CHECK(ran.steps == Strings{});
        REQUIRE(ran.errors.size() == 1);
        CHECK(ran.errors[0].message ==
              "creating fake:index/thing:Thing `after`: fake:index/thing:Thing `before` of this stack has the same name");
        REQUIRE(ran.errors[0].notes.size() == 2);
        CHECK(ran.errors[0].notes[0].contains("`aliases: [\"urn:pulumi:dev::proj::fake:index/thing:Thing::before\"]`"));
    }
    CHECK(bench.take_log() == Strings{});
    CHECK(bench.state.resources.size() == state);
    // As the note says; or it is gone by hand.
    const auto aliased = [](Client& client) {
        client.thing("after", {{"name", "x"}}, [](Registration& registration) {
            registration.aliases = {{.urn = "urn:pulumi:dev::proj::fake:index/thing:Thing::before"}};
        });
    };
    CHECK(bench.preview(aliased).steps == Strings{"same after"});
    bench.cloud.things.clear();
    CHECK(bench.preview(named("after")).ok);
    CHECK(bench.up(named("after")).ok);
}

TEST_CASE("two of one name, and a replacement beside what it replaces, are refused before anything is done") {
    Bench bench;
    const auto two = [](Client& client) {
        client.thing("a", {{"name", "x"}});
        client.thing("b", {{"name", "x"}});
    };
    CHECK_FALSE(bench.preview(two).ok);
    CHECK_FALSE(bench.up(two).ok);
    const auto replaced = [](bool delete_first, const char* name) {
        return [=](Client& client) {
            client.thing("a", {{"name", name}, {"pinned", name}}, [&](Registration& registration) {
                registration.delete_before_replace = delete_first;
                registration.replace_on_changes = {"pinned"};
            });
        };
    };
    bench.take_log();
    const auto beside = [](Client& client) {
        client.thing("a", {{"name", "x"}, {"pinned", "2"}},
                     [](Registration& registration) { registration.delete_before_replace = false; });
    };
    for (const bool preview : {true, false}) {
        const auto ran = bench.up(beside, preview);
        CHECK_FALSE(ran.ok);
        REQUIRE(ran.errors.size() == 1);
        CHECK(ran.errors[0].notes[0].contains("deleteBeforeReplace"));
    }
    CHECK(bench.take_log() == Strings{});
    CHECK(bench.preview(replaced(true, "x")).ok);
    CHECK(bench.up(replaced(true, "x")).ok);
    // Deleting first what makes way does not begin where a third one is in the way.
    REQUIRE(bench.up([&](Client& client) { replaced(true, "x")(client), client.thing("c", {{"name", "y"}}); }).ok);
    bench.take_log();
    const auto onto_another = [&](Client& client) { replaced(true, "y")(client), client.thing("c", {{"name", "y"}}); };
    CHECK_FALSE(bench.preview(onto_another).ok);
    CHECK_FALSE(bench.up(onto_another).ok);
    CHECK(bench.take_log() == Strings{});
}
