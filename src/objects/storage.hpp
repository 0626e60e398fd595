// Buckets, objects and multipart uploads as typed operations. Knows neither HTTP nor permissions: callers have authorized.
//
// Invariants:
// 1. An object is whole or absent: its bytes are on disk before the one commit that names them.
// 2. Durable when it returns: survives power loss.
// 3. A blob belongs to one object or part. The call that removes a blob's last name removes the blob, after the commit; what a crash
// leaves is
//    swept at open. Readers keep their descriptors, so writers do not wait for them.
// 4. Objects exist only in a bucket that exists: every write expects the bucket's record and configuration unchanged.
// 5. A version that is locked stays: whatever removes or replaces one asks `may_delete` (lock.hpp) of what the same commit expects.
// 6. What a request's decision was made on (base::DecisionScope: a bucket as it is configured, an object as it is stored, or that there is
//    none) is what a call acts on, or nothing is done and the error is `DecisionOutdated`.
//
// Source of behaviour and error codes: Amazon S3 API Reference.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "objects/bucket.hpp"
#include "objects/encryption_keys.hpp"
#include "objects/object.hpp"
#include "objects/received.hpp"
#include "policy/attached.hpp"
#include "store/blobs.hpp"
#include "store/key_value_store.hpp"

namespace objects {

class KeyVersions;
struct StoredVersion;
using BucketPtr = std::shared_ptr<const Bucket>;
using ObjectPtr = std::shared_ptr<const Object>;

struct PutRequest {
    std::string bucket, key;
    Attributes attributes;
    Tags tags;
    Conditions conditions;
    Source body;
    std::optional<uint64_t> length;  // how much will come, if known
    ChecksumKind checksum = ChecksumKind::crc64nvme;
    ObjectLock lock;
    WantedEncryption encryption = {};
    // If not null, `body` is read only if nothing is kept here, and what was read is kept here until it is stored.
    std::shared_ptr<ReceivedBody>* received = nullptr;
};

struct CopyRequest {
    std::string bucket, key;  // the target
    OpenObject source;
    std::string source_bucket, source_key;
    Attributes attributes;
    Tags tags;
    Conditions conditions;                 // of the target
    std::optional<ChecksumKind> checksum;  // absent: the source's
    ObjectLock lock;                       // the source's is not copied
    WantedEncryption encryption = {};
};

struct Deletion {
    std::string key;
    std::optional<std::string> version;  // absent: the latest, under a delete marker if there are versions
    Conditions conditions;
    bool bypasses_governance = false;
};
struct Deleted {
    std::string version_id;      // that is gone, or of the delete marker that was made; empty: the bucket has no versions
    bool delete_marker = false;  // it is one
};

struct ListRequest {
    std::string bucket, prefix, delimiter;
    std::string after;  // keys and common prefixes beyond this
    size_t max_keys = 1000;
};
struct ListedObject {
    std::string key;
    uint64_t size = 0;
    std::string etag;
    base::Time last_modified;
    std::optional<Checksum> checksum;
};
struct Listing {
    std::vector<ListedObject> objects;
    std::vector<std::string> common_prefixes;
    bool truncated = false;
    std::string next;  // the last key or prefix listed, for `after`
};

struct ListVersions {
    std::string bucket, prefix, delimiter;
    std::string key_marker;
    std::optional<std::string> version_id_marker;
    size_t max_keys = 1000;
};
struct ListedVersion {
    std::string key, version_id;
    bool latest = false, delete_marker = false;
    uint64_t size = 0;
    std::string etag;
    base::Time last_modified;
    std::optional<Checksum> checksum;
};
struct VersionListing {
    std::vector<ListedVersion> versions;
    std::vector<std::string> common_prefixes;
    bool truncated = false;
    std::string next_key_marker, next_version_id_marker;
};

struct Upload {
    std::string bucket, key, id;
    base::Time initiated;
    std::string account, initiator;
    ChecksumKind checksum_kind = ChecksumKind::crc64nvme;
    ChecksumType checksum_type = ChecksumType::full_object;
    bool checksum_declared = false;
    Encryption encryption;
    std::string asked_algorithm, asked_key;  // as UploadRecord's
};
struct CreateUpload {
    std::string bucket, key;
    Attributes attributes;
    Tags tags;
    std::string account, initiator;
    std::optional<ChecksumKind> checksum_kind;
    std::optional<ChecksumType> checksum_type;
    ObjectLock lock;
    WantedEncryption encryption = {};
    std::string asked_algorithm = {}, asked_key = {};
};
struct Part {
    uint32_t number = 0;
    uint64_t size = 0;
    std::string etag;
    std::string checksum;  // of the upload's kind, base64
    base::Time last_modified;
};
struct PutPart {
    std::string bucket, key, upload_id;
    uint32_t number = 0;
    Source body;
    std::optional<uint64_t> length;
    std::optional<ChecksumKind> checksum;               // the client's; must be the upload's if that declared one
    std::string customer_key = {};                      // the upload's, if it is of SSE-C
    std::shared_ptr<ReceivedBody>* received = nullptr;  // as PutRequest's
};
struct CompletedPart {
    uint32_t number = 0;
    std::string etag;
    std::vector<std::pair<ChecksumKind, std::string>> checksums;
};
struct CompleteUpload {
    std::string bucket, key, upload_id;
    std::vector<CompletedPart> parts;
    Conditions conditions;
    std::optional<uint64_t> size;  // of the object, if the client says
    std::optional<ChecksumType> checksum_type;
    std::optional<std::pair<ChecksumKind, std::string>> checksum;  // of the object, if the client says
};
struct ListedParts {
    Upload upload;
    std::vector<Part> parts;
    bool truncated = false;
};
struct ListUploads {
    std::string bucket, prefix, delimiter;
    std::string key_marker, upload_id_marker;
    size_t max_uploads = 1000;
};
struct ListedUploads {
    std::vector<Upload> uploads;
    std::vector<std::string> common_prefixes;
    bool truncated = false;
    std::string next_key_marker, next_upload_id_marker;
};

class Storage {
public:
    struct Dependencies {
        store::KeyValueStore* keys = nullptr;
        store::Blobs* blobs = nullptr;  // all of it: what no object names is swept at open
        const base::Clock* clock = nullptr;
        crypto::Random* random = nullptr;
        EncryptionKeys* encryption = nullptr;  // null: what comes is stored as it is, unless it comes with a key
    };
    [[nodiscard]] static base::Result<std::unique_ptr<Storage>> open(Dependencies dependencies);

    // --- Buckets (buckets.cpp). Names are global to the server. -------------------------------------------------------

    // Errors: `InvalidBucketName`, `BucketAlreadyOwnedByYou`, `BucketAlreadyExists`. The new bucket has AWS's defaults: all
    // public access blocked, BucketOwnerEnforced.
    [[nodiscard]] base::Result<BucketPtr> create_bucket(const std::string& name, const std::string& account,
                                                        const std::string& region, const Tags& tags = {},
                                                        bool object_lock = false);
    // From memory. Error `NoSuchBucket`.
    [[nodiscard]] base::Result<BucketPtr> bucket(std::string_view name) const;
    [[nodiscard]] std::vector<BucketPtr> buckets_of(const std::string& account) const;
    // Errors: `NoSuchBucket`, `BucketNotEmpty`. Multipart uploads in progress go with it.
    [[nodiscard]] base::Result<void> delete_bucket(const std::string& name);
    // Changes the configuration, one change at a time. An error from `change` changes nothing.
    using Change = std::function<base::Result<void>(BucketConfiguration&)>;
    [[nodiscard]] base::Result<void> configure(const std::string& name, const Change& change);
    // What an account blocks in all of its buckets, those that it makes later too (account_blocks.cpp). Whatever is decided on one of them after this
    // returned is decided by it. Absent: nothing is blocked.
    [[nodiscard]] std::optional<PublicAccessBlock> account_block(const std::string& account) const;
    [[nodiscard]] base::Result<void> set_account_block(const std::string& account, const std::optional<PublicAccessBlock>& block);
    // Whether a bucket is still what the request was decided on. Error `DecisionOutdated`.
    [[nodiscard]] base::Result<void> check_unchanged(const std::string& name) const;
    // Another one after every change of buckets and objects, once it can be seen and before the call that made it returns.
    [[nodiscard]] uint64_t version() const { return version_.load(std::memory_order_acquire); }

    // --- Objects (put.cpp, read.cpp, listing.cpp, versions.cpp, deletes.cpp) -------------------------------------------------------------------

    // Errors: `NoSuchBucket`, `KeyTooLongError`, `MetadataTooLarge`, `EntityTooLarge`, `PreconditionFailed`, `NoSuchKey`
    // (If-Match of nothing), the body's.
    [[nodiscard]] base::Result<ObjectPtr> put(const PutRequest& request);
    // Copying an object onto itself changes what is said about it and leaves the bytes where they are, unless it becomes another version.
    [[nodiscard]] base::Result<ObjectPtr> copy(const CopyRequest& request);
    // Error `NoSuchKey`.
    [[nodiscard]] base::Result<ObjectPtr> find(const std::string& bucket, const std::string& key) const;
    // A version by its id (`null`), or the latest. A delete marker is one (Object::delete_marker). nullptr: there is none.
    [[nodiscard]] base::Result<ObjectPtr> find_version(const std::string& bucket, const std::string& key,
                                                       const std::optional<std::string>& version) const;
    // The bytes of what `find` said; `DecisionOutdated` if they are gone by now. Only the files that hold the bytes
    // [offset, offset + length) are opened, for an object may have ten thousand.
    // `customer_key`: of an object of SSE-C. Errors: open_data_key's.
    [[nodiscard]] base::Result<OpenObject> open_object(ObjectPtr found, uint64_t offset = 0, uint64_t length = UINT64_MAX,
                                                       std::string_view customer_key = {}) const;
    // Whether this key opens it, where it is of SSE-C. Errors: open_data_key's.
    [[nodiscard]] base::Result<void> check_customer_key(const Object& object, std::string_view customer_key) const;
    // Deleting what is not there succeeds, as in S3. Errors `PreconditionFailed`, `NoSuchKey` (If-Match of nothing), `AccessDenied` (a locked
    // version), `NoSuchVersion` (what is no version's id).
    [[nodiscard]] base::Result<Deleted> delete_object(const std::string& bucket, const Deletion& deletion);
    // Many at once, in one commit if no other write interferes; one outcome each.
    [[nodiscard]] std::vector<base::Result<Deleted>> delete_objects(const std::string& bucket,
                                                                    const std::vector<Deletion>& deletions);
    // Changes what is said about a version where it stands. Errors `NoSuchKey`, `NoSuchVersion`, `MethodNotAllowed`, those of `change`.
    using ChangeObject = std::function<base::Result<void>(const Bucket&, Object&)>;
    [[nodiscard]] base::Result<ObjectPtr> change_version(const std::string& bucket, const std::string& key,
                                                         const std::optional<std::string>& version, const ChangeObject& change);
    [[nodiscard]] base::Result<ObjectPtr> set_tags(const std::string& bucket, const std::string& key, const Tags& tags,
                                                   const std::optional<std::string>& version = {});
    [[nodiscard]] base::Result<Listing> list(const ListRequest& request) const;
    [[nodiscard]] base::Result<VersionListing> list_versions(const ListVersions& request) const;

    // --- Multipart uploads (multipart.cpp) ----------------------------------------------------------------------------

    // Error `InvalidRequest`: a checksum type that the kind does not have.
    [[nodiscard]] base::Result<Upload> create_upload(const CreateUpload& request);
    // Errors: `NoSuchUpload`, `InvalidArgument` (the part number), `InvalidRequest` (the checksum's kind), the body's.
    [[nodiscard]] base::Result<Part> put_part(const PutPart& request);
    // Errors: `NoSuchUpload`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `BadDigest`, `PreconditionFailed`. Completing
    // again what is complete answers the same.
    [[nodiscard]] base::Result<ObjectPtr> complete_upload(const CompleteUpload& request);
    [[nodiscard]] base::Result<void> abort_upload(const std::string& bucket, const std::string& key,
                                                  const std::string& upload_id);
    [[nodiscard]] base::Result<Upload> find_upload(const std::string& bucket, const std::string& key,
                                                   const std::string& upload_id) const;
    [[nodiscard]] base::Result<ListedParts> list_parts(const std::string& bucket, const std::string& key,
                                                       const std::string& upload_id, uint32_t after, size_t max_parts) const;
    [[nodiscard]] base::Result<ListedUploads> list_uploads(const ListUploads& request) const;

private:
    explicit Storage(Dependencies dependencies) : dependencies_(dependencies) {}

    base::Result<void> load_account_blocks();
    base::Result<void> load_buckets();
    base::Result<void> sweep();
    void remember(BucketPtr bucket);
    void forget(const std::string& name);

    // Writes one object record over whatever is there, or as its latest version, if the conditions hold; `make` sees what is there and returns
    // the new one. `more` adds to the same commit. `only`, if not null: what must be there, and be overwritten. Removes the blobs that lost
    // their name.
    using Make = std::function<base::Result<ObjectPtr>(const Object* current)>;
    base::Result<ObjectPtr> replace(const std::string& bucket, const std::string& key, const Conditions& conditions,
                                    const Make& make, const std::function<void(store::Batch&)>& more = {},
                                    const Object* only = nullptr);
    // Errors `PreconditionFailed`, `NoSuchKey`. `current`: null: there is none.
    [[nodiscard]] base::Result<void> check_conditions(const Conditions& conditions, const Object* current) const;
    // Of a bucket with versions: one attempt of `replace`. nullopt: another write came between.
    base::Result<std::optional<ObjectPtr>> replace_version(const Bucket& bucket, const std::string& key,
                                                           const Conditions& conditions, const Make& make,
                                                           const std::function<void(store::Batch&)>& more);
    // Into the batch: a new latest version, with what it replaces, whose blobs are freed. As it will be.
    base::Result<ObjectPtr> add_version(const Bucket& bucket, const std::string& key, const KeyVersions& versions,
                                        const std::optional<StoredVersion>& latest, const Object& made, store::Batch& batch,
                                        std::vector<store::BlobId>& freed) const;
    base::Result<Deleted> plan_delete(const Bucket& bucket, const Deletion& deletion, store::Batch& batch,
                                      std::vector<store::BlobId>& freed) const;
    base::Result<Deleted> plan_marker(const Bucket& bucket, const Deletion& deletion, store::Batch& batch,
                                      std::vector<store::BlobId>& freed) const;
    base::Result<Deleted> plan_version_delete(const Bucket& bucket, const Deletion& deletion, store::Batch& batch,
                                              std::vector<store::BlobId>& freed) const;
    base::Result<void> commit_delete(const store::Batch& batch, bool makes_room) const;
    // One attempt's look at the bucket; waits while it is being deleted. Errors `NoSuchBucket`, `DecisionOutdated`, `SlowDown`.
    base::Result<BucketPtr> bucket_for_writing(const std::string& name) const;
    // Of no matter for the request's decision.
    [[nodiscard]] BucketPtr current_bucket(std::string_view name) const;  // null: none
    // To write into, or to change. Errors `NoSuchBucket`, `DecisionOutdated`.
    [[nodiscard]] base::Result<BucketPtr> bucket_unchanged(const std::string& name) const;
    [[nodiscard]] static uint64_t next_bucket_version() {
        static std::atomic<uint64_t> last = 0;
        return ++last;
    }
    // Commits, and removes what earlier commits that failed have left (see `unsettled_`).
    base::Result<void> commit(const store::Batch& batch) const;

    friend class ReceivedBody;
    // Sealed under a data key of its own, unless `encrypts` is false.
    base::Result<std::shared_ptr<ReceivedBody>> receive(const Source& body, std::optional<uint64_t> length, ChecksumKind kind,
                                                        size_t inline_max, bool encrypts);
    [[nodiscard]] bool encrypts(const WantedEncryption& wanted) const;
    // What a record says of what was received; and its ETag. REQUIRES: it was sealed.
    [[nodiscard]] base::Result<SealedKey> sealed_key(const ReceivedBody& received, const WantedEncryption& wanted,
                                                     std::string_view name) const;
    [[nodiscard]] std::string etag_of(const ReceivedBody& received, EncryptionKind kind) const;
    // After a commit failed with this error: whether the blob that it was to name in one of these records is garbage.
    void settle(ReceivedBody& received, const base::Error& error, std::vector<std::string> record_keys) const;
    void clear_parts(const std::string& upload_id) const;  // REQUIRES: the upload is gone
    void remove_blob(const store::BlobId& id) const;       // logs what goes wrong: the sweep at the next start finds it again

    Dependencies dependencies_;
    mutable base::SharedMutex buckets_mutex_;  // never held during I/O
    std::map<std::string, BucketPtr, std::less<>> buckets_ GUARDED_BY(buckets_mutex_);
    std::map<std::string, PublicAccessBlock, std::less<>> account_blocks_ GUARDED_BY(buckets_mutex_);
    mutable std::atomic<uint64_t> version_ = 1;
    base::Mutex configuring_;  // one change of buckets at a time
    // Blobs of commits whose outcome the store did not know, and the records that may name them. The next commit that succeeds
    // settles it: what no record names then is garbage.
    struct Unsettled {
        store::BlobId blob;
        std::vector<std::string> record_keys;
    };
    mutable base::Mutex unsettled_mutex_;
    mutable std::vector<Unsettled> unsettled_ GUARDED_BY(unsettled_mutex_);
};

}  // namespace objects
