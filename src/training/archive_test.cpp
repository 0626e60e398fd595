// What a worker may leave in its folders, and what of it is in the archive.
#include "training/archive.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "training/limits.hpp"
#include "training/openat_beneath.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

struct Folder {
    Folder() {
        char name[] = "/tmp/archive-test-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
        fs::create_directories(path + "/w/ml/model");
        fs::create_directories(path + "/out");
    }
    ~Folder() { CHECK(remove_folder(path).has_value()); }
    void write(const std::string& name, const std::string& content) const {
        fs::create_directories(fs::path(model() + name).parent_path());
        std::ofstream(model() + name, std::ios::binary) << content;
    }
    [[nodiscard]] std::string model() const { return path + "/w/ml/model/"; }
    base::Result<Packed> pack_model(const std::function<bool()>& cancelled = [] { return false; }) {
        std::ofstream archive(path + "/model.tar.gz", std::ios::binary);
        return pack(
            {path + "/w"}, "ml/model",
            [&](std::string_view bytes) -> base::Result<void> {
                archive << bytes;
                return {};
            },
            cancelled);
    }
    base::Result<void> unpack_model() const {
        return unpack(path + "/model.tar.gz", path + "/out", [] { return false; });
    }
    [[nodiscard]] std::string unpacked(const std::string& name) const {
        std::ifstream file(path + "/out/" + name, std::ios::binary);
        std::stringstream content;
        content << file.rdbuf();
        return file ? content.str() : "(none)";
    }
    std::string path;
};

}  // namespace

TEST_CASE("names are bytes: none of them fails an archive or comes back as another") {
    Folder folder;
    const std::string names[] = {"größe.txt",
                                 "重み/epoch-1.bin",
                                 "two\nlines",
                                 "tab\tand \"quotes\" and 'more'",
                                 "latin-1 gr\xF6\xDF"
                                 "e",
                                 "bad\xFF\xFE utf-8",
                                 " leading and trailing ",
                                 "-rf",
                                 std::string(255, 'n'),
                                 std::string(200, 'a') + "/" + std::string(200, 'b') + "/" + std::string(200, 'c'),
                                 "emoji-\xF0\x9F\x8E\x89"};
    for (const auto& name : names) folder.write(name, "content of " + name);
    fs::create_symlink("größe.txt", folder.model() + "lä");
    const auto packed = folder.pack_model();
    REQUIRE_MESSAGE(packed.has_value(), (packed ? "" : packed.error().describe()));
    CHECK(packed->entries == std::size(names) + 1);
    CHECK(packed->missing.empty());
    const auto unpacked = folder.unpack_model();
    REQUIRE_MESSAGE(unpacked.has_value(), (unpacked ? "" : unpacked.error().describe()));
    for (const auto& name : names) CHECK(folder.unpacked(name) == "content of " + name);
    CHECK(fs::read_symlink(folder.path + "/out/lä") == "größe.txt");
}

TEST_CASE("paths that are longer than the kernel takes at once are packed") {
    Folder folder;
    const std::string part(250, 'd');
    const auto before = fs::current_path();  // other tests count on it
    REQUIRE(::chdir(folder.model().c_str()) == 0);
    std::string path;
    for (int i = 0; i < 30; ++i) {
        REQUIRE(::mkdir(part.c_str(), 0755) == 0);
        REQUIRE(::chdir(part.c_str()) == 0);
        path += part + "/";
    }
    std::ofstream("deep") << "deep";
    fs::current_path(before);
    const auto listing = files_beneath(folder.path + "/w", "ml/model");
    REQUIRE(listing.files.size() == 1);
    CHECK(listing.files[0].path == path + "deep");
    const auto packed = folder.pack_model();
    REQUIRE(packed.has_value());
    CHECK(packed->entries == 1);
    CHECK(packed->missing.empty());
}

TEST_CASE("a tree deeper than the limit is told about, and removed all the same") {
    Folder folder;
    folder.write("kept", "kept");
    const auto before = fs::current_path();  // other tests count on it
    REQUIRE(::chdir(folder.model().c_str()) == 0);
    for (size_t i = 0; i < artifact_depth_max * 10; ++i) {
        REQUIRE(::mkdir("d", 0755) == 0);
        REQUIRE(::chdir("d") == 0);
    }
    fs::current_path(before);
    const auto packed = folder.pack_model();
    REQUIRE(packed.has_value());
    CHECK(packed->entries == 1);
    REQUIRE(packed->missing.size() == 1);
    CHECK(packed->missing[0].find("folders deep") != std::string::npos);
    CHECK(remove_folder(folder.path + "/w").has_value());
    CHECK_FALSE(fs::exists(folder.path + "/w"));
}

TEST_CASE("what is no file is told about, what is linked twice is packed once, what is empty stays") {
    Folder folder;
    folder.write("weights", std::string(100'000, 'w'));
    for (int i = 0; i < 100; ++i) fs::create_hard_link(folder.model() + "weights", folder.model() + "again-" + std::to_string(i));
    fs::create_directories(folder.model() + "assets");
    REQUIRE(::mkfifo((folder.model() + "pipe").c_str(), 0644) == 0);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%ssocket", folder.model().c_str());
    REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::close(socket);
    const auto packed = folder.pack_model();
    REQUIRE(packed.has_value());
    CHECK(packed->special.size() == 2);
    CHECK(packed->missing.empty());
    CHECK(packed->entries == 102);
    REQUIRE(folder.unpack_model().has_value());
    CHECK(folder.unpacked("weights").size() == 100'000);
    CHECK(folder.unpacked("again-7").size() == 100'000);
    CHECK(fs::hard_link_count(folder.path + "/out/weights") == 101);
    CHECK(fs::is_directory(folder.path + "/out/assets"));
}

TEST_CASE("what its owner may not read is packed all the same") {
    Folder folder;
    folder.write("closed/weights", "weights");
    REQUIRE(::chmod((folder.model() + "closed/weights").c_str(), 0) == 0);
    REQUIRE(::chmod((folder.model() + "closed").c_str(), 0) == 0);
    const auto packed = folder.pack_model();
    REQUIRE(packed.has_value());
    CHECK(packed->missing.empty());
    REQUIRE(folder.unpack_model().has_value());
    CHECK(folder.unpacked("closed/weights") == "weights");
}

TEST_CASE("holes take neither time nor room") {
    Folder folder;
    const int file = ::open((folder.model() + "sparse").c_str(), O_WRONLY | O_CREAT, 0644);
    const off_t size = 1LL << 42;
    REQUIRE(::pwrite(file, "begin", 5, 0) == 5);
    REQUIRE(::pwrite(file, "middle", 6, size / 2) == 6);
    REQUIRE(::ftruncate(file, size) == 0);
    ::close(file);
    const int hole = ::open((folder.model() + "hole").c_str(), O_WRONLY | O_CREAT, 0644);
    REQUIRE(::ftruncate(hole, size) == 0);
    ::close(hole);
    const auto started = std::chrono::steady_clock::now();
    const auto packed = folder.pack_model();
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(20));
    REQUIRE(packed.has_value());
    CHECK(packed->missing.empty());
    CHECK(fs::file_size(folder.path + "/model.tar.gz") < 100'000);
    REQUIRE(folder.unpack_model().has_value());
    CHECK(fs::file_size(folder.path + "/out/hole") == static_cast<uint64_t>(size));
    REQUIRE(fs::file_size(folder.path + "/out/sparse") == static_cast<uint64_t>(size));
    std::ifstream unpacked(folder.path + "/out/sparse", std::ios::binary);
    std::string read(6, '\0');
    unpacked.seekg(size / 2);
    unpacked.read(read.data(), 6);
    CHECK(read == "middle");
    struct stat info{};
    REQUIRE(::stat((folder.path + "/out/sparse").c_str(), &info) == 0);
    CHECK(info.st_blocks * 512 < 1 << 20);
}

TEST_CASE("a file with more holes than an archive lists is packed whole") {
    Folder folder;
    const int file = ::open((folder.model() + "sieve").c_str(), O_WRONLY | O_CREAT, 0644);
    const size_t stretches = sparse_extents_max + 500;
    for (size_t i = 0; i < stretches; ++i) REQUIRE(::pwrite(file, "x", 1, static_cast<off_t>(i * 128 * 1024)) == 1);
    ::close(file);
    const auto packed = folder.pack_model();
    REQUIRE(packed.has_value());
    REQUIRE(folder.unpack_model().has_value());
    std::ifstream unpacked(folder.path + "/out/sieve", std::ios::binary);
    unpacked.seekg(static_cast<std::streamoff>((stretches - 1) * 128 * 1024));
    CHECK(unpacked.get() == 'x');
    CHECK(fs::file_size(folder.path + "/out/sieve") == (stretches - 1) * 128 * 1024 + 1);
}

TEST_CASE("a file of so many pieces that its holes would be packed as zeros is named, and the others are packed") {
    Folder folder;
    folder.write("weights", "weights");
    const int file = ::open((folder.model() + "sieve").c_str(), O_WRONLY | O_CREAT, 0644);
    const off_t apart = 8LL << 20;
    REQUIRE(apart * off_t{sparse_extents_max} > off_t{holes_bytes_max});
    for (size_t i = 0; i <= sparse_extents_max; ++i) REQUIRE(::pwrite(file, "x", 1, static_cast<off_t>(i) * apart) == 1);
    CHECK(holes_of(file, static_cast<uint64_t>(apart) * sparse_extents_max) > holes_bytes_max);
    ::close(file);
    const auto started = std::chrono::steady_clock::now();
    const auto packed = folder.pack_model();
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(20));
    REQUIRE(packed.has_value());
    CHECK(packed->entries == 1);
    REQUIRE(packed->missing.size() == 1);
    CHECK(packed->missing[0].find("sieve is sparse and in more than 4096 pieces") == 0);
    REQUIRE(folder.unpack_model().has_value());
    CHECK(folder.unpacked("weights") == "weights");
}

TEST_CASE("what is given up in a file that is not packed to its end is given up at once") {
    Folder folder;
    // So little room on the disk, and nearly 16 GiB in the archive.
    const int file = ::open((folder.model() + "sieve").c_str(), O_WRONLY | O_CREAT, 0644);
    const off_t apart = 3LL << 20;
    for (size_t i = 0; i <= sparse_extents_max; ++i) REQUIRE(::pwrite(file, "x", 1, static_cast<off_t>(i) * apart) == 1);
    ::close(file);
    const auto started = std::chrono::steady_clock::now();
    int asked = 0;
    const auto packed = folder.pack_model([&] { return ++asked > 8; });
    REQUIRE_FALSE(packed.has_value());
    CHECK(packed.error().code == "Cancelled");
    const auto refused = pack(
        {folder.path + "/w"}, "ml/model", [](std::string_view) -> base::Result<void> { return base::fail("AccessDenied", "no"); },
        [] { return false; });
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "AccessDenied");
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(5));
}

TEST_CASE("packing and unpacking end when they are told to") {
    Folder folder;
    folder.write("weights", std::string(8 << 20, 'w'));
    int asked = 0;
    const auto packed = folder.pack_model([&] { return ++asked > 3; });
    REQUIRE_FALSE(packed.has_value());
    CHECK(packed.error().code == "Cancelled");
    REQUIRE(folder.pack_model().has_value());
    asked = 0;
    const auto unpacked = unpack(folder.path + "/model.tar.gz", folder.path + "/out", [&] { return ++asked > 3; });
    REQUIRE_FALSE(unpacked.has_value());
    CHECK(unpacked.error().code == "Cancelled");
}

TEST_CASE("what would be more than an archive may hold is left out and said, the rest is there") {
    Folder folder;
    folder.write("a-small", "s");
    folder.write("b-large", std::string(2 << 20, 'w'));
    folder.write("c-exact", std::string((1 << 20) - 1, 'w'));
    REQUIRE(::truncate((folder.model() + "a-small").c_str(), 1LL << 40) == 0);  // holes are not data
    std::ofstream archive(folder.path + "/model.tar.gz", std::ios::binary);
    const auto packed = pack(
        {folder.path + "/w"}, "ml/model",
        [&](std::string_view bytes) -> base::Result<void> {
            archive << bytes;
            return {};
        },
        [] { return false; }, (1 << 20) + 4095);
    REQUIRE(packed.has_value());
    CHECK(packed->entries == 2);
    REQUIRE(packed->missing.size() == 1);
    CHECK(packed->missing[0] == "b-large: with it the archive would hold more than 1052671 bytes");
    CHECK(size_text(5 << 20) == "5 MiB");
    CHECK(size_text(uint64_t{1} << 40) == "1024 GiB");
}

TEST_CASE("a sink that refuses ends the packing with its own error") {
    Folder folder;
    folder.write("weights", std::string(1 << 20, 'w'));
    const auto packed = pack(
        {folder.path + "/w"}, "ml/model", [](std::string_view) -> base::Result<void> { return base::fail("AccessDenied", "no"); },
        [] { return false; });
    REQUIRE_FALSE(packed.has_value());
    CHECK(packed.error().code == "AccessDenied");
}

TEST_CASE("removing a folder follows no link and minds no mode") {
    Folder folder;
    fs::create_directories(folder.path + "/outside");
    std::ofstream(folder.path + "/outside/file") << "stays";
    fs::create_directories(folder.path + "/gone/a/b/removed-1");
    fs::create_directories(folder.path + "/gone/removed-2/c");
    fs::create_symlink(folder.path + "/outside", folder.path + "/gone/a/link");
    fs::create_symlink(folder.path + "/outside", folder.path + "/gone/link");
    REQUIRE(::chmod((folder.path + "/gone/a/b").c_str(), 0) == 0);
    REQUIRE(::chmod((folder.path + "/gone/a").c_str(), 0) == 0);
    CHECK(remove_folder(folder.path + "/gone").has_value());
    CHECK_FALSE(fs::exists(folder.path + "/gone"));
    CHECK(fs::exists(folder.path + "/outside/file"));
    CHECK(remove_folder(folder.path + "/gone").has_value());
}

TEST_CASE("a file that somebody writes to is known") {
    Folder folder;
    folder.write("checkpoint", "whole");
    const int reader = ::open((folder.model() + "checkpoint").c_str(), O_RDONLY);
    CHECK_FALSE(is_open_for_writing(reader));
    const int writer = ::open((folder.model() + "checkpoint").c_str(), O_WRONLY);
    CHECK(is_open_for_writing(reader));
    ::close(writer);
    CHECK_FALSE(is_open_for_writing(reader));
    ::close(reader);
}

}  // namespace training
