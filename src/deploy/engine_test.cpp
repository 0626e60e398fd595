// The engine against a world of things: every step, every order, every way to end.
#include "deploy/engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "deploy/testing.hpp"
#include "deploy/urn.hpp"

using deploy::testing::Bench;
using deploy::testing::Client;
using provider::Property;
using Strings = std::vector<std::string>;
using deploy::rpc::Registration;

namespace {

// `create a-1234567` without the automatic part of the name.
Strings plain(Strings log) {
    for (std::string& line : log)
        if (line.size() > 8 && line[line.size() - 8] == '-') line.resize(line.size() - 8);
    return log;
}

std::function<void(Registration&)> uses(const std::string& property, const std::string& urn) {
    return [=](Registration& registration) {
        registration.dependencies.push_back(urn);
        registration.property_dependencies[property].push_back(urn);
    };
}

}  // namespace

TEST_CASE("what is new is created, what is the same is left alone") {
    Bench bench;
    const auto program = [](Client& client) {
        const auto a = client.thing("a", {{"value", Property("1")}});
        CHECK(a.id.starts_with("a-"));
        CHECK(a.outputs["made"] == Property("yes"));
        client.thing("b", {{"link", Property(a.id)}}, uses("link", a.urn));
        client.output("id", Property(a.id));
    };
    auto first = bench.up(program);
    CHECK(first.ok);
    CHECK(plain(first.steps) == Strings{"create a", "create b"});
    const std::string id = bench.state.stack_outputs()["id"].as_string();
    CHECK(bench.cloud.things.contains(id));
    bench.take_log();
    auto second = bench.up(program);
    CHECK(second.ok);
    CHECK(second.steps == Strings{"same a", "same b"});
    CHECK(bench.take_log().empty());
    CHECK(bench.state.stack_outputs()["id"] == Property(id));  // automatic names stay
    CHECK(bench.state.pending.empty());
}

TEST_CASE("a preview says the same and touches nothing") {
    Bench bench;
    const auto program = [](Client& client) {
        const auto a = client.thing("a", {});
        CHECK(a.outputs["made"] == Property::unknown());
        client.thing("b", {{"link", a.outputs["made"]}}, uses("link", a.urn));
    };
    const auto ran = bench.preview(program);
    CHECK(ran.ok);
    CHECK(ran.steps == Strings{"create a", "create b"});
    CHECK(bench.cloud.things.empty());
    CHECK(bench.saves == 0);
}

TEST_CASE("a change in place updates, and nothing else") {
    Bench bench;
    const auto program = [](const char* value) {
        return [=](Client& client) {
            client.thing("a", {{"value", Property(value)}});
            client.thing("b", {});
        };
    };
    REQUIRE(bench.up(program("1")).ok);
    bench.take_log();
    const auto ran = bench.up(program("2"));
    CHECK(ran.steps == Strings{"update a", "same b"});
    CHECK(plain(bench.take_log()) == Strings{"update a"});
}

TEST_CASE("a replacement is made first, its users move over, the old one goes last") {
    Bench bench;
    const auto program = [](const char* name) {
        return [=](Client& client) {
            const auto a = client.thing("a", {{"name", Property(name)}});
            client.thing("user", {{"name", Property("user")}, {"link", Property(a.id)}}, uses("link", a.urn));
        };
    };
    REQUIRE(bench.up(program("one")).ok);
    bench.take_log();
    const auto ran = bench.up(program("two"));
    CHECK(ran.ok);
    CHECK(bench.take_log() == Strings{"create two", "update user", "delete one"});
    CHECK(ran.steps == Strings{"create-replacement a", "replace a", "update user", "delete-replaced a"});
    CHECK(bench.state.resources.size() == 4);  // stack, provider, a, user
}

TEST_CASE("delete-before-replace deletes the users that must be replaced too, users first") {
    Bench bench;
    const auto program = [](int pinned) {
        return [=](Client& client) {
            const auto a = client.thing("a", {{"name", Property("a")}, {"pinned", Property(pinned)}});
            const auto chained = [&](const std::string& name, const deploy::rpc::Registered& on) {
                return client.thing(name, {{"name", Property(name)}, {"link", on.outputs["name"]}},
                                    [&](Registration& registration) {
                                        registration.type = "fake:index/chained:Chained";
                                        uses("link", on.urn)(registration);
                                    });
            };
            const auto b = chained("b", a);
            chained("c", b);
            client.thing("loose", {{"name", Property("loose")}, {"link", a.outputs["name"]}},
                         uses("link", a.urn));  // changes in place
        };
    };
    REQUIRE(bench.up(program(1)).ok);
    bench.take_log();
    const auto ran = bench.up(program(2));
    CHECK(ran.ok);
    CHECK(bench.take_log() == Strings{"delete c", "delete b", "delete a", "create a", "create b", "create c"});
    CHECK(bench.cloud.things.size() == 4);
}

TEST_CASE("the program decides the order of a replacement if it says so") {
    Bench bench;
    const auto program = [](const char* name) {
        return [=](Client& client) {
            client.thing("a", {{"name", Property(name)}},
                         [](Registration& registration) { registration.delete_before_replace = true; });
        };
    };
    REQUIRE(bench.up(program("one")).ok);
    bench.take_log();
    REQUIRE(bench.up(program("two")).ok);
    CHECK(bench.take_log() == Strings{"delete one", "create two"});
}

TEST_CASE("what the program no longer has is deleted, users before what they use") {
    Bench bench;
    REQUIRE(bench
                .up([](Client& client) {
                    const auto a = client.thing("a", {{"name", Property("a")}});
                    const auto b = client.thing("b", {{"name", Property("b")}, {"link", Property(a.id)}}, uses("link", a.urn));
                    client.thing("c", {{"name", Property("c")}, {"link", Property(b.id)}}, uses("link", b.urn));
                    client.thing("kept", {{"name", Property("kept")}});
                })
                .ok);
    bench.take_log();
    const auto ran = bench.up([](Client& client) { client.thing("kept", {{"name", Property("kept")}}); });
    CHECK(ran.ok);
    CHECK(bench.take_log() == Strings{"delete c", "delete b", "delete a"});
    CHECK(bench.cloud.things.size() == 1);
}

TEST_CASE("destroy deletes everything, users first, and leaves an empty state") {
    Bench bench;
    bench.parallel = 8;
    REQUIRE(bench
                .up([](Client& client) {
                    const auto a = client.thing("a", {{"name", Property("a")}});
                    client.thing("b", {{"name", Property("b")}, {"link", Property(a.id)}}, uses("link", a.urn));
                })
                .ok);
    CHECK(bench.destroy(true).steps.size() == 2);
    CHECK(bench.cloud.things.size() == 2);
    bench.take_log();
    CHECK(bench.destroy().ok);
    CHECK(bench.take_log() == Strings{"delete b", "delete a"});
    CHECK(bench.state.resources.empty());
}

TEST_CASE("a failure half-way deletes nothing, keeps what was made, and the next run goes on") {
    Bench bench;
    REQUIRE(bench.up([](Client& client) { client.thing("old", {{"name", Property("old")}}); }).ok);
    bench.take_log();
    const auto program = [](bool broken) {
        return [=](Client& client) {
            const auto a = client.thing("a", {{"name", Property("a")}});
            client.thing("b", {{"name", Property("b")}, {"broken", Property(broken)}}, uses("link", a.urn));
            client.thing("c", {{"name", Property("c")}});
        };
    };
    const auto failed = bench.up(program(true));
    CHECK_FALSE(failed.ok);
    REQUIRE(failed.errors.size() == 1);
    CHECK(failed.errors[0].source == "__main__.py:12");
    CHECK(failed.errors[0].message.contains("it is broken"));
    CHECK(bench.take_log() == Strings{"create a"});
    CHECK(bench.cloud.things.contains("old"));
    CHECK(bench.state.pending.empty());
    const auto resumed = bench.up(program(false));
    CHECK(resumed.ok);
    CHECK(bench.take_log() == Strings{"create b", "create c", "delete old"});
}

TEST_CASE("a program that dies, or is interrupted, has nothing deleted") {
    Bench bench;
    REQUIRE(bench.up([](Client& client) { client.thing("old", {{"name", Property("old")}}); }).ok);
    const auto died = bench.up([](Client&) { throw std::string("the program ended with exit status 1"); });
    CHECK_FALSE(died.ok);
    REQUIRE(died.errors.size() == 1);
    CHECK(died.errors[0].message == "the program ended with exit status 1");
    CHECK(bench.cloud.things.contains("old"));
    const auto interrupted =
        bench.up([](Client& client) { client.thing("new", {}); }, false, [](deploy::Engine& engine) { engine.interrupt(); });
    CHECK_FALSE(interrupted.ok);
    CHECK(bench.cloud.things.contains("old"));
    CHECK(bench.state.find("urn:pulumi:dev::proj::fake:index/thing:Thing::old") != nullptr);
}

TEST_CASE("protected things are neither deleted nor replaced") {
    Bench bench;
    const auto protect = [](Registration& registration) { registration.protect = true; };
    REQUIRE(bench.up([&](Client& client) { client.thing("a", {{"name", Property("one")}}, protect); }).ok);
    const auto replaced = bench.up([&](Client& client) { client.thing("a", {{"name", Property("two")}}, protect); });
    CHECK_FALSE(replaced.ok);
    REQUIRE(replaced.errors.size() == 1);
    CHECK(replaced.errors[0].message.contains("protected"));
    const auto removed = bench.up([](Client&) {});
    CHECK_FALSE(removed.ok);
    CHECK_FALSE(bench.destroy().ok);
    CHECK(bench.cloud.things.contains("one"));
    // Unprotected in the program: deployed, then it may go.
    CHECK(bench.up([](Client& client) { client.thing("a", {{"name", Property("one")}}); }).ok);
    CHECK(bench.up([](Client&) {}).ok);
    CHECK(bench.cloud.things.empty());
}

TEST_CASE("retainOnDelete forgets without deleting") {
    Bench bench;
    REQUIRE(bench
                .up([](Client& client) {
                    client.thing("a", {{"name", Property("a")}},
                                 [](Registration& registration) { registration.retain_on_delete = true; });
                })
                .ok);
    CHECK(bench.up([](Client&) {}).ok);
    CHECK(bench.cloud.things.contains("a"));
    CHECK(bench.state.find("urn:pulumi:dev::proj::fake:index/thing:Thing::a") == nullptr);
}

TEST_CASE("ignoreChanges keeps old inputs, replaceOnChanges upgrades an update") {
    Bench bench;
    const auto program = [](const char* value, const std::function<void(Registration&)>& with) {
        return [=](Client& client) { client.thing("a", {{"value", Property(value)}}, with); };
    };
    REQUIRE(bench.up(program("1", {})).ok);
    const auto ignored = bench.up(program("2", [](Registration& registration) { registration.ignore_changes = {"value"}; }));
    CHECK(ignored.steps == Strings{"same a"});
    const auto replaced = bench.up(program("2", [](Registration& registration) { registration.replace_on_changes = {"value"}; }));
    CHECK(replaced.steps == Strings{"create-replacement a", "replace a", "delete-replaced a"});
}

TEST_CASE("an alias carries a thing to its new name, a parent's alias its children") {
    Bench bench;
    const auto component = [](Client& client, const std::string& name, std::vector<deploy::rpc::Alias> aliases) {
        return client
            .registered({.type = "my:index:Group",
                         .name = name,
                         .parent = client.stack(),
                         .inputs = Property(Property::Object{}),
                         .aliases = std::move(aliases)})
            .urn;
    };
    REQUIRE(bench
                .up([&](Client& client) {
                    const std::string group = component(client, "group", {});
                    const auto child = client.thing("child", {{"name", Property("child")}},
                                                    [&](Registration& registration) { registration.parent = group; });
                    CHECK(child.urn == "urn:pulumi:dev::proj::my:index:Group$fake:index/thing:Thing::child");
                    client.thing("a", {{"name", Property("a")}});
                })
                .ok);
    bench.take_log();
    const auto ran = bench.up([&](Client& client) {
        const std::string group = component(client, "renamed", {{.name = "group"}});
        client.thing("child", {{"name", Property("child")}}, [&](Registration& registration) { registration.parent = group; });
        client.thing("b", {{"name", Property("a")}}, [](Registration& registration) {
            registration.aliases = {{.urn = "urn:pulumi:dev::proj::fake:index/thing:Thing::a"}, {.name = "a"}};
        });
    });
    CHECK(ran.ok);
    CHECK(bench.take_log().empty());
    CHECK(ran.steps == Strings{"same renamed", "same child", "same b"});
}

TEST_CASE("mistakes name themselves and the line") {
    Bench bench;
    const auto twice = bench.up([](Client& client) {
        client.thing("a", {});
        client.thing("a", {});
    });
    REQUIRE(twice.errors.size() == 1);
    CHECK(twice.errors[0].message.contains("two resources"));
    const auto unknown = bench.up([](Client& client) {
        client.thing("x", {}, [](Registration& registration) { registration.type = "fake:foo/bar:Baz"; });
    });
    REQUIRE(unknown.errors.size() == 1);
    CHECK(unknown.errors[0].message == "fake:foo/bar:Baz is not supported");
    CHECK(unknown.errors[0].source == "__main__.py:12");
    const auto property = bench.up([](Client& client) { client.thing("x", {{"colour", Property("red")}}); });
    REQUIRE(property.errors.size() == 1);
    CHECK(property.errors[0].message.contains("unknown property colour"));
    const auto package = bench.up(
        [](Client& client) { client.thing("x", {}, [](Registration& registration) { registration.type = "gcp:foo/bar:Baz"; }); });
    REQUIRE(package.errors.size() == 1);
    CHECK(package.errors[0].message.contains("gcp"));
}

TEST_CASE("a function's failure is the program's own to handle") {
    Bench bench;
    std::string said;
    const auto ran = bench.up([&](Client& client) {
        said = client.answer<std::string>([&](const deploy::rpc::Reply<std::string>& reply) {
            client.engine().invoke({.token = "fake:index/nope:nope", .arguments = Property(Property::Object{})},
                                   [reply](const base::Result<deploy::rpc::Invoked>& invoked) {
                                       reply(invoked ? "answered" : invoked.error().message);
                                   });
        });
        client.thing("a", {});
    });
    CHECK(said == "invoking fake:index/nope:nope: fake:index/nope:nope is not supported");
    CHECK(ran.ok);
    CHECK(ran.errors.empty());
    CHECK(ran.steps.back() == "create a");
}

TEST_CASE("a preview shows every mistake, not only the first") {
    Bench bench;
    bench.parallel = 4;
    const auto ran = bench.preview([](Client& client) {
        const auto make = [&](const std::string& name) {
            return [&client, name](deploy::rpc::Reply<deploy::rpc::Registered>) {
                client.thing(name, {{"colour", Property("red")}});
            };
        };
        std::thread other([&] {
            try {
                make("a")({});
            } catch (const deploy::testing::Stopped&) {
            }
        });
        try {
            make("b")({});
        } catch (const deploy::testing::Stopped&) {
        }
        other.join();
    });
    CHECK_FALSE(ran.ok);
    CHECK(ran.errors.size() >= 1);
}

TEST_CASE("refresh takes over what changed and drops what is gone") {
    Bench bench;
    const auto program = [](Client& client) {
        const auto a = client.thing("a", {{"name", Property("a")}, {"value", Property("1")}});
        client.thing("b", {{"name", Property("b")}}, uses("link", a.urn));
    };
    REQUIRE(bench.up(program).ok);
    bench.cloud.things["b"].set("value", Property("changed by hand"));
    bench.cloud.things.erase("a");
    const auto ran = bench.refresh();
    CHECK(ran.ok);
    CHECK(bench.state.find("urn:pulumi:dev::proj::fake:index/thing:Thing::a") == nullptr);
    CHECK(bench.state.find("urn:pulumi:dev::proj::fake:index/thing:Thing::b")->inputs["value"] == Property("changed by hand"));
    bench.take_log();
    CHECK(bench.up(program).ok);
    CHECK(bench.take_log() == Strings{"create a", "update b"});
}

TEST_CASE("no more at a time than allowed") {
    Bench bench;
    bench.parallel = 3;
    const auto ran = bench.up([](Client& client) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 12; ++i) threads.emplace_back([&client, i] { client.thing("t" + std::to_string(i), {}); });
        for (auto& thread : threads) thread.join();
    });
    CHECK(ran.ok);
    CHECK(bench.cloud.things.size() == 12);
    CHECK(bench.cloud.at_once_max <= 3);
}

TEST_CASE("secrets stay secret through inputs, outputs and back") {
    Bench bench;
    REQUIRE(bench
                .up([](Client& client) {
                    const auto a =
                        client.thing("a", {{"secret", Property::secret(Property("word"))}},
                                     [](Registration& registration) { registration.additional_secret_outputs = {"made"}; });
                    CHECK(a.outputs["secret"] == Property::secret(Property("word")));
                    CHECK(a.outputs["made"] == Property::secret(Property("yes")));
                })
                .ok);
    const auto a = bench.state.find("urn:pulumi:dev::proj::fake:index/thing:Thing::a");
    CHECK(a->inputs["secret"].has_secrets());
    CHECK(bench.cloud.things.begin()->second["secret"] == Property("word"));  // providers see plain values
}

TEST_CASE("references become ids for a provider, explicit providers are used and kept") {
    Bench bench;
    REQUIRE(bench
                .up([](Client& client) {
                    const auto mine = client.registered({.type = "pulumi:providers:fake",
                                                         .name = "mine",
                                                         .parent = client.stack(),
                                                         .custom = true,
                                                         .inputs = Property(Property::Object{{"region", Property("here")}})});
                    const auto a = client.thing("a", {{"name", Property("a")}});
                    client.thing("b", {{"name", Property("b")}, {"link", Property::reference(a.urn, Property(a.id))}},
                                 [&](Registration& registration) { registration.provider = mine.urn + "::" + mine.id; });
                })
                .ok);
    CHECK(bench.cloud.things["b"]["link"] == Property("a"));
    CHECK(deploy::parse_provider_reference(bench.state.find("urn:pulumi:dev::proj::fake:index/thing:Thing::b")->provider).urn ==
          "urn:pulumi:dev::proj::pulumi:providers:fake::mine");
    CHECK(bench.up([](Client&) {}).ok);  // the provider outlives its resources by a moment
    CHECK(bench.cloud.things.empty());
}

TEST_CASE("import takes over what exists, and refuses when the program says something else") {
    Bench bench;
    bench.cloud.things["there"] = Property(Property::Object{{"name", Property("there")}, {"value", Property("1")}});
    const auto program = [](const char* value) {
        return [=](Client& client) {
            client.thing("a", {{"name", Property("there")}, {"value", Property(value)}},
                         [](Registration& registration) { registration.import_id = "there"; });
        };
    };
    CHECK_FALSE(bench.up(program("2")).ok);
    const auto ran = bench.up(program("1"));
    CHECK(ran.ok);
    CHECK(ran.steps == Strings{"import a"});
    CHECK(bench.take_log().empty());
    CHECK(bench.up(program("1")).steps == Strings{"same a"});
}

TEST_CASE("whenever the process dies, the next run ends with exactly what the program says") {
    // Every moment around every effect is a place to die: the world as it was then, and the state as it was last saved.
    struct Death {
        std::map<std::string, Property> things;
        deploy::Snapshot state;
    };
    const auto first = [](Client& client) {
        const auto a = client.thing("a", {{"value", Property("1")}});
        client.thing("b", {{"link", Property(a.id)}}, uses("link", a.urn));
        client.thing("gone", {});
        client.thing("r", {{"name", Property("r1")}});
        client.thing("d", {{"name", Property("d")}, {"pinned", Property(1)}});
    };
    const auto second = [](Client& client) {
        const auto a = client.thing("a", {{"value", Property("2")}});
        client.thing("b", {{"link", Property(a.id)}}, uses("link", a.urn));
        client.thing("new", {});
        client.thing("r", {{"name", Property("r2")}});
        client.thing("d", {{"name", Property("d")}, {"pinned", Property(2)}});
    };
    Bench bench;
    std::vector<Death> deaths;
    const auto remember = [&] { deaths.push_back({bench.cloud.things, bench.state}); };
    bench.cloud.moment = remember;
    REQUIRE(bench.up(first).ok);
    const size_t in_first = deaths.size();
    REQUIRE(bench.up(second).ok);
    CHECK(in_first == 10);
    REQUIRE(deaths.size() == in_first + 14);  // update a, create new, create r2, delete d, create d, delete gone, delete r1

    for (size_t i = 0; i < deaths.size(); ++i) {
        CAPTURE(i);
        Bench again;
        again.cloud.things = deaths[i].things;
        again.state = deaths[i].state;
        again.seed = "another " + std::to_string(i);
        const auto ran = again.up(second);
        CHECK(ran.ok);
        CHECK(again.cloud.things.size() == 5);  // a, b, new, r2, d: no orphan, nothing missing
        CHECK(again.cloud.things.contains("r2"));
        CHECK(again.cloud.things["d"]["pinned"] == Property(2));
        CHECK(again.state.pending.empty());
        CHECK(deploy::verify(again.state));
        const auto settled = again.up(second);
        CHECK(std::ranges::all_of(settled.steps, [](const std::string& step) { return step.starts_with("same"); }));
        CHECK(again.destroy().ok);
        CHECK(again.cloud.things.empty());
    }
}
