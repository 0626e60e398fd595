// The stored forms of objects, uploads and parts.
//
// A record is a version byte and then fields in a fixed order: numbers as LEB128, texts as length and bytes, lists as count and
// items. Compact, because a GET reads one record and a listing reads a thousand. A new field goes to the end under a
// new version; readers accept every version so far.
#pragma once

#include <string>
#include <string_view>

#include "objects/object.hpp"

namespace objects {

struct UploadRecord {
    base::Time initiated;
    std::string account;    // of who started it
    std::string initiator;  // ARN
    Attributes attributes;
    Tags tags;
    ChecksumKind checksum_kind = ChecksumKind::crc64nvme;
    ChecksumType checksum_type = ChecksumType::full_object;
    bool checksum_declared = false;  // the client chose the kind; without that, parts need not state theirs
};

struct PartRecord {
    store::BlobId blob;
    uint64_t size = 0;
    std::string etag;
    std::string checksum;  // of the upload's kind, base64
    base::Time last_modified;
};

[[nodiscard]] std::string write_record(const Object& object);
[[nodiscard]] std::string write_record(const UploadRecord& upload);
[[nodiscard]] std::string write_record(const PartRecord& part);

// Error `InternalError`: the record is damaged.
[[nodiscard]] base::Result<Object> read_object(std::string_view record);
[[nodiscard]] base::Result<UploadRecord> read_upload(std::string_view record);
[[nodiscard]] base::Result<PartRecord> read_part(std::string_view record);

}  // namespace objects
