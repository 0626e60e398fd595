// Pulumi YAML programs against the engine and a world of things.
#include "deploy/yaml_program.hpp"

#include <doctest/doctest.h>

#include "deploy/testing.hpp"

using deploy::testing::Bench;
using deploy::testing::Collected;
using provider::Property;
using Strings = std::vector<std::string>;

namespace {

struct Ran {
    bool ok = false;
    Strings steps;
    std::vector<std::string> errors;
    Property outputs;
};

Ran run(Bench& bench, const std::string& template_text, const deploy::Config& config = {}, bool preview = false) {
    deploy::Project project;
    project.name = "proj";
    project.runtime = "yaml";
    project.root = project.program = "/project";
    project.file = "/project/Pulumi.yaml";
    auto document = deploy::parse_yaml("name: proj\nruntime: yaml\n" + template_text);
    REQUIRE(document);
    project.document = *document;
    Collected events;
    auto engine = bench.engine(events, preview);
    deploy::ProgramOptions options{.project = &project, .stack = "dev", .config = config, .preview = preview};
    options.ended = [&](std::optional<std::string> error) { engine->program_ended(std::move(error)); };
    auto program = deploy::start_yaml(std::move(options), *engine);
    REQUIRE(program);
    engine->run();
    if (engine->failed()) (*program)->interrupt();
    engine->release_program();
    REQUIRE((*program)->wait(10000));
    Ran ran{!engine->failed(), events.steps, {}, engine->stack_outputs()};
    for (const auto& error : events.errors)
        ran.errors.push_back(error.message + (error.source.empty() ? "" : " at " + error.source));
    return ran;
}

}  // namespace

TEST_CASE("short and long tokens name the same type") {
    CHECK(deploy::full_token("aws:s3:Bucket") == "aws:s3/bucket:Bucket");
    CHECK(deploy::full_token("aws:s3/bucket:Bucket") == "aws:s3/bucket:Bucket");
    CHECK(deploy::full_token("aws:iam:RolePolicyAttachment") == "aws:iam/rolePolicyAttachment:RolePolicyAttachment");
    CHECK(deploy::full_token("aws:getCallerIdentity") == "aws:index/getCallerIdentity:getCallerIdentity");
    CHECK(deploy::full_token("pulumi:providers:aws") == "pulumi:providers:aws");
}

TEST_CASE("resources run in the order of their use, values flow between them") {
    Bench bench;
    const std::string program = R"(
resources:
  second:
    type: fake:index:Thing
    properties:
      link: ${first.made}-${joined}
  first:
    type: fake:index:Thing
    properties:
      name: one
      value: ${size}
variables:
  joined:
    fn::join: ["/", [a, "${first.name}", "$${literal}"]]
outputs:
  link: ${second.link}
  id: ${first.id}
  stack: ${pulumi.stack}
)";
    const auto ran = run(bench, program, {{"proj:size", {"3", false, false}}});
    CHECK(ran.errors.empty());
    CHECK(ran.ok);
    CHECK(ran.steps == Strings{"create first", "create second"});
    CHECK(ran.outputs["link"] == Property("yes-a/one/${literal}"));
    CHECK(ran.outputs["id"] == Property("one"));
    CHECK(ran.outputs["stack"] == Property("dev"));
    const auto second = bench.state.find("urn:pulumi:dev::proj::fake:index/thing:Thing::second");
    REQUIRE(second != nullptr);
    CHECK(second->property_dependencies.at("link") == Strings{"urn:pulumi:dev::proj::fake:index/thing:Thing::first"});
    CHECK(run(bench, program, {{"proj:size", {"3", false, false}}}).steps == Strings{"same first", "same second"});
}

TEST_CASE("functions") {
    Bench bench;
    const auto ran = run(bench, R"(
outputs:
  split: {"fn::split": [",", "a,b"]}
  select: {"fn::select": [1, [x, y]]}
  json: {"fn::toJSON": {b: [1, true, null], a: "${pulumi.project}"}}
  base64: {"fn::toBase64": hello}
  back: {"fn::fromBase64": aGVsbG8=}
  secret: {"Fn::Secret": word}
  through: {"fn::toBase64": {"fn::secret": hello}}
  asset: {"fn::stringAsset": text}
  echo: {"fn::invoke": {function: "fake:index:echo", arguments: {say: hi}, return: echo}}
  short: {"fn::fake:index:echo": {say: ho}}
)");
    CHECK(ran.errors.empty());
    CHECK(ran.outputs["split"] == Property(Property::Array{Property("a"), Property("b")}));
    CHECK(ran.outputs["select"] == Property("y"));
    CHECK(ran.outputs["json"] == Property(R"({"a":"proj","b":[1,true,null]})"));
    CHECK(ran.outputs["base64"] == Property("aGVsbG8="));
    CHECK(ran.outputs["back"] == Property("hello"));
    CHECK(ran.outputs["secret"] == Property::secret(Property("word")));
    CHECK(ran.outputs["through"] == Property::secret(Property("aGVsbG8=")));
    CHECK(ran.outputs["asset"] == Property::asset({{"text", Property("text")}}));
    CHECK(ran.outputs["echo"] == Property("hi"));
    CHECK(ran.outputs["short"]["echo"] == Property("ho"));
}

TEST_CASE("a preview carries what is not known yet through everything") {
    Bench bench;
    const auto ran = run(bench, R"(
resources:
  first: {type: "fake:index:Thing"}
  second:
    type: fake:index:Thing
    properties: {value: "x${first.made}", link: {"fn::toJSON": {a: "${first.made}"}}}
outputs:
  value: ${second.value}
)",
                         {}, true);
    CHECK(ran.ok);
    CHECK(ran.outputs["value"] == Property::unknown());
    CHECK(bench.cloud.things.empty());
}

TEST_CASE("options are read, and mistakes name the line") {
    Bench bench;
    const auto ran = run(bench, R"(
resources:
  base: {type: "fake:index:Thing", properties: {name: base}}
  kept:
    type: fake:index:Thing
    name: renamed
    options:
      dependsOn: ["${base}"]
      protect: true
      parent: ${base}
)");
    CHECK(ran.errors.empty());
    const auto kept = bench.state.find("urn:pulumi:dev::proj::fake:index/thing:Thing$fake:index/thing:Thing::renamed");
    REQUIRE(kept != nullptr);
    CHECK(kept->protect);
    CHECK(kept->dependencies == Strings{"urn:pulumi:dev::proj::fake:index/thing:Thing::base"});

    const std::vector<std::pair<std::string, std::string>> mistakes = {
        {"outputs:\n  x: ${nobody.id}\n", "Pulumi.yaml:4: there is no resource, variable or configuration value `nobody`"},
        {"outputs:\n  x: ${unclosed\n", "Pulumi.yaml:4: `${` without `}`"},
        {"outputs:\n  x: {\"fn::sha9\": a}\n", "Pulumi.yaml:4: fn::sha9 is not supported"},
        {"variables:\n  a: ${b}\n  b: ${a}\n", "Pulumi.yaml:1: these depend on each other: a, b"},
        {"resources:\n  a: {type: \"fake:index:Thing\", options: {magic: 1}}\n",
         "Pulumi.yaml:4: the resource option `magic` is not supported"},
        {"resources:\n  a:\n    type: fake:foo:Bar\n", "fake:foo/bar:Bar is not supported at Pulumi.yaml:4"},
        {"resources:\n  a: {type: \"fake:index:Thing\"}\noutputs:\n  x: ${a.nothing}\n", "Pulumi.yaml:6: `a` has no `nothing`"},
    };
    for (const auto& [text, message] : mistakes) {
        CAPTURE(text);
        Bench fresh;
        const auto wrong = run(fresh, text);
        CHECK_FALSE(wrong.ok);
        REQUIRE(wrong.errors.size() == 1);
        CHECK(wrong.errors[0] == message);
    }
}
