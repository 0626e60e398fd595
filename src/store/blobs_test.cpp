#include "store/blobs.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace {

struct Folder {
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "trainwarden-blobs-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

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
    for (const std::string id : {"", "../../etc/passwd", "00/../../x", "ABCDEF00000000000000000000000000"}) {
        CHECK(blobs->open(id).error().code == "NoSuchBlob");
        CHECK(blobs->remove(id).error().code == "NoSuchBlob");
    }
}
