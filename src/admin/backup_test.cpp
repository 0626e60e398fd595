#include "admin/backup.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "admin/check.hpp"
#include "admin/files.hpp"
#include "admin/restore.hpp"
#include "admin/scrub.hpp"
#include "admin/snapshots.hpp"
#include "audit/log.hpp"
#include "base/clock.hpp"
#include "crypto/random.hpp"
#include "objects/source_for_tests.hpp"
#include "objects/storage.hpp"
#include "os/file.hpp"
#include "temporary_folder.hpp"

namespace admin {
namespace {

namespace fs = std::filesystem;
constexpr size_t large = 100'000;  // in a blob

// A data folder as a server has it, as far as this room looks.
struct Folder : TemporaryFolder {
    std::string data = path + "/data", destination = path + "/backups";
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'790'000'000'000))};
    crypto::SystemRandom random;
    std::shared_ptr<const crypto::SigningKey> key = std::make_shared<const crypto::SigningKey>(crypto::SigningKey::make());
    std::unique_ptr<store::KeyValueStore> keys;
    std::unique_ptr<store::PinnedBlobs> blobs;
    std::unique_ptr<audit::Log> audit;
    std::unique_ptr<objects::Storage> storage;
    std::unique_ptr<Snapshots> snapshots;

    Folder() {
        for (const char* inner : {"", "/keys", "/logs/ab", "/audit"}) fs::create_directories(data + inner);
        REQUIRE(os::replace_file(data + "/installation", R"({"Id":"0123456789abcdef"})").has_value());
        REQUIRE(os::replace_file(data + "/logs/ab/ab.log", "one\ntwo\n").has_value());
        open();
        REQUIRE(storage->create_bucket("bucket", "123456789012", "us-east-1").has_value());
    }
    void open() {
        keys = store::open_rocks_store(data + "/keys").value();
        blobs = std::make_unique<store::PinnedBlobs>(store::open_blobs(data + "/blobs").value());
        audit::LogOptions options{.directory = data + "/audit"};
        options.key = key;
        options.clock = &clock;
        audit = audit::Log::open(std::move(options)).value();
        storage = objects::Storage::open({keys.get(), blobs.get(), &clock, &random}).value();
        snapshots = Snapshots::open({data, keys.get(), blobs.get(), audit.get(), &clock, &random}).value();
    }
    void close() {
        snapshots.reset();
        storage.reset();
        blobs.reset();
        audit.reset();
        keys.reset();
    }
    void put(const std::string& name, char content, size_t bytes = large) {
        objects::PutRequest request;
        request.bucket = "bucket";
        request.key = name;
        request.body = objects::bytes(std::string(bytes, content));
        REQUIRE(storage->put(request).has_value());
        clock.advance(std::chrono::seconds(1));
    }
    Manifest backup(bool copy = false) {
        const auto snapshot = snapshots->start().value();
        const auto source = source_of_snapshot(data, snapshot.path).value();
        auto made = write_backup(source, {.destination = destination,
                                          .made_by = "test",
                                          .master_keys = {},
                                          .copy = copy,
                                          .audit_public_key = key->public_key().pem(),
                                          .go_on = {}});
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().describe()));
        REQUIRE(snapshots->end(snapshot.id).has_value());
        clock.advance(std::chrono::seconds(1));
        return *made;
    }
    CheckReport check(const Manifest& manifest) const {
        CheckReport report;
        REQUIRE(check_backup(destination, manifest, {}, report).has_value());
        return report;
    }
};

void flip_last_byte(const std::string& file) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    REQUIRE(stream);
    stream.seekg(-1, std::ios::end);
    const char byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(-1, std::ios::end);
    stream.put(byte);
}

std::string what_of(const CheckReport& report) {
    std::string out;
    for (const auto& one : report.findings) out += one.place + ": " + one.what + "\n";
    return out;
}

size_t files_in(const std::string& folder) { return files_below(folder).value().size(); }

}  // namespace

TEST_CASE("a backup has what was there, is whole, and the next one adds what is new alone") {
    Folder folder;
    folder.put("a", 'a');
    folder.put("b", 'b');
    folder.put("small", 's', 10);
    const auto first = folder.backup();
    CHECK(first.objects == 3);
    CHECK(first.blobs == 2);
    CHECK(first.blob_bytes == 2 * large);
    CHECK(first.new_bytes >= 2 * large);
    CHECK(first.installation == "0123456789abcdef");
    for (const auto& path : {folder.destination, folder.destination + "/blobs", backup_path(folder.destination, first.id)})
        CHECK_MESSAGE(mode_of(path) == 0700, path);
    const auto whole = folder.check(first);
    CHECK_MESSAGE(whole.holds(), what_of(whole));
    CHECK(whole.blobs == 2);
    CHECK(whole.audit_records > 0);

    folder.put("c", 'c');
    REQUIRE(folder.storage->delete_object("bucket", {.key = "a"}).has_value());
    const auto second = folder.backup();
    CHECK(second.objects == 3);
    CHECK(second.new_bytes < 2 * large);
    CHECK(second.new_bytes >= large);
    CHECK(files_in(folder.destination + "/blobs") == 3);
    for (const auto& one : {first, second}) CHECK_MESSAGE(folder.check(one).holds(), what_of(folder.check(one)));
    const auto all = backups_in(folder.destination).value().backups;
    REQUIRE(all.size() == 2);
    CHECK(all[0].id == first.id);
    CHECK(find_backup(folder.destination, "").value().id == second.id);
    CHECK(find_backup(folder.destination, first.id).value().id == first.id);
    CHECK(find_backup(folder.destination, "none").error().code == "BackupUnusable");

    const auto pruned = prune_backups(folder.destination, first.installation, 1).value();
    CHECK(pruned.backups == 1);
    CHECK(pruned.blobs == 1);
    CHECK(files_in(folder.destination + "/blobs") == 2);
    CHECK_MESSAGE(folder.check(second).holds(), what_of(folder.check(second)));
    CHECK(prune_backups(folder.destination, first.installation, 1).value().backups == 0);
}

TEST_CASE("a backup has every version, and a check finds one that is damaged") {
    Folder folder;
    const auto versioned = [](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.versioning = objects::versioning_enabled;
        return {};
    };
    REQUIRE(folder.storage->configure("bucket", versioned).has_value());
    folder.put("k", 'a');
    folder.put("k", 'b');
    folder.put("gone", 'c');
    REQUIRE(folder.storage->delete_object("bucket", {.key = "gone"}).has_value());
    const auto hidden =
        folder.storage->list_versions({.bucket = "bucket", .prefix = "k", .delimiter = {}}).value().versions.at(1);
    const auto manifest = folder.backup();
    CHECK(manifest.objects == 3);
    CHECK(manifest.blobs == 3);
    CHECK_MESSAGE(folder.check(manifest).holds(), what_of(folder.check(manifest)));
    // The sweep at the next start takes none of them.
    folder.close();
    folder.open();
    CHECK(folder.blobs->list().value().size() == 3);
    const auto object = folder.storage->find_version("bucket", "k", hidden.version_id).value();
    REQUIRE(object != nullptr);
    const auto& blob = object->segments.front().blob;
    for (const auto& file : files_below(folder.destination + "/blobs").value())
        if (fs::path(file).filename().string().starts_with(blob)) flip_last_byte(folder.destination + "/blobs/" + file);
    const auto damaged = folder.check(manifest);
    CHECK(!damaged.holds());
    CHECK_MESSAGE(what_of(damaged).contains("s3/v/bucket/k"), what_of(damaged));
}

TEST_CASE("what is deleted while a backup is made is in it, and is gone from the server afterwards") {
    Folder folder;
    folder.put("a", 'a');
    const auto snapshot = folder.snapshots->start().value();
    CHECK(folder.snapshots->start().error().code == "SnapshotInProgress");
    REQUIRE(folder.storage->delete_object("bucket", {.key = "a"}).has_value());
    folder.put("late", 'l');
    CHECK(folder.blobs->list().value().size() == 2);
    const auto source = source_of_snapshot(folder.data, snapshot.path).value();
    const auto made = write_backup(source, {.destination = folder.destination,
                                            .made_by = "test",
                                            .master_keys = {},
                                            .copy = true,
                                            .audit_public_key = folder.key->public_key().pem(),
                                            .go_on = {}})
                          .value();
    CHECK(folder.snapshots->renew("0000000000000000").error().code == "NoSuchSnapshot");
    REQUIRE(folder.snapshots->renew(snapshot.id).has_value());
    REQUIRE(folder.snapshots->end(snapshot.id).has_value());
    CHECK(folder.snapshots->end(snapshot.id).error().code == "NoSuchSnapshot");
    CHECK_FALSE(fs::exists(folder.data + "/snapshot"));
    CHECK(folder.blobs->list().value().size() == 1);
    CHECK(made.objects == 1);
    const auto report = folder.check(made);
    CHECK_MESSAGE(report.holds(), what_of(report));
    // With --copy no file of the backup is one of the server's.
    for (const auto& file : files_below(folder.destination).value()) {
        struct stat facts{};
        REQUIRE(::stat((folder.destination + "/" + file).c_str(), &facts) == 0);
        CHECK_MESSAGE(facts.st_nlink == 1, file);
    }
}

TEST_CASE(
    "a snapshot that is not renewed is given up, with what was kept for it; one of a server that was killed goes with the next "
    "start") {
    Folder folder;
    folder.snapshots.reset();
    folder.snapshots = Snapshots::open({.data = folder.data,
                                        .keys = folder.keys.get(),
                                        .blobs = folder.blobs.get(),
                                        .audit = folder.audit.get(),
                                        .clock = &folder.clock,
                                        .random = &folder.random,
                                        .lives = std::chrono::milliseconds(0)})
                           .value();
    folder.put("a", 'a');
    const auto snapshot = folder.snapshots->start().value();
    REQUIRE(folder.storage->delete_object("bucket", {.key = "a"}).has_value());
    CHECK(folder.blobs->waiting() == 1);
    folder.snapshots->expire();
    CHECK_FALSE(folder.snapshots->is_there());
    CHECK(folder.blobs->waiting() == 0);
    CHECK(folder.snapshots->renew(snapshot.id).error().code == "NoSuchSnapshot");
    CHECK_FALSE(fs::exists(folder.data + "/snapshot"));
    fs::create_directories(folder.data + "/snapshot/left/keys");
    folder.close();
    folder.open();
    CHECK_FALSE(fs::exists(folder.data + "/snapshot"));
}

TEST_CASE(
    "a folder that is something else, or the server's own, is not written into; what was cut off is taken away by the next") {
    Folder folder;
    folder.put("a", 'a');
    const auto snapshot = folder.snapshots->start().value();
    const auto source = source_of_snapshot(folder.data, snapshot.path).value();
    const auto write_to = [&](const std::string& destination, std::function<base::Result<void>()> go_on = {}) {
        return write_backup(source, {.destination = destination,
                                     .made_by = "test",
                                     .master_keys = {},
                                     .copy = false,
                                     .audit_public_key = {},
                                     .go_on = std::move(go_on)});
    };
    fs::create_directories(folder.path + "/other");
    std::ofstream(folder.path + "/other/file") << "x";
    CHECK(write_to(folder.path + "/other").error().code == "BackupUnusable");
    CHECK(files_in(folder.path + "/other") == 1);
    CHECK(write_to(folder.data + "/backups").error().code == "BackupUnusable");
    CHECK(write_to(folder.path).error().code == "BackupUnusable");
    CHECK(backups_in(folder.path + "/other").error().code == "BackupUnusable");

    // Cut off at every step: never a backup, and the next one is whole.
    for (int steps = 0;; ++steps) {
        int left = steps;
        const auto cut = write_to(folder.destination, [&left]() -> base::Result<void> {
            if (left-- > 0) return {};
            return base::fail("Interrupted", "cut off");
        });
        if (cut) break;
        REQUIRE(cut.error().code == "Interrupted");
        CHECK(backups_in(folder.destination).value().backups.empty());
    }
    const auto all = backups_in(folder.destination).value().backups;
    REQUIRE(all.size() == 1);
    CHECK_FALSE(fs::exists(folder.destination + "/unfinished/" + all[0].id));
}

TEST_CASE("whatever is altered in a backup is found, by its place, with a remedy") {
    Folder folder;
    folder.put("a", 'a');
    const auto made = folder.backup(true);
    REQUIRE(folder.check(made).holds());
    const std::string root = backup_path(folder.destination, made.id);
    std::vector<std::string> files;
    for (const auto& file : made.files) files.push_back(root + "/" + file.path);
    for (const auto& blob : files_below(folder.destination + "/blobs").value())
        files.push_back(folder.destination + "/blobs/" + blob);
    REQUIRE(files.size() > 5);
    for (const auto& file : files) {
        if (fs::file_size(file) == 0) continue;
        flip_last_byte(file);
        const auto report = folder.check(made);
        CHECK_MESSAGE(!report.holds(), file);
        CHECK(std::ranges::none_of(report.findings, [](const Finding& one) { return one.remedy.empty(); }));
        flip_last_byte(file);
    }
    flip_last_byte(root + "/manifest.json");  // its line feed
    CHECK(backups_in(folder.destination).value().backups.empty());
    CHECK(find_backup(folder.destination, "").error().code == "BackupUnusable");
    flip_last_byte(root + "/manifest.json");
    const std::string blob = files.back();
    fs::rename(blob, folder.path + "/kept");
    CHECK(what_of(folder.check(made)).contains("its blob cannot be read"));
    fs::rename(folder.path + "/kept", blob);
    CHECK(folder.check(made).holds());
}

TEST_CASE("what is restored is what was backed up, only ever into an empty folder, and a damaged file is refused") {
    Folder folder;
    folder.put("a", 'a');
    const auto made = folder.backup();
    const std::string target = folder.path + "/restored";
    REQUIRE(copy_out(folder.destination, made, target).has_value());
    CHECK_FALSE(fs::exists(target + "/installation"));
    const auto keys = store::open_rocks_store(target + "/keys").value();
    const auto blobs = store::open_blobs(target + "/blobs").value();
    const auto storage = objects::Storage::open({keys.get(), blobs.get(), &folder.clock, &folder.random}).value();
    const auto found = storage->find("bucket", "a").value();
    CHECK(storage->open_object(found).value().readers.at(0)->read(0, large).value() == std::string(large, 'a'));
    CHECK(os::read_file(target + "/logs/ab/ab.log").value() == "one\ntwo\n");
    CHECK(copy_out(folder.destination, made, target).error().code == "RestoreRefused");
    CHECK(copy_out(folder.destination, made, folder.data).error().notes.size() == 1);
    size_t tried = 0;
    for (const auto& file : made.files) {  // those that are not copied, too: keys, `installation`, the list of blobs
        const std::string place = backup_path(folder.destination, made.id) + "/" + file.path;
        if (fs::file_size(place) == 0) continue;
        const std::string again = folder.path + "/again-" + std::to_string(++tried);
        flip_last_byte(place);
        CHECK_MESSAGE(copy_out(folder.destination, made, again).error().code == "BackupUnusable", file.path);
        CHECK_FALSE(fs::exists(again + "/installation"));
        flip_last_byte(place);
    }
    CHECK(tried > 5);
    fs::remove(backup_path(folder.destination, made.id) + "/audit-key.pub");
    CHECK(copy_out(folder.destination, made, folder.path + "/without").error().code == "BackupUnusable");
}

TEST_CASE("what a restore reads for itself is compared with the manifest, and what the manifest does not name is not read") {
    Folder folder;
    folder.put("a", 'a');
    const auto made = folder.backup();
    const std::string root = backup_path(folder.destination, made.id);
    CHECK(read_backed_up(folder.destination, made, "audit-key.pub").value() == folder.key->public_key().pem());
    REQUIRE(os::replace_file(root + "/master-key", "of somebody else").has_value());
    CHECK_FALSE(read_backed_up(folder.destination, made, "master-key").value().has_value());
    flip_last_byte(root + "/installation");
    CHECK(read_backed_up(folder.destination, made, "installation").error().code == "BackupUnusable");
    fs::remove(root + "/installation");
    CHECK(read_backed_up(folder.destination, made, "installation").error().code == "BackupUnusable");
}

TEST_CASE("backups of several servers in a folder: each keeps its own, and nobody guesses whose is meant") {
    Folder one, other;
    REQUIRE(os::replace_file(other.data + "/installation", R"({"Id":"fedcba9876543210"})").has_value());
    other.destination = one.destination;
    one.put("a", 'a');
    other.put("b", 'b');
    std::vector<Manifest> of_one, of_other;
    of_other.push_back(other.backup());
    for (int i = 0; i < 2; ++i) of_one.push_back(one.backup());
    other.clock.advance(std::chrono::hours(1));
    of_other.push_back(other.backup());
    const auto refused = find_backup(one.destination, "");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.contains("several servers"));
    REQUIRE(refused.error().notes.size() == 1);
    CHECK(refused.error().notes[0].contains("--backup"));
    CHECK(find_backup(one.destination, of_one[0].id).value().installation == "0123456789abcdef");

    const auto pruned = prune_backups(one.destination, "0123456789abcdef", 1).value();
    CHECK(pruned.backups == 1);
    CHECK(pruned.blobs == 0);
    std::vector<std::string> left;
    for (const auto& manifest : backups_in(one.destination).value().backups) left.push_back(manifest.id);
    CHECK(left == std::vector<std::string>{of_other[0].id, of_one[1].id, of_other[1].id});
    for (const auto& manifest : {of_other[0], of_one[1], of_other[1]})
        CHECK_MESSAGE(one.check(manifest).holds(), what_of(one.check(manifest)));
    CHECK(prune_backups(one.destination, "0000000000000000", 1).value().backups == 0);
    // One that was removed by hand: the next time its blobs go.
    for (const auto& manifest : of_other) fs::remove_all(backup_path(one.destination, manifest.id));
    CHECK(prune_backups(one.destination, "0123456789abcdef", 5).value().blobs == 1);
    CHECK(find_backup(one.destination, "").value().id == of_one[1].id);
}

TEST_CASE("what was put beside backups is left out; a backup that cannot be read is never passed over") {
    Folder folder;
    folder.put("a", 'a');
    const auto first = folder.backup();
    const std::string inside = folder.destination + "/backups/";
    std::ofstream(inside + ".notes.swp") << "x";
    fs::create_symlink("/etc", inside + "etc");
    auto found = backups_in(folder.destination).value();
    REQUIRE(found.others.size() == 2);
    CHECK_FALSE(found.others[0].may_be_backup);
    CHECK_FALSE(found.others[1].may_be_backup);
    CHECK(found.backups.size() == 1);
    CHECK(find_backup(folder.destination, "").value().id == first.id);
    const auto second = folder.backup();  // not hindered
    CHECK(prune_backups(folder.destination, first.installation, 1).value().backups == 1);

    const auto third = folder.backup();
    flip_last_byte(backup_path(folder.destination, third.id) + "/manifest.json");
    found = backups_in(folder.destination).value();
    REQUIRE(found.others.size() == 3);
    CHECK(std::ranges::count_if(found.others, &FoundBackups::Unusable::may_be_backup) == 1);
    CHECK(find_backup(folder.destination, "").error().message.contains(third.id));  // not the one before
    CHECK(find_backup(folder.destination, third.id).error().message.contains("damaged"));
    CHECK(find_backup(folder.destination, second.id).value().id == second.id);
    const auto blobs = files_in(folder.destination + "/blobs");
    CHECK(prune_backups(folder.destination, first.installation, 1).error().code == "BackupUnusable");
    CHECK(files_in(folder.destination + "/blobs") == blobs);
}

TEST_CASE("a stopped server's folder is checked and backed up as it lies there") {
    Folder folder;
    folder.put("a", 'a');
    folder.close();
    for (const char* part : {"/keys", "/audit"})
        for (const char* reserve : {"/reserved-space", "/reserved-space-for-administration"})
            std::ofstream(folder.data + part + reserve) << std::string(1000, '\0');
    const auto source = source_of_folder(folder.data, folder.clock.now(), {});
    const auto files = files_of(source).value();
    CHECK(std::ranges::none_of(files, [](const SourceFile& file) { return file.path.contains("reserved-space"); }));
    CheckOptions options;
    options.audit_keys = {folder.key->public_key()};
    CheckReport report;
    REQUIRE(check_source(source, options, report).has_value());
    CHECK_MESSAGE(report.holds(), what_of(report));
    CHECK(report.blobs == 1);
    CHECK(report.unnamed_blobs == 0);
    const auto made = write_backup(source, {.destination = folder.destination,
                                            .made_by = "test",
                                            .master_keys = {},
                                            .copy = false,
                                            .audit_public_key = folder.key->public_key().pem(),
                                            .go_on = {}});
    REQUIRE(made.has_value());
    CHECK(folder.check(*made).holds());
    // A blob that nothing names is counted, and no fault.
    fs::create_directories(folder.data + "/blobs/00");
    std::ofstream(folder.data + "/blobs/00/" + std::string(32, '0')) << "x";
    CheckReport again;
    REQUIRE(check_source(source, options, again).has_value());
    CHECK(again.unnamed_blobs == 1);
    CHECK(again.holds());
}

TEST_CASE("the scrub finds a blob whose bytes are not those that came, and says so once a pass") {
    Folder folder;
    constexpr size_t in_file = 400'000;
    folder.put("a", 'a', in_file);
    folder.put("b", 'b', in_file);
    Scrub scrub({.keys = folder.keys.get(), .blobs = folder.blobs.get(), .clock = &folder.clock, .bytes_per_second = in_file});
    std::chrono::milliseconds waited{0};
    const auto wait = [&waited](std::chrono::milliseconds pause) {
        waited += pause;
        return true;
    };
    scrub.pass(wait);
    CHECK(scrub.state().passes == 1);
    CHECK(scrub.state().blobs == 2);
    CHECK(scrub.state().bytes == 2 * in_file);
    CHECK(scrub.state().damaged == 0);
    CHECK(waited >= std::chrono::milliseconds(1900));  // at that rate
    CHECK(waited < std::chrono::milliseconds(3000));
    const auto blob = folder.blobs->list().value().front();
    flip_last_byte(store::blob_path(folder.data + "/blobs", blob));
    for (int pass = 0; pass < 2; ++pass) {
        scrub.pass(wait);
        CHECK(scrub.state().damaged == 1);
        REQUIRE(scrub.state().places.size() == 1);
        CHECK(scrub.state().places[0].contains(blob));
    }
    // The server ends in the middle: that is no pass.
    scrub.pass([](std::chrono::milliseconds) { return false; });
    CHECK(scrub.state().passes == 3);
    CHECK(scrub.state().began.has_value());
}

}  // namespace admin
