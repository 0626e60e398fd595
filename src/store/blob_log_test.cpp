#include "store/blob_log.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "no_room.hpp"
#include "store/file_blobs.hpp"
#include "temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using store::BlobLog;

std::shared_ptr<BlobLog> open(const TemporaryFolder& folder, const store::BlobLogOptions& options = {}) {
    auto log = BlobLog::open(folder.path, options);
    REQUIRE(log.has_value());
    return std::move(*log);
}

std::string content(size_t number, size_t bytes) {
    std::mt19937_64 generator(number);
    std::string text(bytes, '\0');
    for (auto& letter : text) letter = static_cast<char>(generator());
    return text;
}

std::string read(const BlobLog& log, const store::BlobId& id) {
    const auto blob = log.open_blob(id);
    REQUIRE(blob.has_value());
    return (*blob)->read(0, SIZE_MAX).value();
}

std::vector<std::string> segments(const TemporaryFolder& folder) {
    std::vector<std::string> paths;
    for (const auto& entry : fs::directory_iterator(folder.path)) paths.push_back(entry.path().string());
    return paths;
}

uint64_t taken_by(const std::string& path) {
    struct stat facts{};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    return static_cast<uint64_t>(facts.st_blocks) * 512;
}

void flip(const std::string& path, uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
}

// As a process that is killed leaves the log: without tables.
void kill(std::shared_ptr<BlobLog> log, const TemporaryFolder& folder) {
    const TemporaryFolder aside;
    fs::copy(folder.path, aside.path + "/copy", fs::copy_options::recursive);
    log.reset();
    fs::remove_all(folder.path);
    fs::copy(aside.path + "/copy", folder.path, fs::copy_options::recursive);
}

std::vector<store::BlobId> listed(const BlobLog& log) {
    auto ids = log.list().value();
    std::ranges::sort(ids);
    return ids;
}

}  // namespace

TEST_CASE("blobs of the log are read whole and by ranges, after an end and after a kill") {
    const TemporaryFolder folder;
    std::map<store::BlobId, std::string> all;
    auto log = open(folder);
    for (const size_t bytes :
         {size_t{0}, size_t{1}, size_t{4097}, size_t{65536}, size_t{65537}, size_t{200000}, size_t{store::logged_bytes_max}})
        all[log->append(content(bytes, bytes)).value()] = content(bytes, bytes);
    const auto check = [&] {
        for (const auto& [id, text] : all) {
            CHECK(read(*log, id) == text);
            const auto blob = log->open_blob(id).value();
            CHECK(blob->size() == text.size());
            CHECK(blob->read(text.size() / 2, 70000).value() == text.substr(text.size() / 2, 70000));
            CHECK(blob->read(text.size() + 1, 1).value().empty());
            std::string sent(text.size(), '\0');
            CHECK(::pread(blob->descriptor(), sent.data(), sent.size(), static_cast<off_t>(blob->begins_at())) ==
                  static_cast<ssize_t>(sent.size()));
            CHECK(sent == text);
        }
        CHECK(log->list().value().size() == all.size());
    };
    check();
    kill(std::move(log), folder);
    log = open(folder);
    check();
    log.reset();
    log = open(folder);
    check();
    all[log->append("more").value()] = "more";  // another segment: what was written by another process is not appended to
    CHECK(segments(folder).size() == 2);
    check();
}

TEST_CASE("many threads share flushes, and each has its own blob") {
    const TemporaryFolder folder;
    auto log = open(folder, {.segment_bytes = 300000});
    constexpr size_t threads = 8, each = 40;
    std::vector<std::thread> writers;
    std::vector<std::map<store::BlobId, std::string>> made(threads);
    for (size_t thread = 0; thread < threads; ++thread)
        writers.emplace_back([&, thread] {
            for (size_t i = 0; i < each; ++i) {
                const auto text = content(thread * each + i, 3000 + 50 * i);
                made[thread][log->append(text).value()] = text;
            }
        });
    for (auto& writer : writers) writer.join();
    CHECK(log->list().value().size() == threads * each);
    CHECK(segments(folder).size() > 2);
    log = nullptr;
    log = open(folder);
    for (const auto& some : made)
        for (const auto& [id, text] : some) CHECK(read(*log, id) == text);
}

TEST_CASE("what is removed is gone, stays gone, and its blocks are free at once; a segment that is empty goes") {
    const TemporaryFolder folder;
    auto log = open(folder, {.segment_bytes = 1u << 20, .copied_bytes_per_second = 0});
    std::vector<store::BlobId> ids;
    for (size_t i = 0; i < 12; ++i) ids.push_back(log->append(content(i, 100000)).value());  // eleven in the first segment
    uint64_t before = 0, after = 0;
    for (const auto& path : segments(folder)) before += taken_by(path);
    for (size_t i = 0; i < 10; ++i) REQUIRE(log->remove(ids[i]).has_value());
    for (const auto& path : segments(folder)) after += taken_by(path);
    CHECK(after + 10 * 90000 < before);
    CHECK(log->open_blob(ids[0]).error().code == "NoSuchBlob");
    CHECK(log->remove(ids[0]).has_value());
    CHECK(listed(*log).size() == 2);
    CHECK(read(*log, ids[10]) == content(10, 100000));
    log = nullptr;
    log = open(folder);
    CHECK(listed(*log).size() == 2);
    CHECK(log->open_blob(ids[3]).error().code == "NoSuchBlob");
    CHECK(segments(folder).size() == 2);
    REQUIRE(log->remove(ids[10]).has_value());
    CHECK(segments(folder).size() == 1);
    REQUIRE(log->remove(ids[11]).has_value());
    CHECK(segments(folder).empty());
    CHECK_FALSE(log->has_segment_of(ids[11]));
}

TEST_CASE("who reads a blob that is removed reads its bytes to the end") {
    const TemporaryFolder folder;
    auto log = open(folder);
    const auto text = content(1, 200000);
    const auto id = log->append(text).value();
    const auto other = log->append(content(2, 50000)).value();
    auto blob = log->open_blob(id).value();
    const uint64_t before = taken_by(segments(folder).front());
    REQUIRE(log->remove(id).has_value());
    CHECK(log->open_blob(id).error().code == "NoSuchBlob");
    CHECK(blob->read(0, SIZE_MAX).value() == text);
    CHECK(taken_by(segments(folder).front()) == before);
    blob = nullptr;
    CHECK(taken_by(segments(folder).front()) + 190000 < before);
    CHECK(read(*log, other) == content(2, 50000));
}

TEST_CASE("every byte that is altered is found, and never given out") {
    const TemporaryFolder folder;
    auto log = open(folder);
    const auto text = content(3, 150000);
    const auto id = log->append(text).value();
    const auto path = segments(folder).front();
    const uint64_t begin = log->open_blob(id).value()->begins_at();
    for (uint64_t at = 0; at < begin + text.size(); at += at < begin ? 1 : 9973) {
        CAPTURE(at);
        flip(path, at);
        const auto blob = log->open_blob(id);
        if (blob) {
            CHECK_FALSE((*blob)->read(0, SIZE_MAX).has_value());
            CHECK_FALSE((*blob)->verify(0, text.size()).has_value());
            // Another chunk is as it was.
            const uint64_t elsewhere = at - begin < store::log_chunk_bytes ? store::log_chunk_bytes : 0;
            CHECK((*blob)->read(elsewhere, 1000).value() == text.substr(elsewhere, 1000));
        } else {
            CHECK(at < begin);
        }
        flip(path, at);
        CHECK(read(*log, id) == text);
    }
}

TEST_CASE("a torn end is no blob, and what was flushed before is whole") {
    const TemporaryFolder folder;
    std::vector<store::BlobId> ids;
    auto log = open(folder);
    for (size_t i = 0; i < 5; ++i) ids.push_back(log->append(content(i, 10000)).value());
    kill(std::move(log), folder);
    const auto path = segments(folder).front();
    const uint64_t whole = fs::file_size(path);
    for (const uint64_t cut : {whole - 1, whole - 9999, whole - 10000 - 39, whole - 10000 - 41}) {
        CAPTURE(cut);
        const TemporaryFolder copy;
        fs::copy(path, copy.path + "/" + fs::path(path).filename().string());
        fs::resize_file(segments(copy).front(), cut);
        log = open(copy);
        CHECK(listed(*log).size() == (cut > whole - 10040 ? 4 : 3));
        CHECK(read(*log, ids[2]) == content(2, 10000));
        const auto torn = log->open_blob(ids[4]);
        CHECK_FALSE((torn && (*torn)->read(0, SIZE_MAX)));
        log = open(copy);
        CHECK(read(*log, ids[2]) == content(2, 10000));
    }
}

TEST_CASE("behind a header that a disk has damaged, other blobs are found, listed and removed") {
    const TemporaryFolder folder;
    std::vector<store::BlobId> ids;
    auto log = open(folder);
    for (size_t i = 0; i < 5; ++i) ids.push_back(log->append(content(i, 10000)).value());
    kill(std::move(log), folder);
    flip(segments(folder).front(), 2 * 10040 + 20);
    log = open(folder);
    CHECK(listed(*log).size() == 4);
    CHECK(log->open_blob(ids[2]).error().code == "InternalError");
    for (const size_t i : {0, 1, 3, 4}) CHECK(read(*log, ids[i]) == content(i, 10000));
    for (const size_t i : {0, 1, 3}) REQUIRE(log->remove(ids[i]).has_value());
    CHECK(read(*log, ids[4]) == content(4, 10000));
}

TEST_CASE("a write that finds no room leaves nothing, and the next goes where it would have gone") {
    const TemporaryFolder folder;
    auto log = open(folder);
    const auto first = log->append(content(1, 1000)).value();
    {
        const machine::NoRoomAfter limit(20000);
        const auto none = log->append(content(2, 100000));
        REQUIRE_FALSE(none.has_value());
    }
    CHECK(fs::file_size(segments(folder).front()) == 1040);
    const auto second = log->append(content(3, 1000)).value();
    CHECK(segments(folder).size() == 1);
    kill(std::move(log), folder);
    log = open(folder);
    CHECK(read(*log, first) == content(1, 1000));
    CHECK(read(*log, second) == content(3, 1000));
    CHECK(listed(*log).size() == 2);
}

TEST_CASE("a segment of which little lives is copied without the rest, under readers and deletes, and keeps its ids") {
    const TemporaryFolder folder;
    auto log = open(folder, {.segment_bytes = 1u << 20, .frees_blocks = false, .copied_bytes_per_second = 1u << 30});
    std::vector<store::BlobId> ids;
    for (size_t i = 0; i < 200; ++i) ids.push_back(log->append(content(i, 10000)).value());
    const auto path = folder.path + "/" + ids.front().substr(0, 16);
    const uint64_t before = taken_by(path);
    const auto blob = log->open_blob(ids[1]).value();
    for (size_t i = 0; i < 90; ++i)
        if (i % 10 != 5) REQUIRE(log->remove(ids[i]).has_value());
    for (int attempt = 0; attempt < 1000 && taken_by(path) > before / 2; ++attempt)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(taken_by(path) < before / 2);
    CHECK(blob->read(0, SIZE_MAX).value() == content(1, 10000));
    const auto check = [&] {
        for (size_t i = 0; i < 200; ++i) {
            CAPTURE(i);
            if (i >= 90 || i % 10 == 5)
                CHECK(read(*log, ids[i]) == content(i, 10000));
            else
                CHECK(log->open_blob(ids[i]).error().code == "NoSuchBlob");
        }
    };
    check();
    log = nullptr;
    std::ofstream(path + ".new") << "a copy that was cut off";
    log = open(folder, {.segment_bytes = 1u << 20});
    CHECK_FALSE(fs::exists(path + ".new"));
    check();
}

TEST_CASE("ids of the log are no paths, and none of another log is found") {
    const TemporaryFolder folder, another;
    auto log = open(folder), elsewhere = open(another);
    const auto id = log->append("bytes").value();
    CHECK_FALSE(elsewhere->has_segment_of(id));
    for (const std::string& wrong :
         {std::string(), id.substr(0, 31), id + "0", "../" + id.substr(3), id.substr(0, 24) + "ffffffff"}) {
        CAPTURE(wrong);
        CHECK(log->open_blob(wrong).error().code == "NoSuchBlob");
        CHECK_FALSE(log->remove(wrong).has_value());
    }
    // A place where no record is, and a size that it has not.
    for (const auto& wrong : {id.substr(0, 16) + "00000001" + id.substr(24), id.substr(0, 24) + "00000004"})
        CHECK_FALSE(log->open_blob(wrong).has_value());
    CHECK(read(*log, id) == "bytes");
}

TEST_CASE("all blobs: small ones in the log, large ones and those of before in files; all are listed, found and removed") {
    const TemporaryFolder folder;
    // A file of a version before 0.2: its bytes and nothing else.
    const store::BlobId old = "00112233445566778899aabbccddeeff";
    fs::create_directories(folder.path + "/00");
    std::ofstream(folder.path + "/00/" + old) << "of before";
    auto blobs = store::open_blobs(folder.path).value();
    const auto put = [&](size_t bytes) {
        auto writer = blobs->create().value();
        for (size_t at = 0; at < bytes; at += 100000) REQUIRE(writer->write(content(7, bytes).substr(at, 100000)).has_value());
        return writer->commit().value();
    };
    const std::vector<size_t> sizes{0, 5000, store::logged_bytes_max, store::logged_bytes_max + 1, 1000000};
    std::vector<store::BlobId> ids;
    for (const size_t bytes : sizes) ids.push_back(put(bytes));
    const store::StoredBlobs stored(folder.path);
    for (size_t i = 0; i < ids.size(); ++i) {
        CAPTURE(sizes[i]);
        CHECK(fs::exists(store::blob_path(folder.path, ids[i])) == (sizes[i] > store::logged_bytes_max));
        CHECK(blobs->open(ids[i]).value()->read(0, SIZE_MAX).value() == content(7, sizes[i]));
        CHECK(stored.open(ids[i]).value()->read(0, SIZE_MAX).value() == content(7, sizes[i]));
        CHECK(stored.path_of(ids[i]).find(ids[i]) != std::string::npos);
    }
    CHECK(blobs->open(old).value()->read(0, SIZE_MAX).value() == "of before");
    CHECK(blobs->open(old).value()->verify(0, 9).has_value());
    CHECK(stored.logged().value().size() == 3);
    CHECK(blobs->list().value().size() == 6);
    // As a backup has it.
    const TemporaryFolder backup;
    fs::create_directories(backup.path + "/" + ids[1].substr(0, 2));
    REQUIRE(store::write_blob_file(store::blob_path(backup.path, ids[1]), ids[1], **stored.open(ids[1])).has_value());
    CHECK(store::StoredBlobs(backup.path).open(ids[1]).value()->read(0, SIZE_MAX).value() == content(7, 5000));
    flip(store::blob_path(backup.path, ids[1]), 4000);
    CHECK_FALSE(store::StoredBlobs(backup.path).open(ids[1]).value()->read(0, SIZE_MAX).has_value());
    ids.push_back(old);
    for (const auto& id : ids) {
        REQUIRE(blobs->remove(id).has_value());
        CHECK(blobs->open(id).error().code == "NoSuchBlob");
    }
    CHECK(blobs->list().value().empty());
}

TEST_CASE("every byte of a large blob that is altered is found; other chunks are read") {
    const TemporaryFolder folder;
    auto blobs = store::open_file_blobs(folder.path).value();
    const auto text = content(9, 600000);
    auto writer = blobs->create().value();
    REQUIRE(writer->write(text).has_value());
    const auto id = writer->commit().value();
    const auto path = store::blob_path(folder.path, id);
    for (uint64_t at = 0; at < fs::file_size(path); at += at < text.size() ? 29989 : 1) {
        CAPTURE(at);
        flip(path, at);
        const auto blob = blobs->open(id);
        // A footer that is damaged is none: the size is another one then, which the owner finds.
        if (blob && (*blob)->size() == text.size()) {
            CHECK(at < text.size());
            CHECK_FALSE((*blob)->read(0, SIZE_MAX).has_value());
            CHECK_FALSE((*blob)->verify(at, 1).has_value());
            const uint64_t elsewhere = at < store::file_chunk_bytes ? store::file_chunk_bytes : 0;
            CHECK((*blob)->read(elsewhere, 1000).value() == text.substr(elsewhere, 1000));
        } else {
            CHECK(at >= text.size());
        }
        flip(path, at);
    }
    CHECK(blobs->open(id).value()->read(0, SIZE_MAX).value() == text);
}
