#include "store/blobs.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "no_room.hpp"
#include "store/file_blobs.hpp"
#include "temporary_folder.hpp"

namespace {

using Folder = TemporaryFolder;

std::unique_ptr<store::Blobs> open(const Folder& folder) {
    auto blobs = store::open_file_blobs(folder.path);
    REQUIRE(blobs.has_value());
    return std::move(*blobs);
}

store::BlobId put(store::Blobs& blobs, std::string_view content) {
    auto writer = blobs.create();
    REQUIRE(writer.has_value());
    REQUIRE((*writer)->write(content).has_value());
    auto id = (*writer)->commit();
    REQUIRE(id.has_value());
    return *id;
}

size_t files_in(const std::string& path) {
    size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) count += entry.is_regular_file();
    return count;
}

}  // namespace

TEST_CASE("a committed blob is read whole and by ranges, and survives reopening") {
    const Folder folder;
    store::BlobId id;
    {
        auto blobs = open(folder);
        auto writer = blobs->create();
        REQUIRE(writer.has_value());
        REQUIRE((*writer)->write("hello ").has_value());
        REQUIRE((*writer)->write("").has_value());
        REQUIRE((*writer)->write("world").has_value());
        CHECK(blobs->list().value().empty());
        id = (*writer)->commit().value();
    }
    auto blobs = open(folder);
    auto reader = blobs->open(id);
    REQUIRE(reader.has_value());
    CHECK((*reader)->size() == 11);
    CHECK((*reader)->read(0, 100).value() == "hello world");
    CHECK((*reader)->read(6, 3).value() == "wor");
    CHECK((*reader)->read(11, 1).value() == "");
    char bytes[5] = {};
    CHECK(::pread((*reader)->descriptor(), bytes, sizeof bytes, 6) == 5);
    CHECK(std::string_view(bytes, 5) == "world");
}

TEST_CASE("three hundred blobs have as many names, in every folder, for the server's user alone") {
    const Folder folder;
    auto blobs = open(folder);
    std::vector<store::BlobId> ids;
    for (int i = 0; i < 300; ++i) ids.push_back(put(*blobs, std::to_string(i)));
    std::ranges::sort(ids);
    CHECK(std::ranges::adjacent_find(ids) == ids.end());
    auto listed = blobs->list().value();
    std::ranges::sort(listed);
    CHECK(listed == ids);
    const std::string path = folder.path + "/" + ids.front().substr(0, 2) + "/" + ids.front();
    struct stat facts{};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    REQUIRE(blobs->remove(ids.front()).has_value());
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a write that finds no room in the middle fails, and nothing remains") {
    const Folder folder;
    auto blobs = open(folder);
    {
        auto writer = blobs->create();
        REQUIRE(writer.has_value());
        const machine::NoRoomAfter limit(1000);
        CHECK((*writer)->write(std::string(400, 'x')).has_value());
        CHECK_FALSE((*writer)->write(std::string(900, 'x')).has_value());
    }
    CHECK(files_in(folder.path) == 0);
}

TEST_CASE("a range may begin anywhere, even past the end") {
    const Folder folder;
    auto blobs = open(folder);
    const auto reader = blobs->open(put(*blobs, "0123456789")).value();
    CHECK(reader->read(3, 4).value() == "3456");
    CHECK(reader->read(8, 100).value() == "89");
    CHECK(reader->read(10, 1).value().empty());
    CHECK(reader->read(11, 1).value().empty());
    CHECK(reader->read(UINT64_MAX, 1).value().empty());
}

TEST_CASE("without commit nothing remains") {
    const Folder folder;
    auto blobs = open(folder);
    {
        auto writer = blobs->create();
        REQUIRE(writer.has_value());
        REQUIRE((*writer)->write(std::string(100000, 'x')).has_value());
    }
    CHECK(files_in(folder.path) == 0);
}

TEST_CASE("leftovers of a crash are removed at open") {
    const Folder folder;
    open(folder);
    std::ofstream(folder.path + "/unfinished/0123") << "half";
    auto blobs = open(folder);
    CHECK(files_in(folder.path) == 0);
}

TEST_CASE("removing does not disturb a reader; removing twice is fine") {
    const Folder folder;
    auto blobs = open(folder);
    const auto id = put(*blobs, "still here");
    const auto reader = blobs->open(id);
    REQUIRE(blobs->remove(id).has_value());
    CHECK((*reader)->read(0, 100).value() == "still here");
    const auto gone = blobs->open(id);
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().code == "NoSuchBlob");
    CHECK(blobs->remove(id).has_value());
}

TEST_CASE("list names every blob and nothing else") {
    const Folder folder;
    auto blobs = open(folder);
    std::vector<store::BlobId> ids;
    for (int i = 0; i < 20; ++i) ids.push_back(put(*blobs, std::to_string(i)));
    std::ofstream(folder.path + "/00/notes.txt") << "not a blob";
    auto listed = blobs->list().value();
    std::ranges::sort(ids);
    std::ranges::sort(listed);
    CHECK(listed == ids);
}

TEST_CASE("ids that are not ids never become paths") {
    const Folder folder;
    auto blobs = open(folder);
    std::ofstream(folder.path + "/00/0") << "not a blob";
    std::ofstream(folder.path + "/secret") << "not a blob";
    for (const std::string id : {"", "../../etc/passwd", "00/../../x", "ABCDEF00000000000000000000000000", "0",
                                 "00/../../../../../../etc/passwd0", "0/../../00/./././././././secret0"}) {
        CHECK(blobs->open(id).error().code == "NoSuchBlob");
        CHECK(blobs->remove(id).error().code == "NoSuchBlob");
    }
}
