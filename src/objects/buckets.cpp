// Storage: opening, buckets and their configuration.
//
// Deleting a bucket must not race with an upload that is about to commit into it. The delete first rewrites the bucket's
// record as `being deleted`: uploads that expected the old record fail their commit and look again. Then nothing can be added,
// the bucket is looked at, and either removed or restored. A crash in between leaves the mark; opening restores it, for nobody
// was told that the bucket is gone.
#include <unordered_set>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "objects/decision_state.hpp"
#include "objects/record.hpp"
#include "objects/storage.hpp"
#include "objects/storage_keys.hpp"

namespace objects {
namespace {

constexpr size_t scan_page = 512;

// Calls `visit` with every entry under a prefix, page by page.
base::Result<void> for_each(const store::KeyValueStore& keys, const std::string& prefix,
                            const std::function<base::Result<void>(const store::Entry&)>& visit) {
    store::Scan scan{.prefix = prefix, .limit = scan_page};
    for (;;) {
        const auto page = TRY(keys.scan(scan));
        for (const auto& entry : page) TRY(visit(entry));
        if (page.size() < scan_page) return {};
        scan.from = page.back().key + '\0';
    }
}

}  // namespace

base::Result<std::unique_ptr<Storage>> Storage::open(Dependencies dependencies) {
    auto storage = std::unique_ptr<Storage>(new Storage(dependencies));
    TRY(storage->load_account_blocks());
    TRY(storage->load_buckets());
    TRY(storage->sweep());
    return storage;
}

base::Result<void> Storage::load_buckets() {
    const std::string prefix = bucket_key("");
    return for_each(*dependencies_.keys, prefix, [&](const store::Entry& entry) -> base::Result<void> {
        const auto name = entry.key.substr(prefix.size());
        const auto configuration = TRY(dependencies_.keys->get(configuration_key(name)));
        auto bucket = TRY(read_bucket(name, entry.value, configuration));
        if (bucket.being_deleted) {
            bucket.being_deleted = false;
            bucket.record = bucket_record(bucket);
            TRY(commit(store::Batch().put(entry.key, bucket.record)));
        }
        bucket.version = next_bucket_version();
        bucket.account_block = account_block(bucket.account);
        remember(std::make_shared<Bucket>(std::move(bucket)));
        return {};
    });
}

base::Result<void> Storage::sweep() {
    std::unordered_set<std::string> uploads, blobs;
    TRY(for_each(*dependencies_.keys, "s3/u/", [&](const store::Entry& entry) -> base::Result<void> {
        uploads.insert(entry.key.substr(entry.key.rfind('\0') + 1));
        return {};
    }));
    store::Batch orphans;
    const std::string parts = "s3/p/";
    TRY(for_each(*dependencies_.keys, parts, [&](const store::Entry& entry) -> base::Result<void> {
        if (uploads.contains(entry.key.substr(parts.size(), entry.key.rfind('/') - parts.size()))) {
            blobs.insert(TRY(read_part(entry.value)).blob);
        } else {
            orphans.erase(entry.key);
        }
        return {};
    }));
    if (!orphans.writes().empty()) TRY(commit(orphans));

    const auto present = TRY(dependencies_.blobs->list());
    if (present.empty()) return {};
    for (const char* const prefix : {"s3/o/", "s3/v/"}) {
        TRY(for_each(*dependencies_.keys, prefix, [&](const store::Entry& entry) -> base::Result<void> {
            const auto object = TRY(read_object(entry.value));
            for (const auto& segment : object.segments) blobs.insert(segment.blob);
            return {};
        }));
    }
    size_t swept = 0;
    for (const auto& blob : present) {
        if (blobs.contains(blob)) continue;
        TRY(dependencies_.blobs->remove(blob));
        ++swept;
    }
    if (swept > 0) base::log_info("swept " + std::to_string(swept) + " blobs that no object names");
    return {};
}

void Storage::remember(BucketPtr bucket) {
    const base::Lock lock(buckets_mutex_);
    buckets_.insert_or_assign(bucket->name, std::move(bucket));
    version_.fetch_add(1, std::memory_order_release);
}

void Storage::forget(const std::string& name) {
    const base::Lock lock(buckets_mutex_);
    buckets_.erase(name);
    version_.fetch_add(1, std::memory_order_release);
}

void Storage::remove_blob(const store::BlobId& id) const {
    const auto removed = dependencies_.blobs->remove(id);
    if (!removed) base::log_warn("cannot remove a replaced blob: " + removed.error().describe());
}

BucketPtr Storage::current_bucket(std::string_view name) const {
    const base::SharedLock lock(buckets_mutex_);
    const auto found = buckets_.find(name);
    return found == buckets_.end() ? nullptr : found->second;
}

base::Result<BucketPtr> Storage::bucket(std::string_view name) const {
    auto found = current_bucket(name);
    base::DecisionScope::note("bucket", name, [&] { return state_of(found.get()); });
    if (found == nullptr) return base::fail(no_such_bucket(name));
    return found;
}

std::vector<BucketPtr> Storage::buckets_of(const std::string& account) const {
    const base::SharedLock lock(buckets_mutex_);
    std::vector<BucketPtr> owned;
    for (const auto& [name, bucket] : buckets_) {
        if (bucket->account == account) owned.push_back(bucket);
    }
    return owned;
}

base::Result<BucketPtr> Storage::create_bucket(const std::string& name, const std::string& account, const std::string& region,
                                               const Tags& tags, bool object_lock) {
    TRY(check_bucket_name(name));
    TRY(check_tags(tags, bucket_tags_max));
    const base::Lock one_at_a_time(configuring_);
    if (const auto present = bucket(name)) {
        if ((*present)->account == account) {
            return base::fail(base::code::BucketAlreadyOwnedByYou,
                              "Your previous request to create the named bucket succeeded and you already own it.");
        }
        return base::fail(base::code::BucketAlreadyExists,
                          "The requested bucket name is not available. The bucket namespace is shared by all users of "
                          "the system. Please select a different name and try again.");
    }
    Bucket made;
    made.name = name;
    made.account = account;
    made.region = region;
    made.created = dependencies_.clock->now();
    made.configuration.public_access_block = PublicAccessBlock{true, true, true, true};
    made.configuration.object_ownership = "BucketOwnerEnforced";
    made.configuration.tags = tags;
    made.configuration.object_lock = object_lock;
    if (object_lock) made.configuration.versioning = versioning_enabled;
    made.record = bucket_record(made);
    made.configuration_record = configuration_record(made.configuration);
    // As it is read from now on, with what requests about it have.
    auto as_read = std::make_shared<Bucket>(TRY(read_bucket(name, made.record, made.configuration_record)));
    as_read->version = next_bucket_version();
    as_read->account_block = account_block(account);
    store::Batch batch;
    batch.expect(bucket_key(name), std::nullopt).put(bucket_key(name), made.record);
    batch.put(configuration_key(name), *made.configuration_record);
    TRY(commit(batch));
    remember(as_read);
    return as_read;
}

base::Result<void> Storage::check_unchanged(const std::string& name) const {
    return base::DecisionScope::expect("bucket", name, [&] { return state_of(current_bucket(name).get()); });
}

base::Result<BucketPtr> Storage::bucket_unchanged(const std::string& name) const {
    auto current = current_bucket(name);
    TRY(base::DecisionScope::expect("bucket", name, [&] { return state_of(current.get()); }));
    if (current == nullptr) return base::fail(no_such_bucket(name));
    return current;
}

base::Result<void> Storage::delete_bucket(const std::string& name) {
    const base::Lock one_at_a_time(configuring_);
    const auto before = TRY(bucket_unchanged(name));
    auto marked = *before;
    marked.being_deleted = true;
    marked.record = bucket_record(marked);
    TRY(commit(store::Batch().expect(bucket_key(name), before->record).put(bucket_key(name), marked.record)));
    remember(std::make_shared<Bucket>(marked));

    const auto restore = [&]() -> base::Result<void> {
        TRY(commit(store::Batch().put(bucket_key(name), before->record)));
        remember(before);
        return {};
    };
    for (const auto& prefix : {object_prefix(name), marker_prefix(name), version_prefix(name)}) {
        const auto objects = dependencies_.keys->scan({.prefix = prefix, .limit = 1});
        if (objects && objects->empty()) continue;
        TRY(restore());
        if (!objects) return base::fail(objects.error());
        return base::fail(base::code::BucketNotEmpty,
                          prefix == object_prefix(name)
                              ? "The bucket you tried to delete is not empty"
                              : "The bucket you tried to delete is not empty. You must delete all versions in the bucket.");
    }
    store::Batch batch;
    std::vector<std::string> abandoned;
    const std::string uploads = upload_prefix(name);
    TRY(for_each(*dependencies_.keys, uploads, [&](const store::Entry& upload) -> base::Result<void> {
        batch.erase(upload.key);
        abandoned.push_back(upload.key.substr(upload.key.rfind('\0') + 1));
        return {};
    }));
    batch.expect(bucket_key(name), marked.record).erase(bucket_key(name)).erase(configuration_key(name));
    TRY(commit(batch));
    forget(name);
    for (const auto& id : abandoned) clear_parts(id);
    return {};
}

base::Result<void> Storage::configure(const std::string& name, const Change& change) {
    const base::Lock one_at_a_time(configuring_);
    const auto before = TRY(bucket_unchanged(name));
    auto configuration = before->configuration;
    TRY(change(configuration));
    // Read before it is committed, so that nothing stands between the commit and its being seen.
    const auto record = configuration_record(configuration);
    const auto changed = std::make_shared<Bucket>(TRY(read_bucket(name, before->record, record)));
    changed->version = next_bucket_version();
    changed->account_block = before->account_block;
    store::Batch batch;
    batch.expect(bucket_key(name), before->record).put(configuration_key(name), record);
    TRY(commit(batch));
    remember(changed);
    return {};
}

}  // namespace objects
