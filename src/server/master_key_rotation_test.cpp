#include "server/master_key_rotation.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "base/clock.hpp"
#include "crypto/digest.hpp"
#include "os/file.hpp"
#include "store/key_value_store.hpp"
#include "temporary_folder.hpp"

namespace server {
namespace {

// A folder whose server begins and ends, as by a crash: nothing is done at the end.
struct Installation : TemporaryFolder {
    std::string data = path + "/data", key_file = path + "/master.key";
    crypto::SystemRandom random;
    base::ManualClock clock{base::Time(std::chrono::hours(500'000))};
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::unique_ptr<DataFolder> folder;
    std::unique_ptr<identity::Directory> directory;
    std::unique_ptr<objects::EncryptionKeys> object_keys;
    std::unique_ptr<MasterKeyRotation> rotation;
    identity::Credentials root;

    Installation() {
        begin();
        const auto first = directory->bootstrap().value();
        REQUIRE(first.has_value());
        root = first->root;
    }
    void begin() {
        rotation.reset();
        directory.reset();
        object_keys.reset();
        folder.reset();
        auto opened = DataFolder::open(data, key_file, random);
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().describe()));
        folder = std::move(*opened);
        const auto& all = folder->master_keys();
        directory = identity::Directory::open({.keys = keys.get(),
                                               .clock = &clock,
                                               .random = &random,
                                               .master_key = all.current,
                                               .former_keys = all.former,
                                               .former_tokens = all.tokens})
                        .value();
        object_keys =
            objects::EncryptionKeys::open({.keys = keys.get(), .clock = &clock, .random = &random}, opening_keys_of(all)).value();
        rotation = std::make_unique<MasterKeyRotation>(*folder, *directory, *object_keys, clock, random);
    }
    [[nodiscard]] std::string file(const std::string& name) const { return os::read_file(name).value(); }
    void finish() {
        for (int steps = 0; rotation->state().is_rotating; ++steps) {
            REQUIRE(steps < 100);
            REQUIRE(rotation->step());
        }
    }
    [[nodiscard]] bool knows(const identity::Credentials& one) const {
        const auto found = directory->authenticate(one.access_key_id, one.session_token);
        return found && (*found)->secret_access_key == one.secret_access_key;
    }
};

}  // namespace

TEST_CASE("a server that is killed at any step of a rotation opens all that is stored, and the next one ends it") {
    Installation server;
    const std::string former = server.file(server.key_file), installation = server.file(server.data + "/installation");
    const auto caller = (*server.directory->authenticate(server.root.access_key_id, ""))->caller;
    const auto session = *server.directory->session_token(caller, std::chrono::hours(1));

    REQUIRE(server.rotation->begin(false).has_value());
    CHECK(server.rotation->begin(false).error().code == "RotationInProgress");
    const std::string during = server.file(server.key_file);
    CHECK(during != former);
    CHECK(during.contains(former.substr(0, 64)));
    CHECK(mode_of(server.key_file) == 0600);

    // Killed once the key file was written, before the folder's proof was.
    REQUIRE(os::replace_file(server.data + "/installation", installation).has_value());
    server.begin();
    CHECK(server.rotation->state().is_rotating);
    CHECK(server.knows(server.root));
    CHECK(server.knows(session));

    // Killed after each step, of which every one is made twice.
    for (int steps = 0; server.rotation->state().is_rotating; ++steps) {
        REQUIRE(steps < 10);
        REQUIRE(server.rotation->step());
        if (!server.rotation->state().is_rotating) break;
        server.begin();
        CHECK(server.knows(server.root));
        REQUIRE(server.rotation->step());
    }
    CHECK_FALSE(server.file(server.key_file).contains(former.substr(0, 64)));
    server.begin();
    CHECK(server.knows(server.root));
    CHECK(server.knows(session));
    CHECK_FALSE(server.rotation->step());  // nothing is due

    // The former key opens nothing any more.
    const std::string key = server.file(server.key_file);
    REQUIRE(os::replace_file(server.key_file, former).has_value());
    CHECK(DataFolder::open(server.data, server.key_file, server.random).error().code == "MasterKeyWrong");
    REQUIRE(os::replace_file(server.key_file, key).has_value());

    // What opens its session tokens goes when none can live any more.
    server.clock.advance(identity::tokens_live_max - std::chrono::hours(1));
    CHECK_FALSE(server.rotation->step());
    server.clock.advance(std::chrono::hours(1));
    CHECK(server.rotation->step());
    CHECK(server.file(server.key_file).size() == 65);
    server.begin();
    CHECK(server.knows(server.root));
}

TEST_CASE("sessions end with a key that was disclosed, through restarts too") {
    Installation server;
    const auto caller = (*server.directory->authenticate(server.root.access_key_id, ""))->caller;
    const auto session = *server.directory->session_token(caller, std::chrono::hours(1));
    REQUIRE(server.knows(session));
    REQUIRE(server.rotation->begin(true).has_value());
    CHECK_FALSE(server.knows(session));
    server.begin();
    CHECK_FALSE(server.knows(session));
    CHECK(server.knows(server.root));
    server.finish();
    CHECK(server.file(server.key_file).size() == 65);
    CHECK_FALSE(server.knows(session));
}

}  // namespace server
