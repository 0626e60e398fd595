// What happens between a look and a commit: each race is played in one order, by holding a commit back until the other side has
// acted.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <thread>

#include "objects/source_for_tests.hpp"
#include "objects/storage.hpp"
#include "temporary_folder.hpp"

namespace {

using objects::bytes;
using objects::Storage;

// A store that calls a function before each commit.
class WatchedStore final : public store::KeyValueStore {
public:
    std::function<void(const store::Batch&)> before_commit;
    std::optional<base::Error> refused;  // every commit is, with this
    base::Result<std::optional<std::string>> get(std::string_view key) const override { return keys_->get(key); }
    base::Result<std::vector<store::Entry>> scan(const store::Scan& scan) const override { return keys_->scan(scan); }
    std::unique_ptr<store::Snapshot> snapshot() const override { return keys_->snapshot(); }
    base::Result<void> commit(const store::Batch& batch) override {
        if (before_commit) before_commit(batch);
        if (refused) return std::unexpected(*refused);
        return keys_->commit(batch);
    }

private:
    std::unique_ptr<store::KeyValueStore> keys_ = store::make_memory_store();
};

struct StorageFixture {
    StorageFixture() {
        blobs = std::move(*store::open_blobs(folder.path));
        storage = std::move(*Storage::open({&keys, blobs.get(), &clock, &random}));
        REQUIRE(storage->create_bucket("bucket", "111122223333", "us-east-1").has_value());
    }
    auto put(const std::string& content, objects::Conditions conditions = {}) {
        return storage->put({.bucket = "bucket", .key = "k", .conditions = std::move(conditions), .body = bytes(content)});
    }
    TemporaryFolder folder;
    WatchedStore keys;
    std::unique_ptr<store::Blobs> blobs;
    base::ManualClock clock{base::Time(std::chrono::seconds(1'700'000'000))};
    crypto::SystemRandom random;
    std::unique_ptr<Storage> storage;
};

bool writes(const store::Batch& batch, std::string_view prefix, bool erases) {
    for (const auto& write : batch.writes())
        if (write.key.starts_with(prefix) && write.value.has_value() != erases) return true;
    return false;
}

}  // namespace

TEST_CASE("of two writers that both found nothing, one makes the object") {
    StorageFixture fixture;
    bool overtaken = false;
    fixture.keys.before_commit = [&](const store::Batch& batch) {
        if (overtaken || !writes(batch, "s3/o/", false)) return;
        overtaken = true;
        CHECK(fixture.put("the other", {.if_none_match = "*"}).has_value());
    };
    const auto late = fixture.put("the late one", {.if_none_match = "*"});
    CHECK(overtaken);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == "PreconditionFailed");
    CHECK((*fixture.storage->find("bucket", "k"))->size == std::string_view("the other").size());
}

TEST_CASE("a writer that saw the bucket before its deletion began writes nothing into it") {
    StorageFixture fixture;
    std::promise<void> writer_waits, deletion_ends, writer_tried;
    auto may_write = deletion_ends.get_future();
    std::jthread writer;
    bool marked = false, asked = false;
    base::Result<objects::ObjectPtr> put = base::fail("", "");
    fixture.keys.before_commit = [&](const store::Batch& batch) {
        if (!asked && writes(batch, "s3/o/", false)) {
            asked = true;  // the writer's first try: it goes on when the deletion has looked
            writer_waits.set_value();
            may_write.wait();
            return;
        }
        if (!marked && writes(batch, "s3/b/", true)) {
            marked = true;  // the deletion's last commit: it found the bucket empty
            deletion_ends.set_value();
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
        }
    };
    writer = std::jthread([&] { put = fixture.put("too late"); });
    writer_waits.get_future().wait();
    CHECK(fixture.storage->delete_bucket("bucket").has_value());
    writer.join();
    CHECK(marked);
    REQUIRE_FALSE(put.has_value());
    CHECK(put.error().code == "NoSuchBucket");
    CHECK(fixture.keys.scan({.prefix = "s3/o/"}).value().empty());
}

TEST_CASE("what could not be stored leaves no bytes") {
    StorageFixture fixture;
    const auto upload = fixture.storage->create_upload({.bucket = "bucket", .key = "k"});
    REQUIRE(upload.has_value());
    const std::string content(10'000, 'x');
    const auto part = [&] {
        return fixture.storage->put_part(
            {.bucket = "bucket", .key = "k", .upload_id = upload->id, .number = 1, .body = bytes(content)});
    };
    fixture.keys.refused = base::Error("InsufficientStorage", "no space");
    CHECK(part().error().code == "InsufficientStorage");
    CHECK(fixture.put(content).error().code == "InsufficientStorage");
    CHECK(fixture.blobs->list()->empty());
    fixture.keys.refused.reset();
    CHECK(part().has_value());
    CHECK(fixture.put(content).has_value());
    CHECK(fixture.blobs->list()->size() == 2);
}
