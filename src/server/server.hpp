// What a server is made of, made in the order of who needs whom and destroyed in reverse.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "audit/log.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "cloudwatch/store.hpp"
#include "crypto/random.hpp"
#include "gate/decider.hpp"
#include "gate/gate.hpp"
#include "gate/service_acts.hpp"
#include "identity/directory.hpp"
#include "logs/store.hpp"
#include "objects/storage.hpp"
#include "server/audit_forwarder.hpp"
#include "server/data_folder.hpp"
#include "server/quotas.hpp"
#include "server/request_observer.hpp"
#include "server/scrub_settings.hpp"
#include "server/training_service.hpp"
#include "store/bounded.hpp"
#include "store/key_value_store.hpp"
#include "store/pinned_blobs.hpp"
#include "training/slurm_sessions.hpp"

namespace server {

class ServerAdministration;

// How the audit log is kept (audit/log.hpp).
struct AuditSettings {
    std::string key_file;  // empty: beside the master key
    // Empty: what `admin retention` set, or the default (retention_settings.hpp).
    std::string keep_days, keep_bytes;
    std::string when_full;         // remove, refuse
    std::string sync = "changes";  // changes, answers, interval
    std::string syslog;            // empty: nowhere
};

struct Server {
    Server();
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    std::string workers_endpoint;      // `vpce-…`: what the way in of sandboxed workers is called; empty: nothing
    std::vector<std::string> regions;  // that are served, the default first
    base::SystemClock clock;
    crypto::SystemRandom random;
    RequestObserver observer{random};
    std::unique_ptr<DataFolder> folder;
    std::unique_ptr<store::KeyValueStore> keys;
    std::unique_ptr<store::KeyValueStore> bounded_keys;  // the same, for objects and metrics: with what they may take of the disk
    std::unique_ptr<store::PinnedBlobs> blobs;
    std::unique_ptr<identity::Directory> directory;
    std::unique_ptr<objects::EncryptionKeys> object_keys;
    std::unique_ptr<objects::Storage> storage;
    std::unique_ptr<audit::Log> audit;
    std::unique_ptr<AuditForwarder> audit_forwarder;  // nullptr: records are sent nowhere
    std::unique_ptr<cloudwatch::Store> metrics;
    std::unique_ptr<logs::Store> logs;
    gate::Registry registry;
    gate::ServiceActs acts;
    std::unique_ptr<gate::Decider> decider;
    std::unique_ptr<TrainingService> training;
    std::unique_ptr<training::SlurmSessions> slurm_sessions;
    std::unique_ptr<ServerAdministration> administration;
    std::unique_ptr<gate::Gate> gate;

    // Opens the data folder (makes it, and the first account, if there is none) and everything above it.
    [[nodiscard]] static base::Result<std::unique_ptr<Server>> open(const std::string& data, const std::string& master_key_file,
                                                                    const std::vector<std::string>& regions,
                                                                    const TrainingSettings& training_settings,
                                                                    const AuditSettings& audit_settings, const Quotas& quotas,
                                                                    const ScrubSettings& scrub_settings);

    // Do the store and the audit log answer? A full disk does not count: reads, deletes and administration go on.
    [[nodiscard]] base::Result<void> serves() const;

private:
    [[nodiscard]] base::Result<void> may(const identity::Credentials& credentials, const std::string& action,
                                         const std::string& resource, const std::string& request_id);
    [[nodiscard]] base::Result<void> may_list(const identity::Credentials& credentials, const training::S3Uri& prefix,
                                              const std::string& region, const std::string& request_id);
    [[nodiscard]] training::AssumeJobRole assume_job_role() const;
    void add_services();
};

}  // namespace server
