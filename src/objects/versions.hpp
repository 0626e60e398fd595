// The versions of one key as they stand in the store. Internal to the room.
//
//   s3/o/BUCKET/KEY          the latest version, where it is an object …
//   s3/d/BUCKET/KEY          … or where it is a delete marker: one of both, if the key has versions at all
//   s3/v/BUCKET/KEY\0ID      every other version
//   s3/v/BUCKET/KEY\0null    the null version, if it is one of those
//
// So a listing of objects sees no hidden keys, and a bucket without versions is read and written as if there were none anywhere. Whatever
// changes which version is the latest expects s3/o and s3/d as they were: writers of one key follow each other.
#pragma once

#include <optional>
#include <string>

#include "objects/object.hpp"
#include "store/key_value_store.hpp"

namespace objects {

struct StoredVersion {
    std::string record_key, record;  // as stored, to expect unchanged
    Object object;
};

// What a bucket says of the lock of a version that comes into it, where that says nothing. Error `InvalidRequest`: a lock in a bucket without.
[[nodiscard]] base::Result<void> settle_lock(const Bucket& bucket, base::Time now, Object& object);

class KeyVersions {
public:
    // The snapshot and the names must outlive it.
    KeyVersions(const store::Snapshot& snapshot, const std::string& bucket, const std::string& key)
        : snapshot_(snapshot), bucket_(bucket), key_(key) {}

    [[nodiscard]] base::Result<std::optional<StoredVersion>> latest() const;
    // `null`, or an id.
    [[nodiscard]] base::Result<std::optional<StoredVersion>> find(const std::string& version) const;
    // Of those that are not the latest.
    [[nodiscard]] base::Result<std::optional<StoredVersion>> older_null() const;
    [[nodiscard]] base::Result<std::optional<StoredVersion>> newest_older() const;

private:
    [[nodiscard]] base::Result<std::optional<StoredVersion>> at(std::string record_key) const;

    const store::Snapshot& snapshot_;
    const std::string &bucket_, &key_;
};

}  // namespace objects
