#include "admin/manifest.hpp"

#include <algorithm>
#include <charconv>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/time.hpp"

namespace admin {
namespace {

std::unexpected<base::Error> unusable(const std::string& what) {
    return base::fail(base::code::BackupUnusable, "the backup's manifest " + what);
}

uint64_t number(const text::Json& json) {
    const std::string& text = json.as_string();
    uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

std::string to_text(const Manifest& manifest) {
    text::Json files = text::Json::array();
    for (const auto& file : manifest.files)
        files.push(text::Json::object(
            {{"Path", file.path}, {"Bytes", file.bytes}, {"Modified", file.modified}, {"Sha256", file.sha256}}));
    text::Json json = text::Json::object({{"Format", backup_format},
                                          {"Id", manifest.id},
                                          {"Time", text::iso8601_millis(manifest.time)},
                                          {"MadeBy", manifest.made_by},
                                          {"Installation", manifest.installation},
                                          {"StoreIdentity", manifest.store_identity},
                                          {"HasMasterKey", manifest.has_master_key},
                                          {"Entries", manifest.entries},
                                          {"Objects", manifest.objects},
                                          {"Blobs", manifest.blobs},
                                          {"BlobBytes", manifest.blob_bytes},
                                          {"NewBytes", manifest.new_bytes},
                                          {"AuditHeads", manifest.heads},
                                          {"Files", std::move(files)}});
    json.set("Digest", crypto::hex(crypto::sha256(json.canonical())));
    return json.pretty() + "\n";
}

base::Result<Manifest> read_manifest(std::string_view text) {
    auto parsed = text::parse_json(text);
    if (!parsed) return unusable("is damaged: " + parsed.error().message);
    text::Json& json = *parsed;
    if (json["Format"].as_int() > backup_format)
        return unusable("has format " + std::to_string(json["Format"].as_int()) +
                        ", which a newer version of this program wrote");
    const std::string digest = json["Digest"].as_string();
    json.erase("Digest");
    if (digest != crypto::hex(crypto::sha256(json.canonical()))) return unusable("is damaged: its digest does not hold");
    const auto time = text::parse_iso8601(json["Time"].as_string());
    Manifest manifest{.id = json["Id"].as_string(),
                      .time = time.value_or(base::Time{}),
                      .made_by = json["MadeBy"].as_string(),
                      .installation = json["Installation"].as_string(),
                      .store_identity = json["StoreIdentity"].as_string(),
                      .has_master_key = json["HasMasterKey"].as_bool(),
                      .entries = number(json["Entries"]),
                      .objects = number(json["Objects"]),
                      .blobs = number(json["Blobs"]),
                      .blob_bytes = number(json["BlobBytes"]),
                      .new_bytes = number(json["NewBytes"]),
                      .files = {},
                      .heads = json["AuditHeads"]};
    for (const auto& file : json["Files"].items()) {
        manifest.files.push_back({.path = file["Path"].as_string(),
                                  .bytes = number(file["Bytes"]),
                                  .modified = static_cast<int64_t>(file["Modified"].as_int()),
                                  .sha256 = file["Sha256"].as_string()});
        if (!is_inside(manifest.files.back().path)) return unusable("names a file outside of the backup");
    }
    if (!is_backup_id(manifest.id) || !time || manifest.installation.empty() || manifest.files.empty())
        return unusable("is damaged: members are missing");
    return manifest;
}

bool is_inside(std::string_view path) {
    if (path.empty() || path.starts_with('/') || path.contains('\0')) return false;
    return std::ranges::none_of(base::split(path, '/'),
                                [](std::string_view part) { return part.empty() || part == "." || part == ".."; });
}

bool is_backup_id(std::string_view id) {
    return !id.empty() && id.size() <= 64 && !id.starts_with('-') && std::ranges::all_of(id, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'T' || c == 'Z' || c == '-';
    });
}

}  // namespace admin
