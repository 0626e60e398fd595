#include "identity/lease.hpp"

#include <mutex>

namespace identity {

void Leases::set(const std::string& id, LeasePtr lease) {
    const std::unique_lock lock(mutex_);
    held_[id] = std::move(lease);
}

void Leases::close(const std::string& id) {
    const std::unique_lock lock(mutex_);
    held_.erase(id);
}

LeasePtr Leases::find(const std::string& id) const {
    const std::shared_lock lock(mutex_);
    const auto found = held_.find(id);
    return found == held_.end() ? nullptr : found->second;
}

}  // namespace identity
