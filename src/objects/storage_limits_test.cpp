// The limits of objects, tags and uploads, each from both sides, and that nothing which was said about an object is lost on its
// way.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "crypto/digest.hpp"
#include "objects/source_for_tests.hpp"
#include "objects/storage.hpp"
#include "temporary_folder.hpp"

namespace {

using objects::bytes;
using objects::Storage;

struct StorageFixture {
    StorageFixture() {
        blobs = std::move(*store::open_blobs(folder.path));
        storage = std::move(*Storage::open({keys.get(), blobs.get(), &clock, &random}));
        REQUIRE(storage->create_bucket("bucket", "111122223333", "us-east-1").has_value());
    }
    TemporaryFolder folder;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::unique_ptr<store::Blobs> blobs;
    base::ManualClock clock{base::Time(std::chrono::seconds(1'700'000'000))};
    crypto::SystemRandom random;
    std::unique_ptr<Storage> storage;

    [[nodiscard]] size_t blob_count() const { return blobs->list()->size(); }
};

template <class T>
std::string code(const base::Result<T>& result) {
    return result ? "" : result.error().code;
}

objects::Tags tags_of(size_t count, const std::string& key = "key") {
    objects::Tags tags;
    for (size_t i = 0; i < count; ++i) tags.emplace_back(key + std::to_string(i), "value");
    return tags;
}

}  // namespace

TEST_CASE("user metadata: names and values together, to the byte") {
    StorageFixture fixture;
    const auto put = [&](size_t name, size_t value) {
        return fixture.storage->put({.bucket = "bucket",
                                     .key = "k",
                                     .attributes = {.user_metadata = {{std::string(name, 'n'), std::string(value, 'v')}}},
                                     .body = bytes("x")});
    };
    CHECK(put(48, 2000).has_value());
    CHECK(code(put(49, 2000)) == "MetadataTooLarge");
    CHECK(code(put(48, 2001)) == "MetadataTooLarge");
    CHECK(code(put(2049, 0)) == "MetadataTooLarge");
}

TEST_CASE("keys: 1024 bytes, no zero, text") {
    StorageFixture fixture;
    const auto put = [&](std::string key) {
        return fixture.storage->put({.bucket = "bucket", .key = std::move(key), .body = bytes("x")});
    };
    CHECK(put(std::string(1024, 'k')).has_value());
    CHECK(code(put(std::string(1025, 'k'))) == "KeyTooLongError");
    CHECK(code(put("")) == "InvalidArgument");
    CHECK(code(put(std::string("a\0", 2))) == "InvalidArgument");
    CHECK(code(put("\xc0\xaf")) == "InvalidURI");
    CHECK(code(put("\xe0\x80\xaf")) == "InvalidURI");
    CHECK(code(put("\xed\xa0\x80")) == "InvalidURI");
    CHECK(code(put("\xf4\x90\x80\x80")) == "InvalidURI");
    CHECK(put("gr\xc3\xb6\xc3\x9f"
              "e")
              .has_value());
}

TEST_CASE("bodies: exactly as long as was announced, never longer than a PUT may be") {
    StorageFixture fixture;
    for (const size_t announced : {size_t{5}, size_t{9000}}) {
        const auto put = [&](size_t comes) {
            return fixture.storage->put(
                {.bucket = "bucket", .key = "k", .body = bytes(std::string(comes, 'x')), .length = announced});
        };
        CHECK(code(put(announced - 1)) == "IncompleteBody");
        CHECK(code(put(announced + 1)) == "IncompleteBody");
        CHECK(fixture.blob_count() == 0);
        CHECK(put(announced).has_value());
        CHECK(fixture.storage->delete_object("bucket", {.key = "k"}).has_value());
    }
    CHECK(code(fixture.storage->put(
              {.bucket = "bucket", .key = "k", .body = bytes("x"), .length = objects::put_bytes_max + 1})) == "EntityTooLarge");
}

TEST_CASE("tags: how many, how long, none twice, none of AWS's own") {
    StorageFixture fixture;
    const auto put = [&](objects::Tags tags) {
        return fixture.storage->put({.bucket = "bucket", .key = "k", .tags = std::move(tags), .body = bytes("x")});
    };
    CHECK(put(tags_of(10)).has_value());
    CHECK((*fixture.storage->find("bucket", "k"))->tags == tags_of(10));
    CHECK(code(put(tags_of(11))) == "BadRequest");
    CHECK(put({{std::string(128, 'k'), std::string(256, 'v')}}).has_value());
    CHECK(code(put({{std::string(129, 'k'), "v"}})) == "InvalidTag");
    CHECK(code(put({{"k", std::string(257, 'v')}})) == "InvalidTag");
    CHECK(code(put({{"", "v"}})) == "InvalidTag");
    CHECK(code(put({{"aws:k", "v"}})) == "InvalidTag");
    CHECK(code(put({{"k", "1"}, {"k", "2"}})) == "InvalidTag");
    CHECK(code(fixture.storage->set_tags("bucket", "k", tags_of(11))) == "BadRequest");
    CHECK(code(fixture.storage->set_tags("bucket", "none", tags_of(1))) == "NoSuchKey");
    CHECK(code(fixture.storage->find("bucket", "none")) == "NoSuchKey");
    CHECK(fixture.storage->set_tags("bucket", "k", tags_of(2, "new")).has_value());
    CHECK((*fixture.storage->find("bucket", "k"))->tags == tags_of(2, "new"));
    CHECK(fixture.storage->create_bucket("tagged", "1", "us-east-1", tags_of(50)).has_value());
    CHECK(code(fixture.storage->create_bucket("tagged-more", "1", "us-east-1", tags_of(51))) == "BadRequest");
}

TEST_CASE("bucket names: 3 to 63, no address, nothing reserved") {
    StorageFixture fixture;
    const auto make = [&](const std::string& name) { return code(fixture.storage->create_bucket(name, "1", "us-east-1")); };
    CHECK(make(std::string(63, 'b')).empty());
    CHECK(make(std::string(64, 'b')) == "InvalidBucketName");
    CHECK(make("abc").empty());
    CHECK(make("10.0.0.1") == "InvalidBucketName");
    CHECK(make("10.0.0.x").empty());
    CHECK(make("a..b") == "InvalidBucketName");
    CHECK(make("bucket") == "BucketAlreadyExists");
}

TEST_CASE("every block of public access is stored by itself, and all of them are set in a new bucket") {
    StorageFixture fixture;
    const auto fresh = (*fixture.storage->bucket("bucket"))->configuration.public_access_block;
    REQUIRE(fresh.has_value());
    CHECK(
        (fresh->block_public_acls && fresh->ignore_public_acls && fresh->block_public_policy && fresh->restrict_public_buckets));
    for (int chosen = 0; chosen < 4; ++chosen) {
        REQUIRE(fixture.storage
                    ->configure("bucket",
                                [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
                                    configuration.public_access_block =
                                        objects::PublicAccessBlock{chosen == 0, chosen == 1, chosen == 2, chosen == 3};
                                    return {};
                                })
                    .has_value());
        fixture.storage = std::move(*Storage::open({fixture.keys.get(), fixture.blobs.get(), &fixture.clock, &fixture.random}));
        const auto block = *(*fixture.storage->bucket("bucket"))->configuration.public_access_block;
        CHECK(block.block_public_acls == (chosen == 0));
        CHECK(block.ignore_public_acls == (chosen == 1));
        CHECK(block.block_public_policy == (chosen == 2));
        CHECK(block.restrict_public_buckets == (chosen == 3));
    }
}

TEST_CASE("a copy onto itself changes what is said and keeps the bytes; a change of tags keeps them, too") {
    StorageFixture fixture;
    const std::string content(20'000, 'c');
    REQUIRE(fixture.storage
                ->put({.bucket = "bucket",
                       .key = "k",
                       .attributes = {.content_type = "old", .user_metadata = {{"m", "old"}}},
                       .tags = {{"t", "old"}},
                       .body = bytes(content)})
                .has_value());
    fixture.clock.advance(std::chrono::seconds(5));
    const auto open = fixture.storage->open_object(*fixture.storage->find("bucket", "k"));
    REQUIRE(open.has_value());
    const auto copied = fixture.storage->copy({.bucket = "bucket",
                                               .key = "k",
                                               .source = *open,
                                               .source_bucket = "bucket",
                                               .source_key = "k",
                                               .attributes = {.content_type = "new", .user_metadata = {{"m", "new"}}},
                                               .tags = {{"t", "new"}}});
    REQUIRE(copied.has_value());
    auto found = *fixture.storage->find("bucket", "k");
    CHECK(found->attributes.content_type == "new");
    CHECK(found->attributes.user_metadata.at(0).second == "new");
    CHECK(found->tags == objects::Tags{{"t", "new"}});
    CHECK(found->last_modified == fixture.clock.now());
    CHECK(fixture.storage->set_tags("bucket", "k", {{"t", "newest"}}).has_value());
    CHECK(fixture.blob_count() == 1);
    const auto again = fixture.storage->open_object(*fixture.storage->find("bucket", "k"));
    REQUIRE(again.has_value());
    CHECK(again->readers.at(0)->read(0, content.size()).value() == content);
}

TEST_CASE("what is deleted, one by one or together, leaves no bytes") {
    StorageFixture fixture;
    std::vector<std::string> keys;
    for (int i = 0; i < 5; ++i) {
        keys.push_back("k" + std::to_string(i));
        REQUIRE(
            fixture.storage->put({.bucket = "bucket", .key = keys.back(), .body = bytes(std::string(9000, 'x'))}).has_value());
    }
    CHECK(fixture.blob_count() == 5);
    CHECK(fixture.storage->delete_object("bucket", {.key = keys.back()}).has_value());
    CHECK(fixture.blob_count() == 4);
    keys.emplace_back("never there");
    std::vector<objects::Deletion> deletions;
    for (const auto& key : keys) deletions.push_back({.key = key});
    for (const auto& outcome : fixture.storage->delete_objects("bucket", deletions)) CHECK(outcome.has_value());
    CHECK(fixture.blob_count() == 0);
    CHECK(fixture.storage->list({.bucket = "bucket"})->objects.empty());
}

TEST_CASE("an upload keeps what it was begun with, only the chosen parts, and forgets itself") {
    StorageFixture fixture;
    auto& storage = *fixture.storage;
    const auto upload = storage.create_upload({.bucket = "bucket",
                                               .key = "k",
                                               .attributes = {.content_type = "text/x", .user_metadata = {{"m", "v"}}},
                                               .tags = {{"t", "v"}}});
    REQUIRE(upload.has_value());
    std::vector<objects::CompletedPart> parts;
    uint64_t size = 0;
    for (const uint32_t number : {1U, 2U, 10'000U}) {
        const std::string content(number == 10'000 ? 7 : objects::part_bytes_min, 'x');
        const auto part =
            storage.put_part({.bucket = "bucket", .key = "k", .upload_id = upload->id, .number = number, .body = bytes(content)});
        REQUIRE(part.has_value());
        parts.push_back({number, part->etag, {}});
        if (number != 2) size += content.size();
    }
    for (const uint32_t number : {0U, 10'001U})
        CHECK(code(storage.put_part(
                  {.bucket = "bucket", .key = "k", .upload_id = upload->id, .number = number, .body = bytes("x")})) ==
              "InvalidArgument");
    objects::CompleteUpload complete{.bucket = "bucket", .key = "k", .upload_id = upload->id, .parts = {parts[0], parts[0]}};
    CHECK(code(storage.complete_upload(complete)) == "InvalidPartOrder");
    complete.parts = {parts[0], parts[2]};
    for (const uint64_t wrong : {size - 1, size + 1}) {
        complete.size = wrong;
        CHECK(code(storage.complete_upload(complete)) == "InvalidRequest");
    }
    complete.size = size;
    const auto object = storage.complete_upload(complete);
    REQUIRE(object.has_value());
    CHECK((*object)->etag.ends_with("-2"));
    CHECK((*object)->attributes.content_type == "text/x");
    CHECK((*object)->attributes.user_metadata.size() == 1);
    CHECK((*object)->tags == objects::Tags{{"t", "v"}});
    CHECK(fixture.blob_count() == 2);
    CHECK(code(storage.find_upload("bucket", "k", upload->id)) == "NoSuchUpload");
    CHECK(storage.list_uploads({.bucket = "bucket"})->uploads.empty());
    // Somebody else's upload id is not the one that this object came from.
    complete.upload_id = std::string(64, 'a');
    CHECK(code(storage.complete_upload(complete)) == "NoSuchUpload");
}

TEST_CASE("an upload that declared a kind of checksum takes parts of no other") {
    StorageFixture fixture;
    for (const auto kind : {objects::ChecksumKind::crc32, objects::ChecksumKind::sha256}) {
        const auto upload = fixture.storage->create_upload({.bucket = "bucket", .key = "k", .checksum_kind = kind});
        REQUIRE(upload.has_value());
        const auto put = [&](objects::ChecksumKind checksum) {
            return code(fixture.storage->put_part({.bucket = "bucket",
                                                   .key = "k",
                                                   .upload_id = upload->id,
                                                   .number = 1,
                                                   .body = bytes("x"),
                                                   .checksum = checksum}));
        };
        CHECK(put(kind).empty());
        CHECK(put(objects::ChecksumKind::crc32c) == "InvalidRequest");
        CHECK(put(objects::ChecksumKind::sha1) == "InvalidRequest");
    }
}

TEST_CASE("a bucket whose deletion a crash cut off is open again; one that was deleted leaves no uploads to its namesake") {
    StorageFixture fixture;
    const auto key = fixture.keys->scan({.prefix = "s3/b/"}).value().at(0).key;
    std::string record = fixture.keys->get(key).value().value();
    record.insert(record.size() - 1, R"(,"BeingDeleted":true)");
    REQUIRE(fixture.keys->commit(store::Batch().put(key, record)).has_value());
    fixture.storage = std::move(*Storage::open({fixture.keys.get(), fixture.blobs.get(), &fixture.clock, &fixture.random}));
    CHECK_FALSE((*fixture.storage->bucket("bucket"))->being_deleted);
    CHECK(fixture.storage->put({.bucket = "bucket", .key = "k", .body = bytes("x")}).has_value());
    CHECK(code(fixture.storage->delete_bucket("bucket")) == "BucketNotEmpty");
    CHECK(fixture.storage->put({.bucket = "bucket", .key = "k2", .body = bytes("x")}).has_value());
    for (const char* name : {"k", "k2"}) CHECK(fixture.storage->delete_object("bucket", {.key = name}).has_value());
    REQUIRE(fixture.storage->create_upload({.bucket = "bucket", .key = "k"}).has_value());
    REQUIRE(fixture.storage->delete_bucket("bucket").has_value());
    REQUIRE(fixture.storage->create_bucket("bucket", "1", "us-east-1").has_value());
    CHECK(fixture.storage->list_uploads({.bucket = "bucket"})->uploads.empty());
    CHECK(fixture.keys->scan({.prefix = "s3/u/"}).value().empty());
}

TEST_CASE("a blob that is not as long as its object says is not served") {
    StorageFixture fixture;
    REQUIRE(fixture.storage->put({.bucket = "bucket", .key = "k", .body = bytes(std::string(300'000, 'x'))}).has_value());
    const auto found = *fixture.storage->find("bucket", "k");
    CHECK(fixture.storage->open_object(found).has_value());
    size_t blobs = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(fixture.folder.path)) {
        if (!entry.is_regular_file() || entry.file_size() < 300'000) continue;
        ++blobs;
        for (const uintmax_t size : {300'001, 299'999}) {
            std::filesystem::resize_file(entry.path(), size);
            CHECK(code(fixture.storage->open_object(found)) == "InternalError");
        }
    }
    CHECK(blobs == 1);
}
