// Projects, configuration files edited in place, stacks in folders, locks.
#include "deploy/project.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "deploy/backend.hpp"
#include "deploy/testing.hpp"
#include "os/file.hpp"

using deploy::Backend;
using deploy::StackFile;
using provider::Property;
namespace fs = std::filesystem;

namespace {

deploy::testing::FixedRandom fixed_random;

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "trainwarden-test-XXXXXX").string();
        path = ::mkdtemp(name.data());
        ::unsetenv("PULUMI_BACKEND_URL");
    }
    ~Folder() { fs::remove_all(path); }
    void write(const std::string& name, const std::string& content) const { REQUIRE(os::replace_file(path / name, content)); }
    [[nodiscard]] std::string read(const std::string& name) const { return *os::read_file(path / name); }
    fs::path path;
};

}  // namespace

TEST_CASE("scalars are what YAML's core schema says, lines are remembered") {
    auto yaml = deploy::parse_yaml("a: 1\nb: '1'\nc: true\nd: text\ne: null\nf: 1.5\ng:\n  - x\n  - {k: v}\n");
    REQUIRE(yaml);
    CHECK((*yaml)["a"].to_property() == Property(1));
    CHECK((*yaml)["b"].to_property() == Property("1"));
    CHECK((*yaml)["c"].to_property() == Property(true));
    CHECK((*yaml)["d"].to_property() == Property("text"));
    CHECK((*yaml)["e"].to_property() == Property());
    CHECK((*yaml)["f"].to_property() == Property(1.5));
    CHECK((*yaml)["g"].line == 7);
    CHECK((*yaml)["g"].items[1]["k"].text == "v");
    CHECK_FALSE(deploy::parse_yaml("a: 1\na: 2\n"));
    CHECK_FALSE(deploy::parse_yaml("a: [1\n"));
    for (const char* text :
         {"plain", "true", "12", "", "with: colon", "# hash", " lead", "quote\"s", "line\nbreak", "{x}", "*star", "null"}) {
        CAPTURE(text);
        auto back = deploy::parse_yaml("k: " + deploy::quote_yaml(text));
        REQUIRE(back);
        CHECK((*back)["k"].to_property() == Property(text));
    }
}

TEST_CASE("a project is found from below, and says what is wrong with it") {
    const Folder folder;
    CHECK(deploy::find_project(folder.path).error().code == "NoProject");
    folder.write("Pulumi.yaml", "name: demo\nruntime:\n  name: python\n  options:\n    virtualenv: venv\nmain: src\n");
    fs::create_directories(folder.path / "src/deep");
    auto project = deploy::find_project(folder.path / "src/deep");
    REQUIRE(project);
    CHECK(project->name == "demo");
    CHECK(project->runtime == "python");
    CHECK(project->options["virtualenv"].text == "venv");
    CHECK(project->program == project->root / "src");
    CHECK(deploy::full_key(*project, "bucket") == "demo:bucket");
    CHECK(deploy::full_key(*project, "aws:region") == "aws:region");
    CHECK(deploy::full_key(*project, "demo:config:bucket") == "demo:bucket");
    folder.write("Pulumi.yaml", "name: a/b\nruntime: python\n");
    CHECK_FALSE(deploy::find_project(folder.path));
}

TEST_CASE("configuration: values, defaults, secrets, and edits that keep the rest of the file") {
    const Folder folder;
    folder.write("Pulumi.yaml",
                 "name: demo\nruntime: yaml\nconfig:\n  size: {type: integer, default: 3}\n  needed: {type: string}\n  "
                 "aws:region: {value: eu-west-1}\n");
    auto project = deploy::find_project(folder.path);
    REQUIRE(project);
    deploy::Secrets secrets("", [] { return base::Result<std::string>("pass"); }, fixed_random);
    folder.write("Pulumi.dev.yaml",
                 "# kept\nconfig:\n  # kept too\n  demo:list:\n    - 1\n    - two\n  demo:name: old # comment\nother: stays\n");
    auto file = StackFile::load(*project, "dev");
    REQUIRE(file);
    CHECK(file->config(secrets).error().code == "MissingConfig");
    REQUIRE(file->set("demo:needed", "here"));
    auto config = file->config(secrets);
    REQUIRE(config);
    CHECK((*config)["demo:size"].text == "3");
    CHECK((*config)["aws:region"].text == "eu-west-1");
    CHECK((*config)["demo:list"].text == R"([1,"two"])");
    CHECK((*config)["demo:name"].text == "old");
    REQUIRE(file->set("demo:name", "new"));
    REQUIRE(file->set_secret("demo:pass", "word", secrets));
    const std::string text = folder.read("Pulumi.dev.yaml");
    CHECK(text.contains("# kept\n"));
    CHECK(text.contains("  # kept too\n"));
    CHECK(text.contains("  demo:name: new\n"));
    CHECK(text.contains("other: stays"));
    CHECK(text.contains("encryptionsalt: v1:"));
    CHECK_FALSE(text.contains("word"));

    auto again = StackFile::load(*project, "dev");
    REQUIRE(again);
    deploy::Secrets reopened(again->salt_state(), [] { return base::Result<std::string>("pass"); }, fixed_random);
    config = again->config(reopened);
    REQUIRE(config);
    CHECK((*config)["demo:pass"].text == "word");
    CHECK((*config)["demo:pass"].secret);
    CHECK(*again->remove("demo:list"));
    CHECK_FALSE(*again->remove("demo:list"));
    CHECK_FALSE(folder.read("Pulumi.dev.yaml").contains("two"));
    CHECK_FALSE(StackFile::load(*project, "../x"));
}

TEST_CASE("stacks live in Pulumi's layout") {
    const Folder folder;
    auto backend = Backend::open("", folder.path);
    REQUIRE(backend);
    CHECK(backend->load("proj", "dev").error().code == "NoSuchStack");
    text::Json deployment = text::Json::object();
    deployment.set("resources", text::Json::array());
    REQUIRE(backend->save("proj", "dev", deployment));
    CHECK(folder.read(".pulumi/meta.yaml") == "version: 1\n");
    auto document = text::parse_json(folder.read(".pulumi/stacks/proj/dev.json"));
    REQUIRE(document);
    CHECK((*document)["version"].as_int() == 3);
    CHECK((*document)["checkpoint"]["stack"].as_string() == "organization/proj/dev");
    CHECK(*backend->load("proj", "dev") == deployment);
    CHECK(backend->stacks("proj") == std::vector<std::string>{"dev"});
    REQUIRE(backend->back_up("proj", "dev"));
    CHECK(fs::exists(folder.path / ".pulumi/stacks/proj/dev.json.bak"));
    CHECK((fs::status(folder.path / ".pulumi/stacks/proj/dev.json").permissions() & fs::perms::group_read) == fs::perms::none);
    REQUIRE(backend->remove("proj", "dev"));
    CHECK_FALSE(backend->has("proj", "dev"));
    CHECK(Backend::open("s3://bucket", folder.path).error().code == "NotSupported");
}

TEST_CASE("one at a time: a living owner keeps others out, a dead one does not") {
    const Folder folder;
    auto backend = Backend::open("file://" + folder.path.string(), "/elsewhere");
    REQUIRE(backend);
    const base::Time now{};
    {
        auto lock = backend->lock("proj", "dev", now);
        REQUIRE(lock);
        auto second = backend->lock("proj", "dev", now);
        REQUIRE_FALSE(second);
        CHECK(second.error().code == "StackLocked");
        CHECK(second.error().message.contains(std::to_string(::getpid())));
        CHECK(backend->lock("proj", "other", now));
    }
    CHECK(backend->lock("proj", "dev", now));
    // A process that dies with the lock leaves the file behind, and nothing else.
    const pid_t child = ::fork();
    if (child == 0) {
        auto lock = backend->lock("proj", "dev", now);
        ::_exit(lock ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(fs::exists(folder.path / ".pulumi/locks/organization/proj/dev/trainwarden.json"));
    CHECK(backend->lock("proj", "dev", now));
    // Pulumi's own lock, of a process that lives and of one that does not.
    const std::string pulumis = ".pulumi/locks/organization/proj/dev/0b0e.json";
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    folder.write(pulumis,
                 R"({"pid":)" + std::to_string(::getpid()) + R"(,"username":"u","hostname":")" + host + R"(","timestamp":"t"})");
    CHECK_FALSE(backend->lock("proj", "dev", now));
    folder.write(pulumis,
                 R"({"pid":)" + std::to_string(child) + R"(,"username":"u","hostname":")" + host + R"(","timestamp":"t"})");
    CHECK(backend->lock("proj", "dev", now));
}
