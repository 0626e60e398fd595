// A principal made ready to be decided about: what is the same for every request of one session or access key, as long as nothing in
// identity changes.
//
// A stale one would be a security fault. So an entry is used only if identity's version is still the one that it was made at, its lease
// is still the very one that is held, and it has not expired; the version was read under the lock under which the rest was. A change is
// answered only after the version has moved on: no request that begins after that answer is decided by what was before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "crypto/derived_key.hpp"
#include "identity/caller.hpp"
#include "policy/principal.hpp"

namespace gate {
struct Circumstances;
}

namespace identity {

using CircumstancesPtr = std::shared_ptr<const gate::Circumstances>;

// What was prepared for requests of a principal that have much alike (gate/circumstances.hpp), by what it was made of. Of a few, the
// latest. Any thread.
class PreparedCircumstances {
public:
    static constexpr size_t kept_max = 6;  // some kilobytes each

    // Of a key that `is(key)`: under a lock, be quick. nullptr: there are none.
    template <class Is>
    [[nodiscard]] CircumstancesPtr find(Is is) const {
        const base::Lock lock(mutex_);
        for (const Kept& one : kept_)
            if (is(std::string_view(one.key))) return one.circumstances;
        return nullptr;
    }
    void put(std::string_view key, CircumstancesPtr circumstances);  // instead of those that it had

private:
    struct Kept {
        std::string key;
        CircumstancesPtr circumstances;
    };
    mutable base::Mutex mutex_;
    std::vector<Kept> kept_ GUARDED_BY(mutex_);
    size_t oldest_ GUARDED_BY(mutex_) = 0;
};

// Immutable once shared.
struct PreparedPrincipal {
    explicit PreparedPrincipal(Caller caller_in) : caller(std::move(caller_in)), names(caller.principal) {}
    PreparedPrincipal(const PreparedPrincipal&) = delete;
    PreparedPrincipal& operator=(const PreparedPrincipal&) = delete;

    const Caller caller;
    const policy::CallerNames names;  // of caller.principal

    // Of one that authenticated.
    std::string secret_access_key;      // to check the signature with
    std::string session_token;          // empty for long-term keys
    std::optional<base::Time> expires;  // absent for long-term keys
    uint64_t version = 0;               // identity's, when this was made

    mutable PreparedCircumstances circumstances;  // the gate's
    mutable crypto::DerivedKey signing_key;       // of secret_access_key, for the day: whoever checks signatures makes it
};
using PreparedPtr = std::shared_ptr<const PreparedPrincipal>;

// By access key and session token. Any thread.
class PreparedPrincipals {
public:
    // As it was put in, valid or not; nullptr: there is none.
    [[nodiscard]] PreparedPtr find(const std::string& access_key_id, std::string_view session_token) const;
    void put(PreparedPtr prepared);

private:
    static constexpr size_t shards_count = 16;
    static constexpr size_t shard_entries_max = 1024;
    struct Shard {
        mutable base::SharedMutex mutex;
        std::unordered_map<std::string, PreparedPtr> by_key GUARDED_BY(mutex);
    };
    [[nodiscard]] static size_t shard_of(std::string_view access_key_id);
    std::array<Shard, shards_count> shards_;
};

}  // namespace identity
