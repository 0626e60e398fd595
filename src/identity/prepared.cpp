#include "identity/prepared.hpp"

#include <algorithm>

namespace identity {

void PreparedCircumstances::put(std::string_view key, CircumstancesPtr circumstances) {
    const base::Lock lock(mutex_);
    if (const auto same = std::ranges::find(kept_, key, &Kept::key); same != kept_.end()) {
        same->circumstances = std::move(circumstances);
        return;
    }
    if (kept_.size() < kept_max) {
        kept_.push_back({std::string(key), std::move(circumstances)});
        return;
    }
    kept_[oldest_] = {std::string(key), std::move(circumstances)};
    oldest_ = (oldest_ + 1) % kept_max;
}

size_t PreparedPrincipals::shard_of(std::string_view access_key_id) {
    return std::hash<std::string_view>()(access_key_id) / 7 % shards_count;
}

PreparedPtr PreparedPrincipals::find(const std::string& access_key_id, std::string_view session_token) const {
    const Shard& shard = shards_[shard_of(access_key_id)];
    const base::SharedLock lock(shard.mutex);
    const auto found = shard.by_key.find(access_key_id);
    if (found == shard.by_key.end() || found->second->session_token != session_token) return nullptr;
    return found->second;
}

void PreparedPrincipals::put(PreparedPtr prepared) {
    Shard& shard = shards_[shard_of(prepared->caller.access_key_id)];
    const base::Lock lock(shard.mutex);
    if (shard.by_key.size() >= shard_entries_max) shard.by_key.clear();
    PreparedPtr& place = shard.by_key[prepared->caller.access_key_id];
    // Of two that were made at once the newer one stays.
    if (!place || place->version <= prepared->version || place->session_token != prepared->session_token)
        place = std::move(prepared);
}

}  // namespace identity
