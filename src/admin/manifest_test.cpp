#include "admin/manifest.hpp"

#include <doctest/doctest.h>

namespace admin {

TEST_CASE("a manifest is read back as it was written, and any byte of it that changes is noticed") {
    const Manifest manifest{.id = "20260131T120000Z-0a1b",
                            .time = base::Time(std::chrono::milliseconds(1'790'000'000'123)),
                            .made_by = "1.0",
                            .installation = "0123456789abcdef",
                            .store_identity = "db",
                            .has_master_key = true,
                            .entries = 7,
                            .objects = 3,
                            .blobs = 2,
                            .blob_bytes = 1ull << 40,
                            .new_bytes = 5,
                            .files = {{"keys/000001.sst", 10, 1'700'000'000'123'456'789, "ab"}},
                            .heads = text::Json::object({{"requests", "x"}})};
    const std::string text = to_text(manifest);
    const auto read = read_manifest(text);
    REQUIRE(read.has_value());
    CHECK(to_text(*read) == text);
    CHECK(read->files.at(0).modified == 1'700'000'000'123'456'789);
    for (size_t at = 0; at < text.size(); ++at) {
        std::string altered = text;
        altered[at] = altered[at] == 'x' ? 'y' : 'x';
        const auto again = read_manifest(altered);
        CHECK_MESSAGE(!again.has_value(), at);
        if (!again) CHECK(again.error().code == "BackupUnusable");
    }
    CHECK(read_manifest("").error().code == "BackupUnusable");
}

TEST_CASE("paths of a manifest stay inside the backup, ids are names of folders") {
    for (const char* path : {"", "/etc/passwd", "..", "../x", "keys/../../x", "keys//x", "./x", "keys/.", "x/"}) {
        CHECK_FALSE_MESSAGE(is_inside(path), path);
        const Manifest manifest{.id = "20260131T120000Z-0a1b",
                                .time = base::Time(std::chrono::hours(500'000)),
                                .made_by = "1.0",
                                .installation = "0123456789abcdef",
                                .store_identity = "db",
                                .files = {{path, 10, 1, "ab"}},
                                .heads = {}};
        CHECK(read_manifest(to_text(manifest)).error().code == "BackupUnusable");
    }
    CHECK(is_inside("keys/000001.sst"));
    for (const char* id : {"", "..", "a/b", "-x", "A", "20260131T120000Z-0a1b\n"}) CHECK_FALSE_MESSAGE(is_backup_id(id), id);
    CHECK(is_backup_id("20260131T120000Z-0a1b"));
}

}  // namespace admin
