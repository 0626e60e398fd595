
#include "deploy/backend.hpp"

#include <doctest/doctest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "os/file.hpp"
#include "temporary_folder.hpp"

namespace deploy {
namespace {

namespace fs = std::filesystem;

using Folder = TemporaryFolder;

}  // namespace

TEST_CASE("state and history are for their owner alone; state of another format is refused, compressed state is named") {
    const Folder folder;
    auto backend = Backend::open("", folder.path);
    REQUIRE(backend.has_value());
    text::Json deployment = text::Json::object();
    deployment.set("resources", text::Json::array());
    REQUIRE(backend->save("proj", "dev", deployment).has_value());
    REQUIRE(backend->back_up("proj", "dev").has_value());
    REQUIRE(backend->add_history("proj", "dev", text::Json::object(), base::Time{}).has_value());
    size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(folder.path) / ".pulumi")) {
        if (!entry.is_regular_file() || entry.path().filename() == "meta.yaml") continue;
        CHECK_MESSAGE(mode_of(entry.path()) == 0600, entry.path().string());
        ++files;
    }
    CHECK(files == 4);  // the state, its copy, an entry of history and its checkpoint
    const fs::path state = fs::path(folder.path) / ".pulumi/stacks/proj/dev.json";
    REQUIRE(os::replace_file(state, R"({"version":5,"checkpoint":{"latest":{}}})").has_value());
    CHECK(backend->load("proj", "dev").error().code == "NotSupported");
    for (const char* packed : {".gz", ".zst"}) {
        REQUIRE(
            os::replace_file(fs::path(folder.path) / (".pulumi/stacks/proj/packed.json" + std::string(packed)), "x").has_value());
        CHECK(backend->load("proj", "packed").error().code == "NotSupported");
        fs::remove(fs::path(folder.path) / (".pulumi/stacks/proj/packed.json" + std::string(packed)));
    }
}

TEST_CASE("a lock whose file its last owner took away is no lock") {
    const Folder folder;
    auto backend = Backend::open("", folder.path);
    REQUIRE(backend.has_value());
    const base::Time now{};
    auto held = backend->lock("proj", "dev", now);
    REQUIRE(held.has_value());
    const fs::path file = fs::path(folder.path) / ".pulumi/locks/organization/proj/dev/trainwarden.json";
    // A process that opened the file of the last owner before it was removed: its lock is on nothing, and keeps nobody out.
    fs::remove(file);
    auto second = backend->lock("proj", "dev", now);
    REQUIRE(second.has_value());
    CHECK(fs::exists(file));
    auto third = backend->lock("proj", "dev", now);
    REQUIRE_FALSE(third.has_value());
    CHECK(third.error().code == "StackLocked");
}

TEST_CASE("of many that want a stack one has it at a time, however often it changes hands") {
    const Folder folder;
    auto backend = Backend::open("", folder.path);
    REQUIRE(backend.has_value());
    std::atomic<int> holders = 0, together = 0, taken = 0;
    {
        std::vector<std::jthread> running;
        for (int thread = 0; thread < 4; ++thread) {
            running.emplace_back([&] {
                for (int round = 0; round < 400; ++round) {
                    const auto lock = backend->lock("proj", "dev", base::Time{});
                    if (!lock) continue;
                    ++taken;
                    if (++holders > 1) ++together;
                    std::this_thread::yield();
                    --holders;
                }
            });
        }
    }
    CHECK(together == 0);
    CHECK(taken > 0);
}

}  // namespace deploy
