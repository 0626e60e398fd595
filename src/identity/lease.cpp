#include "identity/lease.hpp"

namespace identity {

void Leases::set(const std::string& id, LeasePtr lease) {
    const base::Lock lock(mutex_);
    held_[id] = std::move(lease);
}

void Leases::close(const std::string& id) {
    const base::Lock lock(mutex_);
    held_.erase(id);
}

LeasePtr Leases::find(const std::string& id) const {
    const base::SharedLock lock(mutex_);
    const auto found = held_.find(id);
    return found == held_.end() ? nullptr : found->second;
}

}  // namespace identity
