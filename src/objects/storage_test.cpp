#include "objects/storage.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/decision.hpp"
#include "crypto/digest.hpp"
#include "objects/record.hpp"
#include "objects/source_for_tests.hpp"
#include "temporary_folder.hpp"

namespace {

using objects::bytes;
using objects::Storage;

std::string noise(size_t size, unsigned seed = 1) {
    std::string made(size, '\0');
    for (auto& c : made) c = static_cast<char>(seed = seed * 1664525 + 1013904223, seed >> 24);
    return made;
}

// A storage on a disk of its own, that can be closed and opened again over the same keys.
struct StorageFixture {
    StorageFixture() {
        keys = store::make_memory_store();
        reopen();
        REQUIRE(storage->create_bucket("bucket", "111122223333", "us-east-1").has_value());
    }
    void reopen() {
        storage.reset();
        blobs.reset();  // one at a time
        blobs = std::move(*store::open_blobs(folder.path));
        auto opened = Storage::open({keys.get(), blobs.get(), &clock, &random});
        REQUIRE(opened.has_value());
        storage = std::move(*opened);
    }
    objects::ObjectPtr put(const std::string& key, const std::string& content, objects::Conditions conditions = {}) {
        auto made = storage->put({.bucket = "bucket", .key = key, .conditions = std::move(conditions), .body = bytes(content)});
        REQUIRE(made.has_value());
        return *made;
    }
    std::string get(const std::string& key) const {
        const auto found = storage->find("bucket", key);
        if (!found) return "error " + found.error().code;
        auto open = storage->open_object(*found);
        if (!open) return "error " + open.error().code;
        return drain(objects::read_range(*open, 0, open->object->size));
    }
    static std::string drain(objects::Source source) {
        std::string all;
        char buffer[1000];
        for (;;) {
            const auto got = source(buffer);
            REQUIRE(got.has_value());
            if (*got == 0) return all;
            all.append(buffer, *got);
        }
    }
    [[nodiscard]] size_t blob_count() const { return blobs->list()->size(); }

    TemporaryFolder folder;
    std::unique_ptr<store::KeyValueStore> keys;
    std::unique_ptr<store::Blobs> blobs;
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'700'000'000'123))};
    crypto::SystemRandom random;
    std::unique_ptr<Storage> storage;
};

template <class T>
std::string code(const base::Result<T>& result) {
    return result ? "" : result.error().code;
}

std::string listed(const base::Result<objects::Listing>& listing) {
    REQUIRE(listing.has_value());
    std::string out;
    for (const auto& object : listing->objects) out += object.key + " ";
    for (const auto& prefix : listing->common_prefixes) out += "[" + prefix + "] ";
    return out + (listing->truncated ? "... " + listing->next : "");
}

}  // namespace

TEST_CASE("small and large objects come back whole") {
    StorageFixture fixture;
    for (const size_t size :
         {0ul, 1ul, 4095ul, 4096ul, 4097ul, 100000ul, (1ul << 20) - 1, 1ul << 20, (1ul << 20) + 1, 3'000'000ul}) {
        CAPTURE(size);
        const auto content = noise(size);
        const auto object = fixture.put("k", content);
        CHECK(object->size == size);
        CHECK(object->etag == crypto::hex(crypto::md5(content)));
        CHECK(object->segments.size() == (size > objects::inline_bytes_max ? 1 : 0));
        CHECK(fixture.get("k") == content);
    }
    CHECK(fixture.blob_count() == 1);
}

TEST_CASE("ranges read across segments and inline") {
    StorageFixture fixture;
    fixture.put("k", "0123456789");
    const auto open = fixture.storage->open_object(*fixture.storage->find("bucket", "k"));
    CHECK(StorageFixture::drain(objects::read_range(*open, 3, 4)) == "3456");
    CHECK(StorageFixture::drain(objects::read_range(*open, 9, 4)) == "9");
}

TEST_CASE("a body that fails or ends early stores nothing") {
    StorageFixture fixture;
    const objects::Source failing = [n = 0](std::span<char> into) mutable -> base::Result<size_t> {
        if (n++ > 3) return base::fail("BadDigest", "no");
        std::memset(into.data(), 'x', into.size());
        return into.size();
    };
    CHECK(code(fixture.storage->put({.bucket = "bucket", .key = "k", .body = failing})) == "BadDigest");
    CHECK(code(fixture.storage->put({.bucket = "bucket", .key = "k", .body = bytes("short"), .length = 10})) == "IncompleteBody");
    CHECK(code(fixture.storage->put({.bucket = "bucket", .key = "k", .body = bytes(noise(9000)), .length = 10000})) ==
          "IncompleteBody");
    CHECK(code(fixture.storage->put({.bucket = "nowhere", .key = "k", .body = bytes("x")})) == "NoSuchBucket");
    CHECK(code(fixture.storage->put({.bucket = "bucket", .key = std::string(1025, 'k'), .body = bytes("x")})) ==
          "KeyTooLongError");
    CHECK(code(fixture.storage->put({.bucket = "bucket", .key = std::string("a\0b", 3), .body = bytes("x")})) ==
          "InvalidArgument");
    CHECK(fixture.get("k") == "error NoSuchKey");
    CHECK(fixture.blob_count() == 0);
}

TEST_CASE("a large body that fails half-way stores nothing, of whatever length it was said to be") {
    StorageFixture fixture;
    for (const auto length : {std::optional<uint64_t>(), std::optional<uint64_t>(20u << 20)}) {
        const objects::Source failing = [n = 0](std::span<char> into) mutable -> base::Result<size_t> {
            if (n++ == 150) return base::fail("XAmzContentSHA256Mismatch", "no");
            std::memset(into.data(), n, std::min<size_t>(into.size(), 65536));
            return std::min<size_t>(into.size(), 65536);
        };
        CHECK(code(fixture.storage->put({.bucket = "bucket", .key = "k", .body = failing, .length = length})) ==
              "XAmzContentSHA256Mismatch");
    }
    CHECK(code(fixture.storage->put({.bucket = "bucket", .key = "k", .body = bytes(noise(3u << 20)), .length = 4u << 20})) ==
          "IncompleteBody");
    CHECK(fixture.get("k") == "error NoSuchKey");
    CHECK(fixture.blob_count() == 0);
}

TEST_CASE("conditions on writes") {
    StorageFixture fixture;
    const auto first = fixture.put("k", "1", {.if_none_match = "*"});
    CHECK(code(fixture.storage->put(
              {.bucket = "bucket", .key = "k", .conditions = {.if_none_match = "*"}, .body = bytes(noise(9000))})) ==
          "PreconditionFailed");
    CHECK(fixture.get("k") == "1");
    CHECK(fixture.blob_count() == 0);
    const auto second = fixture.put("k", "2", {.if_match = "\"" + first->etag + "\""});
    CHECK(code(fixture.storage->put(
              {.bucket = "bucket", .key = "k", .conditions = {.if_match = first->etag}, .body = bytes("3")})) ==
          "PreconditionFailed");
    CHECK(code(fixture.storage->put(
              {.bucket = "bucket", .key = "new", .conditions = {.if_match = first->etag}, .body = bytes("3")})) == "NoSuchKey");
    CHECK(code(fixture.storage->delete_object("bucket", {.key = "k", .version = {}, .conditions = {.if_match = first->etag}})) ==
          "PreconditionFailed");
    CHECK(fixture.storage->delete_object("bucket", {.key = "k", .version = {}, .conditions = {.if_match = second->etag}})
              .has_value());
    CHECK(fixture.storage->delete_object("bucket", {.key = "k"}).has_value());
}

TEST_CASE("conditions on reads follow RFC 9110") {
    objects::Object object;
    object.etag = "abc";
    object.last_modified = base::Time(std::chrono::milliseconds(10'500));
    const base::Time before(std::chrono::seconds(9)), same(std::chrono::seconds(10)), after(std::chrono::seconds(11));
    const base::Time now(std::chrono::seconds(12));
    using objects::Verdict;
    CHECK(objects::judge({}, object, now) == Verdict::proceed);
    CHECK(objects::judge({.if_match = "\"abc\""}, object, now) == Verdict::proceed);
    CHECK(objects::judge({.if_match = "\"x\", W/\"abc\""}, object, now) == Verdict::proceed);
    CHECK(objects::judge({.if_match = "\"x\""}, object, now) == Verdict::precondition_failed);
    CHECK(objects::judge({.if_none_match = "*"}, object, now) == Verdict::not_modified);
    CHECK(objects::judge({.if_none_match = "\"abc\""}, object, now) == Verdict::not_modified);
    CHECK(objects::judge({.if_none_match = "\"x\", W/\"abc\""}, object, now) == Verdict::not_modified);
    CHECK(objects::judge({.if_none_match = "x"}, object, now) == Verdict::proceed);
    CHECK(objects::judge({.if_modified_since = same}, object, now) == Verdict::not_modified);
    CHECK(objects::judge({.if_modified_since = before}, object, now) == Verdict::proceed);
    CHECK(objects::judge({.if_unmodified_since = before}, object, now) == Verdict::precondition_failed);
    CHECK(objects::judge({.if_unmodified_since = same}, object, now) == Verdict::proceed);
    CHECK(objects::judge({.if_match = "abc", .if_unmodified_since = before}, object, now) == Verdict::proceed);
    CHECK(objects::judge({.if_none_match = "x", .if_modified_since = after}, object, now) == Verdict::proceed);
    CHECK(objects::judge({.if_modified_since = after}, object, now) == Verdict::not_modified);
    CHECK(objects::judge({.if_modified_since = after}, object, after - std::chrono::seconds(1)) == Verdict::proceed);
    CHECK(objects::judge({.if_unmodified_since = after}, object, before) == Verdict::proceed);
}

TEST_CASE("listing: prefixes, delimiters, pages") {
    StorageFixture fixture;
    for (const char* key : {"a", "b/1", "b/2", "b/c/3", "c", "d/1"}) fixture.put(key, "x");
    // A key that an earlier version took: not UTF-8. It is listed, read and deleted, but not made again.
    REQUIRE(
        fixture.keys->commit(store::Batch().put("s3/o/bucket/d\xff/2", objects::write_record(objects::Object()))).has_value());
    CHECK(code(fixture.storage->put({.bucket = "bucket", .key = "d\xff/2", .body = bytes("x")})) == "InvalidURI");
    CHECK(code(fixture.storage->create_upload({.bucket = "bucket", .key = "\xed\xa0\x80"})) == "InvalidURI");
    const auto list = [&](std::string prefix, std::string delimiter, std::string after = "", size_t most = 1000) {
        return listed(fixture.storage->list({"bucket", std::move(prefix), std::move(delimiter), std::move(after), most}));
    };
    CHECK(list("", "") == "a b/1 b/2 b/c/3 c d/1 d\xff/2 ");
    CHECK(list("", "/") == "a c [b/] [d/] [d\xff/] ");
    CHECK(list("b/", "/") == "b/1 b/2 [b/c/] ");
    CHECK(list("b", "") == "b/1 b/2 b/c/3 ");
    CHECK(list("", "", "b/2") == "b/c/3 c d/1 d\xff/2 ");
    CHECK(list("", "", "", 2) == "a b/1 ... b/1");
    CHECK(list("", "/", "", 2) == "a [b/] ... b/");
    CHECK(list("", "/", "b/", 2) == "c [d/] ... d/");
    CHECK(list("", "/", "d/", 2) == "[d\xff/] ");
    CHECK(list("b", "/", "", 1) == "[b/] ");
    CHECK(list("", "", "", 0) == "");
    CHECK(list("zzz", "/") == "");
    // A marker inside a common prefix: the prefix was listed already.
    CHECK(list("", "/", "b/1") == "c [d/] [d\xff/] ");
    CHECK(list("", "/", "b/c/3") == "c [d/] [d\xff/] ");
    CHECK(list("b/", "/", "b/c/0") == "");
    CHECK(list("", "/", "b") == "c [b/] [d/] [d\xff/] ");
    CHECK(list("b", "/", "a/x") == "[b/] ");
    CHECK(fixture.storage->delete_object("bucket", {.key = "d\xff/2"}).has_value());
    CHECK(list("", "", "d") == "d/1 ");
}

TEST_CASE("listing jumps over what one prefix stands for") {
    StorageFixture fixture;
    for (int i = 0; i < 700; ++i) fixture.put("p/" + std::to_string(i), "x");
    fixture.put("q", "x");
    CHECK(listed(fixture.storage->list({"bucket", "", "/", "", 1000})) == "q [p/] ");
    const auto all = fixture.storage->list({"bucket", "", "", "", 1000});
    CHECK(all->objects.size() == 701);
}

TEST_CASE("buckets: names, owners, deletion") {
    StorageFixture fixture;
    auto& storage = *fixture.storage;
    for (const char* name : {"ab", "A-bucket", "a_b", "-ab", "ab-", "a..b", "192.168.5.4", "xn--a", "my-s3alias", "a.b-"}) {
        CAPTURE(name);
        CHECK(code(storage.create_bucket(name, "1", "us-east-1")) == "InvalidBucketName");
    }
    CHECK(storage.create_bucket("ml-data-bucket-0123abc", "1", "us-east-1").has_value());
    CHECK(storage.create_bucket("my.bucket.1", "1", "us-east-1").has_value());
    CHECK(code(storage.create_bucket("bucket", "111122223333", "us-east-1")) == "BucketAlreadyOwnedByYou");
    CHECK(code(storage.create_bucket("bucket", "2", "us-east-1")) == "BucketAlreadyExists");
    CHECK(storage.buckets_of("1").size() == 2);

    fixture.put("k", "x");
    CHECK(code(storage.delete_bucket("bucket")) == "BucketNotEmpty");
    CHECK(fixture.get("k") == "x");
    CHECK(storage.delete_object("bucket", {.key = "k"}).has_value());
    const auto upload = storage.create_upload({.bucket = "bucket", .key = "u"});
    REQUIRE(storage.put_part({.bucket = "bucket", .key = "u", .upload_id = upload->id, .number = 1, .body = bytes("part")})
                .has_value());
    CHECK(storage.delete_bucket("bucket").has_value());
    CHECK(fixture.blob_count() == 0);
    CHECK(code(storage.delete_bucket("bucket")) == "NoSuchBucket");
    CHECK(code(storage.list({.bucket = "bucket"})) == "NoSuchBucket");
    CHECK(fixture.keys->scan({.prefix = "s3/p/"})->empty());
}

TEST_CASE("uploads racing with the deletion of their bucket leave no objects behind") {
    StorageFixture fixture;
    for (int round = 0; round < 20; ++round) {
        REQUIRE(fixture.storage->create_bucket("race", "1", "us-east-1").has_value());
        std::atomic<int> stored = 0, deleted = 0;
        {
            std::vector<std::jthread> running;
            for (int t = 0; t < 3; ++t) {
                running.emplace_back([&, t] {
                    stored += fixture.storage->put({.bucket = "race", .key = std::to_string(t), .body = bytes("x")}).has_value();
                });
            }
            running.emplace_back([&] { deleted += fixture.storage->delete_bucket("race").has_value(); });
        }
        const auto left = fixture.keys->scan({.prefix = "s3/o/race/"})->size();
        if (deleted)
            CHECK(left == 0);
        else
            CHECK(left == static_cast<size_t>(stored));
        for (int t = 0; t < 3 && !deleted; ++t) (void)fixture.storage->delete_object("race", {.key = std::to_string(t)});
        if (!deleted) REQUIRE(fixture.storage->delete_bucket("race").has_value());
    }
}

TEST_CASE("configuration survives reopening; new buckets have AWS's defaults") {
    StorageFixture fixture;
    const auto before = *fixture.storage->bucket("bucket");
    CHECK(before->configuration.object_ownership == "BucketOwnerEnforced");
    REQUIRE(before->configuration.public_access_block.has_value());
    CHECK(before->configuration.public_access_block->restrict_public_buckets);
    REQUIRE(before->keys.find("s3:ResourceAccount") != nullptr);
    CHECK(before->keys.find("s3:ResourceAccount")->values.front() == before->account);
    const std::string policy =
        R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"}})";
    REQUIRE(fixture.storage
                ->configure("bucket",
                            [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
                                configuration.policy = policy;
                                configuration.tags = {{"team", "ml"}};
                                configuration.versioning = "Suspended";
                                return {};
                            })
                .has_value());
    CHECK(code(fixture.storage->configure("bucket", [](auto&) -> base::Result<void> { return base::fail("Refused", ""); })) ==
          "Refused");
    fixture.reopen();
    const auto after = *fixture.storage->bucket("bucket");
    CHECK(after->configuration.policy == policy);
    CHECK(after->configuration.tags == objects::Tags{{"team", "ml"}});
    CHECK(after->configuration.versioning == "Suspended");
    CHECK(after->policy_is_public);
    CHECK(after->restricts_public());
    CHECK(after->created == before->created);
    CHECK(after->policy != nullptr);
    CHECK(after->account == "111122223333");
}

TEST_CASE("multipart: complete, repeat, order, sizes, checksums") {
    StorageFixture fixture;
    auto& storage = *fixture.storage;
    const auto one = noise(5 << 20, 1), two = noise((5 << 20) + 17, 2), three = noise(1000, 3);
    for (const auto& [kind, type] : std::initializer_list<std::pair<objects::ChecksumKind, objects::ChecksumType>>{
             {objects::ChecksumKind::crc64nvme, objects::ChecksumType::full_object},
             {objects::ChecksumKind::crc32, objects::ChecksumType::full_object},
             {objects::ChecksumKind::crc32c, objects::ChecksumType::full_object},
             {objects::ChecksumKind::sha256, objects::ChecksumType::composite}}) {
        const auto upload =
            storage.create_upload({.bucket = "bucket", .key = "big", .checksum_kind = kind, .checksum_type = type});
        REQUIRE(upload.has_value());
        std::vector<objects::CompletedPart> parts;
        for (const auto& [number, content] : std::map<uint32_t, std::string>{{1, one}, {4, two}, {9, three}}) {
            const auto part = storage.put_part(
                {.bucket = "bucket", .key = "big", .upload_id = upload->id, .number = number, .body = bytes(content)});
            REQUIRE(part.has_value());
            CHECK(part->etag == crypto::hex(crypto::md5(content)));
            parts.push_back({number, "\"" + part->etag + "\"", {}});
        }
        objects::CompleteUpload complete{
            .bucket = "bucket", .key = "big", .upload_id = upload->id, .parts = {parts[1], parts[0]}};
        CHECK(code(storage.complete_upload(complete)) == "InvalidPartOrder");
        complete.parts = {parts[2], {10, parts[0].etag, {}}};
        CHECK(code(storage.complete_upload(complete)) == "InvalidPart");
        complete.parts = {{9, parts[2].etag, {}}};
        complete.checksum = {{kind, "AAAA"}};
        CHECK(code(storage.complete_upload(complete)) == "BadDigest");
        complete.checksum.reset();
        complete.size = 5;
        CHECK(code(storage.complete_upload(complete)) == "InvalidRequest");
        complete.size.reset();
        complete.parts = parts;
        const auto object = storage.complete_upload(complete);
        REQUIRE(object.has_value());
        CHECK((*object)->etag == crypto::hex(crypto::md5(crypto::md5(one) + crypto::md5(two) + crypto::md5(three))) + "-3");
        CHECK(fixture.get("big") == one + two + three);
        CHECK((*object)->checksum->type == type);
        if (type == objects::ChecksumType::full_object) {
            objects::BodyDigest digest({kind});
            digest.update(one + two + three);
            CHECK((*object)->checksum->value == *digest.finish().find(kind));
        } else {
            CHECK((*object)->checksum->value.ends_with("-3"));
        }
        CHECK((*storage.complete_upload(complete))->etag == (*object)->etag);
        const auto open = storage.open_object(*storage.find("bucket", "big"));
        CHECK(StorageFixture::drain(objects::read_range(*open, one.size() - 2, 4)) ==
              one.substr(one.size() - 2) + two.substr(0, 2));
    }
    CHECK(fixture.blob_count() == 3);
    CHECK(code(storage.create_upload({.bucket = "bucket",
                                      .key = "k",
                                      .checksum_kind = objects::ChecksumKind::sha1,
                                      .checksum_type = objects::ChecksumType::full_object})) == "InvalidRequest");
}

TEST_CASE("multipart: small parts, replaced parts, abort, lists") {
    StorageFixture fixture;
    auto& storage = *fixture.storage;
    const auto upload = storage.create_upload({.bucket = "bucket", .key = "dir/k"});
    const auto put = [&](uint32_t number, const std::string& content) {
        return storage.put_part(
            {.bucket = "bucket", .key = "dir/k", .upload_id = upload->id, .number = number, .body = bytes(content)});
    };
    CHECK(code(put(0, "x")) == "InvalidArgument");
    CHECK(code(put(10001, "x")) == "InvalidArgument");
    const auto a = put(1, "a"), b = put(2, "b");
    const auto again = put(1, "A");
    CHECK(fixture.blob_count() == 2);
    CHECK(code(storage.complete_upload(
              {.bucket = "bucket", .key = "dir/k", .upload_id = upload->id, .parts = {{1, a->etag, {}}}})) == "InvalidPart");
    CHECK(
        code(storage.complete_upload(
            {.bucket = "bucket", .key = "dir/k", .upload_id = upload->id, .parts = {{1, again->etag, {}}, {2, b->etag, {}}}})) ==
        "EntityTooSmall");
    const auto page = storage.list_parts("bucket", "dir/k", upload->id, 0, 1);
    CHECK(page->parts.size() == 1);
    CHECK(page->truncated);
    CHECK(storage.list_parts("bucket", "dir/k", upload->id, 1, 10)->parts.at(0).number == 2);
    CHECK(storage.list_uploads({.bucket = "bucket"})->uploads.at(0).key == "dir/k");
    CHECK(storage.list_uploads({.bucket = "bucket", .delimiter = "/"})->common_prefixes.at(0) == "dir/");
    CHECK(storage.list_uploads({.bucket = "bucket", .key_marker = "dir/k"})->uploads.empty());
    CHECK(storage.list_uploads({.bucket = "bucket", .key_marker = "dir/k", .upload_id_marker = "0"})->uploads.size() == 1);
    CHECK(code(storage.abort_upload("bucket", "other", upload->id)) == "NoSuchUpload");
    CHECK(storage.abort_upload("bucket", "dir/k", upload->id).has_value());
    CHECK(code(storage.abort_upload("bucket", "dir/k", upload->id)) == "NoSuchUpload");
    CHECK(code(put(3, "c")) == "NoSuchUpload");
    CHECK(code(storage.find_upload("bucket", "dir/k", "../x")) == "NoSuchUpload");
    CHECK(fixture.blob_count() == 0);
    CHECK(fixture.keys->scan({.prefix = "s3/p/"})->empty());
}

TEST_CASE("opening sweeps what no object names, and only that") {
    StorageFixture fixture;
    fixture.put("kept", noise(10000));
    const auto upload = fixture.storage->create_upload({.bucket = "bucket", .key = "u"});
    REQUIRE(fixture.storage->put_part({.bucket = "bucket", .key = "u", .upload_id = upload->id, .number = 1, .body = bytes("p")})
                .has_value());
    REQUIRE(
        fixture.keys->commit(store::Batch().put("s3/p/0123/00001", objects::write_record(objects::PartRecord{.blob = "gone"})))
            .has_value());
    {
        auto writer = *fixture.blobs->create();
        REQUIRE(writer->write("garbage").has_value());
        REQUIRE(writer->commit().has_value());
    }
    CHECK(fixture.blob_count() == 3);
    fixture.reopen();
    CHECK(fixture.blob_count() == 2);
    CHECK(fixture.get("kept") == noise(10000));
    CHECK(fixture.storage->list_parts("bucket", "u", upload->id, 0, 10)->parts.size() == 1);
    CHECK_FALSE(fixture.keys->get("s3/p/0123/00001")->has_value());
}

TEST_CASE("readers keep what they opened; copies and tags") {
    StorageFixture fixture;
    auto& storage = *fixture.storage;
    const auto content = noise(50000);
    fixture.put("k", content);
    const auto open = *storage.open_object(*storage.find("bucket", "k"));
    fixture.put("k", "new");
    CHECK(StorageFixture::drain(objects::read_range(open, 0, open.object->size)) == content);
    CHECK(fixture.blob_count() == 0);

    fixture.put("k", content);
    const auto source = *storage.open_object(*storage.find("bucket", "k"));
    REQUIRE(storage.copy({.bucket = "bucket", .key = "copy", .source = source, .source_bucket = "bucket", .source_key = "k"})
                .has_value());
    CHECK(fixture.get("copy") == content);
    objects::Attributes attributes;
    attributes.user_metadata = {{"a", "b"}};
    REQUIRE(storage
                .copy({.bucket = "bucket",
                       .key = "k",
                       .source = source,
                       .source_bucket = "bucket",
                       .source_key = "k",
                       .attributes = attributes})
                .has_value());
    CHECK((*storage.find("bucket", "k"))->attributes.user_metadata == attributes.user_metadata);
    CHECK(fixture.get("k") == content);
    CHECK(fixture.blob_count() == 2);

    REQUIRE(storage.set_tags("bucket", "k", {{"a", "1"}}).has_value());
    CHECK((*storage.find("bucket", "k"))->tags == objects::Tags{{"a", "1"}});
    CHECK(code(storage.set_tags("bucket", "nothing", {})) == "NoSuchKey");
    CHECK(code(storage.set_tags("bucket", "k", {{"aws:x", "1"}})) == "InvalidTag");
    CHECK(code(storage.set_tags("bucket", "k", {{"a", "1"}, {"a", "2"}})) == "InvalidTag");
    CHECK(code(storage.set_tags("bucket", "k", objects::Tags(11, {"a", "1"}))) == "BadRequest");
}

TEST_CASE("writers of one key do not leak blobs") {
    StorageFixture fixture;
    {
        std::vector<std::jthread> running;
        for (unsigned t = 0; t < 4; ++t) {
            running.emplace_back([&, t] {
                for (unsigned i = 0; i < 10; ++i) {
                    if (!fixture.storage->put({.bucket = "bucket", .key = "k", .body = bytes(noise(5000 + t, i))})) std::abort();
                }
            });
        }
    }
    CHECK(fixture.blob_count() == 1);
    CHECK(fixture.get("k").size() >= 5000);
}

namespace {

// As another request would, while this thread's is on its way.
void meanwhile(const std::function<void()>& other) { std::thread(other).join(); }

}  // namespace

TEST_CASE("a call on what changed since it was decided on does nothing") {
    StorageFixture fixture;
    auto& storage = *fixture.storage;
    const auto outdated = [](const auto& result) { return code(result) == "DecisionOutdated"; };
    const auto put = [&](const std::string& content) { meanwhile([&] { fixture.put("k", content); }); };
    const auto retag = [&](const objects::Tags& tags) {
        meanwhile([&] { REQUIRE(storage.set_tags("bucket", "k", tags).has_value()); });
    };
    fixture.put("k", noise(9000));
    {
        const base::DecisionScope scope;
        const auto seen = *storage.find("bucket", "k");
        CHECK(storage.set_tags("bucket", "k", {{"cls", "public"}}).has_value());
        // One decision, one change of the object.
        CHECK(outdated(storage.set_tags("bucket", "k", {{"cls", "other"}})));
        CHECK((*storage.find("bucket", "k"))->tags == objects::Tags{{"cls", "public"}});
        CHECK(outdated(storage.copy({.bucket = "bucket",
                                     .key = "k",
                                     .source = *storage.open_object(seen),
                                     .source_bucket = "bucket",
                                     .source_key = "k"})));
        put("replaced");
        CHECK(outdated(storage.open_object(seen)));
    }
    {  // retagged, or replaced
        const base::DecisionScope scope;
        (void)storage.find("bucket", "k");
        retag({{"cls", "secret"}});
        CHECK(outdated(storage.set_tags("bucket", "k", {})));
        CHECK(outdated(storage.put({.bucket = "bucket", .key = "k", .body = bytes("x")})));
        CHECK(outdated(storage.delete_object("bucket", {.key = "k"})));
        CHECK(outdated(storage.delete_objects("bucket", {{.key = "k"}}).front()));
        CHECK(outdated(storage.create_upload({.bucket = "bucket", .key = "k"})));
        CHECK(storage.put({.bucket = "bucket", .key = "another", .body = bytes("x")}).has_value());
        CHECK(outdated(storage.delete_object("bucket", {.key = "k"})));  // whatever else the request has done
    }
    CHECK((*storage.find("bucket", "k"))->tags == objects::Tags{{"cls", "secret"}});
    {  // decided on when there was none
        const base::DecisionScope scope;
        CHECK_FALSE(storage.find("bucket", "new").has_value());
        CHECK(storage.create_upload({.bucket = "bucket", .key = "new"}).has_value());
        meanwhile([&] { fixture.put("new", "theirs"); });
        CHECK(outdated(storage.put({.bucket = "bucket", .key = "new", .body = bytes("x")})));
        CHECK(outdated(storage.create_upload({.bucket = "bucket", .key = "new"})));
    }
    {  // what no decision looked at is no matter
        const base::DecisionScope scope;
        (void)storage.bucket("bucket");
        put("again");
        CHECK(storage.delete_object("bucket", {.key = "k"}).has_value());
    }
    CHECK(storage.delete_object("bucket", {.key = "new"}).has_value());
    CHECK(storage.delete_object("bucket", {.key = "another"}).has_value());
}

TEST_CASE("a call on a bucket that was configured otherwise, or made anew, since it was decided on does nothing") {
    StorageFixture fixture;
    auto& storage = *fixture.storage;
    const auto outdated = [](const auto& result) { return code(result) == "DecisionOutdated"; };
    const auto tagged = [](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.tags.emplace_back("a" + std::to_string(configuration.tags.size()), "1");
        return {};
    };
    auto upload = *storage.create_upload({.bucket = "bucket", .key = "u"});
    std::shared_ptr<objects::ReceivedBody> received;
    objects::PutRequest put{.bucket = "bucket", .key = "new", .body = bytes(noise(9000)), .received = &received};
    const auto check_all = [&](const std::function<void()>& other) {
        const base::DecisionScope scope;
        REQUIRE(storage.bucket("bucket").has_value());
        meanwhile(other);
        const auto blobs = fixture.blob_count();
        CHECK(outdated(storage.put(put)));
        REQUIRE(received);
        CHECK(fixture.blob_count() == blobs + 1);
        CHECK(outdated(storage.put({.bucket = "bucket", .key = "given up", .body = bytes(noise(9000))})));
        CHECK(fixture.blob_count() == blobs + 1);
        CHECK(outdated(storage.delete_object("bucket", {.key = "new"})));
        CHECK(outdated(storage.delete_objects("bucket", {{.key = "new"}}).front()));
        CHECK(outdated(storage.list({.bucket = "bucket"})));
        CHECK(outdated(storage.list_uploads({.bucket = "bucket"})));
        CHECK(outdated(storage.create_upload({.bucket = "bucket", .key = "u"})));
        CHECK(
            outdated(storage.complete_upload({.bucket = "bucket", .key = "u", .upload_id = upload.id, .parts = {{1, "x", {}}}})));
        CHECK(outdated(storage.configure("bucket", tagged)));
        CHECK(outdated(storage.delete_bucket("bucket")));
        CHECK(outdated(storage.check_unchanged("bucket")));
    };
    const auto decided_again = [&] {
        const base::DecisionScope scope;
        REQUIRE(storage.bucket("bucket").has_value());
        CHECK(storage.put(put).has_value());  // the same body
        received.reset();
        CHECK(fixture.get("new") == noise(9000));
        CHECK(storage.delete_object("bucket", {.key = "new"}).has_value());
    };
    check_all([&] { REQUIRE(storage.configure("bucket", tagged).has_value()); });
    decided_again();
    {
        const base::DecisionScope scope;
        REQUIRE(storage.bucket("bucket").has_value());
        meanwhile([&] { REQUIRE(storage.configure("bucket", tagged).has_value()); });
        CHECK(outdated(
            storage.put_part({.bucket = "bucket", .key = "u", .upload_id = upload.id, .number = 1, .body = bytes("p")})));
        CHECK(outdated(storage.list_parts("bucket", "u", upload.id, 0, 10)));
        CHECK(outdated(storage.abort_upload("bucket", "u", upload.id)));
    }
    put.body = bytes(noise(9000));
    check_all([&] {
        REQUIRE(storage.delete_bucket("bucket").has_value());
        REQUIRE(storage.create_bucket("bucket", "999922223333", "us-east-1").has_value());
    });
    decided_again();
    {
        const base::DecisionScope scope;
        REQUIRE(storage.bucket("bucket").has_value());
        meanwhile([&] { REQUIRE(storage.delete_bucket("bucket").has_value()); });
        CHECK(outdated(storage.check_unchanged("bucket")));
        CHECK(code(storage.put({.bucket = "bucket", .key = "k", .body = bytes("x")})) == "NoSuchBucket");
        CHECK(outdated(base::DecisionScope::check()));  // and so that is no answer
    }
}
