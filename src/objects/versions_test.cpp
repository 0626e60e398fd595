// Versions of objects, against a model that keeps them in a list.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "base/decision.hpp"
#include "objects/integrity.hpp"
#include "objects/record.hpp"
#include "objects/source_for_tests.hpp"
#include "objects/storage.hpp"
#include "temporary_folder.hpp"

namespace {

using objects::bytes;
using objects::Storage;

struct Versions {
    Versions() {
        reopen();
        REQUIRE(storage->create_bucket("bucket", "111122223333", "us-east-1").has_value());
    }
    void reopen() {
        storage.reset();
        blobs.reset();  // open once at a time
        blobs = std::move(*store::open_blobs(folder.path));
        auto opened = Storage::open({keys.get(), blobs.get(), &clock, &random});
        REQUIRE(opened.has_value());
        storage = std::move(*opened);
    }
    void set(std::string_view versioning) {
        REQUIRE(storage
                    ->configure("bucket",
                                [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
                                    configuration.versioning = versioning;
                                    return {};
                                })
                    .has_value());
    }
    void lock(std::optional<objects::DefaultRetention> kept = {}) {
        set("Enabled");
        REQUIRE(storage
                    ->configure("bucket",
                                [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
                                    configuration.object_lock = true;
                                    configuration.default_retention = kept;
                                    return {};
                                })
                    .has_value());
    }
    base::Result<objects::ObjectPtr> try_put(const std::string& key, const std::string& content, objects::ObjectLock lock = {},
                                             objects::Conditions conditions = {}) {
        return storage->put(
            {.bucket = "bucket", .key = key, .conditions = std::move(conditions), .body = bytes(content), .lock = lock});
    }
    std::string put(const std::string& key, const std::string& content, objects::ObjectLock lock = {}) {
        const auto made = try_put(key, content, lock);
        REQUIRE(made.has_value());
        return objects::shown_version(**made);
    }
    std::string get(const std::string& key, const std::optional<std::string>& version = {}) const {
        const auto found = storage->find_version("bucket", key, version);
        REQUIRE(found.has_value());
        const auto object = objects::readable(*found, version);
        if (!object) return object.error().code;
        const auto open = storage->open_object(*object);
        REQUIRE(open.has_value());
        auto source = objects::read_range(*open, 0, (*object)->size);
        std::string all(16'384, '\0');
        const auto got = source(all);
        REQUIRE(got.has_value());
        return all.substr(0, *got);
    }
    base::Result<objects::Deleted> remove(const std::string& key, std::optional<std::string> version = {}, bool bypass = false) {
        return storage->delete_object(
            "bucket", {.key = key, .version = std::move(version), .conditions = {}, .bypasses_governance = bypass});
    }
    // key@version, `*` for the latest, `-` for a delete marker; in pages of this size.
    std::vector<std::string> list(size_t page = 1000, const std::string& prefix = {}, const std::string& delimiter = {}) const {
        std::vector<std::string> out;
        objects::ListVersions request{.bucket = "bucket", .prefix = prefix, .delimiter = delimiter, .max_keys = page};
        for (int pages = 0; pages < 1000; ++pages) {
            const auto listed = storage->list_versions(request);
            REQUIRE(listed.has_value());
            CHECK(listed->versions.size() + listed->common_prefixes.size() <= page);
            for (const auto& one : listed->versions)
                out.push_back(one.key + "@" + one.version_id + (one.latest ? "*" : "") + (one.delete_marker ? "-" : ""));
            for (const auto& one : listed->common_prefixes) out.push_back(one);
            if (!listed->truncated) return out;
            request.key_marker = listed->next_key_marker;
            request.version_id_marker.reset();
            if (!listed->next_version_id_marker.empty()) request.version_id_marker = listed->next_version_id_marker;
        }
        FAIL("a listing without an end");
        return out;
    }
    // What `admin check` would find.
    void check_records() const {
        objects::RecordCheck check;
        for (const std::string_view prefix : objects::RecordCheck::order) {
            const auto entries = keys->scan({.prefix = std::string(prefix)});
            REQUIRE(entries.has_value());
            for (const auto& entry : *entries) {
                const auto checked = check.check(entry);
                CHECK_MESSAGE(checked.has_value(), entry.key);
                CHECK(objects::stored_bytes(entry).has_value());
            }
        }
    }

    TemporaryFolder folder;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::unique_ptr<store::Blobs> blobs;
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'700'000'000'123))};
    crypto::SystemRandom random;
    std::unique_ptr<Storage> storage;
};

std::string code(const auto& result) { return result ? "" : result.error().code; }

struct ModelVersion {
    std::string id, content;
    bool marker = false;
};
using Model = std::map<std::string, std::vector<ModelVersion>>;  // newest first

std::vector<std::string> listed(const Model& model) {
    std::vector<std::string> out;
    for (const auto& [key, versions] : model)
        for (const auto& one : versions)
            out.push_back(key + "@" + one.id + (&one == versions.data() ? "*" : "") + (one.marker ? "-" : ""));
    return out;
}

}  // namespace

TEST_CASE("versions are what a list of them would be, whatever happens in whatever order") {
    for (unsigned seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        Versions fixture;
        std::mt19937 dice(seed);
        const auto roll = [&](unsigned sides) { return static_cast<unsigned>(dice() % sides); };
        Model model;
        std::string state;
        size_t large = 0;
        const std::vector<std::string> names = {"a", "a/1", "a/2", "b"};
        for (int step = 0; step < 160; ++step) {
            CAPTURE(step);
            const auto& key = names[roll(4)];
            auto& versions = model[key];
            const auto drop_null = [&] { std::erase_if(versions, [](const auto& one) { return one.id == "null"; }); };
            if (roll(3) == 0) fixture.clock.advance(std::chrono::milliseconds(roll(3)));  // many fall into one moment
            switch (roll(8)) {
                case 0:
                case 1:
                case 2: {
                    const std::string content = roll(3) == 0 ? std::string(5000 + step, 'x') : std::to_string(step);
                    const auto id = fixture.put(key, content);
                    CHECK((id == "null") == (state != "Enabled"));
                    if (id == "null") drop_null();
                    versions.insert(versions.begin(), {id, content, false});
                    break;
                }
                case 3: {
                    const auto deleted = fixture.remove(key);
                    REQUIRE(deleted.has_value());
                    CHECK(deleted->delete_marker == !state.empty());
                    if (state != "Enabled") drop_null();
                    if (!state.empty()) versions.insert(versions.begin(), {deleted->version_id, "", true});
                    break;
                }
                case 4:
                case 5: {
                    if (versions.empty()) break;
                    const auto at = versions.begin() + roll(static_cast<unsigned>(versions.size()));
                    const auto deleted = fixture.remove(key, at->id);
                    REQUIRE(deleted.has_value());
                    CHECK(deleted->version_id == at->id);
                    CHECK(deleted->delete_marker == at->marker);
                    versions.erase(at);
                    break;
                }
                case 6: {
                    if (versions.empty()) break;
                    const auto& one = versions[roll(static_cast<unsigned>(versions.size()))];
                    const auto tagged = fixture.storage->set_tags("bucket", key, {{"t", std::to_string(step)}}, one.id);
                    CHECK(code(tagged) == (one.marker ? "MethodNotAllowed" : ""));
                    break;
                }
                default:
                    if (roll(4) == 0) fixture.set(state = state == "Enabled" ? "Suspended" : "Enabled");
                    if (roll(8) == 0) fixture.reopen();
            }
            if (versions.empty()) model.erase(key);
            REQUIRE(fixture.list() == listed(model));
        }
        large = 0;
        for (const auto& [key, versions] : model) {
            for (const auto& one : versions) {
                CHECK(fixture.get(key, one.id) == (one.marker ? "MethodNotAllowed" : one.content));
                large += one.content.size() > 4096;
            }
            CHECK(fixture.get(key) == (versions.front().marker ? "NoSuchKey" : versions.front().content));
        }
        CHECK(fixture.blobs->list()->size() == large);
        for (const size_t page : {1, 2, 3, 7}) CHECK(fixture.list(page) == listed(model));
        fixture.check_records();
        // Only what is the latest and no delete marker is listed as an object.
        const auto objects = fixture.storage->list({.bucket = "bucket", .prefix = {}, .delimiter = {}, .after = {}});
        REQUIRE(objects.has_value());
        std::vector<std::string> shown, expected;
        for (const auto& one : objects->objects) shown.push_back(one.key);
        for (const auto& [key, versions] : model)
            if (!versions.front().marker) expected.push_back(key);
        CHECK(shown == expected);
        // While one version or delete marker is left, the bucket stays.
        const auto before = fixture.list();
        if (!before.empty()) CHECK(code(fixture.storage->delete_bucket("bucket")) == "BucketNotEmpty");
        for (auto& [key, versions] : model)
            for (const auto& one : versions) REQUIRE(fixture.remove(key, one.id).has_value());
        CHECK(fixture.blobs->list()->empty());
        CHECK(fixture.keys->scan({.prefix = "s3/v/"})->empty());
        CHECK(fixture.keys->scan({.prefix = "s3/d/"})->empty());
        CHECK(fixture.storage->delete_bucket("bucket").has_value());
    }
}

TEST_CASE("an object from before versioning is the null version") {
    Versions fixture;
    CHECK(fixture.put("k", "old") == "null");
    fixture.set("Enabled");
    const auto id = fixture.put("k", "new");
    CHECK(objects::is_version_id(id));
    CHECK(fixture.get("k") == "new");
    CHECK(fixture.get("k", "null") == "old");
    CHECK(fixture.list() == std::vector<std::string>{"k@" + id + "*", "k@null"});
    REQUIRE(fixture.remove("k", id).has_value());
    CHECK(fixture.get("k") == "old");
    CHECK(fixture.list() == std::vector<std::string>{"k@null*"});
}

TEST_CASE("what is no version is not there, and deleting it is done") {
    Versions fixture;
    const std::string other = objects::order_text(objects::order_at(fixture.clock.now())) + std::string(16, '0');
    for (const bool versioned : {false, true}) {
        if (versioned) fixture.set("Enabled");
        fixture.put("k", "v");
        CHECK(fixture.get("k", other) == "NoSuchVersion");
        const auto deleted = fixture.remove("k", other);
        REQUIRE(deleted.has_value());
        CHECK(!deleted->delete_marker);
        CHECK(fixture.get("k") == "v");
        CHECK(code(fixture.remove("k", "x")) == "NoSuchVersion");
        CHECK(code(fixture.remove("k", "")) == "NoSuchVersion");
    }
}

TEST_CASE("common prefixes of versions, page by page") {
    Versions fixture;
    fixture.set("Enabled");
    for (const char* key : {"a", "d/1", "d/2", "e", "f/1"})
        for (int i = 0; i < 3; ++i) fixture.put(key, "v");
    REQUIRE(fixture.remove("d/1").has_value());
    for (const size_t page : {1, 2, 3, 1000}) {
        auto all = fixture.list(page, "", "/");
        CHECK(all.size() == 8);
        CHECK(std::ranges::count(all, "d/") == 1);
        CHECK(std::ranges::count(all, "f/") == 1);
        CHECK(fixture.list(page, "d/", "/").size() == 7);
    }
}

TEST_CASE("conditions are about the latest version, and about nothing under a delete marker") {
    Versions fixture;
    fixture.set("Enabled");
    fixture.put("k", "1");
    CHECK(code(fixture.try_put("k", "2", {}, {.if_none_match = "*"})) == "PreconditionFailed");
    REQUIRE(fixture.remove("k").has_value());
    CHECK(code(fixture.try_put("k", "2", {}, {.if_match = "*"})) == "NoSuchKey");
    CHECK(fixture.try_put("k", "2", {}, {.if_none_match = "*"}).has_value());
    const auto found = *fixture.storage->find("bucket", "k");
    const auto with = [&](objects::Conditions conditions, std::optional<std::string> version = {}) {
        return code(
            fixture.storage->delete_object("bucket", {.key = "k", .version = version, .conditions = std::move(conditions)}));
    };
    CHECK(with({.if_match = "x"}) == "PreconditionFailed");
    CHECK(with({.if_match = "x"}, found->version_id) == "PreconditionFailed");
    CHECK(with({.if_match_size = 2}) == "PreconditionFailed");
    CHECK(with({.if_match_modified = found->last_modified + std::chrono::seconds(1)}) == "PreconditionFailed");
    CHECK(fixture.get("k") == "2");
    CHECK(with({.if_match_modified = std::chrono::floor<std::chrono::seconds>(found->last_modified), .if_match_size = 1},
               found->version_id) == "");
    CHECK(fixture.get("k") == "NoSuchKey");
}

TEST_CASE("nothing removes or replaces a version that is locked") {
    using objects::RetentionMode;
    const auto hour = std::chrono::hours(1);
    Versions fixture;
    fixture.lock();
    const auto until = fixture.clock.now() + hour;
    const auto held = fixture.put("k", "held", {.retention = {}, .legal_hold = true});
    const auto governed = fixture.put("k", "governed", {.retention = objects::Retention{RetentionMode::governance, until}});
    const auto kept = fixture.put("k", "kept", {.retention = objects::Retention{RetentionMode::compliance, until}});
    for (const bool bypass : {false, true}) {
        CHECK(code(fixture.remove("k", held, bypass)) == "AccessDenied");
        CHECK(code(fixture.remove("k", kept, bypass)) == "AccessDenied");
        const auto outcomes =
            fixture.storage->delete_objects("bucket", {{.key = "k", .version = kept, .bypasses_governance = bypass},
                                                       {.key = "k", .version = held, .bypasses_governance = bypass},
                                                       {.key = "other"}});
        CHECK(code(outcomes[0]) == "AccessDenied");
        CHECK(code(outcomes[1]) == "AccessDenied");
        CHECK(outcomes[2].has_value());
    }
    CHECK(code(fixture.remove("k", governed)) == "AccessDenied");
    // Others come above them.
    CHECK(fixture.remove("k").has_value());
    const auto source = fixture.storage->find_version("bucket", "k", held);
    REQUIRE(source.has_value());
    CHECK(fixture.storage
              ->copy({.bucket = "bucket",
                      .key = "k",
                      .source = *fixture.storage->open_object(*source),
                      .source_bucket = "bucket",
                      .source_key = "k"})
              .has_value());
    CHECK(code(fixture.storage->delete_bucket("bucket")) == "BucketNotEmpty");
    fixture.reopen();
    CHECK(fixture.get("k", kept) == "kept");
    CHECK(fixture.get("k", held) == "held");
    CHECK(fixture.get("k") == "held");
    // The copy has the bytes, and not the lock.
    CHECK(!(*fixture.storage->find("bucket", "k"))->lock.any());
    CHECK(fixture.remove("k", governed, true).has_value());
    fixture.clock.advance(hour);
    CHECK(fixture.remove("k", kept).has_value());
    CHECK(code(fixture.remove("k", held)) == "AccessDenied");
}

TEST_CASE("a bucket's default retention is of versions that say none, and never of delete markers") {
    Versions fixture;
    fixture.lock(objects::DefaultRetention{.mode = objects::RetentionMode::compliance, .days = 2});
    fixture.put("k", "v", {.retention = {}, .legal_hold = false});
    const auto object = *fixture.storage->find("bucket", "k");
    REQUIRE(object->lock.retention);
    CHECK(object->lock.retention->until == fixture.clock.now() + std::chrono::days(2));
    CHECK(object->lock.legal_hold == false);
    const auto marker = fixture.remove("k");
    REQUIRE(marker.has_value());
    CHECK(fixture.remove("k", marker->version_id).has_value());
    CHECK(code(fixture.remove("k", object->version_id)) == "AccessDenied");
    // Of an upload, when it is complete.
    const auto upload = *fixture.storage->create_upload({.bucket = "bucket", .key = "u"});
    const auto part =
        *fixture.storage->put_part({.bucket = "bucket", .key = "u", .upload_id = upload.id, .number = 1, .body = bytes("p")});
    REQUIRE(
        fixture.storage->complete_upload({.bucket = "bucket", .key = "u", .upload_id = upload.id, .parts = {{1, part.etag, {}}}})
            .has_value());
    CHECK((*fixture.storage->find("bucket", "u"))->lock.retention.has_value());
}

TEST_CASE("a lock in a bucket without object lock is refused") {
    Versions fixture;
    const objects::ObjectLock lock{.retention = {}, .legal_hold = true};
    for (const bool versioned : {false, true}) {
        if (versioned) fixture.set("Enabled");
        CHECK(code(fixture.try_put("k", "v", lock)) == "InvalidRequest");
        CHECK(code(fixture.storage->create_upload({.bucket = "bucket", .key = "k", .lock = lock})) == "InvalidRequest");
        CHECK(fixture.list().empty());
    }
}

TEST_CASE("writers and deleters of one key leave versions in one order") {
    Versions fixture;
    fixture.set("Enabled");
    std::atomic<int> written = 0, marked = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 40; ++i) {
                if ((i + t) % 3 == 0) {
                    const auto deleted = fixture.remove("k");
                    if (!deleted) continue;
                    ++marked;
                    // Every other marker is taken away again: what it hid is the latest.
                    if (i % 2 == 0 && fixture.remove("k", deleted->version_id)) --marked;
                } else if (fixture.try_put("k", std::string(5000, static_cast<char>('a' + t)))) {
                    ++written;
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    const auto all = fixture.list();
    CHECK(all.size() == static_cast<size_t>(written + marked));
    CHECK(fixture.list(3) == all);
    CHECK(std::ranges::count_if(all, [](const auto& one) { return one.contains('*'); }) == 1);
    CHECK(fixture.blobs->list()->size() == static_cast<size_t>(written));
    // Ids are in order: the newest, which is listed first, sorts first.
    for (size_t i = 1; i < all.size(); ++i) CHECK(all[i - 1].substr(0, 34) < all[i].substr(0, 34));
    fixture.check_records();
}

TEST_CASE("a version that changed since it was decided on is not acted on") {
    Versions fixture;
    fixture.set("Enabled");
    const auto id = fixture.put("k", "1");
    fixture.put("k", "2");
    const auto meanwhile = [&](const objects::Tags& tags) {
        std::thread([&] { REQUIRE(fixture.storage->set_tags("bucket", "k", tags, id).has_value()); }).join();
    };
    {
        const base::DecisionScope scope;
        REQUIRE(fixture.storage->find_version("bucket", "k", id).has_value());
        meanwhile({{"a", "1"}});
        CHECK(code(fixture.storage->set_tags("bucket", "k", {}, id)) == base::decision_outdated);
        CHECK(code(fixture.remove("k", id)) == base::decision_outdated);
        CHECK(code(fixture.storage->delete_objects("bucket", {{.key = "k", .version = id}}).front()) == base::decision_outdated);
        CHECK(fixture.remove("k").has_value());  // another version's matter
    }
    const base::DecisionScope scope;
    REQUIRE(fixture.storage->find_version("bucket", "k", id).has_value());
    std::thread([&] { fixture.put("k", "3"); }).join();
    CHECK(fixture.remove("k", id).has_value());  // it is what it was, wherever it stands
}

TEST_CASE("records keep locks, and one that cannot be read is damage") {
    objects::Object object;
    object.lock = {
        objects::Retention{objects::RetentionMode::compliance, base::Time(std::chrono::milliseconds(1'800'000'000'001))}, true};
    object.null_order = 77;
    object.extension = std::string("\x05\x01x", 3);  // of a later version of this program
    const auto read = objects::read_object(objects::write_record(object));
    REQUIRE(read.has_value());
    CHECK(read->lock == object.lock);
    CHECK(read->null_order == 77);
    CHECK(read->extension == object.extension);
    CHECK(objects::write_record(*read) == objects::write_record(object));
    for (const std::string_view damaged : {std::string_view("\x13\x02\x09\x01", 4), std::string_view("\x13\x01\x01", 3),
                                           std::string_view("\x13\x00", 2), std::string_view("\x10\x02zz", 4)}) {
        objects::Object bad;
        bad.extension = damaged;
        CHECK(code(objects::read_object(objects::write_record(bad))) == "InternalError");
    }
}
