#include "admin/backup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <unordered_set>

#include "admin/files.hpp"
#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "crypto/random.hpp"
#include "objects/integrity.hpp"
#include "os/file.hpp"
#include "store/blobs.hpp"
#include "store/store_copy.hpp"
#include "text/json.hpp"
#include "text/time.hpp"

namespace admin {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view marker = "trainwarden-backups";
constexpr size_t list_line_bytes_max = 64;
constexpr size_t id_digits = 4;

std::unexpected<base::Error> unusable(const std::string& what, const std::string& remedy = "") {
    base::Error error(base::code::BackupUnusable, what);
    if (!remedy.empty()) error.notes.push_back(remedy);
    return base::fail(std::move(error));
}

// Or with what a first backup that was cut off has left.
bool is_empty_or_absent(const std::string& folder) {
    std::error_code error;
    if (!fs::exists(folder, error)) return true;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        if (!at->path().filename().string().starts_with(marker)) return false;
    return !error;
}

base::Result<void> make_backup_folder(const std::string& folder) {
    if (!is_backup_folder(folder)) {
        if (!is_empty_or_absent(folder))
            return unusable("`" + folder + "` is not empty, and no folder of backups",
                            "name an empty folder, or one that is not there");
        TRY(make_private_folder(folder));
        TRY(os::replace_file(folder + "/" + std::string(marker),
                             text::Json::object({{"Format", backup_format}}).pretty() + "\n"));
    }
    for (const char* inner : {"/backups", "/blobs", "/unfinished"}) TRY(make_private_folder(folder + inner));
    return {};
}

// Into one another, in whichever way they are written.
base::Result<void> check_apart(const std::string& data, const std::string& destination) {
    const auto one = fs::weakly_canonical(data).string() + "/", other = fs::weakly_canonical(destination).string() + "/";
    if (one.starts_with(other) || other.starts_with(one))
        return unusable("the backups would lie in the folder that they are of, or the other way round",
                        "name a folder outside of `" + data + "`, on another disk if there is one");
    return {};
}

class Writer {
public:
    Writer(const Source& source, const BackupOptions& options) : source_(source), options_(options) {}

    base::Result<Manifest> write() {
        TRY(check_apart(fs::path(source_.blobs).parent_path().string(), options_.destination));
        TRY(make_backup_folder(options_.destination));
        const auto lock = TRY(lock_folder(options_.destination));
        const std::string unfinished = options_.destination + "/unfinished";
        TRY(remove_tree(unfinished));
        TRY(take_earlier());
        crypto::SystemRandom random;
        std::string stamp = text::amz_date(source_.time);
        made_.id = stamp + "-" + random.hex(id_digits);
        made_.time = source_.time;
        made_.made_by = options_.made_by;
        made_.store_identity = source_.store_identity;
        made_.heads = source_.heads;
        folder_ = unfinished + "/" + made_.id;
        TRY(make_private_folder(folder_));
        TRY(read_installation());
        for (const auto& file : TRY(files_of(source_))) TRY(take(file));
        TRY(take_keys());
        TRY(take_blobs());
        TRY(go_on());
        TRY(os::replace_file(folder_ + "/" + std::string(manifest_file), to_text(made_)));
        TRY(sync_all(options_.destination));
        const std::string place = backup_path(options_.destination, made_.id);
        if (::rename(folder_.c_str(), place.c_str()) != 0) return base::fail(os::file_error("rename", folder_, errno));
        TRY(os::sync_folder(options_.destination + "/backups"));
        return made_;
    }

private:
    [[nodiscard]] base::Result<void> go_on() const { return options_.go_on ? options_.go_on() : base::Result<void>(); }

    // What the newest backup of the same database has.
    base::Result<void> take_earlier() {
        for (const auto& earlier : TRY(backups_in(options_.destination)).backups) {
            earlier_.clear();
            if (earlier.store_identity != source_.store_identity || source_.store_identity.empty()) continue;
            for (const auto& file : earlier.files) earlier_[file.path] = file;
            earlier_folder_ = backup_path(options_.destination, earlier.id);
        }
        return {};
    }

    base::Result<void> read_installation() {
        const std::string path = source_.root + "/installation";
        const auto json = text::parse_json(TRY(os::read_file(path)));
        made_.installation = json ? (*json)["Id"].as_string() : "";
        if (made_.installation.empty()) return unusable("`" + path + "` cannot be read");
        return {};
    }

    base::Result<void> take(const SourceFile& file) {
        TRY(go_on());
        const std::string from = source_.root + "/" + file.path, to = folder_ + "/" + file.path;
        TRY(make_private_folder(fs::path(to).parent_path().string()));
        if (take_from_earlier(file, from, to)) return {};
        const auto copied =
            TRY(copy_file(from, to, {.bytes = file.bytes, .may_link = file.never_changes && !options_.copy, .digest = true}));
        made_.new_bytes += copied.bytes;
        made_.files.push_back({.path = file.path, .bytes = copied.bytes, .modified = copied.modified, .sha256 = copied.sha256});
        return {};
    }

    bool take_from_earlier(const SourceFile& file, const std::string& from, const std::string& to) {
        const auto found = earlier_.find(file.path);
        const auto facts = facts_of(from);
        if (found == earlier_.end() || !facts || file.bytes || facts->bytes != found->second.bytes ||
            facts->modified != found->second.modified)
            return false;
        if (::link((earlier_folder_ + "/" + file.path).c_str(), to.c_str()) != 0) return false;
        made_.files.push_back(found->second);
        return true;
    }

    base::Result<void> take_keys() {
        if (!options_.audit_public_key.empty()) TRY(put("audit-key.pub", options_.audit_public_key));
        made_.has_master_key = !options_.master_keys.empty();
        if (!made_.has_master_key) return {};
        return put("master-key", options_.master_keys);
    }

    base::Result<void> put(const std::string& name, const std::string& content) {
        TRY(os::replace_file(folder_ + "/" + name, content));
        made_.files.push_back(
            {.path = name, .bytes = content.size(), .modified = 0, .sha256 = TRY(sha256_of_file(folder_ + "/" + name))});
        return {};
    }

    base::Result<void> take_blobs() {
        const auto keys = TRY(store::open_store_copy(folder_ + "/keys"));
        const std::string list = folder_ + "/" + std::string(blobs_file);
        std::ofstream out(list, std::ios::binary);
        for (const std::string_view prefix : objects::prefixes_with_blobs)
            TRY(store::each_entry(*keys, std::string(prefix), [&](const store::Entry& entry) -> base::Result<void> {
                made_.objects += prefix != objects::parts_prefix;
                // What is wrong with a record is for `admin check` to say: the backup has it as it is.
                const auto named = objects::stored_bytes(entry);
                if (!named) return {};
                for (const auto& bytes : *named) {
                    TRY(go_on());
                    out << bytes.blob << ' ' << bytes.size << '\n';
                    TRY(take_blob(bytes.blob, bytes.size));
                }
                return {};
            }));
        TRY(store::each_entry(*keys, "", [&](const store::Entry&) -> base::Result<void> {
            ++made_.entries;
            return {};
        }));
        out.close();
        if (!out) return base::fail(base::code::FileError, "cannot write `" + list + "`");
        const auto facts = facts_of(list);
        made_.files.push_back({.path = std::string(blobs_file),
                               .bytes = facts ? facts->bytes : 0,
                               .modified = 0,
                               .sha256 = TRY(sha256_of_file(list))});
        return {};
    }

    base::Result<void> take_blob(const std::string& id, uint64_t bytes) {
        ++made_.blobs;
        made_.blob_bytes += bytes;
        const std::string to = store::blob_path(options_.destination + "/blobs", id);
        if (const auto facts = facts_of(to); facts && facts->bytes >= bytes) return {};
        const std::string shard = fs::path(to).parent_path().string();
        if (made_shards_.insert(shard).second) TRY(make_private_folder(shard));
        // Under a name of its own until it is whole: what is in blobs/ is.
        const std::string half = options_.destination + "/unfinished/" + id;
        const std::string from = store::blob_path(source_.blobs, id);
        uint64_t added = bytes;
        if (facts_of(from)) {
            const auto done = TRY(copy_file(from, half, {.bytes = {}, .may_link = !options_.copy, .digest = false}));
            if (!done.linked && ::access(half.c_str(), R_OK) == 0) TRY(sync_file(half));
            added = done.bytes;
        } else {
            const auto blob = stored_.open(id);
            if (!blob && blob.error().code == base::code::NoSuchBlob) return {};  // for `admin check` to say, as above
            auto whole = blob ? (*blob)->verify(0, bytes) : base::fail(blob.error());
            if (!whole) {  // likewise
                base::log_error("blob " + id + " is not in the backup: " + whole.error().describe());
                return {};
            }
            TRY(store::write_blob_file(half, id, **blob));
        }
        if (::rename(half.c_str(), to.c_str()) != 0) return base::fail(os::file_error("rename", half, errno));
        if (facts_of(half)) ::unlink(half.c_str());  // both were names of one file: rename(2) does nothing then
        made_.new_bytes += added;
        return {};
    }

    // A name in blobs/ is never of bytes that a loss of power takes: a later backup relies on it.
    static base::Result<void> sync_file(const std::string& path) {
        const auto file = TRY(os::open_file(path, O_RDONLY));
        if (::fdatasync(file.number()) != 0) return base::fail(os::file_error("sync", path, errno));
        return {};
    }

    const Source& source_;
    const BackupOptions& options_;
    const store::StoredBlobs stored_{source_.blobs};
    Manifest made_;
    std::string folder_, earlier_folder_;
    std::map<std::string, BackedUpFile> earlier_;
    std::unordered_set<std::string> made_shards_;
};

}  // namespace

bool is_backup_folder(const std::string& folder) { return facts_of(folder + "/" + std::string(marker)).has_value(); }
std::string backup_path(const std::string& folder, const std::string& id) { return folder + "/backups/" + id; }

base::Result<os::Descriptor> lock_folder(const std::string& folder) {
    auto lock = TRY(os::open_file(folder + "/lock", O_RDWR | O_CREAT));
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(lock.number(), F_SETLK, &whole) != 0)
        return unusable("another process writes into `" + folder + "`", "wait until it is done");
    return lock;
}

base::Result<Manifest> write_backup(const Source& source, const BackupOptions& options) {
    return Writer(source, options).write();
}

base::Result<FoundBackups> backups_in(const std::string& folder) {
    if (!is_backup_folder(folder))
        return unusable("`" + folder + "` is no folder of backups", "name the folder that `trainwarden admin backup` was given");
    FoundBackups found;
    std::error_code error;
    if (!fs::exists(folder + "/backups", error)) return found;  // the first was cut off
    for (fs::directory_iterator at(folder + "/backups", error), end; !error && at != end; at.increment(error)) {
        const std::string path = at->path().string();
        std::error_code gone;
        if (at->is_symlink(gone) || !at->is_directory(gone)) {
            found.others.push_back({path, "it is no backup: something else was put there", false});
            continue;
        }
        const auto text = os::read_file(path + "/" + std::string(manifest_file), manifest_bytes_max);
        auto manifest = text ? read_manifest(*text) : base::fail(text.error());
        if (manifest && manifest->id == at->path().filename().string())
            found.backups.push_back(std::move(*manifest));
        else
            found.others.push_back({path, manifest ? "its manifest is that of another backup" : manifest.error().message, true});
    }
    if (error) return unusable("cannot list `" + folder + "/backups`: " + error.message());
    std::ranges::sort(found.backups, {}, [](const Manifest& one) { return std::pair(one.time, one.id); });
    std::ranges::sort(found.others, {}, &FoundBackups::Unusable::path);
    return found;
}

namespace {

std::unexpected<base::Error> unreadable(const FoundBackups::Unusable& one) {
    return unusable("`" + one.path + "` is no backup that can be used: " + one.why,
                    "remove `" + one.path + "` if that backup is given up");
}

}  // namespace

base::Result<Manifest> find_backup(const std::string& folder, const std::string& id) {
    auto found = TRY(backups_in(folder));
    const std::string list = "`trainwarden admin backups " + folder + "` lists them";
    for (const auto& other : found.others)
        if (other.may_be_backup && (id.empty() || other.path == backup_path(folder, id))) return unreadable(other);
    if (found.backups.empty()) return unusable("there is no backup in `" + folder + "`");
    if (!id.empty()) {
        for (auto& one : found.backups)
            if (one.id == id) return std::move(one);
        return unusable("there is no backup " + id + " in `" + folder + "`", list);
    }
    const auto of_first = [&](const Manifest& one) { return one.installation == found.backups.front().installation; };
    if (!std::ranges::all_of(found.backups, of_first))
        return unusable("`" + folder + "` has backups of several servers: which one is meant?",
                        "name it with --backup ID; " + list);
    return std::move(found.backups.back());
}

base::Result<void> each_blob(const std::string& list,
                             const std::function<base::Result<void>(const std::string& id, uint64_t bytes)>& visit) {
    std::ifstream in(list, std::ios::binary);
    if (!in) return unusable("cannot read `" + list + "`");
    for (std::string line; std::getline(in, line);) {
        const size_t space = line.find(' ');
        uint64_t bytes = 0;
        const auto [end, error] =
            std::from_chars(line.data() + std::min(line.size(), space + 1), line.data() + line.size(), bytes);
        const bool is_id = space == 32 && line.find_first_not_of("0123456789abcdef") == space;
        if (line.size() > list_line_bytes_max || !is_id || error != std::errc() || end != line.data() + line.size())
            return unusable("`" + list + "` is damaged");
        TRY(visit(line.substr(0, space), bytes));
    }
    return {};
}

base::Result<Pruned> prune_backups(const std::string& folder, const std::string& installation, size_t keep) {
    const auto lock = TRY(lock_folder(folder));
    auto found = TRY(backups_in(folder));
    // What is kept must be known whole before anything goes.
    for (const auto& other : found.others)
        if (other.may_be_backup) return unreadable(other);
    auto& all = found.backups;
    const auto is_ours = [&](const Manifest& one) { return one.installation == installation; };
    const auto ours = static_cast<size_t>(std::ranges::count_if(all, is_ours));
    std::vector<Manifest> gone;
    while (gone.size() + keep < ours) {
        const auto oldest = std::ranges::find_if(all, is_ours);
        gone.push_back(std::move(*oldest));
        all.erase(oldest);
    }
    std::unordered_set<std::string> needed;
    for (const auto& kept : all)
        TRY(each_blob(backup_path(folder, kept.id) + "/" + std::string(blobs_file),
                      [&](const std::string& id, uint64_t) -> base::Result<void> {
                          needed.insert(id);
                          return {};
                      }));
    TRY(make_private_folder(folder + "/unfinished"));
    Pruned pruned;
    for (const auto& one : gone) {
        // Out of the list first: half a backup is none.
        const std::string from = backup_path(folder, one.id), to = folder + "/unfinished/" + one.id;
        if (::rename(from.c_str(), to.c_str()) != 0) return base::fail(os::file_error("rename", from, errno));
        TRY(os::sync_folder(folder + "/backups"));
        TRY(remove_tree(to));
        ++pruned.backups;
    }
    for (const auto& file : TRY(files_below(folder + "/blobs"))) {
        if (needed.contains(fs::path(file).filename().string())) continue;
        const std::string path = folder + "/blobs/" + file;
        if (::unlink(path.c_str()) != 0) return base::fail(os::file_error("remove", path, errno));
        ++pruned.blobs;
    }
    return pruned;
}

}  // namespace admin
