// A lease: what a session lives by besides its principal. A service that works on a principal's behalf (a training job) holds one
// for each session it hands out; the session works while the lease is held, within what the lease allows, and is refused on the
// next request after it was closed. Kept in memory: a lease does not outlive the server, nor does a session that depends on it.
//
// The session token carries the lease's id only. So what a lease allows may be large (a listing of a million objects) and may
// change while the session lives, which a session policy inside a token can do neither of.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "policy/attached.hpp"
#include "policy/request.hpp"

namespace identity {

struct Lease {
    // Together one session policy, the only one: the session's permissions are the principal's, cut to these. Empty: not cut.
    std::vector<policy::AttachedPolicy> session;
    // Adds condition keys about a resource that only the lease's holder knows; may be empty. Called at every decision, by many
    // threads.
    std::function<void(const std::string& resource, policy::Context& context)> describe;
};
using LeasePtr = std::shared_ptr<const Lease>;

// Any thread.
class Leases {
public:
    // Opens the lease, or puts other terms in its place. `id` is the holder's to choose: unguessable, never used again.
    void set(const std::string& id, LeasePtr lease);
    void close(const std::string& id);
    [[nodiscard]] LeasePtr find(const std::string& id) const;  // nullptr: not held (any more)

private:
    mutable base::SharedMutex mutex_;
    std::map<std::string, LeasePtr> held_ GUARDED_BY(mutex_);
};

}  // namespace identity
