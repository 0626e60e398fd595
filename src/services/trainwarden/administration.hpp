// What operators ask of a running server: a snapshot for a backup or a check, another master key, how the scrub goes, how long the record is
// kept. Who serves it is the server, which has the files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "gate/gate.hpp"

namespace services::trainwarden {

// Any thread.
class Administration {
public:
    virtual ~Administration() = default;

    struct Snapshot {
        std::string id, path;
        int64_t lives_seconds = 0;
    };
    // Errors: `SnapshotInProgress`, `InsufficientStorage`.
    [[nodiscard]] virtual base::Result<Snapshot> start_snapshot() = 0;
    [[nodiscard]] virtual base::Result<void> renew_snapshot(const std::string& id) = 0;
    [[nodiscard]] virtual base::Result<void> end_snapshot(const std::string& id) = 0;

    struct MasterKey {
        std::string key_file;
        bool is_rotating = false;
        int64_t looked_at = 0, resealed = 0;
        std::vector<base::Time> former_tokens_until;
    };
    [[nodiscard]] virtual MasterKey master_key() const = 0;
    // Errors: `RotationInProgress`, `TooManyRequests`.
    [[nodiscard]] virtual base::Result<MasterKey> rotate_master_key(bool end_sessions) = 0;

    struct Scrub {
        int64_t bytes_per_second = 0, passes = 0, blobs = 0, bytes = 0, damaged = 0;
        std::optional<base::Time> began, ended;
        std::vector<std::string> places;
    };
    [[nodiscard]] virtual Scrub scrub() const = 0;

    struct Retention {
        std::optional<std::string> keep_days, keep_bytes, when_full;  // to set: those that are there
        std::vector<std::string> set_by_options;
        int64_t bytes = 0;
        std::optional<base::Time> oldest;
    };
    [[nodiscard]] virtual Retention retention() const = 0;
    // Error `ValidationException`.
    [[nodiscard]] virtual base::Result<Retention> put_retention(const Retention& wanted) = 0;
};

// `administration` outlives the registry.
void add_administration_operations(gate::Registry& registry, Administration& administration);

}  // namespace services::trainwarden
