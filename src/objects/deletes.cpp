// Storage: what deletes objects.
//
// In a bucket with versions a delete without a version's id puts a delete marker above what is there. One with an id removes that version; where
// it was the latest, the next one takes its place.
#include <algorithm>
#include <set>
#include <thread>

#include "base/error_codes.hpp"
#include "objects/decision_state.hpp"
#include "objects/key.hpp"
#include "objects/record.hpp"
#include "objects/storage.hpp"
#include "objects/storage_keys.hpp"
#include "objects/versions.hpp"
#include "store/reserve.hpp"

namespace objects {
namespace {

constexpr int attempts_max = 1000;

void free_blobs(const Object& object, std::vector<store::BlobId>& freed) {
    for (const auto& segment : object.segments) freed.push_back(segment.blob);
}

}  // namespace

// What was planned stands in the batch whole or, where this fails, not at all.
base::Result<Deleted> Storage::plan_delete(const Bucket& bucket, const Deletion& deletion, store::Batch& batch,
                                           std::vector<store::BlobId>& freed) const {
    TRY(check_key(deletion.key));
    const auto& version = deletion.version;
    if (version && *version != null_version && !is_version_id(*version)) return base::fail(no_such_version(*version));
    if (bucket.is_versioned())
        return version ? plan_version_delete(bucket, deletion, batch, freed) : plan_marker(bucket, deletion, batch, freed);

    if (version && *version != null_version) return Deleted{.version_id = *version};
    auto record_key = object_key(bucket.name, deletion.key);
    auto record = TRY(dependencies_.keys->get(record_key));
    TRY(version ? expect_version(bucket.name, deletion.key, *version, record) : expect_object(bucket.name, deletion.key, record));
    std::optional<Object> current;
    if (record) current = TRY(read_object(*record));
    TRY(check_conditions(deletion.conditions, current ? &*current : nullptr));
    Deleted deleted{.version_id = version.value_or("")};
    if (!current) return deleted;
    free_blobs(*current, freed);
    batch.expect(record_key, std::move(record)).erase(record_key);
    return deleted;
}

base::Result<Deleted> Storage::plan_marker(const Bucket& bucket, const Deletion& deletion, store::Batch& batch,
                                           std::vector<store::BlobId>& freed) const {
    const auto snapshot = dependencies_.keys->snapshot();
    const KeyVersions versions(*snapshot, bucket.name, deletion.key);
    const auto latest = TRY(versions.latest());
    const Object* current = latest && !latest->object.delete_marker ? &latest->object : nullptr;
    TRY(expect_object(bucket.name, deletion.key, current != nullptr ? std::optional(latest->record) : std::nullopt));
    TRY(check_conditions(deletion.conditions, current));
    Object marker;
    marker.delete_marker = true;
    marker.last_modified = dependencies_.clock->now();
    const auto added = TRY(add_version(bucket, deletion.key, versions, latest, marker, batch, freed));
    return Deleted{.version_id = shown_version(*added), .delete_marker = true};
}

base::Result<Deleted> Storage::plan_version_delete(const Bucket& bucket, const Deletion& deletion, store::Batch& batch,
                                                   std::vector<store::BlobId>& freed) const {
    const auto& key = deletion.key;
    const auto snapshot = dependencies_.keys->snapshot();
    const KeyVersions versions(*snapshot, bucket.name, key);
    const auto latest = TRY(versions.latest());
    const bool is_latest = latest && shown_version(latest->object) == *deletion.version;
    const auto gone = is_latest ? latest : TRY(versions.find(*deletion.version));
    TRY(expect_version(bucket.name, key, *deletion.version, gone ? std::optional(gone->record) : std::nullopt));
    TRY(check_conditions(deletion.conditions, gone ? &gone->object : nullptr));
    Deleted deleted{.version_id = *deletion.version, .delete_marker = gone && gone->object.delete_marker};
    if (!gone) return deleted;
    TRY(allow(may_delete(gone->object.lock, dependencies_.clock->now()), deletion.bypasses_governance));
    const auto next = is_latest ? TRY(versions.newest_older()) : std::nullopt;

    batch.expect(gone->record_key, gone->record);
    if (next) batch.expect(next->record_key, next->record).erase(next->record_key);
    const auto place = next ? (next->object.delete_marker ? marker_key(bucket.name, key) : object_key(bucket.name, key)) : "";
    if (place != gone->record_key) batch.erase(gone->record_key);
    if (next) batch.put(place, next->record);
    free_blobs(gone->object, freed);
    return deleted;
}

// Delete markers are stored, and have nothing of what is kept free for deletes.
base::Result<void> Storage::commit_delete(const store::Batch& batch, bool makes_room) const {
    if (makes_room) return commit(batch);
    const store::MayNotUseReserve stores_more;
    return commit(batch);
}

base::Result<Deleted> Storage::delete_object(const std::string& bucket_name, const Deletion& deletion) {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        const auto bucket = TRY(bucket_for_writing(bucket_name));
        store::Batch batch;
        batch.expect(bucket_key(bucket_name), bucket->record);
        batch.expect(configuration_key(bucket_name), bucket->configuration_record);
        std::vector<store::BlobId> freed;
        auto deleted = TRY(plan_delete(*bucket, deletion, batch, freed));
        if (batch.writes().empty()) return deleted;
        const auto committed = commit_delete(batch, deletion.version.has_value() || !bucket->is_versioned());
        if (!committed && committed.error().code == base::code::Conflict) {
            std::this_thread::yield();  // a change of the bucket is committed a moment before it is seen here
            continue;
        }
        if (!committed) return base::fail(committed.error());
        for (const auto& blob : freed) remove_blob(blob);
        return deleted;
    }
    return base::fail(base::code::SlowDown, "Please reduce your request rate.");
}

std::vector<base::Result<Deleted>> Storage::delete_objects(const std::string& bucket_name,
                                                           const std::vector<Deletion>& deletions) {
    std::vector<std::optional<base::Result<Deleted>>> outcomes(deletions.size());
    // The first of each key in one commit; the next begin where those ended.
    const auto together = [&]() -> base::Result<void> {
        const auto bucket = TRY(bucket_for_writing(bucket_name));
        store::Batch batch;
        batch.expect(bucket_key(bucket_name), bucket->record);
        batch.expect(configuration_key(bucket_name), bucket->configuration_record);
        std::vector<store::BlobId> freed;
        std::set<std::string_view> planned;
        std::vector<std::pair<size_t, base::Result<Deleted>>> made;
        for (size_t at = 0; at < deletions.size(); ++at)
            if (planned.insert(deletions[at].key).second)
                made.emplace_back(at, plan_delete(*bucket, deletions[at], batch, freed));
        const bool makes_room =
            !bucket->is_versioned() || std::ranges::all_of(deletions, [](const auto& one) { return one.version.has_value(); });
        if (!batch.writes().empty()) TRY(commit_delete(batch, makes_room));
        for (const auto& blob : freed) remove_blob(blob);
        for (auto& [at, outcome] : made) outcomes[at] = std::move(outcome);
        return {};
    };
    const bool done = deletions.size() > 1 && together();  // else each by itself
    std::vector<base::Result<Deleted>> out;
    for (size_t at = 0; at < deletions.size(); ++at)
        out.push_back(done && outcomes[at] ? std::move(*outcomes[at]) : delete_object(bucket_name, deletions[at]));
    return out;
}

}  // namespace objects
