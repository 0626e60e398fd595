#include "store/bounded.hpp"

#include <doctest/doctest.h>
#include <sys/statvfs.h>

#include "store/reserve.hpp"
#include "temporary_folder.hpp"

namespace store {
namespace {

base::Result<BlobId> put(Blobs& blobs, size_t bytes) {
    auto writer = TRY(blobs.create());
    TRY(writer->write(std::string(bytes, 'x')));
    return writer->commit();
}

std::unique_ptr<Blobs> open(const TemporaryFolder& folder, const Bounds& bounds) {
    auto inner = open_blobs(folder.path);
    REQUIRE(inner.has_value());
    return bound_blobs(std::move(*inner), folder.path, bounds);
}

}  // namespace

TEST_CASE("blobs take what they may, deleted ones give it back, and what is there counts") {
    TemporaryFolder folder;
    const Bounds bounds{.bytes_max = 100000};
    auto blobs = open(folder, bounds);
    const auto first = put(*blobs, 60000);
    REQUIRE(first.has_value());
    for (int round = 0; round < 2; ++round) {
        const auto refused = put(*blobs, 40001);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == "InsufficientStorage");
        CHECK(blobs->list()->size() == 1);
        blobs.reset();
        blobs = open(folder, bounds);
    }
    CHECK(put(*blobs, 39000).has_value());
    CHECK_FALSE(put(*blobs, 1000).has_value());  // the log has some bytes of its own
    CHECK((*blobs->open(*first))->size() == 60000);
    REQUIRE(blobs->remove(*first).has_value());
    CHECK(put(*blobs, 60000).has_value());
}

TEST_CASE("a blob that was begun and not finished takes nothing") {
    TemporaryFolder folder;
    auto blobs = open(folder, {.bytes_max = 1000});
    {
        auto writer = blobs->create();
        REQUIRE(writer.has_value());
        REQUIRE((*writer)->write(std::string(900, 'x')).has_value());
        CHECK_FALSE((*writer)->write(std::string(200, 'x')).has_value());
        CHECK_FALSE(put(*blobs, 200).has_value());  // meanwhile it does
    }
    CHECK(put(*blobs, 1000).has_value());
}

TEST_CASE("a disk that is nearly full is left to others, but deletes work") {
    TemporaryFolder folder;
    auto plain = open(folder, {});
    const auto there = put(*plain, 10);
    REQUIRE(there.has_value());
    // As much as the whole disk is to be left: nothing is, for it is not empty.
    const Bounds bounds{.disk_free_bytes_min = UINT64_MAX, .disk_free_share = 1};
    auto blobs = open(folder, bounds);
    const auto refused = put(*blobs, 10);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.find("disk is full") != std::string::npos);
    CHECK(blobs->remove(*there).has_value());

    const auto inner = make_memory_store();
    REQUIRE(inner->commit(Batch().put("a", "1")).has_value());
    const auto keys = bound_keys(*inner, folder.path, bounds);
    CHECK(keys->commit(Batch().put("b", "1")).error().code == "InsufficientStorage");
    CHECK(*keys->get("a") == "1");
    {
        const MayUseReserve scope;
        CHECK(keys->commit(Batch().put("marker", "1")).has_value());
    }
    CHECK(keys->commit(Batch().erase("a")).has_value());
    CHECK(inner->commit(Batch().put("b", "1")).has_value());  // others are not bounded
}

TEST_CASE("metadata of objects takes what it may") {
    TemporaryFolder folder;
    REQUIRE(put(*open(folder, {}), 2000).has_value());
    const auto inner = make_memory_store();
    CHECK(bound_keys(*inner, folder.path, {.bytes_max = 1000})->commit(Batch().put("b", "1")).error().code ==
          "InsufficientStorage");
    CHECK(bound_keys(*inner, folder.path, {.bytes_max = 3000})->commit(Batch().put("b", "1")).has_value());
}

}  // namespace store
