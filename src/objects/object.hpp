// An object: what is known about it, and where its bytes are.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "objects/bucket.hpp"
#include "objects/checksums.hpp"
#include "objects/encryption.hpp"
#include "objects/lock.hpp"
#include "objects/version.hpp"
#include "store/blobs.hpp"

namespace objects {

constexpr size_t key_bytes_max = 1024;
constexpr size_t user_metadata_bytes_max = 2048;
constexpr size_t inline_bytes_max = 4096;       // smaller bodies live in the metadata record
constexpr uint64_t put_bytes_max = 5ull << 30;  // one PUT, one part
constexpr uint64_t object_bytes_max = 5ull << 40;
constexpr uint64_t part_bytes_min = 5ull << 20;  // every part but the last
constexpr uint32_t parts_max = 10000;

// What the uploader said about the bytes, given back as it was said.
struct Attributes {
    std::string content_type, cache_control, content_disposition, content_encoding, content_language, expires;
    std::string website_redirect_location;
    std::vector<std::pair<std::string, std::string>> user_metadata;  // names without `x-amz-meta-`, lower case
};

// The bytes of an object are its segments, one after the other: one of a simple PUT, one a part of a multipart upload.
struct Segment {
    store::BlobId blob;
    uint64_t size = 0;
    std::string checksum;  // of the part, of the object's kind, base64; empty for a simple PUT
    SealedKey key;         // of what is in the blob
};

struct Object {
    uint64_t size = 0;
    std::string etag;  // without quotes: MD5 in hex, or MD5 of the parts' MD5s with `-N`
    base::Time last_modified;
    std::optional<Checksum> checksum;
    Attributes attributes;
    Tags tags;
    std::string upload_id;  // of the multipart upload it came from; empty if none
    std::string content;    // the bytes themselves, if there are no segments; as they are stored: OpenObject has them plain
    Encryption encryption;
    SealedKey content_key;  // of `content`
    std::vector<Segment> segments;
    std::string version_id;      // empty: the null version
    bool delete_marker = false;  // says that the key is deleted, and has nothing else
    ObjectLock lock;
    // Of a null version, where it is not what `last_modified` says: of two that were written in one millisecond, the later.
    Order null_order = 0;
    // Internal to the room: fields that a later version of this program added to the record, kept as they are; and the record
    // itself, of an object that `find` found, which a writer that decided on it expects to find unchanged.
    // What its data keys are bound to: bucket/key, of an object that `find` found.
    std::string extension, record, name;
};

[[nodiscard]] inline Order order_of(const Object& object) {
    if (!object.version_id.empty()) return order_of_id(object.version_id);
    return object.null_order != 0 ? object.null_order : order_at(object.last_modified);
}
[[nodiscard]] base::Error no_such_key();
[[nodiscard]] base::Error no_such_version(const std::string& version);
[[nodiscard]] inline std::string shown_version(const Object& object) {
    return object.version_id.empty() ? std::string(null_version) : object.version_id;
}

// A stream to read from: fills at most the span, 0 is the end. An error ends what is being stored with nothing stored.
using Source = std::function<base::Result<size_t>(std::span<char>)>;

// An object that is being read: replaced or deleted meanwhile, its bytes stay readable.
struct OpenObject {
    std::shared_ptr<const Object> object;
    std::string content;                                      // if there are no segments
    std::vector<std::shared_ptr<store::BlobReader>> readers;  // one a segment; null outside the range it was opened for
};

// The bytes [offset, offset + length) of an object opened for them. The source keeps them open.
[[nodiscard]] Source read_range(OpenObject open, uint64_t offset, uint64_t length);

// RFC 9110 preconditions as S3 has them.
struct Conditions {
    std::optional<std::string> if_match, if_none_match;  // a list of ETags, or `*`
    std::optional<base::Time> if_modified_since, if_unmodified_since;
    // Of deletes alone.
    std::optional<base::Time> if_match_modified;
    std::optional<uint64_t> if_match_size;
    [[nodiscard]] bool any() const {
        return if_match || if_none_match || if_modified_since || if_unmodified_since || if_match_modified || if_match_size;
    }
};
// What may be read of what a look-up found (nullptr: nothing) under a version's id, or without one as the latest. Errors `NoSuchKey`, `NoSuchVersion`,
// `MethodNotAllowed` (a delete marker).
[[nodiscard]] base::Result<std::shared_ptr<const Object>> readable(std::shared_ptr<const Object> found,
                                                                   const std::optional<std::string>& version);

enum class Verdict : uint8_t { proceed, not_modified, precondition_failed };
// Pure. `now`: a date in the future is not a condition (If-Modified-Since), as AWS has it.
[[nodiscard]] Verdict judge(const Conditions& conditions, const Object& object, base::Time now);
// `PreconditionFailed`, with the condition that made the verdict, which is not `proceed`.
[[nodiscard]] base::Error precondition_failed(const Conditions& conditions, Verdict verdict);

}  // namespace objects
