#include "store/store_copy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "store/pinned_blobs.hpp"
#include "temporary_folder.hpp"

namespace store {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
}

}  // namespace

TEST_CASE("a checkpoint has what was committed before it, nothing of what came after, and reading it changes nothing") {
    const TemporaryFolder place;
    const auto keys = open_rocks_store(place.path + "/keys").value();
    for (int i = 0; i < 2500; ++i)
        REQUIRE(keys->commit(Batch().put("a/" + std::to_string(10000 + i), std::string(20, 'x'))).has_value());
    REQUIRE(keys->checkpoint(place.path + "/copy").has_value());
    REQUIRE(keys->commit(Batch().put("a/99999", "late").erase("a/10000")).has_value());
    const auto names = names_in(place.path + "/copy");
    {
        const auto copy = open_store_copy(place.path + "/copy");
        REQUIRE_MESSAGE(copy.has_value(), (copy ? "" : copy.error().describe()));
        CHECK((*copy)->verify().has_value());
        CHECK((*copy)->get("a/10000").value() == std::string(20, 'x'));
        CHECK_FALSE((*copy)->get("a/99999").value().has_value());
        std::string last;
        int seen = 0;
        REQUIRE(each_entry(**copy, "a/", [&](const Entry& entry) -> base::Result<void> {
                    CHECK(entry.key > last);
                    last = entry.key;
                    ++seen;
                    return {};
                }).has_value());
        CHECK(seen == 2500);
    }
    CHECK(names_in(place.path + "/copy") == names);
    CHECK(keys->checkpoint(place.path + "/copy").error().code == "InternalError");  // it is there already
    CHECK(make_memory_store()->checkpoint(place.path + "/memory").error().code == "NotImplemented");
}

TEST_CASE("a byte that is flipped in a copy is found") {
    const TemporaryFolder place;
    {
        const auto keys = open_rocks_store(place.path + "/keys").value();
        REQUIRE(keys->commit(Batch().put("a/1", std::string(5000, 'x'))).has_value());
        REQUIRE(keys->checkpoint(place.path + "/copy").has_value());
    }
    for (const auto& name : names_in(place.path + "/copy")) {
        if (!name.ends_with(".sst")) continue;
        std::fstream file(place.path + "/copy/" + name, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(100);
        file.put('y');
    }
    const auto copy = open_store_copy(place.path + "/copy");
    const auto verified = copy ? (*copy)->verify() : base::Result<void>(base::fail(copy.error()));
    REQUIRE_FALSE(verified.has_value());
    CHECK(verified.error().code == "CorruptRecord");
    CHECK(open_store_copy(place.path + "/nothing").error().code == "CorruptRecord");
}

TEST_CASE("a blob that is removed while it is pinned goes with the last pin") {
    const TemporaryFolder place;
    PinnedBlobs blobs(open_blobs(place.path).value());
    const auto make = [&blobs] {
        const auto writer = blobs.create().value();
        REQUIRE(writer->write("bytes").has_value());
        return writer->commit().value();
    };
    const auto first = make(), second = make(), third = make();
    REQUIRE(blobs.remove(first).has_value());
    CHECK(blobs.open(first).error().code == "NoSuchBlob");
    blobs.pin();
    blobs.pin();
    REQUIRE(blobs.remove(second).has_value());
    CHECK(blobs.waiting() == 1);
    CHECK(blobs.open(second).has_value());
    blobs.unpin();
    CHECK(blobs.open(second).has_value());
    blobs.unpin();
    CHECK(blobs.waiting() == 0);
    CHECK(blobs.open(second).error().code == "NoSuchBlob");
    CHECK(blobs.list().value() == std::vector<BlobId>{third});
}

}  // namespace store
