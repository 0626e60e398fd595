#include "server/restore.hpp"

#include <unistd.h>

#include <filesystem>
#include <optional>

#include "admin/backup.hpp"
#include "admin/files.hpp"
#include "admin/restore.hpp"
#include "audit/log.hpp"
#include "base/error_codes.hpp"
#include "crypto/random.hpp"
#include "crypto/signing.hpp"
#include "identity/records.hpp"
#include "identity/sealed_secret.hpp"
#include "os/file.hpp"
#include "server/data_folder.hpp"
#include "store/store_copy.hpp"
#include "text/json.hpp"
#include "text/time.hpp"
#include "training/job.hpp"

namespace server {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view jobs_prefix = "training/job/";

constexpr const char* key_remedy =
    "name it with --from-key-file: it is the key file of the server that made the backup, as it was then (docs/admin.md)";

class Restorer {
public:
    Restorer(const RestoreSettings& settings, const base::Clock& clock) : settings_(settings), now_(clock.now()), clock_(clock) {}

    base::Result<Restored> restore() {
        out_.manifest = TRY(admin::find_backup(settings_.source, settings_.backup));
        TRY(admin::check_is_empty(settings_.directory));
        root_ = admin::backup_path(settings_.source, out_.manifest.id);
        TRY(read_keys());
        if (auto done = make(); !done) {
            // Without its keys and its `installation` the folder is no server's.
            for (const auto& file : made_) ::unlink(file.c_str());
            return base::fail(std::move(done).error());
        }
        return std::move(out_);
    }

private:
    base::Result<void> make() {
        TRY(admin::copy_out(settings_.source, out_.manifest, settings_.directory));
        directory_ = fs::canonical(settings_.directory).string();
        TRY(open_every_secret());
        TRY(write_keys());
        TRY(fail_jobs());
        TRY(write_whole(directory_ + "/restored", said().pretty() + "\n"));
        TRY(go_on_with_the_record());
        if (settings_.check) TRY(check());
        // Last: from here on it is a server's folder.
        text::Json installation = text::Json::object(
            {{"Id", out_.id}, {"MasterKeyFile", out_.master_key_file}, {"Sealed", sealed_proof_of(keys_, out_.id, random_)}});
        return write_whole(directory_ + "/installation", installation.pretty() + "\n");
    }

    base::Result<void> check() const {
        const std::string kept = TRY(os::read_file(out_.audit_key_file + ".head"));
        return settings_.check(admin::source_of_folder(directory_, now_, TRY(text::parse_json(kept))), public_keys_);
    }

    base::Result<std::optional<std::string>> read(std::string_view path) const {
        return admin::read_backed_up(settings_.source, out_.manifest, path);
    }

    base::Result<void> read_keys() {
        const std::string content = TRY(read("installation")).value_or("");
        const auto installation = TRY(text::parse_json(content));
        former_audit_keys_ = TRY(read("audit-key.pub"));
        const std::string former_id = installation["Id"].as_string();
        const auto own = out_.manifest.has_master_key ? TRY(read("master-key")) : std::nullopt;
        std::string file = settings_.from_key_file;
        if (file.empty()) file = own ? root_ + "/master-key" : installation["MasterKeyFile"].as_string();
        auto keys = own && settings_.from_key_file.empty() ? identity::read_master_keys(*own) : read_master_key_file(file);
        if (!keys) return base::fail(std::move(keys).error().note(key_remedy));
        keys_ = std::move(*keys);
        if (!opens_proof(keys_, former_id, installation["Sealed"].as_string()))
            return base::fail(
                base::Error(base::code::MasterKeyWrong, "`" + file + "` is not the master key that this backup was sealed under")
                    .note(key_remedy));
        return {};
    }

    // A key that was rotated since opens the folder's proof, perhaps, and not every record.
    base::Result<void> open_every_secret() const {
        std::vector<std::string> secrets = {identity::secrets_key_of(keys_.current)};
        for (const auto& former : keys_.former) secrets.push_back(identity::secrets_key_of(former.key));
        const auto copy = TRY(store::open_store_copy(directory_ + "/keys"));
        return store::each_entry(*copy, "iam/key/", [&](const store::Entry& entry) -> base::Result<void> {
            const auto key = TRY(identity::read_access_key(entry.value));
            const auto opened = identity::open_secret(key, secrets);
            if (opened) return {};
            return base::fail(base::Error(base::code::MasterKeyWrong, opened.error().message).note(key_remedy));
        });
    }

    base::Result<void> write_keys() {
        out_.id = random_.hex(16);
        std::error_code error;
        out_.master_key_file = settings_.master_key_file.empty() ? TRY(default_master_key_file(out_.id))
                                                                 : fs::absolute(settings_.master_key_file, error).string();
        if (out_.master_key_file.starts_with(directory_ + "/"))
            return base::fail(base::Error(base::code::RestoreRefused, "the master key may not lie in the data folder")
                                  .note("choose another place with --master-key-file"));
        const std::string folder = fs::path(out_.master_key_file).parent_path().string();
        out_.audit_key_file = folder + "/" + out_.id + ".audit-key";
        if (fs::exists(out_.master_key_file, error))
            return base::fail(base::Error(base::code::RestoreRefused, "`" + out_.master_key_file + "` is there already")
                                  .note("each server has a key file of its own: choose another place with --master-key-file"));
        TRY(write_new(out_.master_key_file, identity::to_text(keys_)));
        key_ = std::make_shared<const crypto::SigningKey>(crypto::SigningKey::make());
        public_keys_ = key_->public_key().pem() + former_audit_keys_.value_or("");
        TRY(write_new(out_.audit_key_file, key_->pem()));
        TRY(write_new(out_.audit_key_file + ".pub", key_->public_key().pem()));
        if (former_audit_keys_) TRY(write_new(out_.audit_key_file + ".former.pub", *former_audit_keys_));
        TRY(write_new(out_.audit_key_file + ".head", out_.manifest.heads.pretty() + "\n"));
        return write_new(folder + "/" + out_.id + ".audit-key-file", out_.audit_key_file + "\n");
    }

    base::Result<void> write_new(const std::string& file, const std::string& content) {
        made_.push_back(file);
        return write_whole(file, content);
    }

    // Their workers are not here, and may run on where they were: this server knows nothing of them.
    base::Result<void> fail_jobs() {
        const auto keys = TRY(store::open_rocks_store(directory_ + "/keys"));
        for (const auto& entry : TRY(keys->scan({.prefix = std::string(jobs_prefix)}))) {
            const auto json = TRY(text::parse_json(entry.value));
            auto job = training::job_from_json(json);
            if (!job || (job->status != training::Status::in_progress && job->status != training::Status::stopping)) continue;
            job->failure_reason = "InternalServerError: This server was restored from a backup of " +
                                  text::iso8601(out_.manifest.time) +
                                  ", which was made while the job was in progress. Create the job again.";
            for (auto& worker : job->workers) worker.process = 0;
            job->finish(training::Status::failed, "Failed", "Training job failed", now_);
            TRY(keys->commit(store::Batch().put(entry.key, to_json(*job).dump())));
            out_.failed_jobs.push_back(job->id.name);
        }
        return {};
    }

    [[nodiscard]] text::Json said() const {
        return text::Json::object({{"Backup", out_.manifest.id},
                                   {"BackupTime", text::iso8601_millis(out_.manifest.time)},
                                   {"FromInstallation", out_.manifest.installation},
                                   {"RestoredAt", text::iso8601_millis(now_)}});
    }

    // The chain goes on under another key, and the record says since when it is another server's.
    base::Result<void> go_on_with_the_record() const {
        audit::LogOptions options{.directory = directory_ + "/audit"};
        options.key = key_;
        options.head_file = out_.audit_key_file + ".head";
        options.clock = &clock_;
        options.keep_days = 0;
        options.keep_bytes = 0;
        options.restored = "from here on this is the record of another server, " + out_.id + ": it was restored at " +
                           text::iso8601(now_) + " from the backup " + out_.manifest.id + ", which server " +
                           out_.manifest.installation + " made; what that server did since then is in its own record alone";
        TRY(audit::Log::open(std::move(options)));
        return {};
    }

    const RestoreSettings& settings_;
    const base::Time now_;
    const base::Clock& clock_;
    crypto::SystemRandom random_;
    Restored out_;
    std::string root_, directory_;
    identity::MasterKeys keys_;
    std::optional<std::string> former_audit_keys_;  // PEM
    std::shared_ptr<const crypto::SigningKey> key_;
    std::string public_keys_;        // PEM: of all who signed the record
    std::vector<std::string> made_;  // outside of the folder
};

}  // namespace

base::Result<Restored> restore(const RestoreSettings& settings, const base::Clock& clock) {
    return Restorer(settings, clock).restore();
}

}  // namespace server
