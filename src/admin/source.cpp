#include "admin/source.hpp"

#include <algorithm>

#include "admin/files.hpp"
#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "os/file.hpp"
#include "text/time.hpp"

namespace admin {
namespace {

// Blocks that are kept free for a full disk (store/reserve.hpp): they hold nothing, and each server takes its own.
bool is_reserve(std::string_view name) { return name == "reserved-space" || name == "reserved-space-for-administration"; }

// What the database makes anew, and what says which database it is: a copy is another one.
bool is_of_database_only(std::string_view name) {
    return name == "LOCK" || name == "IDENTITY" || name == "LOG" || name.starts_with("LOG.") || is_reserve(name) ||
           name.starts_with("OPTIONS-");
}

// The last segment of each stream grows; without a snapshot, nothing does.
bool is_segment_or_index(std::string_view name) { return name.ends_with(".jsonl") || name.ends_with(".index"); }

}  // namespace

std::string store_identity_of(const std::string& data) {
    const auto identity = os::read_file(data + "/keys/IDENTITY", 4096);
    return identity ? std::string(base::trim(*identity)) : "";
}

base::Result<Source> source_of_snapshot(const std::string& data, const std::string& snapshot) {
    const std::string text = TRY(os::read_file(snapshot + "/" + std::string(snapshot_said_file)));
    const auto said = text::parse_json(text);
    const auto time = said ? text::parse_iso8601((*said)["Time"].as_string()) : std::nullopt;
    if (!time) return base::fail(base::code::BackupUnusable, "the snapshot in `" + snapshot + "` cannot be read");
    Source source{.root = snapshot,
                  .blobs = data + "/blobs",
                  .time = *time,
                  .store_identity = (*said)["StoreIdentity"].as_string(),
                  .heads = (*said)["AuditHeads"],
                  .audit_bytes = {},
                  .is_served = true};
    for (const auto& [name, bytes] : (*said)["AuditBytes"].members())
        source.audit_bytes[name] = static_cast<uint64_t>(bytes.as_int());
    return source;
}

Source source_of_folder(const std::string& data, base::Time now, text::Json heads) {
    return {.root = data,
            .blobs = data + "/blobs",
            .time = now,
            .store_identity = store_identity_of(data),
            .heads = std::move(heads),
            .audit_bytes = {},
            .is_served = false};
}

base::Result<std::vector<SourceFile>> files_of(const Source& source) {
    std::vector<SourceFile> files;
    for (const auto& name : TRY(files_below(source.root + "/keys")))
        if (!is_of_database_only(name)) files.push_back({"keys/" + name, {}, name.ends_with(".sst")});
    for (const auto& name : TRY(files_below(source.root + "/audit"))) {
        if (is_reserve(name)) continue;
        const auto grows = source.audit_bytes.find(name);
        const bool is_current = grows != source.audit_bytes.end();
        files.push_back({"audit/" + name, is_current ? std::optional(grows->second) : std::nullopt,
                         source.is_served && !is_current && is_segment_or_index(name)});
    }
    for (const std::string_view folder : {"logs", "tls"})
        for (const auto& name : TRY(files_below(source.root + "/" + std::string(folder))))
            files.push_back({std::string(folder) + "/" + name, {}, false});
    for (const std::string_view name : single_files)
        if (facts_of(source.root + "/" + std::string(name))) files.push_back({std::string(name), {}, false});
    return files;
}

}  // namespace admin
