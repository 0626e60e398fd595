// A planted secret, and everything that comes out of the engine: the state as it is written, the steps, the messages.
#include <doctest/doctest.h>

#include <algorithm>

#include "deploy/engine.hpp"
#include "deploy/testing.hpp"
#include "deploy/urn.hpp"

using deploy::testing::Bench;
using deploy::testing::Client;
using provider::Property;
using Object = Property::Object;
using deploy::rpc::Registration;

namespace {

constexpr const char* planted = "hunter2-planted";
const Property secret = Property::secret(planted);
const char* const urn_of_a = "urn:pulumi:dev::proj::fake:index/thing:Thing::a";

// The state file's text; its secrets are sealed, so whatever is found in it stands in clear.
std::string written(const deploy::Snapshot& state) {
    deploy::testing::FixedRandom random;
    deploy::Secrets secrets("", [] { return base::Result<std::string>("pass"); }, random);
    const auto json = deploy::write_deployment(state, secrets, base::Time{});
    REQUIRE(json);
    return json->dump();
}

std::string said(const Bench::Ran& ran) {
    std::string all;
    for (const auto* list : {&ran.errors, &ran.warnings})
        for (const auto& diagnostic : *list) {
            all += diagnostic.message + "\n";
            for (const auto& note : diagnostic.notes) all += note + "\n";
        }
    return all;
}

}  // namespace

TEST_CASE("a secret input makes every output that holds it a secret") {
    Bench bench;
    const auto program = [](Client& client) {
        // The world gives back more than it was given: `copy` holds the value, `shout` is made of it.
        const auto a = client.thing("a", {{"value", secret}, {"link", "x"}});
        CHECK(a.outputs["value"] == secret);
        CHECK(a.outputs["copy"] == secret);
        CHECK(a.outputs["shout"].has_secrets());
        CHECK_FALSE(a.outputs["link"].has_secrets());
        CHECK_FALSE(a.outputs["made"].has_secrets());
    };
    REQUIRE(bench.up(program).ok);
    CHECK_FALSE(written(bench.state).contains(planted));
    // What stays, what is read anew, what changes.
    REQUIRE(bench.up(program).ok);
    CHECK_FALSE(written(bench.state).contains(planted));
    REQUIRE(bench.refresh().ok);
    CHECK_FALSE(written(bench.state).contains(planted));
    bench.cloud.things.begin()->second.set("link", "changed by hand");
    REQUIRE(bench.refresh().ok);
    CHECK_FALSE(written(bench.state).contains(planted));
    REQUIRE(bench
                .up([](Client& client) {
                    const auto a = client.thing("a", {{"value", Property::secret("hunter2-planted and more")}});
                    CHECK(a.outputs["copy"].has_secrets());
                })
                .ok);
    CHECK_FALSE(written(bench.state).contains(planted));
}

TEST_CASE("a preview answers secrets as secrets") {
    Bench bench;
    REQUIRE(bench
                .preview([](Client& client) {
                    const auto a = client.thing("a", {{"value", secret}});
                    CHECK(a.outputs["copy"] == secret);
                })
                .ok);
}

TEST_CASE("an id that is made of a secret is sealed, here and wherever the program hands it on") {
    Bench bench;
    const auto program = [](Client& client) {
        const auto a = client.thing("a", {{"name", secret}});
        CHECK(a.id == planted);
        client.thing("b", {{"name", "b"}, {"link", Property("thing/" + a.id)}});
        client.output("id", Property(a.id));
    };
    REQUIRE(bench.up(program).ok);
    const std::string text = written(bench.state);
    CHECK_FALSE(text.contains(planted));
    CHECK(bench.state.find(urn_of_a)->id == planted);
    CHECK(bench.state.stack_outputs()["id"].has_secrets());
    REQUIRE(bench.up(program).ok);
    CHECK(bench.state.find(urn_of_a)->id == planted);
    CHECK_FALSE(written(bench.state).contains(planted));

    deploy::testing::FixedRandom random;
    deploy::Secrets secrets("", [] { return base::Result<std::string>("pass"); }, random);
    const auto json = deploy::write_deployment(bench.state, secrets, base::Time{});
    REQUIRE(json);
    deploy::Secrets again(deploy::read_salt_state(*json), [] { return base::Result<std::string>("pass"); }, random);
    const auto read = deploy::read_deployment(*json, again);
    REQUIRE(read);
    CHECK(read->find(urn_of_a)->id == planted);
    CHECK(*deploy::write_deployment(*read, again, base::Time{}) == *json);
}

TEST_CASE("a plain value beside a secret one makes no secret") {
    Bench bench;
    const auto program = [](Client& client) {
        const auto a = client.thing("a", {{"name", "prod-first"}, {"value", Object{{"sec", secret}, {"env", "prod-first"}}}});
        CHECK(a.outputs["name"] == Property("prod-first"));
        CHECK(a.outputs["copy"] == Property(Object{{"sec", secret}, {"env", "prod-first"}}));
        const auto b = client.thing("b", {{"name", "b"}, {"link", Property(a.id)}});
        CHECK(b.outputs["link"] == Property("prod-first"));
        client.output("id", Property(a.id));
        client.engine().program_said("made prod-first, not hunter2-planted", false);
    };
    for (int run = 0; run < 2; ++run) {
        const auto ran = bench.up(program);
        REQUIRE(ran.ok);
        CHECK(ran.lines == std::vector<std::string>{"made prod-first, not [secret]"});
        const std::string text = written(bench.state);
        CHECK_FALSE(text.contains(planted));
        CHECK_FALSE(text.contains("sealed:"));
        CHECK(text.contains("\"id\":\"prod-first\""));
        CHECK(bench.state.stack_outputs()["id"] == Property("prod-first"));
    }
    REQUIRE(bench.refresh().ok);
    CHECK_FALSE(bench.state.find(urn_of_a)->outputs["name"].has_secrets());
}

TEST_CASE("a secret id makes only what holds it a secret") {
    Bench bench;
    REQUIRE(bench
                .up([](Client& client) {
                    const auto a = client.thing("a", {{"name", secret}});
                    const auto b = client.thing(
                        "b", {{"name", "plain-name"}, {"value", Object{{"owner", Property(a.id)}, {"env", "plain-name"}}}});
                    CHECK(b.outputs["copy"] == Property(Object{{"owner", secret}, {"env", "plain-name"}}));
                })
                .ok);
    CHECK(written(bench.state).contains("\"id\":\"plain-name\""));
    CHECK_FALSE(written(bench.state).contains(planted));
}

TEST_CASE("errors and what the program says lose their secrets") {
    Bench bench;
    bench.config["proj:word"] = "configured-word";
    bench.secret_keys = {"proj:word"};
    const auto ran = bench.up([](Client& client) {
        client.engine().program_said("I print configured-word", false);
        client.thing("a", {{"value", secret}, {"broken", true}});
    });
    CHECK_FALSE(ran.ok);
    REQUIRE(ran.errors.size() == 1);
    CHECK(said(ran).contains("it is broken with [secret]"));
    CHECK_FALSE(said(ran).contains(planted));
    CHECK(ran.lines == std::vector<std::string>{"I print [secret]"});
    // What a refused input is called in the message of its check.
    const auto refused = bench.up([](Client& client) { client.thing("a", {{"value", secret}, {"nonsense", secret}}); });
    CHECK_FALSE(refused.ok);
    CHECK_FALSE(said(refused).contains(planted));
}

TEST_CASE("secrets through functions") {
    Bench bench;
    REQUIRE(bench
                .up([](Client& client) {
                    const auto invoked = [&](Property say) {
                        return client
                            .answer<deploy::rpc::Invoked>([&](deploy::rpc::Reply<deploy::rpc::Invoked> reply) {
                                client.engine().invoke(
                                    {.token = "fake:index/echo:echo", .arguments = Object{{"say", std::move(say)}}},
                                    std::move(reply));
                            })
                            .result;
                    };
                    CHECK(invoked(secret)["echo"] == secret);
                    CHECK(invoked(Property(Object{{"deep", secret}}))["echo"].has_secrets());
                    CHECK_FALSE(invoked("open")["echo"].has_secrets());
                })
                .ok);
}

TEST_CASE("what was secret and is kept because changes are ignored stays secret") {
    Bench bench;
    REQUIRE(bench.up([](Client& client) { client.thing("a", {{"value", secret}}); }).ok);
    REQUIRE(bench
                .up([](Client& client) {
                    client.thing("a", {{"value", "open"}},
                                 [](Registration& registration) { registration.ignore_changes = {"value"}; });
                })
                .ok);
    CHECK(bench.state.find(urn_of_a)->inputs["value"] == secret);
    CHECK_FALSE(written(bench.state).contains(planted));
}

TEST_CASE("additional secret outputs, also part of one, also of what is only read") {
    Bench bench;
    bench.cloud.things["there"] = Object{{"name", "there"}, {"value", planted}};
    REQUIRE(bench
                .up([](Client& client) {
                    client.thing("a", {{"value", Object{{"open", "1"}, {"shut", "2"}}}}, [](Registration& registration) {
                        registration.additional_secret_outputs = {"value.shut", "made"};
                    });
                    const auto read =
                        client.answer<deploy::rpc::Registered>([&](deploy::rpc::Reply<deploy::rpc::Registered> reply) {
                            client.engine().read_resource({.id = "there",
                                                           .type = "fake:index/thing:Thing",
                                                           .name = "read",
                                                           .parent = client.stack(),
                                                           .additional_secret_outputs = {"value", "copy", "shout"}},
                                                          std::move(reply));
                        });
                    CHECK(read.outputs["value"] == secret);
                })
                .ok);
    const auto a = bench.state.find(urn_of_a);
    CHECK(a->outputs["value"] == Property(Object{{"open", "1"}, {"shut", Property::secret("2")}}));
    CHECK(a->outputs["made"].has_secrets());
    const auto read = bench.state.find("urn:pulumi:dev::proj::fake:index/thing:Thing::read");
    CHECK(read->outputs["value"] == secret);
}

TEST_CASE("a provider's keys are secrets whoever wrote them") {
    Bench bench;
    bench.config["fake:secretKey"] = planted;  // in clear in the configuration
    bench.config["fake:region"] = "here";
    REQUIRE(bench
                .up([](Client& client) {
                    client.thing("a", {});
                    client.registered({.type = "pulumi:providers:fake",
                                       .name = "mine",
                                       .parent = client.stack(),
                                       .custom = true,
                                       .inputs = Object{{"accessKey", planted}, {"token", planted}, {"region", "there"}}});
                })
                .ok);
    CHECK_FALSE(written(bench.state).contains(planted));
    CHECK(written(bench.state).contains("\"here\""));
    CHECK(written(bench.state).contains("\"there\""));
}

TEST_CASE("a state that holds a secret in clear is sealed by whatever runs next") {
    const auto program = [](Client& client) { client.thing("a", {{"name", "a"}, {"value", secret}}); };
    Bench bench;
    REQUIRE(bench.up(program).ok);
    auto before = std::make_shared<deploy::Resource>(*bench.state.find(urn_of_a));
    before->outputs.set("copy", planted);
    before->outputs.set("shout", Property(std::string(planted) + "!"));
    bench.state.resources.back() = before;
    REQUIRE(written(bench.state).contains(planted));
    // Every state that is written on the way is looked at.
    bool clear = false;
    bench.on_save = [&](const deploy::Snapshot& state) { clear |= written(state).contains(planted); };
    SUBCASE("up") { CHECK(bench.up(program).ok); }
    SUBCASE("refresh") { CHECK(bench.refresh().ok); }
    SUBCASE("destroy") { CHECK(bench.destroy().ok); }
    CHECK_FALSE(clear);
}
