// What a server does beside requests, and what operators ask of it (services/trainwarden/administration.hpp): snapshots, the rotation of the
// master key, the scrub, retention. Two threads: one for what is short, one that reads blobs.
#pragma once

#include <memory>
#include <thread>

#include "admin/scrub.hpp"
#include "admin/snapshots.hpp"
#include "base/mutex.hpp"
#include "server/data_folder.hpp"
#include "server/master_key_rotation.hpp"
#include "server/retention_settings.hpp"
#include "services/trainwarden/administration.hpp"

namespace server {

class ServerAdministration final : public services::trainwarden::Administration {
public:
    // All outlive it.
    struct Dependencies {
        const DataFolder* folder = nullptr;
        store::KeyValueStore* keys = nullptr;
        store::PinnedBlobs* blobs = nullptr;
        identity::Directory* directory = nullptr;
        objects::EncryptionKeys* object_keys = nullptr;
        audit::Log* audit = nullptr;
        const base::Clock* clock = nullptr;
        crypto::Random* random = nullptr;
        AuditSettings audit_settings;
        uint64_t scrub_bytes_per_second = 0;
        uint64_t scrub_between_seconds = 0;
    };
    [[nodiscard]] static base::Result<std::unique_ptr<ServerAdministration>> open(Dependencies dependencies);
    ~ServerAdministration() override;
    ServerAdministration(const ServerAdministration&) = delete;
    ServerAdministration& operator=(const ServerAdministration&) = delete;

    [[nodiscard]] base::Result<Snapshot> start_snapshot() override;
    [[nodiscard]] base::Result<void> renew_snapshot(const std::string& id) override { return snapshots_->renew(id); }
    [[nodiscard]] base::Result<void> end_snapshot(const std::string& id) override { return snapshots_->end(id); }
    [[nodiscard]] MasterKey master_key() const override;
    [[nodiscard]] base::Result<MasterKey> rotate_master_key(bool end_sessions) override;
    [[nodiscard]] Scrub scrub() const override;
    [[nodiscard]] const admin::Scrub& scrubbing() const { return scrub_; }
    [[nodiscard]] Retention retention() const override;
    [[nodiscard]] base::Result<Retention> put_retention(const Retention& wanted) override;

private:
    explicit ServerAdministration(Dependencies dependencies);
    [[nodiscard]] bool wait(std::chrono::milliseconds pause) const;  // false: the server ends
    void keep();
    void scrub_again_and_again();

    const Dependencies dependencies_;
    std::unique_ptr<admin::Snapshots> snapshots_;
    MasterKeyRotation rotation_;
    admin::Scrub scrub_;
    mutable base::Mutex mutex_;
    mutable base::Condition ending_;
    bool ends_ GUARDED_BY(mutex_) = false;
    base::Mutex retention_mutex_;  // one change at a time
    std::thread keeper_, scrubber_;
};

}  // namespace server
