#include "server/admin_commands.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "admin/backup.hpp"
#include "admin/check.hpp"
#include "admin/files.hpp"
#include "base/error_codes.hpp"
#include "cli/data_paths.hpp"
#include "cli/terminal.hpp"
#include "model/trainwarden/operations.hpp"
#include "os/file.hpp"
#include "server/check_report_output.hpp"
#include "server/data_folder.hpp"
#include "server/opened_source.hpp"
#include "server/restore.hpp"
#include "text/json.hpp"
#include "text/time.hpp"
#include "training/job.hpp"

namespace server {
namespace {

namespace m = model::trainwarden;
using cli::Text;
using text::Json;

constexpr size_t key_file_bytes_max = 1u << 20;

struct Options {
    std::string data = cli::default_data_folder();
    bool json = false;
};

struct BackupSettings : Options {
    std::string destination;
    bool include_master_key = false, copy = false;
    int64_t keep = 0;
};

struct CheckSettings : Options {
    std::string folder, backup;
    std::vector<std::string> public_keys;
    bool quick = false;
};

struct RestoreCommand : RestoreSettings {
    bool json = false, skip_check = false;
};

struct RotateSettings : Options {
    bool status = false, end_sessions = false, wait = false;
    std::string save_former;
};

struct RetentionSettings : Options {
    std::string keep_days, keep_bytes, when_full;
};

Json to_json(const admin::Manifest& manifest) {
    return Json::object({{"Id", manifest.id},
                         {"Time", text::iso8601_millis(manifest.time)},
                         {"Installation", manifest.installation},
                         {"HasMasterKey", manifest.has_master_key},
                         {"Entries", manifest.entries},
                         {"Objects", manifest.objects},
                         {"Blobs", manifest.blobs},
                         {"BlobBytes", manifest.blob_bytes},
                         {"NewBytes", manifest.new_bytes}});
}

// ---- backup, backups

// Where the running server has its key file, or, where none runs, where the folder says that it is.
base::Result<std::string> master_key_file_of(const std::string& data) {
    if (const auto client = TRY(client_of_folder(data, nullptr))) {
        const auto key = TRY(client->call<m::DescribeMasterKey>({}));
        return key.key_file;
    }
    const std::string content = TRY(os::read_file(data + "/installation"));
    const auto installation = TRY(text::parse_json(content));
    return installation["MasterKeyFile"].as_string();
}

base::Result<int> backup(const BackupSettings& settings) {
    if (settings.keep < 0) return base::fail(base::code::Usage, "--keep takes a number of backups, 1 or more");
    admin::BackupOptions options{.destination = settings.destination,
                                 .made_by = TRAINWARDEN_VERSION,
                                 .master_keys = {},
                                 .copy = settings.copy,
                                 .audit_public_key = audit_public_keys_of(settings.data),
                                 .go_on = {}};
    std::string key_file;
    if (settings.include_master_key) {
        key_file = TRY(master_key_file_of(settings.data));
        options.master_keys = TRY(os::read_file(key_file, key_file_bytes_max));
    }
    admin::Manifest made;
    {
        const auto opened = TRY(OpenedSource::open(settings.data));
        if (options.audit_public_key.empty())
            cli::print_warning(
                "the public key of the audit log is not beside the master key: the log of this backup cannot be verified without "
                "it");
        options.go_on = [&opened] { return opened->go_on(); };
        // A rotation that ended in between has taken the key away that records of the snapshot are under.
        if (settings.include_master_key && TRY(os::read_file(key_file, key_file_bytes_max)) != options.master_keys)
            return base::fail(
                base::Error(base::code::BackupUnusable, "the master key was changed while the backup began").note("begin again"));
        made = TRY(admin::write_backup(opened->source(), options));
    }
    if (options.audit_public_key.empty())
        cli::print_warning(
            "the public key of the audit log is not beside the master key: the log of this backup cannot be verified without it");
    admin::Pruned pruned;
    if (settings.keep > 0)
        pruned = TRY(admin::prune_backups(settings.destination, made.installation, static_cast<size_t>(settings.keep)));
    if (settings.json) {
        Json json = to_json(made);
        json.set("RemovedBackups", static_cast<uint64_t>(pruned.backups));
        json.set("RemovedBlobs", static_cast<uint64_t>(pruned.blobs));
        cli::print_pretty_json(json);
        return 0;
    }
    cli::print("backup " + Text(made.id) + ": " + std::to_string(made.objects) + " objects, " + size_of(made.blob_bytes) +
               " in blobs, " + size_of(made.new_bytes) + " new\n");
    if (pruned.backups > 0 || pruned.blobs > 0)
        cli::print(Text("removed ") + std::to_string(pruned.backups) +
                   (pruned.backups == 1 ? " older backup" : " older backups") + " of this server, and " +
                   std::to_string(pruned.blobs) + (pruned.blobs == 1 ? " blob" : " blobs") + " that no backup needs\n");
    if (!made.has_master_key)
        cli::print("the master key is not part of it: keep a copy of the key file elsewhere (docs/admin.md)\n");
    return 0;
}

base::Result<int> list_backups(const std::string& folder, bool json) {
    const auto found = TRY(admin::backups_in(folder));
    for (const auto& other : found.others) cli::print_warning("`" + other.path + "` is left out: " + other.why);
    if (json) {
        Json list = Json::array();
        for (const auto& one : found.backups) list.push(to_json(one));
        cli::print_pretty_json(list);
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"BACKUP", "SERVER", "TIME", "OBJECTS", "BYTES", "NEW", "MASTER KEY"}};
    for (const auto& one : found.backups)
        rows.push_back({one.id, one.installation, text::iso8601(one.time), std::to_string(one.objects), size_of(one.blob_bytes),
                        size_of(one.new_bytes), one.has_master_key ? "included" : "elsewhere"});
    cli::print(cli::table(rows));
    return 0;
}

// ---- check

// Of rooms that `admin` does not know.
base::Result<void> check_entry(const store::Entry& entry) {
    if (entry.key.starts_with("metrics/series/")) return {};  // its id
    const auto json = text::parse_json(entry.value);
    if (!json) return base::fail(base::code::CorruptRecord, json.error().message);
    if (!entry.key.starts_with("training/job/")) return {};
    const auto job = training::job_from_json(*json);
    return job ? base::Result<void>() : base::fail(base::code::CorruptRecord, job.error().message);
}

base::Result<std::vector<crypto::PublicKey>> keys_in(const std::vector<std::string>& files) {
    std::vector<crypto::PublicKey> keys;
    for (const auto& file : files) {
        const std::string pems = TRY(os::read_file(file, key_file_bytes_max));
        auto read = admin::public_keys_of(pems);
        if (read.empty()) return base::fail(base::code::Usage, "`" + file + "` holds no public key");
        for (auto& key : read) keys.push_back(std::move(key));
    }
    return keys;
}

base::Result<void> check_folder(const std::string& data, const CheckSettings& settings, admin::CheckReport& report) {
    const auto opened = TRY(OpenedSource::open(data));
    admin::CheckOptions options{.quick = settings.quick,
                                .audit_keys = TRY(keys_in(settings.public_keys)),
                                .check_entry = check_entry,
                                .go_on = [&opened] { return opened->go_on(); },
                                .verified = nullptr};
    if (options.audit_keys.empty()) options.audit_keys = admin::public_keys_of(audit_public_keys_of(data));
    return admin::check_source(opened->source(), options, report);
}

base::Result<void> check_backups(const CheckSettings& settings, admin::CheckReport& report) {
    os::Descriptor lock;  // not of a folder that cannot be written: nobody else writes there either
    if (::access(settings.folder.c_str(), W_OK) == 0) lock = TRY(admin::lock_folder(settings.folder));
    std::unordered_set<std::string> verified;
    admin::CheckOptions options{.quick = settings.quick,
                                .audit_keys = TRY(keys_in(settings.public_keys)),
                                .check_entry = check_entry,
                                .go_on = {},
                                .verified = &verified};
    std::vector<admin::Manifest> all;
    if (settings.backup.empty()) {
        auto found = TRY(admin::backups_in(settings.folder));
        for (const auto& other : found.others) {
            if (other.may_be_backup)
                report.find(other.path, "it is no backup that can be used: " + other.why,
                            "remove `" + other.path + "` if that backup is given up, and make another");
            else
                cli::print_warning("`" + other.path + "` is left out: " + other.why);
        }
        all = std::move(found.backups);
    } else {
        all.push_back(TRY(admin::find_backup(settings.folder, settings.backup)));
    }
    for (const auto& manifest : all) TRY(admin::check_backup(settings.folder, manifest, options, report));
    return {};
}

base::Result<int> check(const CheckSettings& settings) {
    admin::CheckReport report;
    const std::string& folder = settings.folder.empty() ? settings.data : settings.folder;
    if (admin::is_backup_folder(folder))
        TRY(check_backups(settings, report));
    else
        TRY(check_folder(folder, settings, report));
    return show(report, settings.json);
}

// ---- restore

// Is what was restored as it was stored? Before it is a server's folder.
base::Result<void> check_restored(const admin::Source& made, const std::string& audit_keys, bool json) {
    const admin::CheckOptions options{.quick = false,
                                      .audit_keys = admin::public_keys_of(audit_keys),
                                      .check_entry = check_entry,
                                      .go_on = {},
                                      .verified = nullptr};
    admin::CheckReport report;
    TRY(admin::check_source(made, options, report));
    if (!json) (void)show(report, false);
    if (report.holds()) return {};
    if (json)
        for (const auto& one : report.findings) cli::print_warning(one.place + ": " + one.what);
    return base::fail(
        base::Error(base::code::BackupUnusable, "what was restored is not whole: no server takes `" + made.root + "`")
            .note("restore another backup into another folder, or what there is of this one with --skip-check"));
}

base::Result<int> run_restore(RestoreCommand& settings) {
    const base::SystemClock clock;
    if (!settings.skip_check)
        settings.check = [&settings](const admin::Source& made, const std::string& audit_keys) {
            return check_restored(made, audit_keys, settings.json);
        };
    const auto restored = TRY(restore(settings, clock));
    if (settings.json) {
        Json jobs = Json::array();
        for (const auto& job : restored.failed_jobs) jobs.push(job);
        cli::print_pretty_json(Json::object({{"Backup", to_json(restored.manifest)},
                                             {"Installation", restored.id},
                                             {"MasterKeyFile", restored.master_key_file},
                                             {"AuditKeyFile", restored.audit_key_file},
                                             {"FailedJobs", std::move(jobs)}}));
        return 0;
    }
    cli::print("restored " + Text(restored.manifest.id) + " of " + text::iso8601(restored.manifest.time) + ", which server " +
               restored.manifest.installation + " made, into " + settings.directory + "\n  master key  " +
               restored.master_key_file + "\n  audit key   " + restored.audit_key_file + "\n");
    for (const auto& job : restored.failed_jobs)
        cli::print("  the training job " + Text(job) + " was in progress: it is Failed here\n");
    return 0;
}

// ---- the master key

base::Result<std::unique_ptr<wire::Client>> client_of_server(const std::string& data) {
    auto client = TRY(client_of_folder(data, nullptr));
    if (client) return client;
    return base::fail(
        base::Error(base::code::NoServer, "no server runs on `" + data + "`").note("start it: trainwarden serve --data " + data));
}

void show_master_key(const m::MasterKeyResponse& key, bool json) {
    if (json) {
        Json until = Json::array();
        for (const auto& time : key.former_tokens_until) until.push(time);
        cli::print_pretty_json(Json::object({{"KeyFile", key.key_file},
                                             {"IsRotating", key.is_rotating},
                                             {"LookedAt", key.looked_at},
                                             {"Resealed", key.resealed},
                                             {"FormerTokensUntil", std::move(until)}}));
        return;
    }
    cli::print(Text("master key  ") + key.key_file + "\n");
    if (key.is_rotating)
        cli::print(Text("rotation    goes on: ") + std::to_string(key.resealed) +
                   " records sealed anew so far; the former key is still needed\n");
    else
        cli::print("rotation    none goes on: every record is sealed under the key\n");
    for (const auto& time : key.former_tokens_until)
        cli::print(Text("sessions    of a former key are taken until ") + time + "\n");
}

base::Result<int> rotate(const RotateSettings& settings) {
    const auto client = TRY(client_of_server(settings.data));
    auto key = TRY(client->call<m::DescribeMasterKey>({}));
    if (!settings.status) {
        if (key.is_rotating)
            return base::fail(
                base::Error(base::code::RotationInProgress,
                            "an earlier rotation of the master key is not done, and no other was begun")
                    .note("`trainwarden admin rotate-master-key --status` says how far it is, with --wait it waits for the end"));
        if (!settings.save_former.empty()) {
            std::error_code error;
            if (std::filesystem::exists(settings.save_former, error))
                return base::fail(base::code::Usage, "`" + settings.save_former + "` is there already");
            const std::string former = TRY(os::read_file(key.key_file, key_file_bytes_max));
            TRY(os::replace_file(settings.save_former, former));
        }
        key = TRY(client->call<m::RotateMasterKey>({.end_sessions = settings.end_sessions}));
    }
    while (settings.wait && key.is_rotating) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        key = TRY(client->call<m::DescribeMasterKey>({}));
    }
    show_master_key(key, settings.json);
    if (!settings.status && settings.save_former.empty())
        cli::print_warning(
            "backups that were made before need the former key: one of them that has it (--include-master-key), or your copy of "
            "it");
    return 0;
}

// ---- retention

base::Result<int> retention(const RetentionSettings& settings) {
    const auto client = TRY(client_of_server(settings.data));
    const auto given = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
    m::PutRetentionRequest wanted{.audit_keep_days = given(settings.keep_days),
                                  .audit_keep_bytes = given(settings.keep_bytes),
                                  .audit_when_full = given(settings.when_full)};
    const bool sets = wanted.audit_keep_days || wanted.audit_keep_bytes || wanted.audit_when_full;
    const auto kept = sets ? TRY(client->call<m::PutRetention>(wanted)) : TRY(client->call<m::DescribeRetention>({}));
    if (settings.json) {
        Json options = Json::array();
        for (const auto& option : kept.set_by_options) options.push(option);
        Json json = Json::object({{"AuditKeepDays", kept.audit_keep_days},
                                  {"AuditKeepBytes", kept.audit_keep_bytes},
                                  {"AuditWhenFull", kept.audit_when_full},
                                  {"SetByOptions", std::move(options)},
                                  {"AuditBytes", kept.audit_bytes}});
        if (kept.oldest_record) json.set("OldestRecord", *kept.oldest_record);
        cli::print_pretty_json(json);
        return 0;
    }
    cli::print(Text("audit log       kept ") +
               (kept.audit_keep_days == "0" ? Text("without a limit of days") : Text(kept.audit_keep_days) + " days") +
               ", at most " + (kept.audit_keep_bytes == "0" ? Text("as much as the disk takes") : Text(kept.audit_keep_bytes)) +
               "; when that is full: " + kept.audit_when_full + "\n");
    cli::print("                has " + Text(size_of(static_cast<uint64_t>(kept.audit_bytes))) +
               (kept.oldest_record ? Text(", since ") + *kept.oldest_record : Text("")) + "\n");
    for (const auto& option : kept.set_by_options) cli::print("                " + Text(option) + " of serve holds\n");
    cli::print(
        "training jobs   kept until they are deleted (DeleteTrainingJob)\n"
        "logs            kept until their group or stream is deleted (DeleteLogGroup, DeleteLogStream)\n");
    return 0;
}

void add_backup(cli::Command& admin) {
    auto settings = std::make_shared<BackupSettings>();
    cli::Command command = admin.subcommand("backup", "Back up everything that a server has stored, while it serves");
    command.positional("DEST", settings->destination, "folder of backups; made if it is not there");
    command.data_folder(settings->data);
    command.option("--keep", "N", settings->keep, "afterwards remove all but the newest N backups of this server; 0: none");
    command.flag("--include-master-key", settings->include_master_key,
                 "the backup has the master key: who reads it has every secret");
    command.flag("--copy", settings->copy, "no hard links to the server's own files, on the same file system either");
    command.flag("--json", settings->json, "print JSON");
    command.footer("Another backup into the same folder copies only what is new.");
    command.action([settings] {
        ::umask(077);
        return backup(*settings);
    });

    auto listed = std::make_shared<BackupSettings>();
    cli::Command list = admin.subcommand("backups", "List the backups in a folder");
    list.positional("DEST", listed->destination, "folder of backups");
    list.flag("--json", listed->json, "print JSON");
    list.action([listed] { return list_backups(listed->destination, listed->json); });
}

void add_restore(cli::Command& admin) {
    auto settings = std::make_shared<RestoreCommand>();
    cli::Command command = admin.subcommand("restore", "Make a new data folder from a backup");
    command.positional("SRC", settings->source, "folder of backups");
    command.positional("DIR", settings->directory, "the new data folder: empty, or not there");
    command.option("--backup", "ID", settings->backup, "which backup; by default the newest, if all are of one server");
    command.option("--from-key-file", "FILE", settings->from_key_file,
                   "the master key of the server that made the backup, if it is neither in the backup nor where it was");
    command.option("--master-key-file", "FILE", settings->master_key_file, "where the new server's key file is made");
    command.flag("--skip-check", settings->skip_check, "do not read again and compare what was restored");
    command.flag("--json", settings->json, "print JSON");
    command.action([settings] {
        ::umask(077);
        return run_restore(*settings);
    });
}

void add_check(cli::Command& admin) {
    auto settings = std::make_shared<CheckSettings>();
    cli::Command command =
        admin.subcommand("check", "Is everything as it was stored? Reads every record, every blob and the audit log");
    command.positional("DIR", settings->folder, "a data folder, whose server may run, or a folder of backups", false);
    command.data_folder(settings->data);
    command.option("--backup", "ID", settings->backup, "of a folder of backups only this one");
    command.option("--public-key", "FILE", settings->public_keys,
                   "a key that signed the audit log; repeatable (default: the folder's)");
    command.flag("--quick", settings->quick, "of blobs compare the sizes only");
    command.flag("--json", settings->json, "print JSON");
    command.footer("The exit status is 1 if anything is damaged or could not be checked.");
    command.action([settings] { return check(*settings); });
}

void add_rotate(cli::Command& admin) {
    auto settings = std::make_shared<RotateSettings>();
    cli::Command command = admin.subcommand("rotate-master-key", "Put another master key in place while the server serves");
    command.data_folder(settings->data);
    command.flag("--status", settings->status, "only say how far a rotation is");
    command.flag(
        "--wait", settings->wait,
        "until every record is sealed under the new key; with --status for the rotation that goes on, without beginning another");
    command.flag("--end-sessions", settings->end_sessions,
                 "for a key that was disclosed: refuse session tokens under the former key from now on, running jobs' too");
    command.option("--save-former", "FILE", settings->save_former, "keep the former key there: earlier backups need it");
    command.flag("--json", settings->json, "print JSON");
    command.action([settings] { return rotate(*settings); });
}

void add_retention(cli::Command& admin) {
    auto settings = std::make_shared<RetentionSettings>();
    cli::Command command = admin.subcommand("retention", "Show or set how long the server keeps its records");
    command.data_folder(settings->data);
    command.option("--audit-keep-days", "DAYS", settings->keep_days,
                   "from now on, and after a restart; 0: as long as there is room");
    command.option("--audit-keep-bytes", "BYTES", settings->keep_bytes, "500M, 16G; 0: as large as the disk");
    command.option("--audit-when-full", "ACTION", settings->when_full, "remove or refuse, as for serve");
    command.flag("--json", settings->json, "print JSON");
    command.action([settings] { return retention(*settings); });
}

}  // namespace

void add_admin(cli::Command& root) {
    cli::Command admin = root.subcommand("admin", "Backups, restores, checks, the master key, retention");
    add_backup(admin);
    add_restore(admin);
    add_check(admin);
    add_rotate(admin);
    add_retention(admin);
}

}  // namespace server
