// Are stored bytes what was stored? Every object and part keeps a digest of its bytes from the time when they came: the checksum that S3
// keeps beside it, or the MD5 that is its ETag; of encrypted ones, a CRC32C of the ciphertext, so that nothing here needs a key. What the check of a folder, of a backup and the server's own scrub compare with.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.hpp"
#include "objects/checksums.hpp"
#include "store/blobs.hpp"
#include "store/key_value_store.hpp"

namespace objects {

// What must be found in a blob.
struct StoredBytes {
    store::BlobId blob;
    uint64_t size = 0;                 // as it lies there
    std::optional<ChecksumKind> kind;  // nothing: only its MD5 is known
    std::string checksum;              // base64
    std::string md5;                   // hexadecimal; empty: there is a checksum
    std::optional<uint32_t> crc32c;    // of ciphertext: then nothing else is known that could be compared without a key
    [[nodiscard]] bool has_digest() const { return kind.has_value() || !md5.empty() || crc32c.has_value(); }
};

// The blobs that an entry of the store names: of an object or a part; none of anything else. The bytes that stand in the record itself are
// compared here. Error `CorruptRecord`.
[[nodiscard]] base::Result<std::vector<StoredBytes>> stored_bytes(const store::Entry& entry);

// Reads the blob. `read`: called with the size of each piece before the next is read; an error of it ends the reading. Error `CorruptRecord`.
[[nodiscard]] base::Result<void> verify_bytes(const StoredBytes& stored, const store::BlobReader& reader,
                                              const std::function<base::Result<void>(size_t)>& read = {});

// The prefixes of the entries that name blobs, and of all of the room's.
constexpr std::string_view objects_prefix = "s3/o/", markers_prefix = "s3/d/", versions_prefix = "s3/v/", parts_prefix = "s3/p/",
                           uploads_prefix = "s3/u/", buckets_prefix = "s3/b/", configurations_prefix = "s3/c/",
                           encryption_keys_prefix = "s3/k/";

constexpr std::string_view prefixes_with_blobs[] = {objects_prefix, versions_prefix, parts_prefix};

// Whether entries of this room can be read and belong to something. Error `CorruptRecord`: one cannot, or what it belongs to is missing (an
// object's bucket, a part's upload, the key that its data keys are sealed under).
class RecordCheck {
public:
    [[nodiscard]] base::Result<void> check(const store::Entry& entry);
    // In this order of prefixes: keys, buckets, configurations, uploads, then objects and parts.
    static constexpr std::string_view order[] = {encryption_keys_prefix, buckets_prefix, configurations_prefix, uploads_prefix,
                                                 objects_prefix,         markers_prefix, versions_prefix,       parts_prefix};

private:
    [[nodiscard]] base::Result<void> check_keys(const store::Entry& entry) const;
    std::unordered_set<std::string> buckets_, uploads_, keys_;
};

}  // namespace objects
