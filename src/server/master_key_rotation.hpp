// Another master key for a server that goes on serving.
//
//     1  the key file gets the new key, and keeps the former one
//     2  from then on the new one seals; both open
//     3  what the former one sealed is sealed anew, a page of records at a time; of objects, the few keys that their data keys are sealed under
//     4  once a pass over all records has found none: the former key goes from the file. Two keys that are derived from it stay until the last
//        session token that they sealed has expired; they open no record
//
// A server that is killed goes on with the step that its key file says it was in: the file opens everything at every moment.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "identity/directory.hpp"
#include "objects/encryption_keys.hpp"
#include "server/data_folder.hpp"

namespace server {

constexpr size_t resealed_at_once = 64;

// The master keys that open what is stored; the first seals.
[[nodiscard]] std::vector<std::string> opening_keys_of(const identity::MasterKeys& keys);

// Any thread.
class MasterKeyRotation {
public:
    // All outlive it.
    MasterKeyRotation(const DataFolder& folder, identity::Directory& directory, objects::EncryptionKeys& object_keys,
                      const base::Clock& clock, crypto::Random& random);

    // Errors: `RotationInProgress`, `TooManyRequests`, `DataFolderUnusable`.
    [[nodiscard]] base::Result<void> begin(bool end_sessions);

    // One step of what is to be done, if there is anything: true. Errors are in the log, and the step is to be done again.
    bool step();

    struct State {
        bool is_rotating = false;
        uint64_t looked_at = 0, resealed = 0;
        identity::MasterKeys keys;
    };
    [[nodiscard]] State state() const;

private:
    [[nodiscard]] base::Result<void> use(const identity::MasterKeys& keys) REQUIRES(mutex_);
    [[nodiscard]] base::Result<void> reseal() REQUIRES(mutex_);

    const DataFolder& folder_;
    identity::Directory& directory_;
    objects::EncryptionKeys& object_keys_;
    const base::Clock& clock_;
    crypto::Random& random_;
    mutable base::Mutex mutex_;
    State state_ GUARDED_BY(mutex_);
    std::string next_ GUARDED_BY(mutex_);            // where the pass goes on
    uint64_t pass_resealed_ GUARDED_BY(mutex_) = 0;  // by the pass that goes on
};

}  // namespace server
