// What is written can be read, and what was given up leaves nothing behind (leaks: the sanitizer build).
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "tar/reader.hpp"
#include "tar/writer.hpp"
#include "temporary_folder.hpp"

namespace tar {
namespace {

namespace fs = std::filesystem;
using Kind = Header::Kind;

struct Folder : TemporaryFolder {
    [[nodiscard]] std::string content(const std::string& name) const {
        std::ifstream file(path + "/" + name, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
};

base::Result<void> write(Writer& writer, const Header& header, std::string_view bytes = "") {
    TRY(writer.add(header));
    return writer.data(bytes);
}

// An archive of one entry of each kind, at PATH.
void make_archive(const std::string& path, Writer::Compression compression) {
    std::ofstream file(path, std::ios::binary);
    Writer writer(
        [&file](std::string_view bytes) -> base::Result<void> {
            file << bytes;
            return {};
        },
        compression);
    REQUIRE(write(writer, {.path = "folder", .kind = Kind::folder, .permissions = 0755}).has_value());
    REQUIRE(write(writer, {.path = "folder/program", .permissions = 0755, .size = 5, .modified = 1'500'000'000}, "bytes")
                .has_value());
    REQUIRE(write(writer, {.path = "link", .kind = Kind::link, .target = "folder/program"}).has_value());
    REQUIRE(write(writer, {.path = "again", .kind = Kind::hard_link, .target = "folder/program"}).has_value());
    REQUIRE(write(writer, {.path = "caf\xe9", .size = 1}, "x").has_value());  // not UTF-8
    REQUIRE(write(writer, {.path = "grüße", .size = 1}, "y").has_value());
    REQUIRE(writer.finish().has_value());
}

base::Result<void> unpack(const std::string& from, const std::string& to) {
    Reader reader(from, Reader::Filters::gzip);
    Disk disk({.permissions = true});
    while (true) {
        auto entry = TRY(reader.next());
        if (!entry) return {};
        const auto kind = entry->kind();
        entry->set_path(to + "/" + entry->path().value_or(""));
        if (kind == Entry::Kind::hard_link) entry->set_target(to + "/" + entry->target());
        TRY(disk.begin(*entry));
        while (const auto block = TRY(reader.block())) TRY(disk.write(*block));
        TRY(disk.end());
    }
}

}  // namespace

TEST_CASE("entries of every kind come back, with names of any bytes, packed or not") {
    for (const auto compression : {Writer::Compression::gzip, Writer::Compression::none}) {
        const Folder folder;
        const std::string archive = folder.path + "/a";
        make_archive(archive, compression);
        CHECK(folder.content("a").starts_with("\x1f\x8b") == (compression == Writer::Compression::gzip));
        std::map<std::string, Entry::Kind> found;
        Reader reader(archive, Reader::Filters::any);
        while (const auto entry = reader.next().value()) found[entry->path().value()] = entry->kind();
        CHECK(found == std::map<std::string, Entry::Kind>{{"folder/", Entry::Kind::folder},
                                                          {"folder/program", Entry::Kind::file},
                                                          {"link", Entry::Kind::link},
                                                          {"again", Entry::Kind::hard_link},
                                                          {"caf\xe9", Entry::Kind::file},
                                                          {"grüße", Entry::Kind::file}});
        fs::create_directory(folder.path + "/out");
        REQUIRE(unpack(archive, folder.path + "/out").has_value());
        CHECK(folder.content("out/folder/program") == "bytes");
        CHECK(folder.content("out/link") == "bytes");
        CHECK(fs::is_symlink(folder.path + "/out/link"));
        CHECK(fs::hard_link_count(folder.path + "/out/again") == 2);
        CHECK(folder.content("out/caf\xe9") == "x");
        struct stat facts{};
        REQUIRE(::stat((folder.path + "/out/folder/program").c_str(), &facts) == 0);
        CHECK((facts.st_mode & 0777U) == 0755U);
        CHECK(facts.st_mtim.tv_sec == 1);
    }
}

TEST_CASE("a hole takes no room in the archive") {
    std::string bytes;
    Writer writer(
        [&bytes](std::string_view part) -> base::Result<void> {
            bytes += part;
            return {};
        },
        Writer::Compression::none);
    constexpr uint64_t size = 8u << 20;
    REQUIRE(writer.add({.path = "sparse", .size = size, .data = std::vector<Stretch>{{size - 4, 4}}}).has_value());
    const std::string zeros(1u << 20, '\0');
    for (uint64_t at = 0; at < size; at += zeros.size()) {
        auto part = zeros;
        if (at + part.size() == size) part.replace(part.size() - 4, 4, "last");
        REQUIRE(writer.data(part).has_value());
    }
    REQUIRE(writer.finish().has_value());
    CHECK(bytes.size() < 10'000);
    CHECK(bytes.contains("last"));
}

TEST_CASE("what the sink refuses is the error, and nothing more is written then; an archive that is given up is not finished") {
    size_t calls = 0;
    {
        Writer writer([&calls](std::string_view) -> base::Result<void> {
            ++calls;
            return base::fail("DiskFull", "no room");
        });
        REQUIRE(writer.add({.path = "file", .size = 64u << 20}).has_value());
        std::string noise(1u << 20, '\0');
        uint32_t seed = 1;
        for (auto& c : noise) c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
        base::Result<void> written;
        for (int i = 0; i < 64 && written; ++i) written = writer.data(noise);
        REQUIRE_FALSE(written.has_value());
        CHECK(written.error().code == "DiskFull");
        CHECK(calls == 1);
    }
    CHECK(calls == 1);
    std::string bytes;
    size_t written = 0;
    {
        Writer writer(
            [&bytes](std::string_view part) -> base::Result<void> {
                bytes += part;
                return {};
            },
            Writer::Compression::none);
        REQUIRE(writer.add({.path = "file", .size = 1u << 20}).has_value());
        REQUIRE(writer.data(std::string(100'000, 'x')).has_value());
        written = bytes.size();
        CHECK(written > 10'000);
    }
    CHECK(bytes.size() == written);
}

TEST_CASE("what is no archive says so; a link on the way is not followed") {
    const Folder folder;
    std::ofstream(folder.path + "/text") << "no archive";
    Reader text(folder.path + "/text", Reader::Filters::gzip);
    CHECK(text.next().error().code == "InvalidArchive");
    Reader missing(folder.path + "/none", Reader::Filters::gzip);
    CHECK(missing.next().error().code == "InvalidArchive");
    {
        std::ofstream file(folder.path + "/a", std::ios::binary);
        Writer writer([&file](std::string_view bytes) -> base::Result<void> {
            file << bytes;
            return {};
        });
        REQUIRE(write(writer, {.path = "way", .kind = Kind::link, .target = "/etc"}).has_value());
        REQUIRE(write(writer, {.path = "way/file", .size = 1}, "x").has_value());
        REQUIRE(writer.finish().has_value());
    }
    fs::create_directory(folder.path + "/out");
    CHECK_FALSE(unpack(folder.path + "/a", folder.path + "/out").has_value());
    CHECK_FALSE(fs::exists("/etc/file"));
}

}  // namespace tar
