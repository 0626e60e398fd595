// What accounts block in all of their buckets.
//
// A bucket has its account's block beside its own, so that a decision looks at one thing. A change makes every bucket of the account another one:
// requests that were decided on the earlier ones are decided again.
#include "objects/storage.hpp"
#include "objects/storage_keys.hpp"

namespace objects {

std::optional<PublicAccessBlock> Storage::account_block(const std::string& account) const {
    const base::SharedLock lock(buckets_mutex_);
    const auto found = account_blocks_.find(account);
    return found == account_blocks_.end() ? std::nullopt : std::optional(found->second);
}

base::Result<void> Storage::load_account_blocks() {
    const std::string prefix = account_block_key("");
    store::Scan scan{.prefix = prefix, .limit = 512};
    for (;;) {
        const auto page = TRY(dependencies_.keys->scan(scan));
        for (const auto& entry : page) {
            const auto account = entry.key.substr(prefix.size());
            const auto block = TRY(read_account_block(account, entry.value));
            const base::Lock lock(buckets_mutex_);
            account_blocks_.insert_or_assign(account, block);
        }
        if (page.size() < scan.limit) return {};
        scan.from = page.back().key + '\0';
    }
}

base::Result<void> Storage::set_account_block(const std::string& account, const std::optional<PublicAccessBlock>& block) {
    const base::Lock one_at_a_time(configuring_);
    store::Batch batch;
    if (block)
        batch.put(account_block_key(account), account_block_record(*block));
    else
        batch.erase(account_block_key(account));
    TRY(commit(batch));
    const base::Lock lock(buckets_mutex_);
    if (block)
        account_blocks_.insert_or_assign(account, *block);
    else
        account_blocks_.erase(account);
    for (auto& [name, bucket] : buckets_) {
        if (bucket->account != account) continue;
        auto changed = std::make_shared<Bucket>(*bucket);
        changed->account_block = block;
        changed->version = next_bucket_version();
        bucket = std::move(changed);
    }
    version_.fetch_add(1, std::memory_order_release);
    return {};
}

}  // namespace objects
