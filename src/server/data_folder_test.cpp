#include "server/data_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <set>

#include "base/clock.hpp"
#include "os/child.hpp"
#include "os/file.hpp"
#include "store/key_value_store.hpp"
#include "temporary_folder.hpp"

namespace server {
namespace {

namespace fs = std::filesystem;

struct Place : TemporaryFolder {
    std::string data = path + "/data", key = path + "/master.key";
    crypto::SystemRandom random;
    base::Result<std::unique_ptr<DataFolder>> open() { return DataFolder::open(data, key, random); }
};

}  // namespace

TEST_CASE("a data folder is made with its master key outside of it, for its owner alone, and opened again with the same key") {
    Place place;
    std::string key;
    {
        const auto folder = place.open();
        REQUIRE_MESSAGE(folder.has_value(), (folder ? "" : folder.error().describe()));
        key = (*folder)->master_keys().current;
        CHECK(key.size() == 32);
        for (const auto& inner : {(*folder)->path(), (*folder)->keys_directory(), (*folder)->blobs_directory(),
                                  (*folder)->audit_directory(), (*folder)->jobs_directory(), (*folder)->logs_directory()})
            CHECK_MESSAGE(mode_of(inner) == 0700, inner);
        CHECK(mode_of(place.key) == 0600);
        CHECK(mode_of(place.data + "/installation") == 0600);
    }
    for (const auto& entry : fs::recursive_directory_iterator(place.data))
        if (entry.is_regular_file()) CHECK_FALSE(os::read_file(entry.path()).value().contains(key));
    const auto again = place.open();
    REQUIRE(again.has_value());
    CHECK((*again)->master_keys().current == key);
}

TEST_CASE("a master key that is missing, not a key, readable by others or another folder's is refused, and nothing is lost") {
    Place place;
    REQUIRE(place.open().has_value());
    const auto key = os::read_file(place.key).value();
    const auto refused = [&place](const std::string& code) {
        const auto folder = place.open();
        REQUIRE_FALSE(folder.has_value());
        CHECK(folder.error().code == code);
    };
    fs::remove(place.key);
    refused("MasterKeyMissing");
    for (const auto& wrong : {std::string(), std::string("no digits"), std::string(64, '0') + "\n", std::string(64, 'a') + "\n",
                              key.substr(0, 62) + "\n"}) {
        REQUIRE(os::replace_file(place.key, wrong).has_value());
        refused("MasterKeyWrong");
    }
    REQUIRE(os::replace_file(place.key, key, 0640).has_value());
    refused("MasterKeyWrong");
    REQUIRE(os::replace_file(place.key, key).has_value());
    CHECK(place.open().has_value());
}

TEST_CASE("data without the file that says which key it needs is not taken for a new folder") {
    Place place;
    REQUIRE(place.open().has_value());
    fs::remove(place.data + "/installation");
    REQUIRE(os::replace_file(place.data + "/keys/CURRENT", "MANIFEST-000005\n").has_value());
    const auto folder = place.open();
    REQUIRE_FALSE(folder.has_value());
    CHECK(folder.error().code == "DataFolderUnusable");
    CHECK(folder.error().message.contains("installation"));
}

TEST_CASE("one server a data folder: a second one is told who has it, until that one ends") {
    Place place;
    const auto held = os::make_pipe(), release = os::make_pipe();
    REQUIRE((held && release));
    const auto become = [&] {
        const auto folder = place.open();
        const char word = folder ? 'y' : 'n';
        if (::write(held->write.number(), &word, 1) != 1) ::_exit(1);
        char end = 0;
        ::_exit(::read(release->read.number(), &end, 1) == 1 ? 0 : 1);
    };
    const auto child = os::start_child(become);
    REQUIRE(child.has_value());
    char word = 0;
    REQUIRE(::read(held->read.number(), &word, 1) == 1);
    REQUIRE(word == 'y');
    const auto second = place.open();
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == "DataFolderBusy");
    CHECK(second.error().message.contains(std::to_string(child->process)));
    REQUIRE(::write(release->write.number(), "x", 1) == 1);
    CHECK(os::reap(child->process).success());
    CHECK(place.open().has_value());
}

TEST_CASE("root credentials are written once; where a crash came between the account and them, the next start writes them") {
    Place place;
    auto folder = place.open().value();
    const auto keys = store::make_memory_store();
    const base::ManualClock clock{base::Time(std::chrono::hours(500'000))};
    auto directory = identity::Directory::open({keys.get(), &clock, &place.random, folder->master_keys().current}).value();
    REQUIRE(folder->bootstrap(*directory).has_value());
    const auto written = os::read_file(folder->root_credentials_file()).value();
    CHECK(written.contains("aws_access_key_id = "));
    CHECK(mode_of(folder->root_credentials_file()) == 0600);
    CHECK_FALSE(fs::exists(folder->root_credentials_file() + ".due"));
    // Whoever has moved them away keeps the only copy.
    fs::remove(folder->root_credentials_file());
    REQUIRE(folder->bootstrap(*directory).has_value());
    CHECK_FALSE(fs::exists(folder->root_credentials_file()));
    // As a crash leaves it that came after the account was made.
    REQUIRE(write_whole(folder->root_credentials_file() + ".due", "").has_value());
    REQUIRE(folder->bootstrap(*directory).has_value());
    CHECK(os::read_file(folder->root_credentials_file()).value() == written);
    CHECK_FALSE(fs::exists(folder->root_credentials_file() + ".due"));
}

TEST_CASE("the endpoint stands while the server runs") {
    Place place;
    const auto folder = place.open().value();
    REQUIRE(folder->write_endpoint("http://127.0.0.1:4566", {"us-east-1", "eu-central-1"}).has_value());
    CHECK(os::read_file(place.data + "/endpoint").value() == "http://127.0.0.1:4566\n");
    CHECK(os::read_file(place.data + "/regions").value() == "us-east-1\neu-central-1\n");
    folder->remove_endpoint();
    CHECK_FALSE(fs::exists(place.data + "/endpoint"));
}

TEST_CASE("a folder that is somebody's own is refused, whatever is in it, and nothing of it is changed") {
    const auto refused_with = [](const std::function<void(const std::string& folder)>& fill) {
        Place place;
        fs::create_directories(place.data);
        fill(place.data);
        REQUIRE(::chmod(place.data.c_str(), 0755) == 0);
        const auto before = [&] {
            std::set<std::string> names;
            for (const auto& entry : fs::recursive_directory_iterator(place.data)) names.insert(entry.path().string());
            return names;
        };
        const auto names = before();
        const auto folder = place.open();
        REQUIRE_FALSE(folder.has_value());
        CHECK(folder.error().code == "DataFolderUnusable");
        REQUIRE(folder.error().notes.size() == 1);
        CHECK(folder.error().notes[0].contains("--data"));
        CHECK(before() == names);
        CHECK(mode_of(place.data) == 0755);
        CHECK_FALSE(fs::exists(place.key));
        return folder.error().message;
    };
    const auto file = [](const std::string& path, const std::string& content) {
        REQUIRE(os::replace_file(path, content).has_value());
    };
    CHECK(refused_with([&](const std::string& folder) {
              fs::create_directories(folder + "/logs");
              file(folder + "/logs/train.log", "mine");
          }).contains("`logs` is in it"));
    CHECK(refused_with([&](const std::string& folder) { file(folder + "/.profile", ""); }).contains("not empty"));
    CHECK(refused_with([&](const std::string& folder) { fs::create_directory(folder + "/snapshot"); }).contains("snapshot"));
    CHECK(refused_with([&](const std::string& folder) { fs::create_directory(folder + "/lock"); }).contains("lock"));
    CHECK(refused_with([&](const std::string& folder) { fs::create_symlink("/dev/null", folder + "/lock"); }).contains("lock"));
    for (const auto& installation : {"", "{}", "[1]", "apt install …", R"({"Id":"a","MasterKeyFile":""})"})
        CHECK(refused_with([&](const std::string& folder) {
                  file(folder + "/installation", installation);
              }).contains("installation"));
    CHECK(refused_with([&](const std::string& folder) {
              fs::create_directory(folder + "/installation");
          }).contains("installation"));
    CHECK(refused_with([&](const std::string& folder) {
              REQUIRE(::mkfifo((folder + "/installation").c_str(), 0600) == 0);
          }).contains("installation"));
}

TEST_CASE("a backup is no data folder, though it has what one has") {
    Place place;
    REQUIRE(place.open().has_value());
    REQUIRE(os::replace_file(place.data + "/manifest.json", "{}").has_value());
    REQUIRE(::chmod(place.data.c_str(), 0755) == 0);
    const auto folder = place.open();
    REQUIRE_FALSE(folder.has_value());
    CHECK(folder.error().message.contains("is a backup"));
    CHECK(mode_of(place.data) == 0755);
}

TEST_CASE("an empty folder is taken, and what a first start that was cut off has left") {
    for (const bool was_cut_off : {false, true}) {
        Place place;
        fs::create_directories(place.data + (was_cut_off ? "/lost+found" : ""));
        REQUIRE(::chmod(place.data.c_str(), 0755) == 0);
        if (was_cut_off) {
            REQUIRE(os::replace_file(place.data + "/lock", "").has_value());
            REQUIRE(os::replace_file(place.data + "/installation.12.1.new", "{").has_value());
            fs::create_directories(place.path + "/another-disk/lost+found");
            fs::create_symlink(place.path + "/another-disk", place.data + "/audit");
        }
        const auto folder = place.open();
        REQUIRE_MESSAGE(folder.has_value(), (folder ? "" : folder.error().describe()));
        CHECK(mode_of(place.data) == 0700);
    }
}

}  // namespace server
