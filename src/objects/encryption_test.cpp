// Objects as they lie on the disk: what is there without the keys, and what is told of each alteration.
#include "objects/encryption.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "crypto/chunks.hpp"
#include "crypto/digest.hpp"
#include "objects/integrity.hpp"
#include "objects/record.hpp"
#include "objects/source_for_tests.hpp"
#include "objects/storage.hpp"
#include "objects/storage_keys.hpp"
#include "store/file_blobs.hpp"
#include "temporary_folder.hpp"

namespace {

using objects::bytes;
using objects::EncryptionKeys, objects::EncryptionKind, objects::Storage, objects::WantedEncryption;

const std::string master(32, 'm'), next_master(32, 'n'), customers(32, 'c');

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file.good());
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string marked(size_t size) {
    std::string made;
    while (made.size() < size) made += "somebody's training data ";
    made.resize(size);
    return made;
}

WantedEncryption by_customer(const std::string& key = customers) {
    return {.encryption = {.kind = EncryptionKind::customer, .key_arn = {}, .context = {}}, .customer_key = key};
}
WantedEncryption by_kms() {
    return {.encryption = {.kind = EncryptionKind::kms,
                           .key_arn = objects::managed_key_arn("us-east-1", "111122223333"),
                           .context = {}},
            .customer_key = {}};
}

struct Encrypted {
    Encrypted() {
        reopen({master});
        REQUIRE(storage->create_bucket("bucket", "111122223333", "us-east-1").has_value());
    }
    void reopen(const std::vector<std::string>& masters) {
        storage.reset();
        blobs = std::move(*store::open_file_blobs(folder.path));
        encryption = std::move(*EncryptionKeys::open({.keys = keys.get(), .clock = &clock, .random = &random}, masters));
        storage = std::move(*Storage::open(
            {.keys = keys.get(), .blobs = blobs.get(), .clock = &clock, .random = &random, .encryption = encryption.get()}));
    }
    objects::ObjectPtr put(const std::string& key, const std::string& content, const WantedEncryption& wanted = {}) {
        auto made = storage->put({.bucket = "bucket", .key = key, .body = bytes(content), .encryption = wanted});
        REQUIRE(made.has_value());
        return *made;
    }
    [[nodiscard]] std::string get(const std::string& key, uint64_t offset = 0, uint64_t length = UINT64_MAX,
                                  const std::string& customer_key = {}) const {
        const auto found = storage->find("bucket", key);
        if (!found) return "error " + found.error().code;
        const auto open = storage->open_object(*found, offset, length, customer_key);
        if (!open) return "error " + open.error().code;
        std::string all;
        char buffer[100'000];
        const auto source = objects::read_range(*open, offset, std::min(length, (*found)->size - offset));
        for (;;) {
            const auto got = source(buffer);
            if (!got) return "error " + got.error().code;
            if (*got == 0) return all;
            all.append(buffer, *got);
        }
    }
    objects::Part put_part(const std::string& upload, uint32_t number, const std::string& content, const std::string& key = {}) {
        auto made = storage->put_part({.bucket = "bucket",
                                       .key = "big",
                                       .upload_id = upload,
                                       .number = number,
                                       .body = bytes(content),
                                       .customer_key = key});
        REQUIRE(made.has_value());
        return *made;
    }
    [[nodiscard]] std::string blob_file(const store::BlobId& id) const { return folder.path + "/" + id.substr(0, 2) + "/" + id; }

    TemporaryFolder folder;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::unique_ptr<store::Blobs> blobs;
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'700'000'000'123))};
    crypto::SystemRandom random;
    std::unique_ptr<EncryptionKeys> encryption;
    std::unique_ptr<Storage> storage;
};

// All that is stored, as who takes the disk finds it.
std::string everything(const Encrypted& here) {
    std::string all;
    const auto entries = here.keys->scan({.prefix = ""});
    REQUIRE(entries.has_value());
    for (const auto& entry : *entries) all += entry.key + entry.value;
    for (const auto& id : *here.blobs->list()) all += read_file(here.blob_file(id));
    return all;
}

constexpr size_t sizes[] = {0, 1, 4096, 4097, 65'535, 65'536, 65'537, 200'000, 1'000'000, 3'000'001};

}  // namespace

TEST_CASE("objects come back whole and by ranges, and nothing of them is on the disk") {
    Encrypted here;
    for (const auto& wanted : {WantedEncryption(), by_kms(), by_customer()}) {
        const std::string key = wanted.customer_key;
        for (const size_t size : sizes) {
            CAPTURE(size);
            const auto content = marked(size);
            const auto object = here.put("k", content, wanted);
            CHECK(object->size == size);
            CHECK(object->encryption == wanted.encryption);
            CHECK((object->etag == crypto::hex(crypto::md5(content))) == (wanted.encryption.kind == EncryptionKind::s3));
            CHECK(object->etag.size() == 32);
            CHECK(here.get("k", 0, UINT64_MAX, key) == content);
            for (const auto& [offset, length] :
                 {std::pair<uint64_t, uint64_t>{0, 1}, {1, 70'000}, {65'530, 12}, {65'536, 65'536}, {131'000, 300'000}}) {
                if (offset >= size) continue;
                CHECK(here.get("k", offset, length, key) == content.substr(offset, length));
            }
            CHECK_FALSE(everything(here).contains("training"));
        }
    }
}

TEST_CASE("a key of the client's is not on the disk, and no other opens what it sealed") {
    Encrypted here;
    for (const size_t size : {10ul, 100'000ul}) {
        here.put("k", marked(size), by_customer());
        CHECK_FALSE(everything(here).contains(customers));
        CHECK_FALSE(everything(here).contains(crypto::md5(customers)));
        CHECK(here.get("k") == "error InvalidRequest");
        CHECK(here.get("k", 0, UINT64_MAX, std::string(32, 'd')) == "error AccessDenied");
        CHECK(here.get("k", 0, UINT64_MAX, customers) == marked(size));
        const auto object = *here.storage->find("bucket", "k");
        CHECK(here.storage->check_customer_key(*object, customers).has_value());
        CHECK(here.storage->check_customer_key(*object, std::string(32, 'd')).error().code == "AccessDenied");
    }
}

TEST_CASE("each part of an upload has a key of its own, and the client's key is the same for all") {
    Encrypted here;
    for (const auto& wanted : {WantedEncryption(), by_kms(), by_customer()}) {
        const std::string key = wanted.customer_key;
        const auto upload = here.storage->create_upload({.bucket = "bucket", .key = "big", .encryption = wanted});
        REQUIRE(upload.has_value());
        const auto first = marked(objects::part_bytes_min + 1), second = marked(objects::part_bytes_min);
        const auto one = here.put_part(upload->id, 1, first, key), two = here.put_part(upload->id, 2, second, key),
                   empty = here.put_part(upload->id, 3, "", key);
        if (key.empty()) {
            CHECK(here.storage
                      ->put_part({.bucket = "bucket",
                                  .key = "big",
                                  .upload_id = upload->id,
                                  .number = 4,
                                  .body = bytes("x"),
                                  .customer_key = customers})
                      .error()
                      .code == "InvalidRequest");
        } else {
            for (const std::string& other : {std::string(), std::string(32, 'd')})
                CHECK(here.storage
                          ->put_part({.bucket = "bucket",
                                      .key = "big",
                                      .upload_id = upload->id,
                                      .number = 4,
                                      .body = bytes("x"),
                                      .customer_key = other})
                          .error()
                          .code == "InvalidRequest");
        }
        const auto made = here.storage->complete_upload({.bucket = "bucket",
                                                         .key = "big",
                                                         .upload_id = upload->id,
                                                         .parts = {{1, one.etag, {}}, {2, two.etag, {}}, {3, empty.etag, {}}},
                                                         .conditions = {},
                                                         .size = {},
                                                         .checksum_type = {},
                                                         .checksum = {}});
        REQUIRE(made.has_value());
        CHECK((*made)->encryption == wanted.encryption);
        CHECK(here.get("big", 0, UINT64_MAX, key) == first + second);
        CHECK(here.get("big", first.size() - 3, 6, key) == (first + second).substr(first.size() - 3, 6));
        CHECK((*made)->segments[0].key.sealed != (*made)->segments[1].key.sealed);
        CHECK_FALSE(everything(here).contains("training"));
    }
}

TEST_CASE("versions are encrypted, each under a key of its own, and open by their ids") {
    Encrypted here;
    here.put("k", marked(100));  // the null version
    REQUIRE(here.storage
                ->configure("bucket",
                            [](objects::BucketConfiguration& configuration) -> base::Result<void> {
                                configuration.versioning = objects::versioning_enabled;
                                configuration.object_lock = true;
                                return {};
                            })
                .has_value());
    const auto read = [&](const std::string& version, const std::string& key = {}) -> std::string {
        const auto found = here.storage->find_version("bucket", "k", version);
        REQUIRE(found.has_value());
        const auto open = here.storage->open_object(*found, 0, UINT64_MAX, key);
        if (!open) return "error " + open.error().code;
        std::string all((*found)->size, '\0');
        const auto source = objects::read_range(*open, 0, all.size());
        for (size_t at = 0; at < all.size();) {
            const auto got = source(std::span(all).subspan(at));
            if (!got) return "error " + got.error().code;
            at += *got;
        }
        return all;
    };
    const auto large = here.put("k", marked(200'000), by_kms())->version_id;
    const auto of_client = here.put("k", marked(70'000), by_customer())->version_id;
    const objects::Retention retention{objects::RetentionMode::governance, here.clock.now() + std::chrono::hours(1)};
    REQUIRE(here.storage
                ->change_version("bucket", "k", large,
                                 [&](const auto&, objects::Object& object) -> base::Result<void> {
                                     object.lock.retention = retention;
                                     return {};
                                 })
                .has_value());
    REQUIRE(here.storage->set_tags("bucket", "k", {{"a", "b"}}, "null").has_value());
    REQUIRE(here.storage->delete_object("bucket", {.key = "k"}).has_value());
    const auto check_all = [&] {
        CHECK(read("null") == marked(100));
        CHECK(read(large) == marked(200'000));
        CHECK(read(of_client) == "error InvalidRequest");
        CHECK(read(of_client, customers) == marked(70'000));
        const auto found = *here.storage->find_version("bucket", "k", large);
        CHECK(found->encryption == by_kms().encryption);
        CHECK(found->lock.retention->until == retention.until);
    };
    check_all();
    // Without the delete marker, and after another start.
    const auto marker = here.storage->find_version("bucket", "k", {}).value()->version_id;
    REQUIRE(here.storage->delete_object("bucket", {.key = "k", .version = marker}).has_value());
    here.reopen({master});
    check_all();
    CHECK(here.get("k", 0, UINT64_MAX, customers) == marked(70'000));
    // An old version becomes the latest by a copy.
    const auto source = *here.storage->open_object(*here.storage->find_version("bucket", "k", large));
    REQUIRE(here.storage
                ->copy({.bucket = "bucket",
                        .key = "k",
                        .source = source,
                        .source_bucket = "bucket",
                        .source_key = "k",
                        .attributes = {},
                        .tags = {},
                        .conditions = {},
                        .checksum = {},
                        .lock = {}})
                .has_value());
    CHECK(here.get("k") == marked(200'000));
    objects::RecordCheck check;
    for (const auto prefix : objects::RecordCheck::order)
        for (const auto& entry : here.keys->scan({.prefix = std::string(prefix)}).value()) CHECK(check.check(entry).has_value());
    // A version whose key is not there is found by who has no key.
    objects::RecordCheck without;
    size_t missing = 0;
    for (const auto prefix : objects::RecordCheck::order)
        for (const auto& entry : here.keys->scan({.prefix = std::string(prefix)}).value())
            if (prefix != objects::encryption_keys_prefix) missing += !without.check(entry).has_value();
    CHECK(missing == 3);  // of four: the client's key is nobody's here
    CHECK_FALSE(everything(here).contains("training"));
}

TEST_CASE("every alteration of a blob is an error, of reads and of the check that has no key") {
    Encrypted here;
    const size_t size = 3 * crypto::chunk_bytes + 100;
    here.put("k", marked(size));
    here.put("other", marked(size));
    const auto blob_of = [&](const char* key) {
        return here.blob_file((*here.storage->find("bucket", key))->segments.at(0).blob);
    };
    // Without the checksums behind them, as a version before 0.2 wrote files: what is found, the cipher alone finds.
    const auto sealed = [&](const std::string& path) { return read_file(path).substr(0, crypto::sealed_bytes_of(size)); };
    const std::string file = blob_of("k"), whole = sealed(file), other = sealed(blob_of("other"));
    const auto checked = [&]() -> base::Result<void> {
        const auto entry = store::Entry{.key = "s3/o/bucket/k", .value = *here.keys->get("s3/o/bucket/k").value()};
        for (const auto& stored : objects::stored_bytes(entry).value())
            TRY(objects::verify_bytes(stored, **here.blobs->open(stored.blob)));
        return {};
    };
    CHECK(checked().has_value());
    const size_t chunk = crypto::sealed_chunk_bytes;
    const std::string altered[] = {
        whole.substr(0, whole.size() - 1),
        whole.substr(0, 3 * chunk),
        whole + "x",
        whole.substr(chunk),
        whole.substr(chunk, chunk) + whole.substr(0, chunk) + whole.substr(2 * chunk),
        other.substr(0, chunk) + whole.substr(chunk),
        other,
        std::string(1, static_cast<char>(whole[0] ^ 1)) + whole.substr(1),
        whole.substr(0, whole.size() - 1) + static_cast<char>(whole.back() ^ 0x80),
    };
    for (const auto& now : altered) {
        std::ofstream(file, std::ios::binary | std::ios::trunc) << now;
        CHECK(here.get("k") == "error InternalError");
        CHECK_FALSE(checked().has_value());
    }
    // A range reads its own chunks alone.
    std::ofstream(file, std::ios::binary | std::ios::trunc) << altered[7];
    CHECK(here.get("k", crypto::chunk_bytes, 10) == marked(size).substr(crypto::chunk_bytes, 10));
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole;
    CHECK(here.get("k") == marked(size));
    CHECK(checked().has_value());
}

TEST_CASE("a record under another name, or with another's key, opens nothing") {
    Encrypted here;
    for (const size_t size : {100ul, 100'000ul}) {
        here.put("a", marked(size));
        here.put("b", marked(size));
        REQUIRE(here.keys->commit(store::Batch().put("s3/o/bucket/b", *here.keys->get("s3/o/bucket/a").value())).has_value());
        CHECK(here.get("a") == marked(size));
        CHECK(here.get("b") == "error InternalError");
    }
    // What stands in the record itself.
    here.put("c", marked(100));
    auto object = objects::read_object(*here.keys->get("s3/o/bucket/c").value()).value();
    const auto entry = [&] { return store::Entry{.key = "s3/o/bucket/c", .value = objects::write_record(object)}; };
    CHECK(objects::stored_bytes(entry()).has_value());
    object.content[0] = static_cast<char>(object.content[0] ^ 1);
    CHECK_FALSE(objects::stored_bytes(entry()).has_value());
    REQUIRE(here.keys->commit(store::Batch().put("s3/o/bucket/c", entry().value)).has_value());
    CHECK(here.get("c") == "error InternalError");
}

TEST_CASE("what was stored before objects were encrypted stays readable, and is encrypted when it is written anew") {
    Encrypted here;
    const WantedEncryption none{.encryption = {}, .customer_key = {}};
    for (const size_t size : {100ul, 100'000ul}) {
        CHECK(here.put("old", marked(size), none)->encryption.kind == EncryptionKind::none);
        CHECK(here.get("old") == marked(size));
        CHECK(everything(here).contains("training"));
        const auto found = *here.storage->find("bucket", "old");
        const auto copied = here.storage->copy({.bucket = "bucket",
                                                .key = "old",
                                                .source = *here.storage->open_object(found),
                                                .source_bucket = "bucket",
                                                .source_key = "old",
                                                .attributes = {},
                                                .tags = {},
                                                .conditions = {},
                                                .checksum = {}});
        REQUIRE(copied.has_value());
        CHECK((*copied)->encryption.kind == EncryptionKind::s3);
        CHECK(here.get("old") == marked(size));
        CHECK_FALSE(everything(here).contains("training"));
    }
}

TEST_CASE("a copy onto itself moves no byte where it is encrypted as before, and is written anew where not") {
    Encrypted here;
    const auto before = here.put("k", marked(100'000));
    const auto copy = [&](const WantedEncryption& wanted, const std::string& key) {
        auto made =
            here.storage->copy({.bucket = "bucket",
                                .key = "k",
                                .source = *here.storage->open_object(*here.storage->find("bucket", "k"), 0, UINT64_MAX, key),
                                .source_bucket = "bucket",
                                .source_key = "k",
                                .attributes = {},
                                .tags = {},
                                .conditions = {},
                                .checksum = {},
                                .encryption = wanted});
        REQUIRE(made.has_value());
        return *made;
    };
    CHECK(copy({}, "")->segments.at(0).blob == before->segments.at(0).blob);
    CHECK(here.get("k") == marked(100'000));
    const auto by_client = copy(by_customer(), "");
    CHECK(by_client->segments.at(0).blob != before->segments.at(0).blob);
    CHECK(here.get("k", 0, UINT64_MAX, customers) == marked(100'000));
    const std::string other(32, 'o');
    CHECK(copy(by_customer(other), customers)->encryption.kind == EncryptionKind::customer);
    CHECK(here.get("k", 0, UINT64_MAX, customers) == "error AccessDenied");
    CHECK(here.get("k", 0, UINT64_MAX, other) == marked(100'000));
    CHECK(copy(by_kms(), other)->encryption == by_kms().encryption);
    CHECK(here.get("k") == marked(100'000));
    CHECK(here.blobs->list()->size() == 1);
}

TEST_CASE("another master key: the few keys are sealed anew and no object is touched") {
    Encrypted here;
    here.put("k", marked(100'000));
    here.put("kms", marked(10), by_kms());
    const auto record = here.keys->get("s3/o/bucket/k").value();
    const auto numbers = [&] {
        std::vector<uint32_t> out;
        for (const char* key : {"k", "kms", "new"})
            if (const auto found = here.storage->find("bucket", key))
                out.push_back((*found)->segments.empty() ? (*found)->content_key.by : (*found)->segments[0].key.by);
        return out;
    };
    CHECK(numbers() == std::vector<uint32_t>{1, 2});
    CHECK(here.encryption->reseal().value() == 0);

    here.encryption->use_master_keys({next_master, master});
    // Killed before they were: the next server opens them with either.
    here.reopen({next_master, master});
    CHECK(here.encryption->reseal().value() == 2);
    CHECK(here.encryption->reseal().value() == 0);
    here.put("new", marked(100));
    CHECK(numbers() == std::vector<uint32_t>{1, 2, 3});  // who had the former master key knows the first two
    here.reopen({next_master});
    CHECK(here.get("k") == marked(100'000));
    CHECK(here.get("kms") == marked(10));
    CHECK(here.get("new") == marked(100));
    CHECK(here.keys->get("s3/o/bucket/k").value() == record);
    here.put("new", marked(100));
    CHECK(numbers() == std::vector<uint32_t>{1, 2, 3});
    CHECK(EncryptionKeys::open({.keys = here.keys.get(), .clock = &here.clock, .random = &here.random}, {master}).error().code ==
          "InvalidMasterKey");
}

TEST_CASE("the check of records finds an object whose key is not there, and needs no key for it") {
    Encrypted here;
    here.put("k", marked(100'000));
    here.put("small", marked(10));
    here.put("customer", marked(10), by_customer());
    const auto upload = here.storage->create_upload({.bucket = "bucket", .key = "big"});
    REQUIRE(upload.has_value());
    here.put_part(upload->id, 1, marked(10));
    const auto found = [&] {
        objects::RecordCheck check;
        std::string out;
        for (const auto prefix : objects::RecordCheck::order) {
            const auto entries = here.keys->scan({.prefix = std::string(prefix)});
            REQUIRE(entries.has_value());
            for (const auto& entry : *entries)
                if (const auto checked = check.check(entry); !checked)
                    out += entry.key.substr(0, 16) + ": " + checked.error().message + "\n";
        }
        return out;
    };
    CHECK(found() == "");
    REQUIRE(here.keys->commit(store::Batch().erase("s3/k/0000000001")).has_value());
    const std::string what = ": its bytes are sealed under key 1, which is not there\n";
    CHECK(found() == "s3/o/bucket/k" + what + "s3/o/bucket/smal" + what + "s3/p/" + upload->id.substr(0, 11) + what);
}

TEST_CASE("a key is called by its id, its ARN and its alias; there is one for each account and region") {
    const auto arn = objects::managed_key_arn("eu-west-1", "111122223333");
    CHECK(arn.starts_with("arn:aws:kms:eu-west-1:111122223333:key/"));
    CHECK(objects::account_of_key(arn) == "111122223333");
    CHECK(arn != objects::managed_key_arn("eu-west-1", "444455556666"));
    const std::string id = arn.substr(arn.find('/') + 1);
    CHECK(id.size() == 36);
    for (const std::string& said :
         {arn, id, std::string("alias/aws/s3"), std::string("arn:aws:kms:eu-west-1:111122223333:alias/aws/s3")})
        CHECK(objects::resolve_key(said, "eu-west-1", "111122223333").value() == arn);
    const auto refused = [](const std::string& said) {
        const auto key = objects::resolve_key(said, "eu-west-1", "111122223333");
        return key ? "" : key.error().code + ": " + key.error().message;
    };
    CHECK(refused("mine") == "KMS.NotFoundException: Invalid keyId 'mine'");
    CHECK(refused("aws/s3") == "KMS.NotFoundException: Invalid keyId 'aws/s3'");
    CHECK(refused("alias/mine") == "KMS.NotFoundException: Alias arn:aws:kms:eu-west-1:111122223333:alias/mine is not found.");
    CHECK(refused("134f2428-cec1-4b25-a1ae-9048164dba47") ==
          "KMS.NotFoundException: Key 'arn:aws:kms:eu-west-1:111122223333:key/134f2428-cec1-4b25-a1ae-9048164dba47' does not "
          "exist");
    CHECK(refused("arn:aws:kms:us-east-1:111122223333:key/x") == "KMS.NotFoundException: Invalid arn us-east-1");
    CHECK(refused(objects::managed_key_arn("eu-west-1", "444455556666"))
              .starts_with("KMS.NotFoundException: Key 'arn:aws:kms:eu-west-1:444"));
}
