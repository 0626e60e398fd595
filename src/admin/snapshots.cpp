#include "admin/snapshots.hpp"

#include <cerrno>
#include <filesystem>

#include "admin/files.hpp"
#include "admin/source.hpp"
#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "os/file.hpp"
#include "text/json.hpp"
#include "text/time.hpp"

namespace admin {
namespace {

namespace fs = std::filesystem;
constexpr int tries_max = 10;  // for segments that are removed while they are taken

base::Result<void> take(const std::string& from, const std::string& to) {
    TRY(copy_file(from, to, {.bytes = {}, .may_link = true, .digest = false}));
    return {};
}

// What goes away before it is taken need not be there.
base::Result<void> take_if_there(const std::string& from, const std::string& to) {
    auto taken = take(from, to);
    if (!taken && taken.error().code == base::code::FileNotFound) return {};
    return taken;
}

}  // namespace

base::Result<std::unique_ptr<Snapshots>> Snapshots::open(Dependencies dependencies) {
    TRY(remove_tree(dependencies.data + "/" + std::string(snapshot_folder)));
    return std::unique_ptr<Snapshots>(new Snapshots(std::move(dependencies)));
}

Snapshots::~Snapshots() {
    const base::Lock lock(mutex_);
    if (current_) remove();
}

base::Result<Snapshot> Snapshots::start() {
    const base::Lock lock(mutex_);
    if (current_)
        return base::fail(base::code::SnapshotInProgress,
                          "a backup or a check of this server is being made: one at a time; wait until it is done");
    Snapshot made{.id = dependencies_.random->hex(16), .path = {}};
    made.path = dependencies_.data + "/" + std::string(snapshot_folder) + "/" + made.id;
    // Before anything is looked at: what the checkpoint names is not removed from here on.
    dependencies_.blobs->pin();
    if (auto done = make(made.path, made.id); !done) {
        current_ = made;
        remove();
        return base::fail(std::move(done).error());
    }
    current_ = made;
    until_ = std::chrono::steady_clock::now() + dependencies_.lives;
    return made;
}

base::Result<void> Snapshots::renew(const std::string& id) {
    const base::Lock lock(mutex_);
    if (!current_ || current_->id != id)
        return base::fail(base::code::NoSuchSnapshot, "there is no such snapshot: it was ended, or not renewed in time");
    until_ = std::chrono::steady_clock::now() + dependencies_.lives;
    return {};
}

base::Result<void> Snapshots::end(const std::string& id) {
    const base::Lock lock(mutex_);
    if (!current_ || current_->id != id)
        return base::fail(base::code::NoSuchSnapshot, "there is no such snapshot: it was ended, or not renewed in time");
    remove();
    return {};
}

void Snapshots::expire() {
    const base::Lock lock(mutex_);
    if (!current_ || std::chrono::steady_clock::now() < until_) return;
    base::log_warn("the snapshot of a backup or a check was not renewed: it is given up");
    remove();
}

bool Snapshots::is_there() const {
    const base::Lock lock(mutex_);
    return current_.has_value();
}

void Snapshots::remove() {
    const auto removed = remove_tree(dependencies_.data + "/" + std::string(snapshot_folder));
    if (!removed) base::log_error(removed.error().describe());
    dependencies_.blobs->unpin();
    current_.reset();
}

base::Result<void> Snapshots::make(const std::string& path, const std::string& id) const {
    const std::string& data = dependencies_.data;
    TRY(make_private_folder(path));
    text::Json said = text::Json::object({{"Id", id}, {"Time", text::iso8601_millis(dependencies_.clock->now())}});
    TRY(dependencies_.keys->checkpoint(path + "/keys"));
    // Afterwards: requests are recorded before they are done.
    TRY(take_audit(path, said));
    for (const std::string_view folder : {"logs", "tls"}) {
        const std::string from = data + "/" + std::string(folder);
        for (const auto& file : TRY(files_below(from))) {
            const std::string to = path + "/" + std::string(folder) + "/" + file;
            TRY(os::make_folders(fs::path(to).parent_path().string()));
            TRY(take_if_there(from + "/" + file, to));
        }
    }
    for (const std::string_view file : single_files)
        TRY(take_if_there(data + "/" + std::string(file), path + "/" + std::string(file)));
    said.set("StoreIdentity", store_identity_of(data));
    return os::replace_file(path + "/" + std::string(snapshot_said_file), said.pretty() + "\n");
}

base::Result<void> Snapshots::take_audit(const std::string& path, text::Json& said) const {
    const std::string folder = path + "/audit";
    for (int attempt = 0;; ++attempt) {
        TRY(remove_tree(folder));
        TRY(make_private_folder(folder));
        text::Json bytes = text::Json::object(), heads = text::Json::object();
        const auto done = [&]() -> base::Result<void> {
            for (const auto& end : TRY(dependencies_.audit->end_now())) {
                const auto name_of = [](const std::string& file) { return fs::path(file).filename().string(); };
                for (const auto& full : end.full) {
                    TRY(take(full, folder + "/" + name_of(full)));
                    const std::string index = full.substr(0, full.rfind('.')) + ".index";
                    TRY(take_if_there(index, folder + "/" + name_of(index)));
                }
                TRY(take(end.current, folder + "/" + name_of(end.current)));
                bytes.set(name_of(end.current), end.bytes);
                heads.set(end.stream, end.head);
            }
            return {};
        }();
        // A segment whose days were over meanwhile: the log has a note of that now, and a new end.
        if (!done && done.error().code == base::code::FileNotFound && attempt < tries_max) continue;
        TRY(base::Result<void>(done));
        said.set("AuditBytes", std::move(bytes));
        said.set("AuditHeads", std::move(heads));
        break;
    }
    for (const std::string_view file : audit_state_files)
        TRY(take_if_there(dependencies_.data + "/audit/" + std::string(file), folder + "/" + std::string(file)));
    return {};
}

}  // namespace admin
