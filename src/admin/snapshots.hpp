// What a backup and a check read of a server that goes on serving: its folder as it was at one moment, in DIR/snapshot/ID.
//
//     keys/     a checkpoint of the metadata: every commit that was answered before, whole
//     audit/    the log up to a head that was signed after that: every request that such a commit belongs to is in it
//     logs/     what workers and programs printed, at least up to then
//     tls/ installation root-credentials regions …      as they are
//     snapshot.json
//
// Files are further names of the server's own, as far as those never change; so a snapshot costs no space but for what is deleted while it
// is there. Blobs are not among them: they are pinned where they are (store/pinned_blobs.hpp).
//
// The server makes snapshots and removes them; who copies is another process, with the rights of who runs it. So no request can make the
// server write anywhere else, and a copier that dies leaves nothing for longer than `snapshot_lives`: it must renew its snapshot.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "audit/log.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "store/key_value_store.hpp"
#include "store/pinned_blobs.hpp"

namespace admin {

constexpr std::chrono::seconds snapshot_lives{60};
constexpr std::string_view snapshot_folder = "snapshot";

struct Snapshot {
    std::string id;
    std::string path;  // absolute
};

// Any thread.
class Snapshots {
public:
    struct Dependencies {
        std::string data;  // the data folder
        store::KeyValueStore* keys = nullptr;
        store::PinnedBlobs* blobs = nullptr;
        audit::Log* audit = nullptr;
        const base::Clock* clock = nullptr;
        crypto::Random* random = nullptr;
        std::chrono::milliseconds lives = snapshot_lives;
    };
    // Removes what a server that was killed has left.
    [[nodiscard]] static base::Result<std::unique_ptr<Snapshots>> open(Dependencies dependencies);
    ~Snapshots();
    Snapshots(const Snapshots&) = delete;
    Snapshots& operator=(const Snapshots&) = delete;

    // Errors: `SnapshotInProgress` (one at a time), `InsufficientStorage`, `InternalError`.
    [[nodiscard]] base::Result<Snapshot> start();
    // It lives for another `snapshot_lives`. Error `NoSuchSnapshot`: it is gone, and with it what was to be kept for it.
    [[nodiscard]] base::Result<void> renew(const std::string& id);
    [[nodiscard]] base::Result<void> end(const std::string& id);
    // Ends one that was not renewed. To be called now and then.
    void expire();
    [[nodiscard]] bool is_there() const;

private:
    explicit Snapshots(Dependencies dependencies) : dependencies_(std::move(dependencies)) {}
    [[nodiscard]] base::Result<void> make(const std::string& path, const std::string& id) const;
    [[nodiscard]] base::Result<void> take_audit(const std::string& path, text::Json& said) const;
    void remove() REQUIRES(mutex_);

    const Dependencies dependencies_;
    mutable base::Mutex mutex_;
    std::optional<Snapshot> current_ GUARDED_BY(mutex_);
    std::chrono::steady_clock::time_point until_ GUARDED_BY(mutex_);
};

}  // namespace admin
