#include "admin/check.hpp"

#include <sys/stat.h>

#include <filesystem>

#include "admin/check_records.hpp"
#include "admin/files.hpp"
#include "audit/log.hpp"
#include "base/error_codes.hpp"
#include "objects/integrity.hpp"
#include "os/file.hpp"
#include "store/blobs.hpp"
#include "store/store_copy.hpp"

namespace admin {
namespace {

namespace fs = std::filesystem;

constexpr const char* blob_remedy =
    "restore the object from a backup, or upload it again; the disk may be failing: look at its log and its SMART values";
// A blob has its name a moment before the record that names it is committed.
constexpr std::chrono::seconds just_made{60};

class BlobCheck {
public:
    BlobCheck(const std::string& blobs, const CheckOptions& options, CheckReport& report)
        : blobs_(blobs), options_(options), report_(report) {}

    base::Result<void> check_named(const store::Snapshot& keys) {
        for (const std::string_view prefix : objects::prefixes_with_blobs)
            TRY(store::each_entry(keys, std::string(prefix), [&](const store::Entry& entry) -> base::Result<void> {
                const std::string place = "record " + entry.key;
                const auto named = objects::stored_bytes(entry);
                if (!named) {
                    report_.find(place, named.error().message, blob_remedy);
                    return {};
                }
                for (const auto& bytes : *named) TRY(check(place, bytes));
                return {};
            }));
        return {};
    }

    // REQUIRES: check_named
    base::Result<void> count_unnamed(const Source& source) {
        for (const auto& file : TRY(files_below(blobs_))) {
            const std::string name = fs::path(file).filename().string();
            if (named_.contains(name) || file.starts_with("unfinished/") || file.starts_with("log/")) continue;
            struct stat facts{};
            if (::stat((blobs_ + "/" + file).c_str(), &facts) != 0) continue;  // gone by now: it was removed
            const base::Time made{std::chrono::milliseconds(facts.st_ctim.tv_sec * 1000)};
            if (source.is_served && made > source.time - just_made) continue;
            ++report_.unnamed_blobs;
        }
        if (source.is_served) return {};  // the log says of none when it was made
        for (const auto& id : TRY(stored_.logged())) report_.unnamed_blobs += named_.contains(id) ? 0 : 1;
        return {};
    }

private:
    base::Result<void> check(const std::string& place, const objects::StoredBytes& bytes) {
        if (options_.go_on) TRY(options_.go_on());
        if (!named_.insert(bytes.blob).second) {
            report_.find(place, "its blob " + bytes.blob + " is another record's, too", blob_remedy);
            return {};
        }
        ++report_.blobs;
        report_.blob_bytes += bytes.size;
        if (!bytes.has_digest()) ++report_.without_digest;
        if (options_.verified != nullptr && !options_.verified->insert(bytes.blob).second) return {};
        const std::string path = stored_.path_of(bytes.blob);
        const auto file = stored_.open(bytes.blob);
        if (!file) {
            report_.find(place, "its blob cannot be read: " + path + ": " + file.error().message, blob_remedy);
            return {};
        }
        objects::StoredBytes wanted = bytes;
        if (options_.quick) {
            wanted.kind.reset();
            wanted.md5.clear();
            wanted.crc32c.reset();
        }
        const auto verified = objects::verify_bytes(wanted, **file);
        if (!verified) report_.find(place, path + ": " + verified.error().message, blob_remedy);
        return {};
    }

    const std::string& blobs_;
    const store::StoredBlobs stored_{blobs_};
    const CheckOptions& options_;
    CheckReport& report_;
    std::unordered_set<std::string> named_;
};

base::Result<void> check_audit(const Source& source, const CheckOptions& options, CheckReport& report) {
    const std::string folder = source.root + "/audit";
    audit::VerifyOptions wanted{.directory = folder, .keys = options.audit_keys, .heads = {}};
    if (options.audit_keys.empty()) {
        report.find(folder, "the audit log cannot be verified: the public key that signed it is not known",
                    "name it with --public-key; docs/audit.md says where it is");
        return {};
    }
    if (source.heads.is_object()) wanted.heads = TRY(audit::read_heads(source.heads.dump()));
    const auto verified = audit::verify(wanted);
    if (!verified) {
        report.find(folder, verified.error().message, "restore a backup");
        return {};
    }
    for (const auto& stream : verified->streams) {
        if (stream.last_record >= stream.first_record && stream.first_record != 0)
            report.audit_records += stream.last_record - stream.first_record + 1;
        if (!stream.finding.empty())
            report.find(folder + ", stream " + stream.stream, stream.finding,
                        "`trainwarden audit verify` says more; keep the folder as it is for who looks into it");
    }
    return {};
}

}  // namespace

void CheckReport::find(std::string place, std::string what, std::string remedy) {
    if (findings.size() >= findings_max) {
        ++more_findings;
        return;
    }
    findings.push_back({std::move(place), std::move(what), std::move(remedy)});
}

std::vector<crypto::PublicKey> public_keys_of(std::string_view pems) {
    constexpr std::string_view end = "-----END PUBLIC KEY-----";
    std::vector<crypto::PublicKey> keys;
    while (!pems.empty()) {
        const size_t at = pems.find(end);
        const std::string_view one = pems.substr(0, at == std::string_view::npos ? pems.size() : at + end.size());
        if (auto key = crypto::PublicKey::read(one)) keys.push_back(std::move(*key));
        pems.remove_prefix(one.size());
    }
    return keys;
}

base::Result<void> check_source(const Source& source, const CheckOptions& options, CheckReport& report) {
    const std::string keys_folder = source.root + "/keys";
    const auto keys = store::open_store_copy(keys_folder);
    if (!keys) {
        report.find(keys_folder, keys.error().message, "restore a backup");
    } else {
        if (auto verified = (*keys)->verify(); !verified) report.find(keys_folder, verified.error().message, "restore a backup");
        TRY(check_records(**keys, options, report));
        BlobCheck blobs(source.blobs, options, report);
        TRY(blobs.check_named(**keys));
        TRY(blobs.count_unnamed(source));
    }
    return check_audit(source, options, report);
}

base::Result<void> check_backup(const std::string& folder, const Manifest& manifest, const CheckOptions& options,
                                CheckReport& report) {
    const std::string root = backup_path(folder, manifest.id);
    ++report.backups;
    for (const auto& file : manifest.files) {
        if (options.go_on) TRY(options.go_on());
        ++report.files;
        const std::string path = root + "/" + file.path;
        const auto digest = sha256_of_file(path);
        if (!digest || *digest != file.sha256)
            report.find(path,
                        digest ? "its bytes were altered: they are not those of the manifest's digest" : digest.error().message,
                        "this backup is damaged: make another, and remove it");
    }
    CheckOptions wanted = options;
    const std::string pem_file = root + "/audit-key.pub";
    if (const auto pem = os::read_file(pem_file, 1 << 20)) {
        for (auto& key : public_keys_of(*pem)) wanted.audit_keys.push_back(std::move(key));
    }
    const Source source{.root = root,
                        .blobs = folder + "/blobs",
                        .time = manifest.time,
                        .store_identity = manifest.store_identity,
                        .heads = manifest.heads,
                        .audit_bytes = {},
                        .is_served = true};  // blobs of other backups are no garbage
    const uint64_t unnamed = report.unnamed_blobs;
    TRY(check_source(source, wanted, report));
    report.unnamed_blobs = unnamed;
    return {};
}

}  // namespace admin
