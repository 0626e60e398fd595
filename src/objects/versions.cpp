// Storage: versions of objects.
#include "objects/versions.hpp"

#include <algorithm>
#include <thread>

#include "base/error_codes.hpp"
#include "base/outdated.hpp"
#include "objects/decision_state.hpp"
#include "objects/key.hpp"
#include "objects/record.hpp"
#include "objects/storage.hpp"
#include "objects/storage_keys.hpp"
#include "text/time.hpp"

namespace objects {
namespace {

constexpr int attempts_max = 1000;

std::optional<std::string> record_of_object(const std::optional<StoredVersion>& latest) {
    return latest && !latest->object.delete_marker ? std::optional(latest->record) : std::nullopt;
}

}  // namespace

base::Error no_such_key() { return {base::code::NoSuchKey, "The specified key does not exist."}; }

base::Error no_such_version(const std::string& version) {
    return base::Error(base::code::NoSuchVersion, "The specified version does not exist.").note("VersionId: " + version);
}

base::Result<void> settle_lock(const Bucket& bucket, base::Time now, Object& object) {
    const auto& configuration = bucket.configuration;
    if (object.lock.any() && !configuration.object_lock) return base::fail(no_lock_configuration());
    if (object.delete_marker || object.lock.retention || !configuration.default_retention) return {};
    object.lock.retention = Retention{configuration.default_retention->mode, configuration.default_retention->until(now)};
    return {};
}

base::Result<ObjectPtr> readable(ObjectPtr found, const std::optional<std::string>& version) {
    if (found == nullptr) return base::fail(version ? no_such_version(*version) : no_such_key());
    if (!found->delete_marker) return found;
    base::Error error =
        version ? base::Error(base::code::MethodNotAllowed, "The specified method is not allowed against this resource.")
                      .note("Allow: DELETE")
                      .note("Last-Modified: " + text::http_date(found->last_modified))
                : no_such_key();
    return base::fail(std::move(error).note("x-amz-delete-marker: true").note("x-amz-version-id: " + shown_version(*found)));
}

base::Result<std::optional<StoredVersion>> KeyVersions::at(std::string record_key) const {
    auto record = TRY(snapshot_.get(record_key));
    if (!record) return std::nullopt;
    auto object = TRY(read_object(*record));
    object.name = object_name(bucket_, key_);
    return StoredVersion{std::move(record_key), std::move(*record), std::move(object)};
}

base::Result<std::optional<StoredVersion>> KeyVersions::latest() const {
    if (auto object = TRY(at(object_key(bucket_, key_)))) return object;
    return at(marker_key(bucket_, key_));
}

base::Result<std::optional<StoredVersion>> KeyVersions::find(const std::string& version) const {
    auto found = TRY(latest());
    if (found && shown_version(found->object) == version) return found;
    return at(version_key(bucket_, key_, version));
}

base::Result<std::optional<StoredVersion>> KeyVersions::older_null() const { return at(version_key(bucket_, key_, {})); }

base::Result<std::optional<StoredVersion>> KeyVersions::newest_older() const {
    auto null = TRY(older_null());
    auto first = TRY(snapshot_.scan({.prefix = versions_of_key(bucket_, key_), .limit = 1}));
    if (first.empty() || (null && first.front().key == null->record_key)) return null;
    auto object = TRY(read_object(first.front().value));
    object.name = object_name(bucket_, key_);
    if (null && order_of(null->object) > order_of(object)) return null;
    return StoredVersion{std::move(first.front().key), std::move(first.front().value), std::move(object)};
}

base::Result<ObjectPtr> Storage::find_version(const std::string& bucket, const std::string& key,
                                              const std::optional<std::string>& version) const {
    const auto shared = [&](Object object, std::string record) {
        auto found = std::make_shared<Object>(std::move(object));
        found->name = object_name(bucket, key);
        found->record = std::move(record);
        return found;
    };
    const auto current = current_bucket(bucket);
    const bool versioned = current != nullptr && current->is_versioned();
    if (!version || (!versioned && *version == null_version)) {
        auto record = TRY(dependencies_.keys->get(object_key(bucket, key)));
        version ? note_version(bucket, key, *version, record) : note_object(bucket, key, record);
        if (!record && versioned) record = TRY(dependencies_.keys->get(marker_key(bucket, key)));
        if (!record) return ObjectPtr();
        auto object = TRY(read_object(*record));
        return shared(std::move(object), std::move(*record));
    }
    std::optional<StoredVersion> found;
    if (versioned) {
        const auto snapshot = dependencies_.keys->snapshot();
        found = TRY(KeyVersions(*snapshot, bucket, key).find(*version));
    }
    note_version(bucket, key, *version, found ? std::optional(found->record) : std::nullopt);
    if (!found) return ObjectPtr();
    return shared(std::move(found->object), std::move(found->record));
}

base::Result<ObjectPtr> Storage::add_version(const Bucket& bucket, const std::string& key, const KeyVersions& versions,
                                             const std::optional<StoredVersion>& latest, const Object& made, store::Batch& batch,
                                             std::vector<store::BlobId>& freed) const {
    const auto now = dependencies_.clock->now();
    auto added = std::make_shared<Object>(made);
    TRY(settle_lock(bucket, now, *added));
    const Order order = std::max(order_at(added->last_modified), latest ? order_of(latest->object) + 1 : 0);
    const bool keeps_all = bucket.configuration.versioning == versioning_enabled;
    if (keeps_all)
        added->version_id = make_version_id(order, *dependencies_.random);
    else if (order != order_at(added->last_modified))
        added->null_order = order;

    const auto object = object_key(bucket.name, key), marker = marker_key(bucket.name, key);
    const bool was_marker = latest && latest->object.delete_marker;
    batch.expect(object, latest && !was_marker ? std::optional(latest->record) : std::nullopt);
    batch.expect(marker, was_marker ? std::optional(latest->record) : std::nullopt);

    // A new null version takes the place of the one that there was.
    const bool replaces_latest = !keeps_all && latest && latest->object.version_id.empty();
    std::optional<StoredVersion> replaced = replaces_latest ? latest : std::nullopt;
    if (!keeps_all && !replaces_latest) {
        replaced = TRY(versions.older_null());
        if (replaced) batch.expect(replaced->record_key, replaced->record).erase(replaced->record_key);
    }
    if (replaced) {
        TRY(allow(may_delete(replaced->object.lock, now), false));
        for (const auto& segment : replaced->object.segments) freed.push_back(segment.blob);
    }
    if (latest && !replaces_latest) batch.put(version_key(bucket.name, key, latest->object.version_id), latest->record);
    if (latest && was_marker != added->delete_marker) batch.erase(latest->record_key);
    batch.put(added->delete_marker ? marker : object, write_record(*added));
    return added;
}

base::Result<std::optional<ObjectPtr>> Storage::replace_version(const Bucket& bucket, const std::string& key,
                                                                const Conditions& conditions, const Make& make,
                                                                const std::function<void(store::Batch&)>& more) {
    const auto snapshot = dependencies_.keys->snapshot();
    const KeyVersions versions(*snapshot, bucket.name, key);
    const auto latest = TRY(versions.latest());
    TRY(expect_object(bucket.name, key, record_of_object(latest)));
    const Object* current = latest && !latest->object.delete_marker ? &latest->object : nullptr;
    TRY(check_conditions(conditions, current));
    const auto made = TRY(make(current));

    store::Batch batch;
    batch.expect(bucket_key(bucket.name), bucket.record);
    batch.expect(configuration_key(bucket.name), bucket.configuration_record);
    std::vector<store::BlobId> freed;
    auto added = TRY(add_version(bucket, key, versions, latest, *made, batch, freed));
    if (more) more(batch);
    const auto committed = commit(batch);
    if (!committed && committed.error().code == base::code::Conflict) return std::nullopt;
    if (!committed) return base::fail(committed.error());
    for (const auto& blob : freed) remove_blob(blob);
    return added;
}

base::Result<ObjectPtr> Storage::change_version(const std::string& bucket_name, const std::string& key,
                                                const std::optional<std::string>& version, const ChangeObject& change) {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        const auto bucket = TRY(bucket_for_writing(bucket_name));
        const auto snapshot = dependencies_.keys->snapshot();
        const KeyVersions versions(*snapshot, bucket_name, key);
        auto found = TRY(version ? versions.find(*version) : versions.latest());
        TRY(version ? expect_version(bucket_name, key, *version, found ? std::optional(found->record) : std::nullopt)
                    : expect_object(bucket_name, key, record_of_object(found)));
        auto changed = std::make_shared<Object>(
            *TRY(readable(found ? std::make_shared<const Object>(std::move(found->object)) : nullptr, version)));
        TRY(change(*bucket, *changed));
        store::Batch batch;
        batch.expect(bucket_key(bucket_name), bucket->record);
        batch.expect(configuration_key(bucket_name), bucket->configuration_record);
        batch.expect(found->record_key, found->record).put(found->record_key, write_record(*changed));
        const auto committed = commit(batch);
        if (committed) return changed;
        if (committed.error().code != base::code::Conflict) return base::fail(committed.error());
        std::this_thread::yield();
    }
    return base::fail(base::code::SlowDown, "Please reduce your request rate.");
}

base::Result<ObjectPtr> Storage::set_tags(const std::string& bucket, const std::string& key, const Tags& tags,
                                          const std::optional<std::string>& version) {
    TRY(check_tags(tags, object_tags_max));
    return change_version(bucket, key, version, [&](const Bucket&, Object& object) -> base::Result<void> {
        object.tags = tags;
        return {};
    });
}

}  // namespace objects
