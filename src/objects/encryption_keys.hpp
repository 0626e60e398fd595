// The keys that seal data keys: one of the service (SSE-S3), and one of each account and region that asked for SSE-KMS (aws/s3). Random, sealed
// under a key that is derived from the master key, and few: another master key means that these are sealed anew, and no object.
//
//     s3/k/NNNNNNNNNN   JSON: Purpose (AES256, or the ARN of a KMS key), CreatedMs, Sealed (base64)
//
// A key that was replaced is kept, for what it sealed. Another one is made for what comes when the master key is another: who had the old
// one and the records has these keys, too.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "store/key_value_store.hpp"

namespace objects {

// Any thread.
class EncryptionKeys {
public:
    struct Dependencies {
        store::KeyValueStore* keys = nullptr;
        const base::Clock* clock = nullptr;
        crypto::Random* random = nullptr;
    };
    // Of master keys: the one that seals, then those of a rotation that goes on. Error `InvalidMasterKey`: a key is sealed under none of them.
    [[nodiscard]] static base::Result<std::unique_ptr<EncryptionKeys>> open(Dependencies dependencies,
                                                                            const std::vector<std::string>& master_keys);

    struct Key {
        uint32_t number = 0;
        std::string key;  // 32 bytes
    };
    // The newest for the purpose; the first is made when it is asked for. Errors: the store's.
    [[nodiscard]] base::Result<Key> current(std::string_view purpose);
    // Error `InternalError`: there is none.
    [[nodiscard]] base::Result<std::string> find(uint32_t number) const;

    // From now on the first seals; all open.
    void use_master_keys(const std::vector<std::string>& master_keys);
    // What others than the first have sealed is sealed anew, and other keys are made for what comes; how many there were. One commit.
    [[nodiscard]] base::Result<size_t> reseal();

private:
    explicit EncryptionKeys(Dependencies dependencies) : dependencies_(dependencies) {}
    struct Kept {
        std::string purpose, key;
        base::Time created;
    };
    [[nodiscard]] base::Result<void> load();
    [[nodiscard]] std::string record_of(uint32_t number, const Kept& kept, const std::string& sealing) const;
    [[nodiscard]] std::vector<std::string> sealing() const;

    const Dependencies dependencies_;
    base::Mutex making_;               // one at a time, beside readers
    mutable base::SharedMutex mutex_;  // never held during I/O
    std::vector<std::string> sealing_ GUARDED_BY(mutex_);
    std::map<uint32_t, Kept> keys_ GUARDED_BY(mutex_);
    std::map<std::string, uint32_t, std::less<>> current_ GUARDED_BY(mutex_);
};

}  // namespace objects
